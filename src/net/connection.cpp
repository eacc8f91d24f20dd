#include "net/connection.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/log.hpp"

namespace mq::net {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;  // one read per turn, so that a busy peer does not keep the queues of its thread waiting
constexpr std::size_t kKeepBufferBytes = 16 * 1024;  // an output buffer that grew beyond this is let go when it runs empty

// Each thread reads into a buffer of its own; a session keeps only what is left of an incomplete frame.
std::vector<char>& thread_buffer() {
  thread_local std::vector<char> buffer(kReadBytes + 512 * 1024);
  return buffer;
}

Transport make_transport(int socket, TlsContextPtr tls) {
  if (tls) return TlsTransport(socket, std::move(tls));
  return PlainTransport(socket);
}

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<engine::AsioStrand> strand, engine::Broker& broker,
                       std::shared_ptr<const session::SessionOptions> options, session::PeerAddress peer, TlsContextPtr tls)
    : socket_(std::move(socket)), transport_(make_transport(socket_.native_handle(), std::move(tls))), strand_(std::move(strand)),
      inbox_(broker.open_inbox(strand_)), session_(broker, inbox_, std::move(options), std::move(peer)), timer_(strand_->executor()),
      broker_(broker) {}

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
  auto ready = [self = shared_from_this()](const boost::system::error_code& error) {
    self->reading_ = false;
    if (!self->open_) return;
    if (error) {
      self->session_.disconnected(error.message());
      self->close_socket();
    } else if (self->session_.wants_read()) {
      self->read_some();
    }
    self->after_turn();
  };
  if (more_to_read_) boost::asio::post(strand_->executor(), [ready = std::move(ready)] { ready({}); });
  else socket_.async_wait(reads_when_, std::move(ready));
}

void Connection::read_some() {
  std::vector<char>& buffer = thread_buffer();
  const std::size_t kept = session_.leftover().size();
  if (buffer.size() < kept + kReadBytes) buffer.resize(kept + kReadBytes);
  std::memcpy(buffer.data(), session_.leftover().data(), kept);
  const IoResult got = std::visit([&](auto& transport) { return transport.read(buffer.data() + kept, kReadBytes); }, transport_);
  more_to_read_ = got.more;
  reads_when_ = got.state == IoResult::State::kWantsWrite ? Socket::wait_write : Socket::wait_read;
  if (got.state == IoResult::State::kDone) took({buffer.data(), kept + got.bytes});
  else if (got.state == IoResult::State::kEnded || got.state == IoResult::State::kFailed) ends(got);
}

void Connection::took(std::string_view bytes) {
  // Who the peer's certificate says it is is known by now, and must be before the session offers ways to log in.
  if (!std::exchange(heard_, true))
    if (auto user = std::visit([](const auto& transport) { return transport.certified_user(); }, transport_))
      session_.set_certified_user(std::move(*user));
  session_.received(bytes);
}

void Connection::ends(const IoResult& result) {
  if (!heard_ && result.state == IoResult::State::kFailed) log::warn("{}: {}", session_.peer().name, result.why);
  session_.disconnected(result.why);
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
    const IoResult done = std::visit([this](auto& transport) { return transport.write(sending_, sent_bytes_); }, transport_);
    if (done.state == IoResult::State::kWantsWrite) return wait_to_write(Socket::wait_write);
    if (done.state == IoResult::State::kWantsRead) return wait_to_write(Socket::wait_read);
    if (done.state != IoResult::State::kDone) return ends(done);
    sent_bytes_ += done.bytes;
    if (sent_bytes_ == sending_.bytes) sending_.clear(kKeepBufferBytes);
    session_.sent(sending_.bytes - (sending_.empty() ? 0 : sent_bytes_));
  }
}

void Connection::wait_to_write(Socket::wait_type what_for) {
  writing_ = true;
  socket_.async_wait(what_for, [self = shared_from_this()](const boost::system::error_code& error) {
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
  std::visit([](auto& transport) { transport.say_goodbye(); }, transport_);
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
