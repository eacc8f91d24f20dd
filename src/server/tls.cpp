#include "server/tls.hpp"

#include "broker/password.hpp"
#include "server/secrets.hpp"

namespace mq::server {

net::TlsContextPtr make_tls(const Config& config, std::string& problem) {
  problem.clear();
  if (config.tls_certificate.empty()) return nullptr;
  net::TlsSettings settings;
  settings.certificate_file = config.tls_certificate;
  settings.key_file = config.tls_key;
  settings.ca_file = config.tls_ca;
  settings.ciphers = config.tls_ciphers;
  settings.only_1_3 = config.tls_min_version == "1.3";
  settings.verify = config.tls_verify == "required"   ? net::TlsSettings::Verify::kRequired
                    : config.tls_verify == "optional" ? net::TlsSettings::Verify::kOptional
                                                      : net::TlsSettings::Verify::kNone;
  settings.login_from =
      config.tls_login_from == "common_name" ? net::TlsSettings::LoginFrom::kCommonName : net::TlsSettings::LoginFrom::kDistinguishedName;
  if (!config.tls_key_password_file.empty()) {
    auto password = read_secret(config.tls_key_password_file);
    if (!password) {
      problem = password.error().text;
      return nullptr;
    }
    settings.key_password = std::move(*password);
  }
  auto made = net::TlsContext::make(settings, problem);
  broker::wipe(settings.key_password);
  return made;
}

}  // namespace mq::server
