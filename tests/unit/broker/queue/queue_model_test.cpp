// Random lives of a queue, held against a naive model. A failure names its seed; BROKERD_SEED=n runs that one alone, BROKERD_SEEDS=n
// as many as wanted.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "../filter_bench.hpp"
#include "queue_world.hpp"

namespace mq::broker::test {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

constexpr std::array kFilters = {"properties.type = 'order'", "properties.type <> 'order'", "properties.type IN ('letter', 'order')",
                                 "properties.priority > 0", "properties.type = 'nothing'"};

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed), durable_(chance(80)), patient_(chance(50)), world_(make_settings(), durable_) {}

  void live(int steps) {
    for (int step = 0; step < steps; ++step) {
      act();
      if (chance(70)) world_.turn();
      if (chance(30)) world_.mark();
      if (world_.writes_under_way() == 0 && chance(50)) {
        if (patient_ && chance(80)) world_.write_patiently(memory_target_bytes());
        else world_.write(memory_target_bytes());
      }
      if (chance(40)) world_.commit_one();
      if (chance(40)) world_.tell_one();
      if (world_.loads() > 0 && chance(30)) world_.answer_load(below(world_.loads()));
      if (chance(10)) world_.check_counts();
    }
    world_.check_counts();
    world_.drain();
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }

  QueueSettings make_settings() {
    QueueSettings settings;
    if (chance(40)) settings.max_priority = 2;
    if (chance(50)) settings.dead_letter_exchange = "dlx";
    if (chance(30)) settings.single_active_consumer = true;
    if (chance(40)) {
      settings.retry.on = std::array{RetryOn::kAll, RetryOn::kFailed, RetryOn::kReturned}[below(3)];
      settings.retry.backoff = Backoff::kFixed;
      settings.retry.min_ms = static_cast<Millis>(1 + below(8000));
    }
    with_expirations_ = settings.dead_letter_exchange && chance(60);
    if (!settings.dead_letter_exchange) return settings;  // what leaves silently the model could not follow
    if (chance(30)) settings.message_ttl_ms = 5000;
    if (chance(30)) settings.delivery_limit = 2;
    if (chance(30)) {
      settings.max_length = 50 + below(3000);
      settings.overflow =
          std::array{Overflow::kDropHead, Overflow::kDropLowest, Overflow::kRejectPublish, Overflow::kRejectPublishDlx}[below(4)];
    }
    return settings;
  }

  std::uint64_t memory_target_bytes() { return chance(50) ? 0 : std::uint64_t{1} << (10 + below(16)); }

  Text text() {
    Text text;
    text.persistent = chance(mostly_persistent_ ? 90 : 30);
    if (chance(60)) text.priority = static_cast<std::uint8_t>(below(4));
    if (with_expirations_ && chance(40)) text.expiration = std::to_string(below(3) == 0 ? 0 : below(20'000));
    return text;
  }

  void publish_some() {
    mostly_persistent_ = chance(60);
    const std::uint64_t count = chance(20) ? below(900) : below(8);
    for (std::uint64_t i = 0; i < count; ++i) world_.publish(text(), below(300) == 0 ? 200'000 + below(900'000) : below(60), chance(50));
  }

  /// Each on a page of its own.
  void publish_one_by_one() {
    for (std::uint64_t i = below(60); i > 0; --i) {
      world_.publish(text(), below(60), chance(50));
      world_.turn();
      if (world_.writes_under_way() == 0) world_.write(memory_target_bytes());
      world_.commit_one();
      world_.tell_one();
    }
  }

  std::vector<std::uint64_t> some_out(std::uint64_t most) {
    std::vector<std::uint64_t> ids;
    const std::uint64_t percent = below(100);
    for (std::uint64_t id : world_.out())
      if (ids.size() < most && chance(static_cast<unsigned>(percent))) ids.push_back(id);
    return ids;
  }

  std::uint32_t some_consumer() {
    return std::next(world_.consumers().begin(), static_cast<std::ptrdiff_t>(below(world_.consumers().size())))->first;
  }

  void consume() {
    if (world_.consumers().size() > 4) return;
    ConsumerSpec spec;
    spec.no_ack = chance(20);
    spec.prefetch = chance(70) ? static_cast<std::uint32_t>(1 + below(300)) : 0;
    spec.priority = chance(30) ? static_cast<std::int32_t>(below(3)) - 1 : 0;
    spec.window_bytes = chance(50) ? 20'000 : 1 << 20;
    if (chance(20)) spec.channel_prefetch = world_.shared();
    if (with_filters_ && chance(70)) spec.filter = filter_of(std::string(kFilters[below(kFilters.size())]));
    world_.consume(spec);
  }

  void settle_some() {
    const Settlement how =
        std::array{Settlement::kAck, Settlement::kAck, Settlement::kRequeue, Settlement::kFailed, Settlement::kReject}[below(5)];
    for (std::uint64_t id : some_out(2000)) world_.settle(id, how);
  }

  void transact() {
    std::vector<Text> texts(below(5));
    for (Text& each : texts) each = text();
    world_.transaction(texts, some_out(3));
  }

  void act() {
    const std::uint64_t what = below(1000);
    if (what < 280) publish_some();
    else if (what < 300) publish_one_by_one();
    else if (what < 360) consume();
    else if (what < 600) settle_some();
    else if (what < 700 && !world_.consumers().empty()) world_.return_window(some_consumer());
    else if (what < 730 && !world_.consumers().empty()) world_.cancel(some_consumer(), random_);
    else if (what < 800) world_.get(chance(30));
    else if (what < 805) world_.purge();
    else if (what < 860) transact();
    else if (what < 920) world_.start_departures();
    else if (what < 970) world_.pass(static_cast<Millis>(below(3000)));
    else if (what < 985) world_.check_time();
    else if (what < 993 && durable_) world_.crash();
    else if (durable_) world_.stop_cleanly();
  }

  QueueWorld::Random random_;
  const bool durable_;
  const bool patient_;  // what is new is often not written at once
  const bool with_filters_ = below(100) < 40;
  bool with_expirations_ = false;
  bool mostly_persistent_ = true;
  QueueWorld world_;
};

void live(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  try {
    Life(seed).live(600);
  } catch (const Contradiction& contradiction) {
    ADD_FAILURE() << "seed " << seed << ": " << contradiction.what();
  }
}

TEST(QueueModel, AgreesWithANaiveQueueInRandomLives) {
  const std::uint64_t only = number_from_environment("BROKERD_SEED", 0);
  if (only != 0) return live(only);
  const std::uint64_t seeds = number_from_environment("BROKERD_SEEDS", 8);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) live(seed);
}

}  // namespace
}  // namespace mq::broker::test
