// How a connection's bytes get through its socket: as they are, or through TLS. Nothing here waits: a transport does what it can at once
// and says what the socket must become ready for before it can do more. One thread, the connection's.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "net/tls_context.hpp"
#include "session/outbox.hpp"

namespace mq::net {

struct IoResult {
  enum class State : std::uint8_t {
    kDone,        ///< `bytes` of them
    kWantsRead,   ///< nothing can be done until the socket can be read
    kWantsWrite,  ///< ... or written
    kEnded,       ///< the peer will send no more
    kFailed,      ///< `why` says
  };
  State state = State::kDone;
  std::size_t bytes = 0;
  bool more = false;  ///< of a read: there may be more that the socket does not tell of
  std::string why;
};

/// Plain TCP: whatever is to be sent is gathered into one call.
class PlainTransport {
 public:
  explicit PlainTransport(int socket) : socket_(socket) {}

  [[nodiscard]] IoResult read(char* to, std::size_t room);
  /// Writes what it can of `out` behind its first `skip` bytes.
  [[nodiscard]] IoResult write(const session::Outgoing& out, std::size_t skip);
  void say_goodbye() {}
  [[nodiscard]] std::optional<std::string> certified_user() const { return std::nullopt; }

 private:
  int socket_;
};

/// TLS, the server's side. The handshake happens in read(): bytes come when it is over. An idle connection holds no buffers.
class TlsTransport {
 public:
  TlsTransport(int socket, TlsContextPtr context);

  [[nodiscard]] IoResult read(char* to, std::size_t room);
  /// After kWantsRead or kWantsWrite `out` and `skip` must be the same again.
  [[nodiscard]] IoResult write(const session::Outgoing& out, std::size_t skip);
  /// close_notify, if it can be said at once.
  void say_goodbye();
  [[nodiscard]] std::optional<std::string> certified_user() const { return context_->user_of(connection_.get()); }

 private:
  struct Frees {
    void operator()(SSL* connection) const noexcept { SSL_free(connection); }
  };
  [[nodiscard]] IoResult failed(int outcome);

  TlsContextPtr context_;
  std::unique_ptr<SSL, Frees> connection_;
  bool broken_ = false;
};

using Transport = std::variant<PlainTransport, TlsTransport>;

}  // namespace mq::net
