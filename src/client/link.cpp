#include "mq/client/link.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

namespace mq::client {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostRoomBytes = 64 * 1024;  // that a busy link has at least when it asks the socket for more
constexpr std::size_t kBuffersPerRoom = 4;

std::string reason(int error) { return std::generic_category().message(error); }

Milliseconds left_until(Clock::time_point deadline) {
  return std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(deadline - Clock::now()));
}

/// Waits for any of `events`; what happened, 0 after the timeout.
short wait_for(int fd, short events, Milliseconds timeout) {
  Clock::time_point deadline = Clock::now() + timeout;
  for (;;) {
    pollfd watched{fd, events, 0};
    int count = ::poll(&watched, 1, static_cast<int>(left_until(deadline).count()));
    if (count > 0) return watched.revents;
    if (count == 0 || errno != EINTR) return 0;
  }
}

/// Connects one address; -1 with errno set when that fails.
int connect_one(const addrinfo& address, Milliseconds timeout) {
  int fd = ::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol);
  if (fd < 0) return -1;
  int error = 0;
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      socklen_t size = sizeof error;
      if (wait_for(fd, POLLOUT, timeout) == 0) error = ETIMEDOUT;
      else ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  if (error == 0) return fd;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

Link::Link(Link&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), frame_max_(other.frame_max_), broken_(other.broken_), buffer_(std::move(other.buffer_)),
      begin_(std::exchange(other.begin_, 0)), end_(std::exchange(other.end_, 0)), least_room_(other.least_room_) {}

Link& Link::operator=(Link&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  frame_max_ = other.frame_max_;
  broken_ = other.broken_;
  buffer_ = std::move(other.buffer_);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  least_room_ = other.least_room_;
  return *this;
}

Link::~Link() { close(); }

void Link::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Outcome<Link> Link::connect(const std::string& host, std::uint16_t port, Milliseconds timeout) {
  std::string where = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
    return failed(FailureKind::kUnreachable, "cannot resolve " + host + ": " + ::gai_strerror(error));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  Clock::time_point deadline = Clock::now() + timeout;
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    int fd = connect_one(*address, left_until(deadline));
    if (fd < 0) {
      error = errno;
      continue;
    }
    int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return Link(fd);
  }
  FailureKind kind = error == ETIMEDOUT ? FailureKind::kTimeout : FailureKind::kUnreachable;
  return failed(kind, "cannot connect to " + where + ": " + reason(error));
}

Outcome<std::size_t> Link::send_some(std::string_view bytes, Milliseconds timeout) {
  if (fd_ < 0) return failed(FailureKind::kDisconnected, "the connection is closed");
  Clock::time_point deadline = Clock::now() + timeout;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    ssize_t count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      Failure failure = failed(FailureKind::kDisconnected, "the broker closed the connection: " + reason(errno));
      static_cast<void>(receive_now());  // it may have said why before it closed; next() then finds that
      return failure;
    }
    short events = wait_for(fd_, POLLIN | POLLOUT, left_until(deadline));
    if (events == 0) return sent;
    if ((events & POLLIN) != 0)
      if (Outcome<bool> received = receive_now(); received.has_error()) return received.error();
  }
  return sent;
}

Outcome<> Link::send(std::string_view bytes, Milliseconds timeout) {
  Outcome<std::size_t> sent = send_some(bytes, timeout);
  if (sent.has_error()) return sent.error();
  if (*sent == bytes.size()) return {};
  return failed(FailureKind::kTimeout, "the broker took no more bytes for " + std::to_string(timeout.count()) + " ms");
}

Outcome<bool> Link::receive(Milliseconds timeout) {
  if (fd_ < 0) return failed(FailureKind::kDisconnected, "the connection is closed");
  if (broken_) return failed(FailureKind::kProtocol, "the peer sent bytes that are no AMQP 0-9-1 frame");
  Outcome<bool> received = receive_now();
  if (received.has_error() || *received || timeout == Milliseconds(0)) return received;
  if (wait_for(fd_, POLLIN, timeout) == 0) return false;
  return receive_now();
}

Outcome<bool> Link::receive_now() {
  make_room();
  for (;;) {
    ssize_t count = ::recv(fd_, buffer_.data() + end_, buffer_.size() - end_, MSG_DONTWAIT);
    if (count > 0) {
      end_ += static_cast<std::size_t>(count);
      if (end_ == buffer_.size()) least_room_ = kMostRoomBytes;
      return true;
    }
    if (count == 0) return failed(FailureKind::kDisconnected, "the broker closed the connection without a word");
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return failed(FailureKind::kDisconnected, "the connection broke: " + reason(errno));
  }
}

void Link::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.size() - end_ >= least_room_) return;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < least_room_) buffer_.resize(std::max(buffer_.size() * 2, least_room_ * kBuffersPerRoom));
}

}  // namespace mq::client
