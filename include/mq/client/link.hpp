// One TCP connection that carries frames: bytes out, frames in. Knows nothing of methods; client.hpp builds a conversation on it and
// brokerbench drives it directly.
//
// For one thread. Waiting is bounded by the timeouts given, in milliseconds. While send() waits for the peer to read, it takes in
// what the peer sends, so that two peers that both write never wait for each other for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mq/amqp/frame.hpp"
#include "mq/client/failure.hpp"

namespace mq::client {

using Milliseconds = std::chrono::milliseconds;

class Link {
 public:
  Link() = default;
  Link(Link&& other) noexcept;
  Link& operator=(Link&& other) noexcept;
  ~Link();

  /// Connects to the first address of `host` that answers.
  [[nodiscard]] static Outcome<Link> connect(const std::string& host, std::uint16_t port, Milliseconds timeout);

  /// Sends all of `bytes`; a timeout leaves the stream torn, so that the link is of no use afterwards.
  [[nodiscard]] Outcome<> send(std::string_view bytes, Milliseconds timeout);
  /// Sends what the peer takes within `timeout`, perhaps nothing, and tells how much.
  [[nodiscard]] Outcome<std::size_t> send_some(std::string_view bytes, Milliseconds timeout);

  /// The next frame that has wholly arrived. False when there is none: receive() brings more or tells what is wrong. The payload
  /// is valid until the next send or receive.
  [[nodiscard]] bool next(amqp::Frame& frame) noexcept {
    amqp::FrameParse parse = amqp::FrameParser::next({buffer_.data() + begin_, end_ - begin_}, frame_max_);
    if (parse.status != amqp::FrameParse::Status::kFrame) return broken_ |= parse.status == amqp::FrameParse::Status::kError, false;
    begin_ += parse.consumed;
    frame = parse.frame;
    return true;
  }

  /// Takes in what has arrived, waiting for it up to `timeout`. False when nothing came.
  [[nodiscard]] Outcome<bool> receive(Milliseconds timeout);

  /// The largest frame taken from now on; 0 = any.
  void set_frame_max(std::uint32_t frame_max) noexcept { frame_max_ = frame_max; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  /// The socket, for those who poll it; stays owned by the link. -1 when closed.
  [[nodiscard]] int native_handle() const noexcept { return fd_; }
  void close() noexcept;

 private:
  explicit Link(int fd) : fd_(fd) {}
  [[nodiscard]] Outcome<bool> receive_now();
  void make_room();

  // A connection that says little shall cost little: there may be thousands.
  static constexpr std::size_t kFirstRoomBytes = 4096;

  int fd_ = -1;
  std::uint32_t frame_max_ = amqp::kNoFrameMax;
  bool broken_ = false;  // the peer's bytes are no frames
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // what has arrived and not been taken lies in [begin_, end_)
  std::size_t end_ = 0;
  std::size_t least_room_ = kFirstRoomBytes;  // for what arrives next; more once that was filled
};

}  // namespace mq::client
