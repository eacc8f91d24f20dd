// A connection between a simulated client and the broker's own session code: two streams of bytes that arrive in pieces, late, or not at
// all.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/broker.hpp"
#include "mq/amqp/properties.hpp"
#include "session/session.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::sim {

/// A method from the broker, with its content when it has one.
struct Event {
  std::uint16_t channel = 0;
  amqp::MethodId id;
  std::string payload;  ///< of the method frame
  amqp::Properties properties;
  std::string body;
  std::size_t bytes = 0;   ///< that it took of the stream
  std::uint64_t note = 0;  ///< for whoever heard it leave

  template <amqp::Method M>
  [[nodiscard]] M as() const {
    return amqp::decode<M>(amqp::method_fields(payload)).value();
  }
};

/// Who is told as soon as the broker let go of something, long before the client reads it.
class Ear {
 public:
  virtual ~Ear() = default;
  virtual void left_the_broker(Event& event) = 0;
  /// No more comes, and nothing more arrives: the socket is closed or the client has gone.
  virtual void went_dead() = 0;
  /// Bytes that are no AMQP.
  virtual void heard_nonsense(const std::string& what) = 0;
};

/// Owned by the world, which moves bytes; a client writes and reads its end.
class Wire {
 public:
  Wire(engine::Broker& broker, test::ManualScheduler& scheduler, std::shared_ptr<const session::SessionOptions> options, std::string name,
       Ear& ear);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // --- the client's end ---
  /// `then` is called when the session is given the last of these bytes, just before it is.
  void write(std::string_view bytes, std::function<void()> then = {});
  /// What arrived first, whole.
  [[nodiscard]] bool has_event() const noexcept { return !arrived_.empty(); }
  Event read();
  /// The client is gone in the middle of whatever it was saying.
  void vanish();
  [[nodiscard]] bool open() const noexcept { return open_; }
  void set_frame_max(std::uint32_t bytes) noexcept { frame_max_ = bytes; }
  [[nodiscard]] std::uint32_t frame_max() const noexcept { return frame_max_; }

  // --- the world's hands ---
  /// So many bytes of what the client wrote arrive, if the session wants any.
  bool carry(std::size_t bytes);
  [[nodiscard]] bool has_to_carry() const noexcept { return open_ && !on_its_way_.empty(); }
  [[nodiscard]] std::size_t bytes_to_carry() const noexcept { return on_its_way_.size(); }
  /// How much the sockets in between hold while the client does not read.
  void set_room(std::size_t bytes) noexcept { room_bytes_ = bytes; }
  /// Everything the session said has left it.
  [[nodiscard]] bool all_left() const noexcept { return taken_.empty() && session_->outbox().waiting_bytes() == 0; }
  /// When the broker said something last, and when it was given something.
  [[nodiscard]] UnixMillis last_left_at() const noexcept { return last_left_at_; }
  [[nodiscard]] UnixMillis last_carried_at() const noexcept { return last_carried_at_; }
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return session_->outbox().waiting_bytes(); }
  /// The session has ended too.
  [[nodiscard]] bool finished() const noexcept { return !open_ && session_->finished(); }
  void pour();

 private:
  void after_turn();
  void close();
  void hear(std::string_view bytes);
  void hear_frame(const amqp::Frame& frame, std::size_t bytes);

  test::ManualScheduler& scheduler_;
  Ear& ear_;
  std::shared_ptr<Strand> strand_;
  engine::InboxPtr inbox_;
  std::unique_ptr<session::Session> session_;
  std::unique_ptr<Timer> timer_;
  Millis timer_at_ = kNever;
  session::Outgoing sending_;
  std::string taken_;  // bytes of sending_ that found no room yet
  bool open_ = true;
  std::uint32_t frame_max_ = 131072;

  UnixMillis last_left_at_ = 0, last_carried_at_ = 0;
  std::string on_its_way_;
  std::uint64_t carried_bytes_ = 0, written_bytes_ = 0;
  std::deque<std::pair<std::uint64_t, std::function<void()>>> marks_;  // to be called when so many bytes were carried

  std::string partial_;  // of a frame that has not left whole
  Event assembling_;
  std::uint64_t body_to_come_bytes_ = 0;
  bool in_content_ = false;
  std::deque<Event> arrived_;
  std::size_t unread_bytes_ = 0;
  std::size_t room_bytes_ = 64 * 1024;
};

}  // namespace mq::sim
