#include "net/connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/log.hpp"

namespace mq::net {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;  // one read per turn, so that a busy peer does not keep the queues of its thread waiting
constexpr std::size_t kKeepBufferBytes = 16 * 1024;  // an output buffer that grew beyond this is let go when it runs empty
constexpr std::size_t kMaxPieces = 64;               // per writev

// Each thread reads into a buffer of its own; a session keeps only what is left of an incomplete frame.
std::vector<char>& thread_buffer() {
  thread_local std::vector<char> buffer(kReadBytes + 512 * 1024);
  return buffer;
}

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<engine::AsioStrand> strand, engine::Broker& broker,
                       std::shared_ptr<const session::SessionOptions> options, session::PeerAddress peer)
    : socket_(std::move(socket)), strand_(std::move(strand)), inbox_(broker.open_inbox(strand_)),
      session_(broker, inbox_, std::move(options), std::move(peer)), timer_(strand_->executor()), broker_(broker) {}

Connection::~Connection() = default;

void Connection::start() {
  self_ = shared_from_this();
  inbox_->on_wake([this] {
    session_.process_inbox();
    after_turn();
  });
  after_turn();
}

// Whatever happened - bytes, answers, time - the consequences are looked at here.
void Connection::after_turn() {
  write_some();
  if (open_ && session_.wants_close() && sending_.empty() && session_.outbox().waiting_bytes() == 0) close_socket();
  if (open_ && !reading_ && session_.wants_read()) wait_readable();
  arm_timer();
  if (session_.finished() && !open_ && self_) {
    inbox_->on_wake(nullptr);
    timer_.cancel();
    // The last reference may be this one: let it go when the stack is unwound.
    boost::asio::post(strand_->executor(), [self = std::move(self_)] {});
  }
}

void Connection::wait_readable() {
  reading_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->reading_ = false;
    if (!self->open_) return;
    if (error) {
      self->session_.disconnected(error.message());
      self->close_socket();
    } else if (self->session_.wants_read()) {
      self->read_some();
    }
    self->after_turn();
  });
}

void Connection::read_some() {
  std::vector<char>& buffer = thread_buffer();
  const std::size_t kept = session_.leftover().size();
  if (buffer.size() < kept + kReadBytes) buffer.resize(kept + kReadBytes);
  std::memcpy(buffer.data(), session_.leftover().data(), kept);
  const ssize_t got = ::recv(socket_.native_handle(), buffer.data() + kept, kReadBytes, MSG_DONTWAIT);
  if (got > 0) return session_.received({buffer.data(), kept + static_cast<std::size_t>(got)});
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  session_.disconnected(got == 0 ? "closed by the client" : std::strerror(errno));
  close_socket();
}

void Connection::write_some() {
  if (writing_ || !open_) return;
  for (;;) {
    if (sending_.empty()) {
      session_.outbox().take(sending_);
      if (sending_.empty()) return;
      sent_bytes_ = 0;
    }
    // Gather what is left of the pieces into one call.
    std::array<iovec, kMaxPieces> parts;
    std::size_t count = 0, skip = sent_bytes_;
    for (const session::Outgoing::Piece& piece : sending_.pieces) {
      std::string_view view = sending_.view(piece);
      if (skip >= view.size()) {
        skip -= view.size();
        continue;
      }
      view.remove_prefix(skip);
      skip = 0;
      parts[count++] = {const_cast<char*>(view.data()), view.size()};
      if (count == kMaxPieces) break;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t written = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return wait_writable();
      session_.disconnected(std::strerror(errno));
      return close_socket();
    }
    sent_bytes_ += static_cast<std::size_t>(written);
    if (sent_bytes_ == sending_.bytes) sending_.clear(kKeepBufferBytes);
    session_.sent(sending_.bytes - (sending_.empty() ? 0 : sent_bytes_));
  }
}

void Connection::wait_writable() {
  writing_ = true;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->writing_ = false;
    if (!self->open_) return;
    if (error) {
      self->session_.disconnected(error.message());
      self->close_socket();
    }
    self->after_turn();
  });
}

void Connection::close_socket() {
  if (!open_) return;
  open_ = false;
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
  session_.disconnected("closed");
}

void Connection::arm_timer() {
  const Millis at = open_ || !session_.finished() ? session_.next_tick() : kNever;
  if (at == timer_at_) return;
  timer_at_ = at;
  if (at == kNever) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::milliseconds(at)));
  timer_.async_wait([weak = weak_from_this(), at](const boost::system::error_code& stopped) {
    auto self = weak.lock();
    if (stopped || !self || self->timer_at_ != at) return;
    self->timer_at_ = kNever;
    self->session_.tick();
    self->after_turn();
  });
}

}  // namespace mq::net
