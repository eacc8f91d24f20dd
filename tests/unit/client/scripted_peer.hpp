// A peer that plays the broker's part of a conversation on a loopback port: it waits for a method, then answers as the test says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "mq/amqp/methods.hpp"

namespace mq::client::test {

/// One step: bytes sent once the client's method of that id has come (at once when the id is 0,0).
struct Step {
  amqp::MethodId awaited;
  std::string answer;
};

template <amqp::Method M>
std::string frame(std::uint16_t channel, const M& method) {
  std::string bytes;
  amqp::append_method_frame(bytes, channel, method);
  return bytes;
}

/// The broker's side of the handshake, in the order of the client's methods.
inline std::vector<Step> handshake(std::uint32_t frame_max = 131072, std::uint16_t channel_max = 2047) {
  return {
      {{}, frame(0, amqp::ConnectionStart{.mechanisms = "PLAIN", .locales = "en_US"})},
      {amqp::ConnectionStartOk::kId, frame(0, amqp::ConnectionTune{.channel_max = channel_max, .frame_max = frame_max, .heartbeat = 60})},
      {amqp::ConnectionOpen::kId, frame(0, amqp::ConnectionOpenOk{})},
      {amqp::ChannelOpen::kId, frame(1, amqp::ChannelOpenOk{})}};
}

/// Plays its steps for the first client that connects, then reads until the client hangs up (or hangs up itself, when told so).
class ScriptedPeer {
 public:
  explicit ScriptedPeer(std::vector<Step> steps, bool hang_up_at_the_end = false)
      : steps_(std::move(steps)), hang_up_(hang_up_at_the_end), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 1);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { play(); });
  }
  ~ScriptedPeer() {
    ::shutdown(listener_, SHUT_RDWR);  // a peer nobody connected to still waits in accept()
    thread_.join();
    ::close(listener_);
  }
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  void play() {
    int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    if (read_some(fd, amqp::kProtocolHeaderBytes)) {
      received_.erase(0, amqp::kProtocolHeaderBytes);
      bool there = true;
      for (std::size_t i = 0; there && i < steps_.size(); ++i) {
        there = await(fd, steps_[i].awaited);
        if (there) static_cast<void>(::send(fd, steps_[i].answer.data(), steps_[i].answer.size(), MSG_NOSIGNAL));
      }
      char ignored[4096];
      while (there && !hang_up_ && ::recv(fd, ignored, sizeof ignored, 0) > 0) {}
    }
    ::close(fd);
  }

  bool read_some(int fd, std::size_t least) {
    while (received_.size() < least) {
      char bytes[4096];
      ssize_t count = ::recv(fd, bytes, sizeof bytes, 0);
      if (count <= 0) return false;
      received_.append(bytes, static_cast<std::size_t>(count));
    }
    return true;
  }

  /// Reads frames until a method of that id; false when the client hung up first.
  bool await(int fd, amqp::MethodId id) {
    while (id != amqp::MethodId{}) {
      amqp::FrameParse parse = amqp::FrameParser::next(received_, amqp::kNoFrameMax);
      if (parse.status != amqp::FrameParse::Status::kFrame) {
        if (!read_some(fd, received_.size() + 1)) return false;
        continue;
      }
      bool found = parse.frame.type == amqp::FrameType::kMethod && amqp::read_method_id(parse.frame.payload) == id;
      received_.erase(0, parse.consumed);
      if (found) return true;
    }
    return true;
  }

  std::vector<Step> steps_;
  bool hang_up_;
  int listener_;
  std::uint16_t port_ = 0;
  std::string received_;
  std::thread thread_;
};

}  // namespace mq::client::test
