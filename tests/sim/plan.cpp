#include "sim/plan.hpp"

#include <algorithm>
#include <array>

namespace mq::sim {
namespace {

constexpr std::array<std::string_view, 5> kKeys = {"a", "b", "a.b", "a.c", "x.y.z"};
constexpr std::array<std::string_view, 5> kPatterns = {"a.*", "#", "*.b", "x.#", "a"};

using Size = std::optional<std::int64_t>;
// What is not there is unknown, and so is what is made of it: only what is true is wanted.
constexpr std::array<FilterPlan, 6> kFilters = {{
    {"", [](std::string_view colour, Size) { return colour == "red"; }},
    {"colour = 'red'", [](std::string_view colour, Size) { return colour == "red"; }},
    {"size > 2", [](std::string_view, Size size) { return size && *size > 2; }},
    {"colour = 'blue' AND NOT (size = 1)", [](std::string_view colour, Size size) { return colour == "blue" && size && *size != 1; }},
    {"colour IS NULL OR size BETWEEN 0 AND 1", [](std::string_view colour, Size size) { return colour.empty() || (size && *size <= 1); }},
    {"colour IN ('red', 'green') OR size % 2 = 0",
     [](std::string_view colour, Size size) { return colour == "red" || colour == "green" || (size && *size % 2 == 0); }},
}};

std::vector<std::string_view> words_of(std::string_view key) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t dot = key.find('.');
    words.push_back(key.substr(0, dot));
    if (dot == std::string_view::npos) return words;
    key.remove_prefix(dot + 1);
  }
}

// Topic matching as slow as it is plain.
bool matches(const std::vector<std::string_view>& pattern, std::size_t at, const std::vector<std::string_view>& key, std::size_t from) {
  if (at == pattern.size()) return from == key.size();
  if (pattern[at] == "#") {
    for (std::size_t rest = from; rest <= key.size(); ++rest)
      if (matches(pattern, at + 1, key, rest)) return true;
    return false;
  }
  return from < key.size() && (pattern[at] == "*" || pattern[at] == key[from]) && matches(pattern, at + 1, key, from + 1);
}

QueuePlan draw_queue(Random& random, std::size_t number, bool all_durable) {
  QueuePlan queue;
  queue.name = "q" + std::to_string(number);
  queue.durable = all_durable || random.chance(80);
  const bool quorum = queue.durable && random.chance(25);
  if (quorum) queue.arguments.set("x-queue-type", "quorum");
  queue.delivery_limited = quorum;
  if (random.chance(25)) {
    queue.ttl_ms = random.between(0, 3) * 500;
    queue.arguments.set("x-message-ttl", static_cast<std::int64_t>(*queue.ttl_ms));
  }
  if (random.chance(30)) {
    queue.arguments.set("x-max-length", random.between(1, 30));
    const std::uint64_t overflow = random.below(quorum ? 2 : 3);
    if (overflow > 0) queue.arguments.set("x-overflow", overflow == 1 ? "reject-publish" : "reject-publish-dlx");
    queue.refuses = overflow > 0;
    queue.limited = overflow != 1;
  }
  if (random.chance(20)) {
    queue.arguments.set("x-delivery-limit", random.between(0, 3));
    queue.delivery_limited = true;
  }
  if (!quorum && random.chance(20)) {
    queue.arguments.set("x-max-priority", random.between(1, 5));
    queue.in_order = false;
  }
  if (random.chance(20)) {
    queue.single_active = true;
    queue.arguments.set("x-single-active-consumer", true);
  }
  if (random.chance(20)) {
    constexpr std::array<std::string_view, 3> kReturns = {"all", "failed", "returned"};
    queue.arguments.set("x-delayed-retry-type", random.one_of(kReturns));
    queue.arguments.set("x-delayed-retry-min", random.between(1, 2000));
  }
  if (random.chance(10)) {
    queue.arguments.set("x-consumer-timeout", random.between(500, 3000));
    queue.forgetful = true;
  }
  return queue;
}

// What not every queue can have beside the rest.
void draw_more(Random& random, QueuePlan& queue) {
  if (queue.in_order && random.chance(15)) {
    queue.arguments.set("x-group-header", "group");
    queue.grouped = true;
    queue.in_order = false;
  }
  if (random.chance(15)) {
    queue.arguments.set("x-message-deduplication", true);
    queue.arguments.set("x-deduplication-by", "message-id");
    queue.takes_each_id_once = true;
  }
}

}  // namespace

