// How long a route takes by type of exchange and by the number of bindings: the second must hardly matter.
#include <benchmark/benchmark.h>

#include <string>

#include "broker/topology.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::broker {
namespace {

struct Target final : Destination {};

Topology& add_queues(Topology& topology, int count) {
  for (int number = 0; number < count; ++number) {
    QueueInfo queue;
    queue.name = "q" + std::to_string(number);
    topology.add_queue(queue, std::make_shared<Target>());
  }
  return topology;
}

// Routes keys of the form PREFIX.N.SUFFIX with N going round all bindings.
void route_round(benchmark::State& state, const Topology& topology, const std::string& exchange, const std::string& prefix,
                 const std::string& suffix) {
  std::vector<std::string> keys;
  for (int number = 0; number < state.range(0); ++number) keys.push_back(prefix + std::to_string(number) + suffix);
  Route route;
  std::size_t next = 0;
  std::size_t reached = 0;
  for (auto _ : state) {
    topology.route(exchange, {keys[next], {}}, {}, route);
    reached += route.queues.size();
    if (++next == keys.size()) next = 0;
  }
  if (reached != static_cast<std::size_t>(state.iterations())) state.SkipWithError("each key must reach one queue");
  state.SetItemsProcessed(state.iterations());
}

void bind_each(Topology& topology, const std::string& exchange, int count, const std::string& prefix, const std::string& suffix) {
  for (int number = 0; number < count; ++number)
    topology.bind({exchange, BindTo::kQueue, "q" + std::to_string(number % 100), prefix + std::to_string(number) + suffix, {}}).value();
}

void topic_with_wildcards(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, 100);
  for (int number = 0; number < state.range(0); ++number)
    topology.bind({"amq.topic", BindTo::kQueue, "q" + std::to_string(number % 100), "a." + std::to_string(number) + ".*.k.#", {}}).value();
  route_round(state, topology, "amq.topic", "a.", ".middle.k.tail.end");
}

void topic_of_words(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, 100);
  bind_each(topology, "amq.topic", static_cast<int>(state.range(0)), "a.", ".b");
  route_round(state, topology, "amq.topic", "a.", ".b");
}

void direct(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, 100);
  bind_each(topology, "amq.direct", static_cast<int>(state.range(0)), "key", "");
  route_round(state, topology, "amq.direct", "key", "");
}

void by_default(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, static_cast<int>(state.range(0)));
  route_round(state, topology, "", "q", "");
}

void fanout(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, static_cast<int>(state.range(0)));
  for (int number = 0; number < state.range(0); ++number)
    topology.bind({"amq.fanout", BindTo::kQueue, "q" + std::to_string(number), "", {}}).value();
  Route route;
  std::int64_t reached = 0;
  for (auto _ : state) {
    topology.route("amq.fanout", {"key", {}}, {}, route);
    reached += static_cast<std::int64_t>(route.queues.size());
  }
  if (reached != state.iterations() * state.range(0)) state.SkipWithError("every queue must be reached");
  state.SetItemsProcessed(reached);
}

// Types that give each message to one queue of many.
void route_to_one_of(benchmark::State& state, const char* type) {
  Topology topology("/");
  add_queues(topology, static_cast<int>(state.range(0)));
  ExchangeInfo exchange;
  exchange.name = "x";
  exchange.type = type;
  topology.declare_exchange(exchange).value();
  for (int number = 0; number < state.range(0); ++number)
    topology.bind({"x", BindTo::kQueue, "q" + std::to_string(number), "1", {}}).value();
  std::vector<std::string> keys;
  for (int number = 0; number < 1000; ++number) keys.push_back("customer-" + std::to_string(number));
  mq::test::ManualScheduler chance;
  Route route;
  std::size_t next = 0, reached = 0;
  for (auto _ : state) {
    topology.route("x", {keys[next], {}, nullptr, &chance}, {}, route);
    reached += route.queues.size();
    if (++next == keys.size()) next = 0;
  }
  if (reached != static_cast<std::size_t>(state.iterations())) state.SkipWithError("each message must reach one queue");
  state.SetItemsProcessed(state.iterations());
}

void consistent_hash(benchmark::State& state) { route_to_one_of(state, "x-consistent-hash"); }
void modulus_hash(benchmark::State& state) { route_to_one_of(state, "x-modulus-hash"); }
void by_lot(benchmark::State& state) { route_to_one_of(state, "x-random"); }

