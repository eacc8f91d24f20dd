// What it costs to ask whether a consumer wants a message: a queue asks once per message for each different filter.
#include <benchmark/benchmark.h>

#include <string>

#include "broker/filter.hpp"

namespace mq::broker {
namespace {

/// Headers as applications set them; those the filters ask for stand last.
MessagePtr shirt(std::int64_t headers, std::int32_t size) {
  amqp::Properties properties;
  properties.delivery_mode = std::uint8_t{2};
  properties.type = "shirt";
  amqp::Table& table = properties.headers.emplace();
  for (std::int64_t number = 2; number < headers; ++number) table.append("header-" + std::to_string(number), "a value");
  table.append("color", "red");
  table.append("size", size);
  return make_message("amq.topic", "shop.shirt", properties, "body");
}

/// Of two messages in turn one matches.
void ask(benchmark::State& state, const amqp::Value& value) {
  const auto filter = make_filter(value).value();
  const MessagePtr messages[] = {shirt(state.range(0), 5), shirt(state.range(0), 3)};
  std::int64_t asked = 0, matched = 0;
  for (auto _ : state) matched += filter->matches(*messages[++asked % 2]) ? 1 : 0;
  if (matched != asked / 2 && matched != (asked + 1) / 2) state.SkipWithError("one in two must match");
  state.SetItemsProcessed(state.iterations());
}

void filters_by_condition(benchmark::State& state) { ask(state, "color = 'red' AND size > 3"); }
void filters_by_table(benchmark::State& state) { ask(state, amqp::Table{{"color", "red"}, {"size", std::int32_t{3}}}); }
void filters_by_pattern(benchmark::State& state) { ask(state, "color LIKE '%e%' AND size BETWEEN 1 AND 4"); }
void filters_by_property(benchmark::State& state) { ask(state, "properties.type = 'shirt' AND size IN (1, 2, 3)"); }
void filters_by_routing_key(benchmark::State& state) { ask(state, "routing_key = 'shop.shirt' AND size <> 5"); }

void makes_a_filter(benchmark::State& state) {
  const amqp::Value value("color = 'red' AND size > 3");
  bool same = true;
  const auto first = make_filter(value).value();
  for (auto _ : state) same = same && make_filter(value).value()->same_as(*first);
  if (!same) state.SkipWithError("it must be the same filter each time");
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK(filters_by_condition)->ArgName("headers")->Arg(2)->Arg(10)->Arg(100);
BENCHMARK(filters_by_table)->ArgName("headers")->Arg(2)->Arg(10)->Arg(100);
BENCHMARK(filters_by_pattern)->ArgName("headers")->Arg(2);
BENCHMARK(filters_by_property)->ArgName("headers")->Arg(2);
BENCHMARK(filters_by_routing_key)->ArgName("headers")->Arg(2);
BENCHMARK(makes_a_filter);

}  // namespace mq::broker