Plan::Plan(std::uint64_t seed) {
  Random random(seed, 1);
  const bool all_durable = random.chance(60);
  const auto count = static_cast<std::size_t>(random.between(1, 5));
  exchanges = {{"dead", "direct"}, {"dir", "direct"}, {"top", "topic"}, {"fan", "fanout"}};
  for (std::size_t number = 0; number < count; ++number) queues.push_back(draw_queue(random, number, all_durable));
  for (QueueIndex index = 0; index < count; ++index) {
    if (!random.chance(70)) continue;
    QueuePlan dead;
    dead.name = queues[index].name + "-dead";
    dead.dead_letters_of = index;
    dead.in_order = false;
    queues[index].dead_letters_to = queues.size();
    queues[index].arguments.set("x-dead-letter-exchange", "dead");
    queues[index].arguments.set("x-dead-letter-routing-key", dead.name);
    bindings.push_back({"dead", dead.name, queues.size()});
    queues.push_back(dead);
  }
  for (QueueIndex index = 0; index < count; ++index) {
    if (random.chance(50)) bindings.push_back({"fan", "", index});
    for (std::string_view key : kKeys)
      if (random.chance(30)) bindings.push_back({"dir", std::string(key), index});
    for (std::string_view pattern : kPatterns)
      if (random.chance(25)) bindings.push_back({"top", std::string(pattern), index});
  }
  for (QueueIndex index = 0; index < count; ++index) draw_more(random, queues[index]);
  clients = static_cast<std::size_t>(random.between(1, 5));
  if (random.chance(20)) odds.policy = 4;
  if (random.chance(20)) odds.pause = 4;
  if (random.chance(20)) odds.alarm = 4;
  for (QueueIndex index = 0; index < count; ++index) {
    QueuePlan& queue = queues[index];
    if (odds.policy != 0) queue.limited = queue.delivery_limited = queue.may_expire = queue.refuses = true;
    if (odds.pause != 0) queue.refuses = true;
  }
  if (random.chance(15)) odds.limit = 4;
  if (random.chance(20)) odds.rot = 50;
  if (random.chance(60)) odds.crash = 1 + static_cast<unsigned>(random.below(2));
  if (random.chance(30)) odds.restart = 1;
  if (random.chance(60)) odds.vanish = 1 + static_cast<unsigned>(random.below(3));
  if (random.chance(30)) odds.failed_commit = 1;
  if (random.chance(30)) odds.failed_read = 2;
  if (random.chance(40)) odds.stall = 2;
  with_tx = random.chance(40);
  with_no_ack = random.chance(20);
  with_expirations = random.chance(40);
  with_priorities = random.chance(40);
  with_large_bodies = random.chance(30);
  with_slow_readers = random.chance(40);
  with_gets = random.chance(50);
  with_requeues = random.chance(60);
  with_cancels = random.chance(50);
  with_mistakes = random.chance(30);
  with_floods = random.chance(15);
  with_delays = random.chance(30);
  with_groups = std::any_of(queues.begin(), queues.end(), [](const QueuePlan& queue) { return queue.grouped; });
  with_ids = std::any_of(queues.begin(), queues.end(), [](const QueuePlan& queue) { return queue.takes_each_id_once; });
  with_mandatory = random.chance(30);
  with_churn = random.chance(30);
  with_filters = random.chance(30);
  with_heartbeats = random.chance(30);
  with_many_channels = random.chance(4);
  lets_the_broker_settle = random.chance(50);
  small_memory = random.chance(50);
  persistent_percent = with_ids ? 100 : random.chance(70) ? 95 : 50;
  if (random.chance(30)) odds.full_disk = 3;
  if (random.chance(20)) odds.shortage = 4;
  if (random.chance(15)) odds.rate = 4;
}

std::vector<QueueIndex> Plan::route(std::string_view exchange, std::string_view key) const {
  std::vector<QueueIndex> found;
  if (exchange.empty()) {
    for (QueueIndex index = 0; index < queues.size(); ++index)
      if (queues[index].name == key) found.push_back(index);
    return found;
  }
  for (const BindingPlan& binding : bindings) {
    if (binding.exchange != exchange) continue;
    const bool fits = exchange == "fan" || (exchange == "top" ? matches(words_of(binding.key), 0, words_of(key), 0) : binding.key == key);
    if (fits) found.push_back(binding.queue);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::pair<std::string, std::string> Plan::draw_address(Random& random) const {
  const std::uint64_t kind = random.below(10);
  if (kind < 5) {
    const auto sources = static_cast<std::uint64_t>(
        std::count_if(queues.begin(), queues.end(), [](const QueuePlan& queue) { return !queue.dead_letters_of; }));
    return {"", queues[random.below(sources)].name};  // those come first
  }
  return {kind < 7 ? "fan" : kind < 9 ? "dir" : "top", std::string(random.one_of(kKeys))};
}

std::span<const FilterPlan> Plan::filters() noexcept { return kFilters; }

std::string Plan::to_string() const {
  std::string text;
  for (const QueuePlan& queue : queues) {
    text += "  queue " + queue.name + (queue.durable ? "" : " transient");
    for (const auto& [name, value] : queue.arguments.entries()) {
      text += " " + name + "=";
      if (value.string() != nullptr) text += *value.string();
      else if (const auto number = value.integer()) text += std::to_string(*number);
      else text += "true";
    }
    text += "\n";
  }
  for (const BindingPlan& binding : bindings)
    text += "  binding " + binding.exchange + " '" + binding.key + "' " + queues[binding.queue].name + "\n";
  return text;
}

}  // namespace mq::sim
