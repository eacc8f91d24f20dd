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
constexpr std::array<std::string_view, 6> kLogLevels{"trace", "debug", "info", "warn", "error", "off"};

constexpr ConfigSection kSections[] = {
    {"server", "the process"},
    {"amqp", "the AMQP 0-9-1 listener and what a connection may do"},
    {"management", "the HTTP API for operators and their tools"},
    {"auth", "the user and the virtual host made when the data directory is empty, and who may log in from where"},
    {"queues", "values for queues that do not set their own"},
    {"flow", "what may be under way or in memory before somebody has to wait"},
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
    {"auth.default_password", Kind::kText, &Config::default_password, 0, kMax64, kAtStart, "the administrator's first password; change it before you let other machines in", {}, true},
    {"auth.default_vhost", Kind::kText, &Config::default_vhost, 0, kMax64, kAtStart, "the virtual host made on the first start"},
    {"auth.loopback_users", Kind::kTextList, &Config::loopback_users, 0, kMax64, kReloadable, "users who may log in from this machine only"},

    {"queues.delayed_messages", Kind::kBoolean, &Config::delayed_messages, 0, 1, kReloadable, "whether the headers x-delay and x-deliver-at delay publishes to any exchange; exchanges of type x-delayed-message heed them always"},
    {"queues.default_delivery_limit", Kind::kNumber, &Config::default_queue_delivery_limit, -1, std::numeric_limits<std::int32_t>::max(), kReloadable, "how often a message may be returned to a quorum queue before it is dead-lettered; -1 = as often as it takes"},
    {"queues.consumer_timeout", Kind::kMilliseconds, &Config::ack_timeout_ms, 0, kMax64, kReloadable, "how long a delivery may stay unacknowledged where neither queue nor consumer says otherwise; 0 = for ever"},
    {"queues.late_ack", Kind::kText, &Config::late_ack, 0, kMax64, kReloadable, "what becomes of a delivery that was not acknowledged in time: requeue = the message goes back, nothing else happens; cancel = the consumer is cancelled as well; close = the channel is closed, as RabbitMQ does", kLateAcks},

    {"flow.publish_window", Kind::kBytes, &Config::publish_window_bytes, 64 * kKiB, kMax64, kReloadable, "bytes of messages per connection that no queue has taken in yet; beyond, its socket is not read"},
    {"flow.outbox", Kind::kBytes, &Config::outbox_bytes, 64 * kKiB, kMax64, kReloadable, "bytes of deliveries per connection that wait for its socket; beyond, it is delivered nothing"},
    {"flow.queue_resident", Kind::kBytes, &Config::queue_resident_bytes, 0, kMax64, kReloadable, "bytes of messages a queue keeps in memory; the others are read back from disk"},
    {"flow.total_resident", Kind::kBytes, &Config::total_resident_bytes, 0, kMax64, kReloadable, "bytes of messages all queues together keep in memory"},
    {"flow.memory_watermark", Kind::kWatermark, &Config::memory_watermark, kMiB, kMax64, kReloadable, "memory in use beyond which publishers have to wait: a share of the machine's memory, as 0.6, or bytes, as \"2GiB\""},
    {"flow.disk_free_limit", Kind::kBytes, &Config::disk_free_limit_bytes, 0, kMax64, kReloadable, "free disk space below which publishers have to wait; 0 = not watched"},

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
