// A broker behind the management API, without sockets, with a user of each tag.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "engine/delayed.hpp"
#include "engine/metadata.hpp"
#include "http/base64.hpp"
#include "http/routes.hpp"
#include "store/memory_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::http {

struct Answer {
  unsigned status = 0;  // 0 = none came
  std::string body;
  bool operator==(const Answer&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Answer& answer) { return out << answer.status << " " << answer.body; }
};

inline std::string basic(const std::string& user, const std::string& password) { return "Basic " + encode_base64(user + ":" + password); }

class Management : public ::testing::Test {
 protected:
  Management() {
    for (const char* tag : {"management", "policymaker", "monitoring", "administrator"}) add_user(tag, {tag});
    add_user("untagged", {});
    for (const char* name : {"/", "other"}) put(engine::metadata::vhost_key(name), {{"name", name}});
    // The others have a permission in "/"; the administrator and the monitor need none.
    for (const char* user : {"management", "policymaker", "untagged"})
      put(engine::metadata::permission_key("/", user), broker::encode(broker::Permission{user, "/", ".*", ".*", ".*"}));
    options.logins.password_cost = broker::kLowestScryptCost;
    broker = std::make_unique<engine::Broker>(scheduler, store, options, [](const StorageError&) {});
    EXPECT_TRUE(broker->recover());
  }
  ~Management() override {
    scheduler.drop_everything();
    broker.reset();
  }

  Answer says(const std::string& user, Verb verb, const std::string& target, const std::string& body = {}) {
    Request request;
    request.verb = verb;
    EXPECT_TRUE(read_target(target, request)) << target;
    request.body = body;
    request.user = user;
    auto answer = std::make_shared<Answer>();
    auto done = [answer](Response response) { *answer = {response.status, std::move(response.body)}; };
    dispatch(std::make_shared<Call>(*broker, site, std::move(request), std::move(done)));
    scheduler.run_until_idle();
    return *answer;
  }
  bool logs_in(const std::string& authorization, bool loopback) {
    Claim claim;
    if (read_claim(authorization, claim)) return false;
    auto passed = std::make_shared<bool>(false);
    const auto later = [&] { return engine::reply_to([passed](const Result<engine::Answer>& given) { *passed = given.has_value(); }); };
    const auto known = broker->logins().log_in({claim.user, claim.password, "Basic", "a client", "192.0.2.1", loopback}, later);
    if (known) return known->has_value();
    scheduler.run_until_idle();
    return *passed;
  }
  Answer gets(const std::string& target) { return says("administrator", Verb::kGet, target); }
  Answer puts(const std::string& target, const std::string& body) { return says("administrator", Verb::kPut, target, body); }
  Answer deletes(const std::string& target) { return says("administrator", Verb::kDelete, target); }
  void declares_queue(const std::string& name) {
    broker::QueueInfo wanted;
    wanted.name = name;
    broker->find_vhost("/")->put(engine::DeclareQueue{wanted, false, false, {}});
    scheduler.run_until_idle();
  }
  void delays(const std::string& message_id, UnixMillis due, const std::string& body = "body") {
    amqp::Properties properties;
    properties.message_id = message_id;
    engine::DelayBatch batch;
    batch.messages.push_back({broker::make_message("x", "k", properties, body), due, 0});
    broker->find_vhost("/")->delayed()->put(std::move(batch));
    scheduler.run_until_idle();
  }

  mq::test::ManualScheduler scheduler;
  store::MemoryStore store;
  Site site{"1.2.3", "brokerd@here", "the cluster", {}};
  engine::BrokerOptions options;
  std::unique_ptr<engine::Broker> broker;

 private:
  void put(const std::string& key, const amqp::Table& record) {
    WriteSet set;
    set.operations.emplace_back(WriteSet::PutMetadata{key, engine::metadata::encode_record(record)});
    WriteSet* sets[] = {&set};
    EXPECT_TRUE(store.commit(sets));
  }
  void add_user(const std::string& name, std::vector<std::string> tags) {
    broker::User user;
    user.name = name;
    user.tags = std::move(tags);
    user.password_hash = broker::hash_password("secret", std::array<std::uint8_t, 4>{1, 2, 3, 4}, user.hashing);
    put(engine::metadata::user_key(name), broker::encode(user));
  }
};

}  // namespace mq::http
