// Tests that read as dialogues: clients say AMQP methods to a whole broker (sessions, engine, store in memory) on one thread, and name
// what they expect to hear, in order.
//
//     TEST_P(Publishing, GoesThroughTheDefaultExchange) {
//       Client& c = client();
//       c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
//       c.publishes("q", "hello").sends(BasicGet{.queue = "q"});
//       c.receives_content(BasicGetOk{1, false, "", "q", 0}, "hello");
//     }
//
// What is sent in a row is sent at once. It reaches the session when somebody listens, another client speaks or time passes, cut as
// the suite's Way says; every suite runs with all of them. Methods of class 10 go over channel 0, others over channel 1 unless told.
// Nothing here sleeps: time passes when passes() says so. BROKERD_TEST_SEED=N draws other cuts and orders.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/broker.hpp"
#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"
#include "session/session.hpp"
#include "support/fillable_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::test {

/// How the bytes of a client are cut on their way, and in which order the strands of the broker run.
struct Way {
  enum class Cut : std::uint8_t {
    kWhole,   ///< all that was sent in a row is one read
    kFrames,  ///< one read per frame, and the broker has dealt with it before the next
    kBytes,   ///< one read per byte
    kAnyhow,  ///< reads of any length; in between the broker gets some way
  };
  const char* name;
  Cut cut;
  std::uint64_t seed;  ///< of the scheduler; 0 = in the order of posting
  friend std::ostream& operator<<(std::ostream& out, const Way& way) { return out << way.name; }
};

inline constexpr Way kWays[] = {{"Whole", Way::Cut::kWhole, 0},
                                {"FrameByFrame", Way::Cut::kFrames, 0},
                                {"ByteByByte", Way::Cut::kBytes, 0},
                                {"WholeInAnyOrder", Way::Cut::kWhole, 7},
                                {"AnyhowInAnyOrder", Way::Cut::kAnyhow, 42}};

class Conversation;

/// How a client presents itself.
struct Login {
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";
  std::vector<std::string> capabilities = {"authentication_failure_close", "basic.nack", "connection.blocked", "consumer_cancel_notify",
                                           "publisher_confirms"};
  std::uint32_t frame_max = 131072;
  std::uint16_t channel_max = 2047;
  std::uint16_t heartbeat = 0;
};

/// One client and its socket. Lives as long as the Conversation. What a returned method or view refers to does, too.
class Client {
 public:
  Client(Conversation& conversation, bool loopback);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // --- speaking ---
  template <amqp::Method M>
  Client& sends(const M& method, std::uint16_t channel = usual_channel<M>()) {
    std::string frame;
    amqp::append_method_frame(frame, channel, method);
    return sends_bytes(frame);
  }
  /// A publish with its content, cut to the client's frame_max.
  Client& sends_content(const amqp::BasicPublish& method, std::string_view body, const amqp::Properties& properties = {},
                        std::uint16_t channel = 1);
  /// A publish to the default exchange.
  Client& publishes(std::string_view queue, std::string_view body, const amqp::Properties& properties = {}, std::uint16_t channel = 1) {
    return sends_content({.routing_key = queue}, body, properties, channel);
  }
  Client& sends_bytes(std::string_view bytes);
  Client& sends_heartbeat();
  /// Protocol header, start-ok, tune-ok and open; leaves the connection running.
  Client& logs_in(const Login& login = {});
  Client& opens_channel(std::uint16_t channel = 1);
  /// The socket breaks, in the middle of whatever was said last.
  Client& vanishes();
  /// While it does not read, what the broker sends piles up in the socket.
  Client& stops_reading();
  Client& reads_again();

