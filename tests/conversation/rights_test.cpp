// The table of rights (session/method_rights.hpp), row by row: who lacks just one of the rights a method needs is refused with RabbitMQ's
// text, and who has these and no others may go on.
#include <functional>
#include <map>
#include <set>

#include "session/dispatch.hpp"
#include "session/method_rights.hpp"
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;
using broker::Right;
using session::On;

namespace {

/// A right on a queue, an exchange, or for On::kTopic on a key at one.
struct Wanted {
  Right right;
  On on;
  std::string name;
  std::string key = {};
};

std::string right_text(Right right) { return right == Right::kConfigure ? "configure" : right == Right::kWrite ? "write" : "read"; }

std::string refusal(const Wanted& wanted, const std::string& user) {
  const std::string exchange = "exchange '" + wanted.name + "' in vhost '/'";
  const std::string what = wanted.on == On::kQueue   ? "queue '" + wanted.name + "' in vhost '/'"
                           : wanted.on == On::kTopic ? "topic '" + wanted.key + "' in " + exchange
                                                     : exchange;
  return "ACCESS_REFUSED - " + right_text(wanted.right) + " access to " + what + " refused for user '" + user + "'";
}

/// Something a client may say, what that takes, and what it hears when it may.
struct Attempt {
  MethodId method;
  std::vector<Wanted> wanted;
  std::function<void(Client&)> says;
  std::function<void(Client&)> hears;
};

const TableBytes& arguments(const std::string& name, const std::string& exchange) {
  static std::map<std::string, TableBytes> tables;
  return tables.try_emplace(name, Table{{name, exchange}}).first->second;
}

template <Method M, Method Ok>
Attempt attempt(std::vector<Wanted> wanted, M method, Ok ok) {
  return {M::kId, std::move(wanted), [method](Client& c) { c.sends(method); }, [ok](Client& c) { c.receives(ok); }};
}

// Publishes have no answer: the next request has.
Attempt publish(std::vector<Wanted> wanted, std::string_view exchange, std::string_view key) {
  return {BasicPublish::kId, std::move(wanted),
          [exchange, key](Client& c) { c.sends_content({.exchange = exchange, .routing_key = key}, "m"); },
          [](Client& c) { c.sends(BasicQos{}).receives(BasicQosOk{}); }};
}

// In vhost "/" there are the exchanges x (direct), t (topic), d and gone (fanout) and the queues q and goneq.
std::vector<Attempt> attempts() {
  const Wanted read_t{Right::kRead, On::kExchange, "t"}, read_k{Right::kRead, On::kTopic, "t", "k"};
  return {
      attempt({{Right::kConfigure, On::kExchange, "new"}}, ExchangeDeclare{.exchange = "new", .type = "direct"}, ExchangeDeclareOk{}),
      attempt({{Right::kConfigure, On::kExchange, "new2"}, {Right::kRead, On::kExchange, "new2"}, {Right::kWrite, On::kExchange, "x"}},
              ExchangeDeclare{.exchange = "new2", .type = "direct", .arguments = arguments("alternate-exchange", "x")},
              ExchangeDeclareOk{}),
      attempt({{Right::kConfigure, On::kExchange, "gone"}}, ExchangeDelete{.exchange = "gone"}, ExchangeDeleteOk{}),
      attempt({{Right::kWrite, On::kDestination, "d"}, read_t, read_k}, ExchangeBind{.destination = "d", .source = "t", .routing_key = "k"},
              ExchangeBindOk{}),
      attempt({{Right::kWrite, On::kDestination, "d"}, read_t, read_k},
              ExchangeUnbind{.destination = "d", .source = "t", .routing_key = "k"}, ExchangeUnbindOk{}),
      attempt({{Right::kConfigure, On::kQueue, "new"}}, QueueDeclare{.queue = "new"}, QueueDeclareOk{"new", 0, 0}),
      attempt({{Right::kConfigure, On::kQueue, "new2"}, {Right::kRead, On::kQueue, "new2"}, {Right::kWrite, On::kExchange, "x"}},
              QueueDeclare{.queue = "new2", .arguments = arguments("x-dead-letter-exchange", "x")}, QueueDeclareOk{"new2", 0, 0}),
      attempt({{Right::kWrite, On::kQueue, "q"}, read_t, read_k}, QueueBind{.queue = "q", .exchange = "t", .routing_key = "k"},
              QueueBindOk{}),
      attempt({{Right::kWrite, On::kQueue, "q"}, read_t, read_k}, QueueUnbind{.queue = "q", .exchange = "t", .routing_key = "k"},
              QueueUnbindOk{}),
      attempt({{Right::kRead, On::kQueue, "q"}}, QueuePurge{.queue = "q"}, QueuePurgeOk{0}),
      attempt({{Right::kConfigure, On::kQueue, "goneq"}}, QueueDelete{.queue = "goneq"}, QueueDeleteOk{0}),
      publish({{Right::kWrite, On::kExchange, "t"}, {Right::kWrite, On::kTopic, "t", "k"}}, "t", "k"),
      publish({{Right::kWrite, On::kExchange, "amq.default"}}, "", "nowhere"),
      attempt({{Right::kRead, On::kQueue, "q"}}, BasicConsume{.queue = "q", .consumer_tag = "c"}, BasicConsumeOk{"c"}),
      attempt({{Right::kRead, On::kQueue, "q"}}, BasicGet{.queue = "q"}, BasicGetEmpty{}),
  };
}

// One of every name but that.
std::string all_but(const std::string& name) {
  std::string pattern;
  for (const char* each : {"x", "t", "d", "q", "gone", "goneq", "new", "new2", "amq\\.default"})
    if (each != (name == "amq.default" ? "amq\\.default" : name)) pattern.append(pattern.empty() ? "^(" : "|").append(each);
  return pattern + ")$";
}

std::string lacking(const Wanted& wanted) {
  return "no-" + right_text(wanted.right) + "-" + (wanted.on == On::kTopic ? "key" : wanted.name);
}

}  // namespace

