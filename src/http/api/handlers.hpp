// The handlers of the routes, one file per resource. Each answers its call once.
#pragma once

#include "http/call.hpp"

namespace mq::http::api {

// about.cpp
void whoami(const CallPtr& call);
void overview(const CallPtr& call);
void list_vhosts(const CallPtr& call);
void get_vhost(const CallPtr& call);
void put_vhost(const CallPtr& call);

// nodes.cpp
void list_nodes(const CallPtr& call);
void get_node(const CallPtr& call);
void check_alarms(const CallPtr& call);
void check_local_alarms(const CallPtr& call);

// topology.cpp
void list_queues(const CallPtr& call);
void get_queue(const CallPtr& call);
void list_exchanges(const CallPtr& call);
void get_exchange(const CallPtr& call);

// queue_control.cpp
void put_queue_arguments(const CallPtr& call);
void pause_queue(const CallPtr& call);
void resume_queue(const CallPtr& call);

// backup.cpp
void make_backup(const CallPtr& call);

// delayed.cpp
void list_delayed(const CallPtr& call);
void cancel_delayed(const CallPtr& call);

// policies.cpp
void list_policies(const CallPtr& call);
void get_policy(const CallPtr& call);
void put_policy(const CallPtr& call);
void delete_policy(const CallPtr& call);
void list_operator_policies(const CallPtr& call);
void get_operator_policy(const CallPtr& call);
void put_operator_policy(const CallPtr& call);
void delete_operator_policy(const CallPtr& call);

// parameters.cpp
void list_parameters(const CallPtr& call);
void get_parameter(const CallPtr& call);
void put_parameter(const CallPtr& call);
void delete_parameter(const CallPtr& call);
void list_global_parameters(const CallPtr& call);
void get_global_parameter(const CallPtr& call);
void put_global_parameter(const CallPtr& call);
void delete_global_parameter(const CallPtr& call);

// limits.cpp
void list_vhost_limits(const CallPtr& call);
void put_vhost_limit(const CallPtr& call);
void delete_vhost_limit(const CallPtr& call);
void list_user_limits(const CallPtr& call);
void put_user_limit(const CallPtr& call);
void delete_user_limit(const CallPtr& call);

}  // namespace mq::http::api