// A queue bound to and unbound from an x-consistent-hash exchange that others are bound to.
void weigh_and_forget(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, static_cast<int>(state.range(0)) + 1);
  ExchangeInfo exchange;
  exchange.name = "x";
  exchange.type = "x-consistent-hash";
  topology.declare_exchange(exchange).value();
  for (int number = 1; number <= state.range(0); ++number)
    topology.bind({"x", BindTo::kQueue, "q" + std::to_string(number), "1", {}}).value();
  const BindingInfo one{"x", BindTo::kQueue, "q0", "1", {}};
  std::int64_t changed = 0;
  for (auto _ : state) {
    changed += topology.bind(one).value().changed ? 1 : 0;
    changed += topology.unbind(one).value().changed ? 1 : 0;
  }
  if (changed != 2 * state.iterations()) state.SkipWithError("each time there must have been something to do");
  state.SetItemsProcessed(state.iterations());
}

// Through exchanges bound one behind the other, as far as the queue behind the last.
void through_exchanges(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, 1);
  std::string last = "amq.fanout";
  for (int number = 0; number < state.range(0); ++number) {
    ExchangeInfo next;
    next.name = "x" + std::to_string(number);
    next.type = "fanout";
    topology.declare_exchange(next).value();
    topology.bind({last, BindTo::kExchange, next.name, "", {}}).value();
    last = next.name;
  }
  topology.bind({last, BindTo::kQueue, "q0", "", {}}).value();
  Route route;
  std::size_t reached = 0;
  for (auto _ : state) {
    topology.route("amq.fanout", {"key", {}}, {}, route);
    reached += route.queues.size();
  }
  if (reached != static_cast<std::size_t>(state.iterations())) state.SkipWithError("each message must reach the queue");
  state.SetItemsProcessed(state.iterations());
}

// Bindings that share a header and differ in another; a message has both and three more. `any` asks for either of two that differ.
void route_by_headers(benchmark::State& state, const char* match) {
  const bool all = std::string_view(match) == "all";
  Topology topology("/");
  add_queues(topology, 100);
  std::vector<std::string> messages;
  for (std::int64_t number = 0; number < state.range(0); ++number) {
    amqp::Table arguments{{"x-match", match}, {"customer", number}};
    if (all) arguments.append("region", "eu");
    else arguments.append("supplier", number);
    topology.bind({"amq.headers", BindTo::kQueue, "q" + std::to_string(number % 100), "", arguments}).value();
    amqp::encode_table({{"customer", number}, {"region", "eu"}, {"kind", "order"}, {"version", 3}, {"urgent", false}},
                       messages.emplace_back());
  }
  Route route;
  std::size_t next = 0, reached = 0;
  for (auto _ : state) {
    topology.route("amq.headers", {"", amqp::TableView(std::string_view(messages[next]).substr(4))}, {}, route);
    reached += route.queues.size();
    if (++next == messages.size()) next = 0;
  }
  if (reached != static_cast<std::size_t>(state.iterations())) state.SkipWithError("each message must reach one queue");
  state.SetItemsProcessed(state.iterations());
}

void headers_all(benchmark::State& state) { route_by_headers(state, "all"); }
void headers_any(benchmark::State& state) { route_by_headers(state, "any"); }

void bind_and_unbind(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, 100);
  bind_each(topology, "amq.topic", static_cast<int>(state.range(0)), "a.", ".*.k.#");
  const BindingInfo one{"amq.topic", BindTo::kQueue, "q0", "another.*.k.#", {}};
  std::int64_t changed = 0;
  for (auto _ : state) {
    changed += topology.bind(one).value().changed ? 1 : 0;
    changed += topology.unbind(one).value().changed ? 1 : 0;
  }
  if (changed != 2 * state.iterations()) state.SkipWithError("each time there must have been something to do");
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK(by_default)->ArgName("queues")->Arg(1)->Arg(100'000);
BENCHMARK(direct)->ArgName("bindings")->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(fanout)->ArgName("queues")->Arg(1)->Arg(8)->Arg(1'000);
BENCHMARK(topic_of_words)->ArgName("bindings")->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(topic_with_wildcards)->ArgName("bindings")->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(headers_all)->ArgName("bindings")->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(headers_any)->ArgName("bindings")->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(consistent_hash)->ArgName("queues")->Arg(1)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(modulus_hash)->ArgName("queues")->Arg(10)->Arg(1'000);
BENCHMARK(by_lot)->ArgName("queues")->Arg(10)->Arg(1'000);
BENCHMARK(weigh_and_forget)->ArgName("queues")->Arg(10)->Arg(10'000);
BENCHMARK(through_exchanges)->ArgName("exchanges")->Arg(1)->Arg(8);
BENCHMARK(bind_and_unbind)->ArgName("bindings")->Arg(1)->Arg(100'000);

}  // namespace mq::broker