class Rights : public Conversation {
 protected:
  Rights() {
    Client& c = client();
    for (const char* exchange : {"d", "gone"})
      c.sends(ExchangeDeclare{.exchange = exchange, .type = "fanout", .durable = true}).receives(ExchangeDeclareOk{});
    c.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .durable = true}).receives(ExchangeDeclareOk{});
    c.sends(ExchangeDeclare{.exchange = "t", .type = "topic", .durable = true}).receives(ExchangeDeclareOk{});
    for (const char* queue : {"q", "goneq"}) c.sends(QueueDeclare{.queue = queue, .durable = true}).receives(QueueDeclareOk{queue, 0, 0});
    for (const Attempt& each : attempts_)
      for (const Wanted& wanted : each.wanted) adds_user_without(wanted);
    adds_user("nothing", "", "", "");
    restart();
  }
  Client& user(const std::string& name) { return client({.user = name, .password = name}); }

  const std::vector<Attempt> attempts_ = attempts();

 private:
  void adds_user_without(const Wanted& wanted) {
    const auto pattern = [&](Right right) { return wanted.on != On::kTopic && wanted.right == right ? all_but(wanted.name) : ".*"; };
    adds_user(lacking(wanted), pattern(Right::kConfigure), pattern(Right::kWrite), pattern(Right::kRead));
    const auto topic = [&](Right right) { return wanted.right == right ? "^other$" : ".*"; };
    if (wanted.on == On::kTopic) adds_topic_permission(lacking(wanted), wanted.name, topic(Right::kWrite), topic(Right::kRead));
  }
};
INSTANTIATE_TEST_SUITE_P(Sent, Rights, ::testing::Values(kWays[0]), [](const auto& each) { return std::string(each.param.name); });

TEST_P(Rights, WhoLacksOneIsRefused) {
  for (const Attempt& each : attempts_)
    for (const Wanted& wanted : each.wanted) {
      SCOPED_TRACE(std::string(method_name(each.method)) + " as " + lacking(wanted));
      Client& c = user(lacking(wanted));
      each.says(c);
      c.loses_channel_with(403, refusal(wanted, lacking(wanted)), each.method).closes();
    }
}

TEST_P(Rights, WhoHasThoseThatItTakesAndNoOthersMayGoOn) {
  for (std::size_t index = 0; index < attempts_.size(); ++index) {
    std::map<Right, std::string> patterns;
    for (const Wanted& wanted : attempts_[index].wanted)
      if (wanted.on != On::kTopic) patterns[wanted.right].append(patterns[wanted.right].empty() ? "" : "|").append("^" + wanted.name + "$");
    adds_user("only-" + std::to_string(index), patterns[Right::kConfigure], patterns[Right::kWrite], patterns[Right::kRead]);
  }
  restart();
  for (std::size_t index = 0; index < attempts_.size(); ++index) {
    SCOPED_TRACE(method_name(attempts_[index].method));
    Client& c = user("only-" + std::to_string(index));
    attempts_[index].says(c);
    attempts_[index].hears(c);
    c.closes();
  }
}

