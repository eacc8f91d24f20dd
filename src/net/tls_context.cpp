#include "net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/log.hpp"

namespace mq::net {
namespace {

constexpr long kTicketsLastS = 3600;
constexpr long kMaxPeerCertificateBytes = 32 * 1024;
constexpr int kMaxChain = 8;
constexpr long kWarnDays = 14;
constexpr std::string_view kSessionContext = "brokerd";

int give_password(char* to, int room, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.size() > static_cast<std::size_t>(room)) return 0;
  text.copy(to, text.size());            // OpenSSL asks for no null at its end
  return static_cast<int>(text.size());  // without one it is 0: never ask at the terminal
}

void warn_of_open_key(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0) log::warn("the key in '{}' can be read by everybody", file);
}

void warn_of_expiry(const SSL_CTX* context, const std::string& file) {
  const X509* certificate = SSL_CTX_get0_certificate(context);
  int days = 0, seconds = 0;
  if (certificate == nullptr || ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) != 1) return;
  if (days < 0 || seconds < 0) log::warn("the certificate in '{}' has expired", file);
  else if (days < kWarnDays) log::warn("the certificate in '{}' expires in {} days", file, days);
}

/// Sets up `context`; what is wrong, or nothing.
std::string use_files(SSL_CTX* context, const TlsSettings& settings) {
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<std::string*>(&settings.key_password));
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate_file.c_str()) != 1)
    return "cannot use the certificate in '" + settings.certificate_file + "': " + take_tls_error();
  if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1)
    return "cannot use the key in '" + settings.key_file + "': " + take_tls_error();
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (settings.verify == TlsSettings::Verify::kNone) return {};
  if (SSL_CTX_load_verify_locations(context, settings.ca_file.c_str(), nullptr) != 1)
    return "cannot use the certificates in '" + settings.ca_file + "': " + take_tls_error();
  if (STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(settings.ca_file.c_str())) SSL_CTX_set_client_CA_list(context, names);
  ERR_clear_error();
  return {};
}

void set_manners(SSL_CTX* context, const TlsSettings& settings) {
  SSL_CTX_set_min_proto_version(context, settings.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessionContext.data()), kSessionContext.size());
  SSL_CTX_set_timeout(context, kTicketsLastS);
  SSL_CTX_set_max_cert_list(context, kMaxPeerCertificateBytes);
  if (settings.verify == TlsSettings::Verify::kNone) {
    SSL_CTX_set_num_tickets(context, 1);
    return;
  }
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_verify_depth(context, kMaxChain);
  const int needed = settings.verify == TlsSettings::Verify::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | needed, nullptr);
}

std::string distinguished_name(X509_NAME* subject) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  // Backwards and escaped as RFC 4514 wants it, letters beyond ASCII as they are.
  if (!out || X509_NAME_print_ex(out.get(), subject, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) return {};
  const char* data = nullptr;
  const long bytes = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(bytes)};
}

std::string common_name(X509_NAME* subject) {
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int bytes = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (bytes < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(bytes));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string();
}

}  // namespace

std::string take_tls_error() {
  std::string text = "unknown error";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    const char* reason = ERR_SYSTEM_ERROR(code) ? std::strerror(static_cast<int>(ERR_GET_REASON(code))) : ERR_reason_error_string(code);
    if (reason != nullptr) text = reason;
  }
  ERR_clear_error();
  return text;
}

std::shared_ptr<const TlsContext> TlsContext::make(const TlsSettings& settings, std::string& problem) {
  ERR_clear_error();
  const std::shared_ptr<TlsContext> made(new TlsContext());
  made->context_.reset(SSL_CTX_new(TLS_server_method()));
  made->verifies_ = settings.verify != TlsSettings::Verify::kNone;
  made->login_from_ = settings.login_from;
  SSL_CTX* context = made->context_.get();
  set_manners(context, settings);
  problem = use_files(context, settings);
  if (problem.empty() && !settings.ciphers.empty() && SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1)
    problem = "cannot use the ciphers '" + settings.ciphers + "': " + take_tls_error();
  if (!problem.empty()) return nullptr;
  warn_of_open_key(settings.key_file);
  warn_of_expiry(context, settings.certificate_file);
  return made;
}

std::optional<std::string> TlsContext::user_of(const SSL* connection) const {
  if (!verifies_ || SSL_get_verify_result(connection) != X509_V_OK) return std::nullopt;
  X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr) return std::nullopt;
  X509_NAME* subject = X509_get_subject_name(certificate);
  std::string name = login_from_ == TlsSettings::LoginFrom::kCommonName ? common_name(subject) : distinguished_name(subject);
  return name.empty() ? std::nullopt : std::optional(std::move(name));
}

}  // namespace mq::net
