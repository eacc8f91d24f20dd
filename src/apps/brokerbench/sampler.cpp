#include "apps/brokerbench/sampler.hpp"

namespace mq::bench {

namespace {

double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / 1e9 : 0;
}

}  // namespace

std::uint64_t deliveries_per_message(const Options& options) {
  bool is_predictable = options.work == Work::kLoad && options.producers != 0 && options.consumers != 0 && options.ttl_ms == 0;
  if (!is_predictable) return 0;
  if (options.exchange.empty()) return 1;
  return options.exchange_type == "fanout" ? static_cast<std::uint64_t>(options.queues) : 0;
}

Sampler::Sampler(const Options& options, const Crew& producers, const Crew& consumers, const Schedule& schedule)
    : options_(options), producers_(producers), consumers_(consumers), schedule_(schedule),
      interval_ns_(static_cast<std::uint64_t>(options.interval_s * 1e9)) {}

Sampler::State Sampler::look(std::uint64_t now_ns) const {
  State state;
  state.taken = consumers_.sum(&Counters::messages);  // before `sent`: a backlog is never negative
  state.sent = producers_.sum(&Counters::messages);
  state.settled = producers_.sum(&Counters::settled);
  state.nacked = producers_.sum(&Counters::nacked);
  state.returned = producers_.sum(&Counters::returned);
  state.delivery = consumers_.latency();
  state.answer = producers_.latency();
  state.broker = use_of_process(options_.broker_pid());
  state.at_ns = now_ns;
  return state;
}

void Sampler::begin(std::uint64_t now_ns) {
  base_ = last_ = look(now_ns);
  begun_ns_ = now_ns;
  next_ns_ = now_ns + interval_ns_;
}

std::optional<std::uint64_t> Sampler::backlog(const State& now) const {
  std::uint64_t copies = deliveries_per_message(options_);
  if (copies == 0) return std::nullopt;
  std::uint64_t wanted = now.sent * copies;
  return wanted > now.taken ? wanted - now.taken : 0;
}

Sample Sampler::take(std::uint64_t now_ns) {
  State now = look(now_ns);
  Sample sample;
  sample.at_s = seconds_between(begun_ns_, now_ns);
  sample.length_s = seconds_between(last_.at_ns, now_ns);
  sample.sent = now.sent - last_.sent;
  sample.settled = now.settled - last_.settled;
  sample.taken = now.taken - last_.taken;
  sample.backlog = backlog(now);
  sample.asked_per_s = schedule_.rate_at(options_.warmup_s + sample.at_s - sample.length_s / 2);
  sample.delivery = percentiles_of(now.delivery.since(last_.delivery));
  sample.answer = percentiles_of(now.answer.since(last_.answer));
  if (now.broker && last_.broker && sample.length_s > 0) {
    sample.cpu_cores = (now.broker->cpu_s - last_.broker->cpu_s) / sample.length_s;
    sample.rss_bytes = now.broker->rss_bytes;
  }
  while (next_ns_ <= now_ns) next_ns_ += interval_ns_;
  last_ = now;
  return sample;
}

void Sampler::finish(Result& r) const {
  State now = look(0);
  r.sent = now.sent - base_.sent;
  r.settled = now.settled - base_.settled;
  r.taken = now.taken - base_.taken;
  r.nacked = now.nacked - base_.nacked;
  r.returned = now.returned - base_.returned;
  r.send_s = seconds_between(begun_ns_, producers_.latest(&Counters::last_message_ns));
  r.settle_s = seconds_between(begun_ns_, producers_.latest(&Counters::last_settled_ns));
  r.take_s = seconds_between(std::max(begun_ns_, consume_begun_ns_), consumers_.latest(&Counters::last_message_ns));
  r.delivery = now.delivery.since(base_.delivery);
  r.answer = now.answer.since(base_.answer);
  r.before = base_.broker;
  r.after = last_.broker ? last_.broker : now.broker;
}

}  // namespace mq::bench