  // --- listening; each fails the test when something else comes ---
  template <amqp::Method M>
  Client& receives(const M& expected, std::uint16_t channel = usual_channel<M>()) {
    const std::optional<Heard> heard = listen();
    std::string frame;
    amqp::append_method_frame(frame, channel, expected);
    EXPECT_EQ(describe(heard), describe_frame(frame)) << log_of_frames();
    return *this;
  }
  /// A method with content; returns the content's properties.
  template <amqp::Method M>
  amqp::Properties receives_content(const M& expected, std::string_view body, std::uint16_t channel = 1) {
    receives(expected, channel);
    return receives_body(body, channel);
  }
  /// The next frame as a method of that kind, whatever its fields: for names that the server chooses.
  template <amqp::Method M>
  M takes(std::uint16_t channel = usual_channel<M>()) {
    const std::optional<Heard> heard = listen();
    std::optional<M> method;
    if (heard && heard->type == amqp::FrameType::kMethod && heard->channel == channel && amqp::read_method_id(heard->payload) == M::kId)
      method = amqp::decode<M>(amqp::method_fields(keep(heard->payload)));
    EXPECT_TRUE(method) << "not " << M::kName << " but " << describe(heard) << log_of_frames();
    return method.value_or(M{});
  }
  /// A content, whatever its body: appended to `body`.
  amqp::Properties takes_content(std::string& body, std::uint16_t channel = 1);
  /// The next basic.deliver, whatever it is, with its body.
  std::pair<amqp::BasicDeliver, std::string> takes_delivery(std::uint16_t channel = 1);
  Client& receives_heartbeat();
  Client& receives_bytes(std::string_view bytes);
  Client& receives_nothing();
  /// `deliveries` of the given bodies to one consumer, tags from `first_tag` on, none redelivered; exchange is the default one.
  Client& receives_deliveries(std::string_view consumer, std::string_view queue, std::uint64_t first_tag,
                              const std::vector<std::string>& bodies, std::uint16_t channel = 1);
  /// connection.close and nothing after it; the client answers, then the socket closes. `text` without the code's name is not enough.
  void is_closed_with(std::uint16_t code, std::string_view text, amqp::MethodId method = {});
  /// channel.close; the client answers, and the number is free.
  Client& loses_channel_with(std::uint16_t code, std::string_view text, amqp::MethodId method = {}, std::uint16_t channel = 1);
  /// The broker closed the socket and has nothing more to say.
  Client& is_cut_off();
  /// Nothing more is to be said: the client hangs up unless the broker did, and the session ends.
  Client& ends();
  /// connection.close by the client, and its answer.
  void closes();
  void closes_channel(std::uint16_t channel = 1);

  // --- watching ---
  [[nodiscard]] bool socket_open() const noexcept { return open_; }
  [[nodiscard]] session::Session& session() noexcept { return *session_; }
  /// Whether anything waits to be received as things stand, without running anything.
  [[nodiscard]] bool heard_something() const noexcept { return !heard_.empty() || !received_.empty(); }
  /// Frames waiting to be received; for tests that count.
  [[nodiscard]] std::size_t frames_waiting();
  /// Delivers what was sent, without waiting for what the broker makes of it: what the next client says races with it.
  void flush();

 private:
  friend class Conversation;
  struct Heard {
    amqp::FrameType type = amqp::FrameType::kMethod;
    std::uint16_t channel = 0;
    std::string payload;
  };
  template <amqp::Method M>
  static constexpr std::uint16_t usual_channel() {
    return M::kId.class_id == 10 ? 0 : 1;
  }

  std::optional<Heard> listen();
  void settle();
  void cut_frames();
  std::string_view keep(std::string bytes);
  std::string log_of_frames() const;
  static std::string describe(const std::optional<Heard>& heard);
  static std::string describe_frame(std::string_view frame);
  amqp::Properties receives_body(std::string_view body, std::uint16_t channel);

  // the client's end of the socket, driven as net/connection drives a session
  void feed(std::string_view bytes);
  void pour();
  void after_turn();
  void close_socket();
  std::size_t next_cut();

