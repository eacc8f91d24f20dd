#include "net/transport.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "mq/base/check.hpp"

namespace mq::net {
namespace {

using State = IoResult::State;

constexpr std::size_t kMaxPieces = 64;           // per sendmsg
constexpr std::size_t kRecordBytes = 16 * 1024;  // what one record of TLS holds
constexpr std::string_view kHungUp = "closed by the client";

IoResult of_errno(State wanted) {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {wanted, 0, false, {}};
  return {State::kFailed, 0, false, std::strerror(errno)};
}

/// Calls `take` with what is left of each piece behind the first `skip` bytes, until it returns false.
template <class Take>
void for_pieces(const session::Outgoing& out, std::size_t skip, Take&& take) {
  for (const session::Outgoing::Piece& piece : out.pieces) {
    std::string_view view = out.view(piece);
    if (skip >= view.size()) {
      skip -= view.size();
      continue;
    }
    view.remove_prefix(skip);
    skip = 0;
    if (!take(view)) return;
  }
}

/// The next bytes to send, as many as one record holds: where they lie, or copied together into a buffer that the thread shares.
std::string_view next_record(const session::Outgoing& out, std::size_t skip) {
  thread_local std::array<char, kRecordBytes> arena;
  std::string_view record;
  std::size_t copied = 0;
  for_pieces(out, skip, [&](std::string_view view) {
    if (copied == 0 && view.size() >= kRecordBytes) {
      record = view.substr(0, kRecordBytes);
      return false;
    }
    const std::size_t taken = std::min(view.size(), kRecordBytes - copied);
    std::memcpy(arena.data() + copied, view.data(), taken);
    copied += taken;
    record = {arena.data(), copied};
    return copied < kRecordBytes;
  });
  return record;
}

}  // namespace

// --- plain ---

IoResult PlainTransport::read(char* to, std::size_t room) {
  for (;;) {
    const ssize_t got = ::recv(socket_, to, room, MSG_DONTWAIT);
    if (got > 0) return {State::kDone, static_cast<std::size_t>(got), false, {}};
    if (got == 0) return {State::kEnded, 0, false, std::string(kHungUp)};
    if (errno != EINTR) return of_errno(State::kWantsRead);
  }
}

IoResult PlainTransport::write(const session::Outgoing& out, std::size_t skip) {
  std::array<iovec, kMaxPieces> parts;
  std::size_t count = 0;
  for_pieces(out, skip, [&](std::string_view view) {
    parts[count++] = {const_cast<char*>(view.data()), view.size()};
    return count < kMaxPieces;
  });
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t written = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written >= 0) return {State::kDone, static_cast<std::size_t>(written), false, {}};
    if (errno != EINTR) return of_errno(State::kWantsWrite);
  }
}

// --- TLS ---

TlsTransport::TlsTransport(int socket, TlsContextPtr context) : context_(std::move(context)), connection_(SSL_new(context_->native())) {
  MQ_CHECK(connection_ != nullptr && SSL_set_fd(connection_.get(), socket) == 1);
  SSL_set_accept_state(connection_.get());
}

IoResult TlsTransport::failed(int outcome) {
  switch (SSL_get_error(connection_.get(), outcome)) {
    case SSL_ERROR_WANT_READ: return {State::kWantsRead, 0, false, {}};
    case SSL_ERROR_WANT_WRITE: return {State::kWantsWrite, 0, false, {}};
    case SSL_ERROR_ZERO_RETURN: return {State::kEnded, 0, false, std::string(kHungUp)};
    default: break;
  }
  const int problem = errno;
  broken_ = true;  // nothing more may be asked of it
  const bool handshaking = !SSL_is_init_finished(connection_.get());
  if (ERR_peek_error() == 0 || ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    if (problem == 0 || problem == EAGAIN || !handshaking) return {State::kEnded, 0, false, std::string(kHungUp)};
    return {State::kFailed, 0, false, std::strerror(problem)};
  }
  return {State::kFailed, 0, false, (handshaking ? "TLS handshake failed: " : "TLS: ") + take_tls_error()};
}

IoResult TlsTransport::read(char* to, std::size_t room) {
  if (broken_) return {State::kEnded, 0, false, std::string(kHungUp)};
  IoResult result;
  ERR_clear_error();
  while (result.bytes < room) {
    std::size_t got = 0;
    errno = 0;
    const int outcome = SSL_read_ex(connection_.get(), to + result.bytes, room - result.bytes, &got);
    if (outcome != 1) {
      if (result.bytes == 0) return failed(outcome);
      // What was read comes first. Whether there is an end behind it shows at the next attempt, which must not wait for the socket.
      result.more = SSL_get_error(connection_.get(), outcome) != SSL_ERROR_WANT_READ;
      return result;
    }
    result.bytes += got;
  }
  result.more = true;
  return result;
}

IoResult TlsTransport::write(const session::Outgoing& out, std::size_t skip) {
  if (broken_) return {State::kFailed, 0, false, std::string(kHungUp)};
  const std::string_view record = next_record(out, skip);
  std::size_t written = 0;
  ERR_clear_error();
  errno = 0;
  const int outcome = SSL_write_ex(connection_.get(), record.data(), record.size(), &written);
  if (outcome == 1) return {State::kDone, written, false, {}};
  return failed(outcome);
}

void TlsTransport::say_goodbye() {
  if (broken_ || !SSL_is_init_finished(connection_.get())) return;
  ERR_clear_error();
  static_cast<void>(SSL_shutdown(connection_.get()));
  ERR_clear_error();
}

}  // namespace mq::net
