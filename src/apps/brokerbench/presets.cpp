#include "apps/brokerbench/presets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mq::bench {

namespace {

constexpr Preset kPresets[] = {
    {"small-transient", "Small transient messages, one producer, one consumer, automatic acks", "--size 16 --prefetch 0"},
    {"small-transient-acked", "Small transient messages, one producer, one consumer, acks in batches", "--size 16 --prefetch 500"},
    {"small-persistent-confirmed", "Small persistent messages into a durable queue, every one confirmed and acked",
     "--size 100 --durable --persistent --confirm 2000 --prefetch 500"},
    {"medium-persistent-confirmed", "Messages of 1 KiB, persistent, confirmed and acked",
     "--size 1KiB --durable --persistent --confirm 1000 --prefetch 500"},
    {"four-by-four-persistent", "Four producers and four consumers on four durable queues, 1 KiB, persistent, confirmed and acked",
     "--size 1KiB --durable --persistent --confirm 500 --prefetch 200 --queues 4 --producers 4 --consumers 4"},
    {"one-by-one-confirmed", "A publisher that waits for the confirm of each persistent message before the next",
     "--size 100 --durable --persistent --confirm 1 --prefetch 100"},
    {"large-messages", "Large messages of 64 KiB, transient, acked", "--size 64KiB --prefetch 50"},
    {"mixed-sizes", "A mix of sizes as services have it: many small, some of a few KiB, a few large",
     "--size 100-500:70,1KiB-8KiB:25,64KiB:5 --confirm 500 --prefetch 200"},
    {"fanout-to-eight", "Every message copied to eight queues by a fanout exchange, a consumer on each",
     "--size 100 --exchange brokerbench.fanout --exchange-type fanout --queues 8 --consumers 8 --prefetch 500"},
    {"topic-thousand-bindings", "A topic exchange with a thousand wildcard bindings, a thousand routing keys, ten queues",
     "--size 100 --exchange brokerbench.topic --exchange-type topic --key site.{n}.room.temperature --keys 1000"
     " --binding site.{n}.*.# --bindings 1000 --queues 10 --consumers 10 --producers 2 --prefetch 500"},
    {"hundred-queues", "A hundred queues fed in turns by four producers and emptied by four consumers",
     "--size 100 --queues 100 --producers 4 --consumers 4 --confirm 1000 --prefetch 100"},
    {"five-thousand-a-second", "A steady five thousand persistent messages a second: what latency is like when nothing is in a hurry",
     "--size 100 --durable --persistent --confirm 5000 --prefetch 100 --rate 5000"},
    {"rising-rate", "A rate that rises from one to twenty thousand messages a second: where latency begins to grow",
     "--size 100 --durable --persistent --confirm 5000 --prefetch 500 --rate 1000,5000,10000,20000 --seconds 8"},
    {"fill-then-drain", "A million persistent messages into a durable queue without a consumer, then all of them out again",
     "--size 100 --durable --persistent --confirm 5000 --prefetch 1000 --fill-first --count 1000000"},
    {"slow-consumer", "A consumer that takes two thousand messages a second from a producer that sends three thousand: a queue that grows",
     "--size 1KiB --confirm 1000 --prefetch 50 --rate 3000 --consumer-rate 2000"},
    {"ten-priorities", "Messages of ten priorities through a priority queue",
     "--size 100 --queue-arg x-max-priority=9 --priority 0-9 --confirm 1000 --prefetch 100"},
    {"expiring-messages", "Messages that live for 50 ms in a queue with a consumer too slow for them",
     "--size 100 --ttl-ms 50 --rate 20000 --consumer-rate 5000 --prefetch 50"},
    {"transactions-of-ten", "Persistent messages in transactions of ten, acked",
     "--size 100 --durable --persistent --tx 10 --prefetch 100"},
    {"request-reply", "Remote calls: four clients each send a request and wait for its reply before the next",
     "--work rpc --size 100 --producers 4 --consumers 2 --prefetch 100"},
    {"request-reply-pipelined", "Remote calls with a hundred requests on the way per client",
     "--work rpc --size 100 --producers 2 --consumers 2 --outstanding 100 --prefetch 200"},
    {"connection-churn", "Clients that connect, open a channel, close and connect again", "--work churn --producers 4"},
    {"idle-connections", "A thousand connections that do nothing", "--work idle --connections 1000 --seconds 2"},
};

}  // namespace

std::span<const Preset> presets() { return kPresets; }

const Preset* find_preset(std::string_view name) {
  const auto* found = std::ranges::find(kPresets, name, [](const Preset& preset) { return std::string_view(preset.name); });
  return found == std::end(kPresets) ? nullptr : found;
}

std::string presets_text() {
  std::string text;
  for (const Preset& preset : kPresets) text += fmt::format("{}\n    {}.\n    {}\n\n", preset.name, preset.sentence, preset.options);
  return text + "Use one with --preset NAME; options after it override its own.\n";
}

}  // namespace mq::bench
