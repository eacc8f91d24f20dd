#include "apps/brokerbench/deck.hpp"

#include <algorithm>
#include <random>

#include "apps/brokerbench/wire.hpp"

namespace mq::bench {

namespace {

constexpr double kFrameBytesAbout = 60;  // method, header and frame ends of a short message

/// Priorities from least to most in equal shares, shuffled; empty when messages have none.
std::vector<std::uint8_t> priorities_of(const Options& options, std::size_t count, std::uint64_t seed) {
  std::vector<std::uint8_t> priorities;
  if (options.least_priority < 0) return priorities;
  auto kinds = static_cast<std::size_t>(options.most_priority - options.least_priority + 1);
  for (std::size_t i = 0; i < count; ++i)
    priorities.push_back(static_cast<std::uint8_t>(static_cast<std::size_t>(options.least_priority) + i % kinds));
  std::shuffle(priorities.begin(), priorities.end(), std::mt19937_64(seed));
  return priorities;
}

/// Enough messages to fill a burst and to hold each variation in its due share.
std::size_t letters_of(const Options& options, std::size_t keys) {
  std::size_t least = std::max({options.size.period(), keys, static_cast<std::size_t>(options.most_priority - options.least_priority + 1)});
  double burst = static_cast<double>(kBurstBytes) / (options.size.mean_bytes() + kFrameBytesAbout);
  return least * std::max<std::size_t>(1, static_cast<std::size_t>(burst) / least);
}

}  // namespace

Deck::Deck(const Options& options, int producer, std::uint32_t frame_max, const std::string& reply_to) {
  std::vector<std::string> keys = options.routing_keys(producer);
  std::size_t count = letters_of(options, keys.size());
  auto seed = static_cast<std::uint64_t>(producer);
  std::vector<std::uint64_t> sizes = options.size.sequence(count, seed);
  std::vector<std::uint8_t> priorities = priorities_of(options, count, seed + 1);
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
    if (!reply_to.empty()) properties.correlation_id = std::to_string(i);
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
  burst_messages_ = std::max<std::uint64_t>(1, kBurstBytes * count / bytes_.size());
}

}  // namespace mq::bench
