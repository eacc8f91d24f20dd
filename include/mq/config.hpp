// What an operator can set: plain values with their defaults, and how they are read from a TOML file and from `key=value` texts.
//
// Units stand last in each name. The keys, bounds and help texts are rows of one table (server/config_options); config/brokerd.toml is
// written from it. A Config is a value: loaded once, then handed down; threads share copies.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mq {

/// How much memory the broker may use before it stops reading from publishers: a share of the machine's, or a number of bytes.
struct MemoryWatermark {
  double fraction = 0.6;    ///< of the memory of the machine or of its control group; used while `bytes` is 0
  std::uint64_t bytes = 0;  ///< 0 = use the fraction
  /// The limit in bytes, on a machine with `total_bytes` of memory.
  [[nodiscard]] std::uint64_t limit_bytes(std::uint64_t total_bytes) const noexcept {
    return bytes != 0 ? bytes : static_cast<std::uint64_t>(fraction * static_cast<double>(total_bytes));
  }
  bool operator==(const MemoryWatermark&) const = default;
};

struct Config {
  // server
  std::string data_dir = "./brokerd-data";  ///< the default yields to $STATE_DIRECTORY, which systemd sets
  std::uint32_t threads = 0;                ///< that serve connections and queues; 0 = one per processor
  std::uint32_t shutdown_timeout_ms = 10'000;

  // amqp
  std::string bind = "::";            ///< `::` takes IPv4 too, and means 0.0.0.0 where there is no IPv6
  std::uint16_t amqp_port = 5672;     ///< 0 = one the system picks
  std::uint32_t max_connections = 0;  ///< 0 = no limit but that of open files
  std::uint16_t channel_max = 2047;   ///< per connection; 0 = no limit
  std::uint32_t frame_max_bytes = 128 * 1024;
  std::uint32_t initial_frame_max_bytes = 8 * 1024;  ///< before the peer has logged in
  std::uint16_t heartbeat_s = 60;                    ///< suggested to clients; 0 = none
  std::uint32_t handshake_timeout_ms = 10'000;
  std::uint64_t max_message_bytes = 16ULL << 20;

  // management: the HTTP API
  bool management_enabled = true;
  std::string management_bind;            ///< empty = where AMQP listens
  std::uint16_t management_port = 15672;  ///< 0 = one the system picks
  std::uint32_t management_max_connections = 256;
  std::uint64_t management_max_body_bytes = 16ULL << 20;
  std::uint32_t management_idle_timeout_ms = 60'000;

  // auth: what is made on the first start, when the data directory is empty
  std::string default_user = "guest";
  std::string default_password = "guest";
  std::string default_vhost = "/";
  std::string default_password_file;                    ///< holds the password instead; empty = none does
  std::vector<std::string> loopback_users = {"guest"};  ///< may log in from this machine only
  std::uint32_t password_cost = 14;                     ///< of hashes made from now on: scrypt with N = 2^this
  bool upgrade_hashes = true;                           ///< hashes of RabbitMQ's are replaced when their user logs in
  std::uint32_t max_login_failures = 5;                 ///< per window; beyond, logins are refused for a while; 0 = never
  std::uint32_t login_failure_window_ms = 300'000;
  std::uint32_t login_bar_max_ms = 60'000;  ///< how long "a while" grows
  bool throttle_loopback = false;           ///< whether failed logins from this machine count

  // tls: served as soon as there is a certificate
  std::string tls_certificate;        ///< file: the server's certificate, and those between it and its root (PEM); empty = no TLS
  std::string tls_key;                ///< file: its private key (PEM)
  std::string tls_key_password_file;  ///< empty = the key is not encrypted
  std::string tls_ca;                 ///< file: who may have signed certificates of clients (PEM)
  std::string tls_verify = "none";    ///< certificates of clients: `none`, `optional`, `required`
  std::string tls_login_from = "distinguished_name";        ///< who a client is that logs in by certificate: that, or `common_name`
  std::string tls_min_version = "1.2";                      ///< or `1.3`
  std::string tls_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";  ///< of TLS 1.2; those of 1.3 are all good
  std::string tls_bind;                                     ///< empty = where AMQP listens
  std::uint16_t tls_amqp_port = 5671;                       ///< 0 = one the system picks
  std::uint16_t tls_management_port = 15671;                ///< 0 = one the system picks
  bool tls_only = false;                                    ///< nothing is served without TLS

