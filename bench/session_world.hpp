// A whole broker on one thread, its store in memory, and clients without sockets: bytes go into a session, bytes come out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/broker.hpp"
#include "mq/amqp/methods.hpp"
#include "session/session.hpp"
#include "store/memory_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::bench {

class World {
 public:
  World();
  ~World();

  /// Everything posted runs; the clock stands.
  void run() { scheduler.run_until_idle(); }
  /// The clock goes on, with all that comes due.
  void pass(Millis ms) { scheduler.advance(ms); }

  test::ManualScheduler scheduler;
  store::MemoryStore store;
  engine::Broker broker;
};

/// A connection that is logged in and has channel 1 open. What it receives is counted; its first bytes are kept.
class Link {
 public:
  explicit Link(World& world);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void send(std::string_view bytes);
  template <amqp::Method M>
  void say(const M& method, std::uint16_t channel = 1) {
    std::string frame;
    amqp::append_method_frame(frame, channel, method);
    send(frame);
    world_.run();
  }
  [[nodiscard]] engine::SessionInbox& inbox() noexcept { return *inbox_; }
  /// Since forget_received().
  [[nodiscard]] std::uint64_t received_bytes() const noexcept { return received_bytes_; }
  void forget_received() noexcept {
    received_bytes_ = 0;
    beginning_.clear();
  }
  /// The first kKeptBytes received since forget_received().
  [[nodiscard]] const std::string& beginning() const noexcept { return beginning_; }

 private:
  static constexpr std::size_t kKeptBytes = 256;

  void after_turn();

  World& world_;
  engine::InboxPtr inbox_;
  std::unique_ptr<session::Session> session_;
  session::Outgoing sending_;
  std::uint64_t received_bytes_ = 0;
  std::string beginning_;
};

/// The bytes of one basic.deliver with its content, as long as the body fits one frame.
[[nodiscard]] std::size_t delivery_bytes(std::string_view consumer_tag, const broker::Message& message);

}  // namespace mq::bench
