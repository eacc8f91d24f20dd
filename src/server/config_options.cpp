#include "server/config_options.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace mq::server {
namespace {

using Kind = OptionKind;

constexpr std::int64_t kMax16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::int64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kMax64 = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kMinute = 60'000;
constexpr bool kReloadable = true;
constexpr bool kAtStart = false;

constexpr std::array<std::string_view, 3> kLateAcks{"requeue", "cancel", "close"};
constexpr std::array<std::string_view, 3> kVerifications{"none", "optional", "required"};
constexpr std::array<std::string_view, 2> kLoginNames{"distinguished_name", "common_name"};
constexpr std::array<std::string_view, 2> kTlsVersions{"1.2", "1.3"};
constexpr std::array<std::string_view, 6> kLogLevels{"trace", "debug", "info", "warn", "error", "off"};

constexpr ConfigSection kSections[] = {
    {"server", "the process"},
    {"amqp", "the AMQP 0-9-1 listener and what a connection may do"},
    {"management", "the HTTP API for operators and their tools"},
    {"auth",
     "the user and the virtual host made when the data directory is empty, who may log in from where, and what passwords cost those who "
     "guess"},
    {"tls", "AMQP and the API over TLS, served as soon as there is a certificate; files are read anew on SIGHUP"},
    {"queues", "values for queues that do not set their own"},
    {"flow", "what may be under way or in memory before somebody has to wait"},
    {"limits", "what peers may have at most; users and vhosts have limits of their own, set while the broker runs"},
    {"log", "the log"},
};

// clang-format off
constexpr ConfigOption kOptions[] = {
    // key, kind, field, lowest, highest, reloadable, help
    {"server.data_dir", Kind::kText, &Config::data_dir, 0, kMax64, kAtStart, "where everything durable is kept; the default yields to $STATE_DIRECTORY, which systemd sets to /var/lib/brokerd"},
    {"server.threads", Kind::kNumber, &Config::threads, 0, 1024, kAtStart, "threads that serve connections and queues; 0 = one per processor"},
    {"server.shutdown_timeout", Kind::kMilliseconds, &Config::shutdown_timeout_ms, 0, 60 * kMinute, kReloadable, "how long clients may take to close in good order when the broker stops"},

    {"amqp.bind", Kind::kText, &Config::bind, 0, kMax64, kAtStart, "the address to listen on; \"::\" = all, of IPv6 and of IPv4 (0.0.0.0 where there is no IPv6)"},
    {"amqp.port", Kind::kNumber, &Config::amqp_port, 0, kMax16, kAtStart, "the port of plain AMQP; 0 = one the system picks, written to the log"},
    {"amqp.max_connections", Kind::kNumber, &Config::max_connections, 0, kMax32, kReloadable, "connections at a time; 0 = as many as open files allow"},
    {"amqp.channel_max", Kind::kNumber, &Config::channel_max, 0, kMax16, kReloadable, "channels a connection may have; 0 = no limit"},
    {"amqp.frame_max", Kind::kBytes, &Config::frame_max_bytes, 4096, 64 * kMiB, kReloadable, "the largest frame either side may send; clients may agree on less"},
    {"amqp.initial_frame_max", Kind::kBytes, &Config::initial_frame_max_bytes, 4096, 1 * kMiB, kReloadable, "the largest frame a client may send before it has logged in"},
    {"amqp.heartbeat", Kind::kSeconds, &Config::heartbeat_s, 0, kMax16, kReloadable, "the heartbeat interval suggested to clients, who decide; 0 = none"},
    {"amqp.handshake_timeout", Kind::kMilliseconds, &Config::handshake_timeout_ms, 100, 60 * kMinute, kReloadable, "a client that has not opened its connection after this long is cut off"},
    {"amqp.max_message_size", Kind::kBytes, &Config::max_message_bytes, 1, 512 * kMiB, kReloadable, "the largest body of a message"},

    {"management.enabled", Kind::kBoolean, &Config::management_enabled, 0, 1, kAtStart, "whether the API is served"},
    {"management.bind", Kind::kText, &Config::management_bind, 0, kMax64, kAtStart, "the address to listen on; empty = that of amqp.bind"},
    {"management.port", Kind::kNumber, &Config::management_port, 0, kMax16, kAtStart, "the port of HTTP; 0 = one the system picks, written to the log"},
    {"management.max_connections", Kind::kNumber, &Config::management_max_connections, 1, kMax32, kReloadable, "connections at a time"},
    {"management.max_body_size", Kind::kBytes, &Config::management_max_body_bytes, kKiB, 512 * kMiB, kReloadable, "the largest body of a request"},
    {"management.idle_timeout", Kind::kMilliseconds, &Config::management_idle_timeout_ms, 100, 60 * kMinute, kReloadable, "a connection is closed when its next request, or the rest of one, takes longer"},

    {"auth.default_user", Kind::kText, &Config::default_user, 0, kMax64, kAtStart, "the administrator made on the first start"},
    {"auth.default_password", Kind::kText, &Config::default_password, 0, kMax64, kAtStart, "the administrator's first password; change it before you let other machines in. Not taken from the command line, which others can read: there is auth.default_password_file", {}, true},
    {"auth.default_password_file", Kind::kText, &Config::default_password_file, 0, kMax64, kAtStart, "a file that holds the first password instead; empty = the credential default_password of the service manager, else $BROKERD_DEFAULT_PASSWORD, else auth.default_password"},
    {"auth.default_vhost", Kind::kText, &Config::default_vhost, 0, kMax64, kAtStart, "the virtual host made on the first start"},
    {"auth.loopback_users", Kind::kTextList, &Config::loopback_users, 0, kMax64, kReloadable, "users who may log in from this machine only"},
    {"auth.password_cost", Kind::kNumber, &Config::password_cost, 10, 18, kReloadable, "what a hash of a password costs whoever guesses, and us: scrypt with N = 2^this takes 2^this KiB of memory for a moment; one more doubles that and the time. 14 is some 40 ms"},
    {"auth.upgrade_hashes", Kind::kBoolean, &Config::upgrade_hashes, 0, 1, kReloadable, "whether a password's hash that was taken over from RabbitMQ, or is cheaper than auth.password_cost, is replaced when its user logs in"},
    {"auth.max_login_failures", Kind::kNumber, &Config::max_login_failures, 0, 10'000, kReloadable, "logins of a user from an address (IPv6: a /64) that may fail per window; beyond, they are refused for 1s, 2s, 4s, ... Four times as many for all users of an address, or for a user from anywhere, who then waits but is not refused. 0 = as many as come"},
    {"auth.login_failure_window", Kind::kMilliseconds, &Config::login_failure_window_ms, 1000, 24 * 60 * kMinute, kReloadable, "the time in which that many failures are forgotten"},
    {"auth.login_bar_max", Kind::kMilliseconds, &Config::login_bar_max_ms, 1000, 24 * 60 * kMinute, kReloadable, "the longest time for which logins are refused"},
    {"auth.throttle_loopback", Kind::kBoolean, &Config::throttle_loopback, 0, 1, kReloadable, "whether failed logins from this machine count; with a proxy on it, all its clients would be refused for the mistakes of one"},

    {"tls.certificate", Kind::kText, &Config::tls_certificate, 0, kMax64, kReloadable, "a file with the server's certificate and those between it and its root, in PEM; empty = no TLS"},
    {"tls.key", Kind::kText, &Config::tls_key, 0, kMax64, kReloadable, "a file with the certificate's private key, in PEM; nobody but the broker's user should be able to read it"},
    {"tls.key_password_file", Kind::kText, &Config::tls_key_password_file, 0, kMax64, kReloadable, "a file with the password of an encrypted key"},
    {"tls.ca", Kind::kText, &Config::tls_ca, 0, kMax64, kReloadable, "a file with the certificates of those who may sign certificates of clients, in PEM"},
    {"tls.verify", Kind::kText, &Config::tls_verify, 0, kMax64, kReloadable, "certificates of clients: none = not asked for; optional = one that is shown must be good; required = there must be one. With either of the latter a client may log in by its certificate (EXTERNAL)", kVerifications},
    {"tls.login_from", Kind::kText, &Config::tls_login_from, 0, kMax64, kReloadable, "which part of a certificate is the name of the user who logs in by it", kLoginNames},
    {"tls.min_version", Kind::kText, &Config::tls_min_version, 0, kMax64, kReloadable, "the oldest version of TLS that is spoken", kTlsVersions},
    {"tls.ciphers", Kind::kText, &Config::tls_ciphers, 0, kMax64, kReloadable, "ciphers of TLS 1.2, as OpenSSL lists them; those of TLS 1.3 need no choice"},
    {"tls.bind", Kind::kText, &Config::tls_bind, 0, kMax64, kAtStart, "the address to listen on; empty = that of amqp.bind, and of management.bind for the API"},
    {"tls.amqp_port", Kind::kNumber, &Config::tls_amqp_port, 0, kMax16, kAtStart, "the port of AMQP over TLS; 0 = one the system picks, written to the log"},
    {"tls.management_port", Kind::kNumber, &Config::tls_management_port, 0, kMax16, kAtStart, "the port of the API over TLS; 0 = one the system picks, written to the log"},
    {"tls.only", Kind::kBoolean, &Config::tls_only, 0, 1, kAtStart, "whether the ports without TLS are closed"},

    {"queues.delayed_messages", Kind::kBoolean, &Config::delayed_messages, 0, 1, kReloadable, "whether the headers x-delay and x-deliver-at delay publishes to any exchange; exchanges of type x-delayed-message heed them always"},
    {"queues.default_delivery_limit", Kind::kNumber, &Config::default_queue_delivery_limit, -1, std::numeric_limits<std::int32_t>::max(), kReloadable, "how often a message may be returned to a quorum queue before it is dead-lettered; -1 = as often as it takes"},
    {"queues.consumer_timeout", Kind::kMilliseconds, &Config::ack_timeout_ms, 0, kMax64, kReloadable, "how long a delivery may stay unacknowledged where neither queue nor consumer says otherwise; 0 = for ever"},
    {"queues.late_ack", Kind::kText, &Config::late_ack, 0, kMax64, kReloadable, "what becomes of a delivery that was not acknowledged in time: requeue = the message goes back, nothing else happens; cancel = the consumer is cancelled as well; close = the channel is closed, as RabbitMQ does", kLateAcks},

    {"flow.publish_window", Kind::kBytes, &Config::publish_window_bytes, 64 * kKiB, kMax64, kReloadable, "bytes of messages per connection that no queue has taken in yet; beyond, its socket is not read"},
    {"flow.outbox", Kind::kBytes, &Config::outbox_bytes, 64 * kKiB, kMax64, kReloadable, "bytes of deliveries per consumer that wait for its connection's socket, and a quarter of those of all its consumers; beyond, nothing is delivered"},
    {"flow.queue_resident", Kind::kBytes, &Config::queue_resident_bytes, 0, kMax64, kReloadable, "bytes of messages a queue keeps in memory; the others are read back from disk"},
    {"flow.total_resident", Kind::kBytes, &Config::total_resident_bytes, 0, kMax64, kReloadable, "bytes of messages all queues together keep in memory"},
    {"flow.memory_watermark", Kind::kWatermark, &Config::memory_watermark, kMiB, kMax64, kReloadable, "memory in use beyond which publishers have to wait: a share of the machine's memory, as 0.6, or bytes, as \"2GiB\""},
    {"flow.disk_free_limit", Kind::kBytes, &Config::disk_free_limit_bytes, 0, kMax64, kReloadable, "free disk space below which publishers have to wait; 0 = not watched"},

    {"limits.connections_per_address", Kind::kNumber, &Config::connections_per_address, 0, kMax32, kReloadable, "AMQP connections from one IP address; 0 = no limit, as behind a proxy there must be none"},
    {"limits.channels", Kind::kNumber, &Config::max_channels, 0, kMax64, kReloadable, "channels of all connections together; 0 = no limit"},
    {"limits.queues_per_vhost", Kind::kNumber, &Config::queues_per_vhost, 0, kMax64, kReloadable, "queues of a vhost that has no limit max-queues of its own; 0 = no limit"},
    {"limits.exchanges_per_vhost", Kind::kNumber, &Config::exchanges_per_vhost, 0, kMax64, kReloadable, "exchanges of a vhost, those among them that are always there; 0 = no limit"},
    {"limits.bindings_per_vhost", Kind::kNumber, &Config::bindings_per_vhost, 0, kMax64, kReloadable, "bindings of a vhost; 0 = no limit"},
    {"limits.consumers_per_channel", Kind::kNumber, &Config::consumers_per_channel, 0, kMax32, kReloadable, "consumers of a channel; 0 = no limit"},
    {"limits.unacked_per_connection", Kind::kNumber, &Config::unacked_per_connection, 0, kMax64, kReloadable, "deliveries that a connection may leave unacknowledged, whatever its prefetch; beyond, it is delivered nothing; 0 = no limit"},
    {"limits.transaction_size", Kind::kBytes, &Config::transaction_bytes, 0, kMax64, kReloadable, "bytes of publishes and acknowledgements in a transaction that is not committed yet; 0 = no limit"},
    {"limits.arguments_size", Kind::kBytes, &Config::arguments_bytes, 0, kMax64, kReloadable, "bytes of the arguments of a queue, an exchange or a binding; 0 = no limit"},
    {"limits.connection_publish_rate", Kind::kNumber, &Config::connection_publish_rate, 0, kMax64, kReloadable, "messages per second that a connection may publish; what it sends beyond waits; 0 = no limit"},
    {"limits.connection_publish_byte_rate", Kind::kBytes, &Config::connection_publish_byte_rate, 0, kMax64, kReloadable, "bytes per second of contents that a connection may publish; what it sends beyond waits; 0 = no limit"},

    {"log.level", Kind::kText, &Config::log_level, 0, kMax64, kReloadable, "the least important lines written", kLogLevels},
    {"log.console", Kind::kBoolean, &Config::log_console, 0, 1, kAtStart, "whether lines go to standard error"},
    {"log.file", Kind::kText, &Config::log_file, 0, kMax64, kAtStart, "a file to log to, besides the console; empty = none"},
    {"log.rotate_size", Kind::kBytes, &Config::log_rotate_bytes, 64 * kKiB, kMax64, kAtStart, "a log file that grew to this is put aside and a new one begun"},
    {"log.keep_files", Kind::kNumber, &Config::log_keep_files, 1, 1000, kAtStart, "how many log files put aside are kept"},
};
// clang-format on

/// Levenshtein's: single letters inserted, removed or replaced.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string_view last_part(std::string_view key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

std::span<const ConfigSection> config_sections() { return kSections; }

std::span<const ConfigOption> config_options() { return kOptions; }

const ConfigOption* find_option(std::string_view key) noexcept {
  auto found = std::find_if(std::begin(kOptions), std::end(kOptions), [key](const ConfigOption& option) { return option.key == key; });
  return found == std::end(kOptions) ? nullptr : found;
}

std::string_view nearest_key(std::string_view key) {
  auto distance = [key](const ConfigOption& option) {
    return std::min(edit_distance(key, option.key), edit_distance(last_part(key), last_part(option.key)) + 2);
  };
  auto nearer = [&](const ConfigOption& a, const ConfigOption& b) { return distance(a) < distance(b); };
  return std::min_element(std::begin(kOptions), std::end(kOptions), nearer)->key;
}

}  // namespace mq::server