  Conversation& conversation_;
  std::shared_ptr<Strand> strand_;
  engine::InboxPtr inbox_;
  std::unique_ptr<session::Session> session_;
  std::unique_ptr<Timer> timer_;
  Millis timer_at_ = kNever;
  session::Outgoing sending_;
  bool open_ = true;
  bool reading_ = true;
  std::uint32_t frame_max_ = 131072;
  std::string unsent_;     // said, not on its way yet
  std::string in_socket_;  // on its way; the session does not want to read yet
  std::string received_;
  std::deque<Heard> heard_;
  std::vector<std::string> heard_before_;
  std::deque<std::string> kept_;
};

/// A broker and those who talk to it.
class Conversation : public ::testing::TestWithParam<Way> {
 public:
  Conversation();
  ~Conversation() override;

  /// A client that is logged in and has channel 1 open.
  Client& client(const Login& login = {});
  /// A client that has only just reached the port.
  Client& stranger(bool loopback = true);

  /// Everything said is dealt with, everything posted has run.
  void settle();
  /// Lets time pass, with all that happens meanwhile.
  void passes(Millis ms);
  /// Stops the broker in good order and starts one on the same store. All clients are gone.
  void restart();
  /// The same without the good order: what is not in the store by now never was.
  void crash();
  /// While it is full, the disk takes no messages.
  void fills_disk(bool full) { store_.full = full; }
  /// Gives away everything that was said, then runs no more than `tasks` tasks.
  void gets_only_this_far(std::size_t tasks);

  /// Keeps a table's bytes for as long as the test runs: `.arguments = args({{"x-max-length", 2}})`.
  amqp::EncodedTable args(const amqp::Table& table);
  /// A user with these patterns for configure, write and read in vhost `/`; known from the next restart() on. The password is the name,
  /// or there is none.
  void adds_user(const std::string& name, const std::string& configure, const std::string& write, const std::string& read,
                 std::optional<std::string> password = std::nullopt);
  /// Routing keys at a topic exchange of vhost `/` that the user may publish with and bind; likewise.
  void adds_topic_permission(const std::string& user, const std::string& exchange, const std::string& write, const std::string& read);
  void adds_vhost(const std::string& name);

  [[nodiscard]] engine::Broker& broker() { return *broker_; }
  [[nodiscard]] ManualScheduler& scheduler() { return scheduler_; }
  session::SessionOptions options;  ///< of clients that come from now on
  /// Of brokers that start from now on; passwords are hashed as cheaply as can be.
  engine::BrokerOptions broker_options = [] {
    engine::BrokerOptions cheap;
    cheap.logins.password_cost = broker::kLowestScryptCost;
    return cheap;
  }();

 private:
  friend class Client;
  void start();
  void stop();
  void speaks(Client& client);
  void puts(const std::string& key, const amqp::Table& record);

  ManualScheduler scheduler_;
  FillableStore store_;
  std::unique_ptr<engine::Broker> broker_;
  std::deque<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Client>> gone_;
  Client* speaking_ = nullptr;
  std::deque<amqp::TableBytes> tables_;
  std::mt19937_64 cuts_;
};

/// The Ways in which bytes arrive cut like that.
inline std::vector<Way> ways_cut(std::initializer_list<Way::Cut> cuts) {
  std::vector<Way> ways;
  std::copy_if(std::begin(kWays), std::end(kWays), std::back_inserter(ways),
               [&](const Way& way) { return std::find(cuts.begin(), cuts.end(), way.cut) != cuts.end(); });
  return ways;
}

/// Declares a suite of conversations and runs it in those Ways.
#define MQ_CONVERSATIONS_IN(Suite, ways)            \
  class Suite : public ::mq::test::Conversation {}; \
  INSTANTIATE_TEST_SUITE_P(Sent, Suite, ::testing::ValuesIn(ways), [](const auto& each) { return std::string(each.param.name); })
/// The same in every Way.
#define MQ_CONVERSATIONS(Suite) MQ_CONVERSATIONS_IN(Suite, ::mq::test::kWays)

}  // namespace mq::test