  // queues
  bool delayed_messages = true;                    ///< the headers x-delay and x-deliver-at delay publishes to any exchange
  std::int32_t default_queue_delivery_limit = 20;  ///< for quorum queues that set none; -1 = no limit
  std::uint64_t ack_timeout_ms = 1'800'000;        ///< how long a delivery may stay unacknowledged; 0 = for ever
  std::string late_ack = "requeue";                ///< what then: `requeue`, `cancel` (the consumer), `close` (the channel)

  // flow: what may be under way or in memory
  std::uint64_t publish_window_bytes = 1ULL << 20;    ///< per connection: published, not yet taken in by the queues
  std::uint64_t outbox_bytes = 512ULL << 10;          ///< per connection: delivered, not yet taken by the socket
  std::uint64_t queue_resident_bytes = 64ULL << 20;   ///< message bodies one queue keeps in memory
  std::uint64_t total_resident_bytes = 512ULL << 20;  ///< message bodies all queues keep in memory
  MemoryWatermark memory_watermark;
  std::uint64_t disk_free_limit_bytes = 50'000'000;  ///< with less space left, publishers are not read; 0 = not watched

  // limits: what peers may have at most; 0 = no limit
  std::uint32_t connections_per_address = 0;
  std::uint64_t max_channels = 200'000;  ///< of all connections together
  std::uint64_t queues_per_vhost = 250'000;
  std::uint64_t exchanges_per_vhost = 50'000;
  std::uint64_t bindings_per_vhost = 1'000'000;
  std::uint32_t consumers_per_channel = 10'000;
  std::uint64_t unacked_per_connection = 250'000;  ///< deliveries; beyond, it is delivered nothing
  std::uint64_t transaction_bytes = 64ULL << 20;   ///< of a transaction that is not committed yet
  std::uint64_t arguments_bytes = 16ULL << 10;     ///< of a queue, an exchange or a binding
  std::uint64_t connection_publish_rate = 0;       ///< messages per second
  std::uint64_t connection_publish_byte_rate = 0;  ///< bytes per second

  // log
  std::string log_level = "info";  ///< trace, debug, info, warn, error or off
  bool log_console = true;         ///< on standard error
  std::string log_file;            ///< empty = no file
  std::uint64_t log_rotate_bytes = 64ULL << 20;
  std::uint32_t log_keep_files = 5;

  bool operator==(const Config&) const = default;
};

/// One thing wrong with a configuration.
struct ConfigError {
  std::string source;        ///< a file's name, or what else the text came from
  std::uint32_t line = 0;    ///< 0 = not from a place in a file
  std::uint32_t column = 0;  ///< 0 likewise
  std::string text;

  /// `source:line:column: text`
  [[nodiscard]] std::string to_string() const;
};
using ConfigErrors = std::vector<ConfigError>;  ///< all that is wrong, in order of place; never empty as an error
[[noreturn]] void throw_exception_from_error(const ConfigErrors& errors, const boost::source_location& where);

template <class T = void>
using ConfigResult = boost::system::result<T, ConfigErrors>;

/// A Config with its defaults, and the data directory a service manager names in $STATE_DIRECTORY if it names one.
[[nodiscard]] Config default_config();

/// `default_config()` overlaid with a TOML file. Unknown keys, wrong types, values out of bounds and contradictions are errors.
[[nodiscard]] ConfigResult<Config> load_config(const std::string& path);
/// The same from a text; `source` stands in the errors.
[[nodiscard]] ConfigResult<Config> parse_config(std::string_view toml, const std::string& source);

/// Sets one key, e.g. `amqp.port`, from a text such as `5672`, `64MiB`, `30s`, `true` or `guest,app` (a list). Bounds are checked;
/// contradictions with other keys are found by check_config() once all is set.
[[nodiscard]] ConfigResult<> apply_override(Config& config, std::string_view key, std::string_view text);
/// Finds values that contradict each other, e.g. a TLS port without a certificate.
[[nodiscard]] ConfigResult<> check_config(const Config& config);

/// One key whose value differs between two configurations.
struct ConfigChange {
  std::string_view key;
  std::string from;  ///< as it would be written in TOML; `***` for secrets
  std::string to;
  bool reloadable = false;  ///< can be taken over by a running broker
};
[[nodiscard]] std::vector<ConfigChange> config_changes(const Config& from, const Config& to);
/// Takes the reloadable values of `fresh` over into `running`; returns all changes, those not taken over (reloadable == false) too.
std::vector<ConfigChange> reload_config(Config& running, const Config& fresh);

/// The text of config/brokerd.toml: every key with its default, bounds and meaning, each commented out.
[[nodiscard]] std::string config_file_text();
/// Every key with its default and meaning, for `--help`.
[[nodiscard]] std::string config_help_text();

}  // namespace mq
