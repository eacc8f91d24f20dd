// What a simulated life is about: its queues and exchanges, who talks, what goes wrong. Drawn from the seed; every life has some of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mq/amqp/table.hpp"
#include "mq/base/clock.hpp"
#include "sim/random.hpp"

namespace mq::sim {

using QueueIndex = std::size_t;

struct QueuePlan {
  std::string name;
  bool durable = true;
  amqp::Table arguments;
  // The same, as the oracle reads it.
  std::optional<Millis> ttl_ms;
  bool limited = false;  ///< in length, by dropping
  bool refuses = false;  ///< in length, by refusing publishes
  bool delivery_limited = false;
  bool may_expire = false;  ///< by rules that change
  bool grouped = false;
  bool takes_each_id_once = false;
  bool forgetful = false;  ///< takes back what is not acknowledged in time
  bool in_order = true;    ///< messages of one publisher come in the order in which they were published
  bool single_active = false;
  std::optional<QueueIndex> dead_letters_to;
  std::optional<QueueIndex> dead_letters_of;  ///< it is there for what dies in that queue
};

/// What a consumer may ask for, by the headers `colour` (empty = not there) and `size`.
struct FilterPlan {
  std::string_view text;  ///< the condition; empty = the table `colour: red`
  bool (*wants)(std::string_view colour, std::optional<std::int64_t> size);
};

struct ExchangePlan {
  std::string name, type;
};

struct BindingPlan {
  std::string exchange, key;
  QueueIndex queue = 0;
};

/// In how many of a hundred steps something of the kind is done, when its turn comes.
struct Odds {
  unsigned crash = 0, restart = 0, vanish = 0, failed_commit = 0, failed_read = 0, stall = 0, full_disk = 0;
  unsigned policy = 0, pause = 0, alarm = 0, limit = 0, shortage = 0, rate = 0;
  unsigned rot = 0;  ///< of a hundred crashes, after so many a page on disk is damaged
};

struct Plan {
  explicit Plan(std::uint64_t seed);

  /// The queues that a message published like that enters, each once, in order.
  [[nodiscard]] std::vector<QueueIndex> route(std::string_view exchange, std::string_view key) const;
  /// Where something is published to: an exchange and a key.
  [[nodiscard]] std::pair<std::string, std::string> draw_address(Random& random) const;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] static std::span<const FilterPlan> filters() noexcept;

  std::vector<QueuePlan> queues;
  std::vector<ExchangePlan> exchanges;
  std::vector<BindingPlan> bindings;
  std::size_t clients = 3;
  Odds odds;
  // what clients do in this life
  bool with_tx = false, with_no_ack = false, with_expirations = false, with_priorities = false, with_large_bodies = false;
  bool with_slow_readers = false, with_gets = false, with_requeues = false, with_cancels = false, with_mistakes = false,
       with_floods = false;
  bool with_delays = false, with_groups = false, with_ids = false, with_mandatory = false, with_churn = false;
  bool with_filters = false, with_heartbeats = false, with_many_channels = false;
  bool lets_the_broker_settle = false;  ///< the clock moves when nothing is left to do
  bool small_memory = false;            ///< most messages do not stay in memory
  unsigned persistent_percent = 90;
};

}  // namespace mq::sim
