#include "apps/brokerbench/deck.hpp"

#include <algorithm>
#include <random>

#include "apps/brokerbench/wire.hpp"

namespace mq::bench {

namespace {

/// How many bursts a deck of messages that differ is long: at its end a burst is cut short, and that shall be rare.
constexpr std::size_t kBurstsOfADeck = 4;

/// Priorities from least to most in equal shares, shuffled; empty when messages have none.
std::vector<std::uint8_t> priorities_of(const Options& options, std::size_t count, std::uint64_t seed) {
  std::vector<std::uint8_t> priorities;
  if (options.least_priority < 0) return priorities;
  auto kinds = static_cast<std::size_t>(options.most_priority - options.least_priority) + 1;
  for (std::size_t i = 0; i < count; ++i)
    priorities.push_back(static_cast<std::uint8_t>(static_cast<std::size_t>(options.least_priority) + i % kinds));
  std::shuffle(priorities.begin(), priorities.end(), std::mt19937_64(seed));
  return priorities;
}

/// The fewest messages that hold each variation in its due share.
std::size_t period_of(const Options& options, std::size_t keys) {
  auto priorities = static_cast<std::size_t>(options.most_priority - options.least_priority) + 1;
  return std::max({options.size.period(), keys, priorities});
}

}  // namespace

Deck::Deck(const Options& options, int producer, std::uint32_t frame_max, const std::string& reply_to) {
  std::vector<std::string> keys = options.routing_keys(producer);
  std::size_t period = period_of(options, keys.size());
  are_alike_ = period == 1;
  std::size_t wanted_bytes = are_alike_ ? kBurstBytes : kBurstBytes * kBurstsOfADeck;
  std::size_t periods = 0;
  do {
    append_period(options, producer, keys, period, periods++, frame_max, reply_to);
  } while (bytes_.size() / periods * (periods + 1) <= wanted_bytes);
  burst_messages_ = std::clamp<std::uint64_t>(kBurstBytes * letters_.size() / bytes_.size(), 1, letters_.size());
}

void Deck::append_period(const Options& options, int producer, const std::vector<std::string>& keys, std::size_t count, std::size_t number,
                         std::uint32_t frame_max, const std::string& reply_to) {
  auto seed = static_cast<std::uint64_t>(producer) << 32 | number;
  std::vector<std::uint64_t> sizes = options.size.sequence(count, seed);
  std::vector<std::uint8_t> priorities = priorities_of(options, count, ~seed);
  std::string exchange = options.exchange_name(producer);
  std::string body(options.size.largest_bytes(), 'x');
  amqp::Properties properties;
  properties.delivery_mode = static_cast<std::uint8_t>(options.persistent ? 2 : 1);
  if (options.ttl_ms != 0) properties.expiration = std::to_string(options.ttl_ms);
  if (!options.headers.empty()) properties.headers = table_of(options.headers);
  if (!reply_to.empty()) properties.reply_to = reply_to;
  for (std::size_t i = 0; i < count; ++i) {
    Letter letter{.begin = bytes_.size()};
    if (!priorities.empty()) properties.priority = priorities[i];
    if (!reply_to.empty()) properties.correlation_id = std::to_string(letters_.size());
    std::string encoded;
    amqp::encode_properties(properties, encoded);
    amqp::append_method_frame(
        bytes_, kChannel, amqp::BasicPublish{.exchange = exchange, .routing_key = keys[i % keys.size()], .mandatory = options.mandatory});
    amqp::append_header_frame(bytes_, kChannel, amqp::ContentHeader{60, sizes[i], encoded});
    if (sizes[i] >= sizeof(std::uint64_t)) letter.stamp = bytes_.size() + amqp::kFrameHeadBytes;
    amqp::append_body_frames(bytes_, kChannel, std::string_view(body).substr(0, sizes[i]), frame_max);
    letter.end = bytes_.size();
    letters_.push_back(letter);
  }
}

}  // namespace mq::bench