TEST_P(Rights, EveryRowOfTheTableIsTriedHere) {
  const auto kind = [](On on) { return on == On::kDestination ? On::kExchange : on; };
  for (const session::MethodRights& row : session::kMethodRights)
    for (const session::Need& need : row.needs()) {
      const bool tried = std::any_of(attempts_.begin(), attempts_.end(), [&](const Attempt& each) {
        return each.method == row.method && std::any_of(each.wanted.begin(), each.wanted.end(), [&](const Wanted& wanted) {
                 return wanted.right == need.right && kind(wanted.on) == kind(need.on);
               });
      });
      EXPECT_TRUE(tried) << right_text(need.right) << " for " << method_name(row.method);
    }
}

TEST_P(Rights, ATableWithoutRowsForAMethodWouldNotDo) {
  std::set<std::uint32_t> handled;
  for (const MethodId id : session::channel_methods()) handled.insert(id.key());
  for (const MethodId id : session::connection_methods()) handled.insert(id.key());
  for (const std::uint32_t key : handled) {
    const MethodId id{static_cast<std::uint16_t>(key >> 16), static_cast<std::uint16_t>(key)};
    EXPECT_TRUE(session::find_rights(id).has_value()) << method_name(id);
  }
  EXPECT_EQ(session::kMethodRights.size(), handled.size()) << "a row of no method, or two of one";
}

TEST_P(Rights, AreNotNeededForWhatTouchesNothing) {
  Client& c = user("nothing");
  c.sends(BasicQos{}).receives(BasicQosOk{}).sends(ChannelFlow{true}).receives(ChannelFlowOk{true});
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{}).sends(BasicRecover{true}).receives(BasicRecoverOk{});
  c.sends(BasicCancel{"none"}).receives(BasicCancelOk{"none"});
  c.sends(BasicConsume{.queue = "amq.rabbitmq.reply-to", .consumer_tag = "c", .no_ack = true}).receives(BasicConsumeOk{"c"});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .passive = true}).receives(ExchangeDeclareOk{});
}

TEST_P(Rights, AnyOneWillDoToLookAtAQueue) {
  adds_user("reader", "", "", "^q$");
  adds_user("writer", "", "^q$", "");
  adds_user("maker", "^q$", "", "");
  restart();
  for (const char* name : {"reader", "writer", "maker"})
    user(name).sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 0}).closes();
  user("nothing")
      .sends(QueueDeclare{.queue = "q", .passive = true})
      .loses_channel_with(403, "ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'nothing'", QueueDeclare::kId);
}

TEST_P(Rights, OnWhereDeadLettersGoAreAskedForOnlyWhenAQueueIsMade) {
  const auto to_x = args({{"x-dead-letter-exchange", "x"}});
  client().sends(QueueDeclare{.queue = "made", .durable = true, .arguments = to_x}).receives(QueueDeclareOk{"made", 0, 0}).closes();
  adds_user("maker", "^made$", "", "");
  restart();
  user("maker").sends(QueueDeclare{.queue = "made", .durable = true, .arguments = to_x}).receives(QueueDeclareOk{"made", 0, 0});
}

TEST_P(Rights, HoldForEachKeyOfAPublish) {
  amqp::Properties properties;
  properties.headers = Table{{"CC", Array{"other"}}};
  Client& c = user("no-write-key");
  c.sends_content({.exchange = "t", .routing_key = "other"}, "m").sends(BasicQos{}).receives(BasicQosOk{});
  properties.headers = Table{{"CC", Array{"k"}}};
  c.sends_content({.exchange = "t", .routing_key = "other"}, "m", properties)
      .loses_channel_with(403, "ACCESS_REFUSED - write access to topic 'k' in exchange 't' in vhost '/' refused for user 'no-write-key'",
                          BasicPublish::kId);
}

TEST_P(Rights, HoldInATransactionToo) {
  Client& c = user("no-write-t");
  c.sends(TxSelect{}).receives(TxSelectOk{});
  c.sends_content({.exchange = "t", .routing_key = "k"}, "m")
      .loses_channel_with(403, "ACCESS_REFUSED - write access to exchange 't' in vhost '/' refused for user 'no-write-t'",
                          BasicPublish::kId);
}

}  // namespace mq::test
