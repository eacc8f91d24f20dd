// How long a route takes by type of exchange and by the number of bindings: the second must hardly matter.
#include <benchmark/benchmark.h>

#include <string>

#include "broker/topology.hpp"

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
  for (auto _ : state) topology.route("amq.fanout", {"key", {}}, {}, route);
  if (route.queues.size() != static_cast<std::size_t>(state.range(0))) state.SkipWithError("every queue must be reached");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void bind_and_unbind(benchmark::State& state) {
  Topology topology("/");
  add_queues(topology, 100);
  bind_each(topology, "amq.topic", static_cast<int>(state.range(0)), "a.", ".*.k.#");
  const BindingInfo one{"amq.topic", BindTo::kQueue, "q0", "another.*.k.#", {}};
  for (auto _ : state) {
    topology.bind(one).value();
    topology.unbind(one).value();
  }
}

}  // namespace

BENCHMARK(topic_with_wildcards)->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(topic_of_words)->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(direct)->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(by_default)->Arg(1)->Arg(100'000);
BENCHMARK(fanout)->Arg(8)->Arg(1'000);
BENCHMARK(bind_and_unbind)->Arg(1)->Arg(100'000);

}  // namespace mq::broker
