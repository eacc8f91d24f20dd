// What the broker reads out of a message's headers and writes into them: delays, copies, deaths. The headers are octets as they come, or
// made of names that mean something; the message dies a few times, in queues of a few names.
#include "broker/delay.hpp"
#include "broker/queue/dead_letter.hpp"
#include "broker/queue/queue.hpp"
#include "fuzz.hpp"
#include "support/values.hpp"

using namespace mq;
using namespace mq::amqp;
using namespace mq::broker;

namespace {

constexpr UnixMillis kNow = 1'700'000'000'000;
constexpr std::string_view kQueues[] = {"q1", "q2", "q", ""};
constexpr DeathReason kReasons[] = {DeathReason::kRejected, DeathReason::kExpired, DeathReason::kMaxLength, DeathReason::kDeliveryLimit,
                                    DeathReason::kDuplicate};

void waits(const MessagePtr& message) {
  const TableView headers = message->properties().headers;
  const auto due = due_time(headers, kNow, false);
  const auto lenient = due_time(headers, kNow, true);
  if (!asks_for_delay(headers)) FUZZ_CLAIM(due && !*due);
  if (due && *due) FUZZ_CLAIM(**due > kNow && **due <= kNow + kMaxDelayMs);
  if (due) FUZZ_CLAIM(lenient && *lenient == *due);
  const MessagePtr delayed = make_delayed(message);
  FUZZ_CLAIM(delayed->body() == message->body());
  FUZZ_CLAIM(decode_properties(delayed->encoded_properties()).has_value());
}

void dies(MessagePtr message, fuzz::Input& input) {
  for (std::size_t deaths = 1 + input.below(5); deaths > 0; --deaths) {
    const std::string_view queue = input.pick(kQueues);
    const DeathReason reason = input.pick(kReasons);
    message = make_dead_letter(*message, queue, reason, "dlx", input.flip() ? std::optional<std::string>("key") : std::nullopt, kNow);
    const auto properties = decode_properties(message->encoded_properties());
    FUZZ_CLAIM(properties && properties->headers && !properties->expiration);
    const Value* death = properties->headers->find("x-death");
    FUZZ_CLAIM(death != nullptr && death->array() != nullptr && !death->array()->empty());
    FUZZ_CLAIM(message->properties().headers.find("x-last-death-queue")->string() == queue);
    if (reason == DeathReason::kRejected) FUZZ_CLAIM(!closes_circle(*message, "another"));
  }
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::uint8_t how = input.u8();
  Properties properties;
  if ((how & 1) != 0) properties.headers = fuzz::make_table(input, fuzz::header_names(), 3);
  else properties.headers = decode_table(input.bytes(input.u16())).value_or(Table{});
  if ((how & 2) != 0) properties.expiration = std::string(input.text());
  if (properties.expiration) static_cast<void>(parse_expiration(*properties.expiration));
  const MessagePtr message = make_message("x", "k", properties, "body");
  waits(message);
  const auto copies = carbon_copies(message->properties().headers, "CC");
  FUZZ_CLAIM(copies.empty() || has_copies(*message));
  FUZZ_CLAIM(!has_copies(*without_copies(*message)));
  FUZZ_CLAIM(carbon_copies(without_blind_copies(*message)->properties().headers, "BCC").empty());
  dies(message, input);
}
