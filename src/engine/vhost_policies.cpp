// What operators change about a vhost while it runs: policies, runtime parameters, limits.
#include "base/log.hpp"
#include "broker/names.hpp"
#include "broker/queue_arguments.hpp"
#include "engine/metadata.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {

// --- any thread ---

std::shared_ptr<const broker::Policies> VHost::policies() const {
  std::shared_lock lock(mutex_);
  return policies_;
}

std::vector<broker::Parameter> VHost::parameters() const {
  std::shared_lock lock(mutex_);
  std::vector<broker::Parameter> list;
  for (const auto& [key, value] : parameters_) list.push_back({key.first, key.second, value});
  return list;
}

broker::VHostLimits VHost::limits() const {
  std::shared_lock lock(mutex_);
  return limits_;
}

broker::VHostSettings VHost::settings() const {
  std::shared_lock lock(mutex_);
  return settings_;
}

std::vector<FoundQueue> VHost::found_queues() const {
  std::shared_lock lock(mutex_);
  std::vector<FoundQueue> found;
  for (broker::QueueInfo& info : topology_.queues()) {
    auto actor = std::static_pointer_cast<QueueActor>(topology_.destination(info.name));
    found.push_back({std::move(info), std::move(actor)});
  }
  return found;
}

// --- recovery ---

bool VHost::restore_policy(broker::PolicyKind kind, broker::Policy policy) {
  auto policies = std::make_shared<broker::Policies>(*policies_);
  const std::string policy_name = policy.name;
  if (auto put = policies->of(kind).put(std::move(policy)); !put) {
    log::error("vhost '{}': policy '{}' is passed over: {}", name_, policy_name, put.error().text);
    return false;
  }
  adopt(std::move(policies));
  return true;
}

void VHost::restore_parameter(broker::Parameter parameter) {
  heed(parameter.component, parameter.value);
  parameters_[{std::move(parameter.component), std::move(parameter.name)}] = std::move(parameter.value);
}

// --- policies ---

broker::QueueSettings VHost::settings_of(const broker::QueueInfo& queue) const {
  return broker::resolve(*policies_, queue.name, queue.arguments, services_->default_delivery_limit);
}

void VHost::adopt(std::shared_ptr<const broker::Policies> policies) {
  const std::shared_ptr<const broker::Policies> before = policies_;
  change_topology([&](broker::Topology& topology) {
    policies_ = policies;
    for (const broker::ExchangeInfo& exchange : topology.exchanges())
      topology.set_policy_alternate(exchange.name, broker::alternate_exchange_of(*policies, exchange.name));
    return true;
  });
  for (const FoundQueue& queue : found_queues()) {
    const broker::QueueType type = broker::queue_type_of(queue.info.arguments);
    auto same = [&](broker::PolicyKind kind) {  // sets share what they hold in common
      return before->of(kind).of_queue(type, queue.info.name) == policies->of(kind).of_queue(type, queue.info.name);
    };
    if (same(broker::PolicyKind::kPolicy) && same(broker::PolicyKind::kOperatorPolicy)) continue;
    queue.actor->put(ApplySettings{settings_of(queue.info)});
  }
}

void VHost::on(ChangePolicy& item) {
  auto policies = std::make_shared<broker::Policies>(*policies_);
  broker::PolicySet& set = policies->of(item.kind);
  WriteSet write;
  std::string key = metadata::policy_key(item.kind, name_, item.name);
  if (item.policy) {
    item.policy->name = item.name;
    if (auto put = set.put(std::move(*item.policy)); !put) return item.reply.send(put.error());
    write.operations.emplace_back(WriteSet::PutMetadata{std::move(key), metadata::encode_record(broker::encode(*set.find(item.name)))});
  } else {
    if (!set.remove(item.name)) return item.reply.send(broker::not_found("policy", item.name, name_));
    write.operations.emplace_back(WriteSet::DeleteMetadata{std::move(key)});
  }
  adopt(std::move(policies));
  commit(std::move(write), [reply = item.reply] { reply.send(Answer{Done{}}); });
}

// --- parameters ---

Result<> VHost::check_room_for_queue(const std::string& name) const {
  const std::int64_t own = limits_.max_queues;
  const std::uint64_t general = services_->queues_per_vhost;
  if (own < 0 && general == 0) return {};
  const std::uint64_t most = own >= 0 ? static_cast<std::uint64_t>(own) : general;
  const std::size_t there = with_topology([](const broker::Topology& topology) { return topology.queue_count(); });
  return there < most ? Result<>{} : broker::too_many_queues(name_, name, static_cast<std::int64_t>(most));
}

void VHost::heed(std::string_view component, const amqp::Value& value) {
  std::unique_lock lock(mutex_);
  if (component == broker::kVHostLimitsComponent) {
    limits_ = broker::vhost_limits_of(value);
    publish_rate_->set(limits_.max_publish_rate, limits_.max_publish_byte_rate);
  }
  if (component == broker::kVHostSettingsComponent) settings_ = broker::vhost_settings_of(value);
}

void VHost::put_parameter(broker::Parameter parameter, const ReplyTo& reply) {
  if (auto valid = broker::validate_parameter(parameter); !valid) return reply.send(valid.error());
  WriteSet write;
  write.operations.emplace_back(WriteSet::PutMetadata{metadata::parameter_key(name_, parameter.component, parameter.name),
                                                      metadata::encode_record(broker::encode(parameter))});
  heed(parameter.component, parameter.value);
  {
    std::unique_lock lock(mutex_);
    parameters_[{std::move(parameter.component), std::move(parameter.name)}] = std::move(parameter.value);
  }
  commit(std::move(write), [reply] { reply.send(Answer{Done{}}); });
}

void VHost::clear_parameter(const std::string& component, const std::string& name, const ReplyTo& reply) {
  {
    std::unique_lock lock(mutex_);
    if (parameters_.erase({component, name}) == 0) {
      lock.unlock();
      return reply.send(broker::not_found("parameter", name, name_));
    }
  }
  heed(component, {});
  WriteSet write;
  write.operations.emplace_back(WriteSet::DeleteMetadata{metadata::parameter_key(name_, component, name)});
  commit(std::move(write), [reply] { reply.send(Answer{Done{}}); });
}

void VHost::on(ChangeParameter& item) {
  if (item.value) return put_parameter({std::move(item.component), std::move(item.name), std::move(*item.value)}, item.reply);
  clear_parameter(item.component, item.name, item.reply);
}

void VHost::change_member(std::string_view component, std::string_view name, const std::string& member, std::optional<amqp::Value> value,
                          const ReplyTo& reply) {
  broker::Parameter parameter{std::string(component), std::string(name), {}};
  amqp::Table members;
  if (auto found = parameters_.find({parameter.component, parameter.name}); found != parameters_.end() && found->second.table() != nullptr)
    members = *found->second.table();
  if (value) members.set(member, std::move(*value));
  else if (!members.erase(member)) return reply.send(Answer{Done{}});  // it is lifted already
  if (members.empty()) return clear_parameter(parameter.component, parameter.name, reply);
  parameter.value = std::move(members);
  put_parameter(std::move(parameter), reply);
}

void VHost::on(ChangeLimit& item) {
  change_member(broker::kVHostLimitsComponent, broker::kVHostLimitsName, item.limit, std::move(item.value), item.reply);
}

void VHost::on(ChangeSetting& item) {
  change_member(broker::kVHostSettingsComponent, broker::kVHostSettingsName, item.setting, std::move(item.value), item.reply);
}

}  // namespace mq::engine
