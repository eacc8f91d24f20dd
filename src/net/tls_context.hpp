// What a TLS server knows: its certificate and key, whose certificates it takes, which versions and ciphers it speaks. Made from files,
// never changed afterwards: on SIGHUP a new one is made, for connections that come from then on. Any thread.
//
// TLS 1.2 with forward secrecy and authenticated ciphers, and TLS 1.3. No compression, no renegotiation. Sessions are resumed by tickets
// whose keys live as long as the context; not where certificates of clients are verified, so that each connection shows its own.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mq::net {

struct TlsSettings {
  std::string certificate_file;
  std::string key_file;
  std::string key_password;  ///< of an encrypted key
  std::string ca_file;       ///< who may have signed certificates of clients; empty = not asked for
  enum class Verify : std::uint8_t { kNone, kOptional, kRequired } verify = Verify::kNone;
  enum class LoginFrom : std::uint8_t { kDistinguishedName, kCommonName } login_from = LoginFrom::kDistinguishedName;
  bool only_1_3 = false;  ///< else 1.2 too
  std::string ciphers;    ///< of TLS 1.2, as OpenSSL lists them
};

class TlsContext {
 public:
  /// Null when something is wrong with the files or ciphers; `problem` then says what, in one line. Warns of a certificate that is about to
  /// expire, and of a key that everybody may read.
  [[nodiscard]] static std::shared_ptr<const TlsContext> make(const TlsSettings& settings, std::string& problem);

  [[nodiscard]] SSL_CTX* native() const noexcept { return context_.get(); }
  [[nodiscard]] bool verifies() const noexcept { return verifies_; }
  /// Who the peer of that connection is by its verified certificate: its subject as RFC 4514 has it (`CN=ann,O=Example`), or its common
  /// name. nullopt when it showed none, or has not just one common name.
  [[nodiscard]] std::optional<std::string> user_of(const SSL* connection) const;

 private:
  TlsContext() = default;

  struct Frees {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Frees> context_;
  bool verifies_ = false;
  TlsSettings::LoginFrom login_from_ = TlsSettings::LoginFrom::kDistinguishedName;
};
using TlsContextPtr = std::shared_ptr<const TlsContext>;

/// What OpenSSL says went wrong last, without its jargon of codes and places; forgets it.
[[nodiscard]] std::string take_tls_error();

}  // namespace mq::net
