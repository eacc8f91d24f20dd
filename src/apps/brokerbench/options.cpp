#include "apps/brokerbench/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "mq/base/check.hpp"

namespace mq::bench {

namespace {

constexpr WorkNames kWorks[] = {
    {Work::kLoad, "load", "published", "confirmed", "consumed", "confirm"},
    {Work::kRpc, "rpc", "requested", "replied", "served", "round trip"},
    {Work::kChurn, "churn", "opened", "closed", "", "opening"},
    {Work::kIdle, "idle", "opened", "", "", "opening"},
};

constexpr std::string_view kPlace = "{n}";

/// `pattern` with every {n} replaced by `number`.
std::string fill_in(std::string pattern, int number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = 0; (at = pattern.find(kPlace, at)) != std::string::npos; at += digits.size())
    pattern.replace(at, kPlace.size(), digits);
  return pattern;
}

amqp::Value value_of(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return text;
}

std::string counted(int count, const char* thing) { return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s"); }

}  // namespace

const WorkNames& names_of(Work work) {
  const auto* found = std::ranges::find(kWorks, work, &WorkNames::work);
  MQ_CHECK(found != std::end(kWorks));
  return *found;
}

std::string Options::exchange_name(int index) const {
  return exchanges == 1 ? exchange : exchange + "." + std::to_string(index % exchanges);
}

std::vector<std::string> Options::queues_of(int index, int workers) const {
  if (workers >= queues) return {queue_name(index % queues)};
  std::vector<std::string> own;
  for (int i = index; i < queues; i += workers) own.push_back(queue_name(i));
  return own;
}

std::vector<std::string> Options::routing_keys(int index) const {
  if (exchange.empty()) return queues_of(index, producers);
  std::vector<std::string> all;
  all.reserve(static_cast<std::size_t>(keys));
  for (int i = 0; i < keys; ++i) all.push_back(fill_in(key, (i + index) % keys));
  return all;
}

std::vector<std::string> Options::binding_keys(int index) const {
  if (exchange.empty()) return {};
  const std::string& pattern = binding.empty() ? key : binding;
  if (pattern.find(kPlace) == std::string::npos) return {pattern};
  int all = bindings != 0 ? bindings : keys;
  std::vector<std::string> own;
  for (int i = index; i < all; i += queues) own.push_back(fill_in(pattern, i));
  return own;
}

std::string Options::sentence() const {
  if (!title.empty()) return title;
  if (work == Work::kChurn) return counted(producers, "client") + " opening and closing connections";
  if (work == Work::kIdle) return counted(connections, "connection") + " held open";
  std::string text = counted(producers, "producer") + ", " + counted(queues, "queue") + ", " + counted(consumers, "consumer") + ", " +
                     size.describe() + (persistent ? " persistent" : "");
  if (work == Work::kRpc) text += ", requests and replies";
  if (confirm_window != 0) text += fmt::format(", confirms ({} outstanding)", confirm_window);
  if (tx_publishes != 0) text += fmt::format(", transactions of {}", tx_publishes);
  if (consumers != 0) text += prefetch == 0 ? std::string(", automatic acks") : fmt::format(", prefetch {}", prefetch);
  if (!rates.empty()) text += fmt::format(", {:.6g} messages/s", fmt::join(rates, " then "));
  return text;
}

amqp::Table table_of(const std::vector<std::string>& arguments) {
  amqp::Table table;
  for (const std::string& argument : arguments) {
    std::size_t equals = argument.find('=');
    table.set(argument.substr(0, equals), value_of(std::string_view(argument).substr(equals + 1)));
  }
  return table;
}

}  // namespace mq::bench
