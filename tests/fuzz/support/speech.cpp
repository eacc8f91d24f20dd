#include "support/speech.hpp"

#include "support/values.hpp"

namespace mq::fuzz {
namespace {

using namespace amqp;

constexpr std::string_view kQueues[] = {"q1", "q2", "q3", "q4", "amq.rabbitmq.reply-to", "amq.gen-1", ""};
constexpr std::string_view kExchanges[] = {"", "x1", "x2", "amq.topic", "amq.direct", "amq.fanout", "amq.headers", "x3", "no such"};
constexpr std::string_view kKeys[] = {"q1", "q2", "q3", "q4", "a.b.c", "a.*.c", "#", "a.#", "", "1", "amq.rabbitmq.reply-to.1"};
constexpr std::string_view kTypes[] = {"topic",
                                       "direct",
                                       "fanout",
                                       "headers",
                                       "x-consistent-hash",
                                       "x-modulus-hash",
                                       "x-random",
                                       "x-delayed-message",
                                       "x-recent-history",
                                       "x-message-deduplication",
                                       "x-none"};
constexpr std::string_view kTags[] = {"t1", "t2", "", "t3"};
constexpr std::string_view kExpirations[] = {"0", "1", "50", "60000", "-1", "x", "+5", "99999999999999999999"};
constexpr std::string_view kIds[] = {"1", "2", "3", ""};

constexpr MethodId kUsual[] = {QueueDeclare::kId,   QueueDeclare::kId,    QueueBind::kId,     QueueUnbind::kId,    QueuePurge::kId,
                               QueueDelete::kId,    ExchangeDeclare::kId, ExchangeBind::kId,  ExchangeUnbind::kId, ExchangeDelete::kId,
                               BasicQos::kId,       BasicConsume::kId,    BasicConsume::kId,  BasicCancel::kId,    BasicGet::kId,
                               BasicGet::kId,       BasicRecover::kId,    ConfirmSelect::kId, TxSelect::kId,       TxCommit::kId,
                               TxRollback::kId,     ChannelOpen::kId,     ChannelClose::kId,  ChannelFlow::kId,    ChannelCloseOk::kId,
                               ConnectionClose::kId};

constexpr std::size_t kBodySizes[] = {0, 1, 20, 100, 1000, 4000, 8184, 20'000};

}  // namespace

std::string_view Speech::queue() { return input_.pick(kQueues); }
std::string_view Speech::exchange() { return input_.pick(kExchanges); }
std::string_view Speech::routing_key() { return input_.pick(kKeys); }

std::uint16_t Speech::channel() {
  const std::uint8_t which = input_.u8();
  return which < 200 ? static_cast<std::uint16_t>(1 + which % 2) : static_cast<std::uint16_t>(which % 8);
}

void Speech::fill(std::string_view, bool& value) { value = (input_.u8() & 7) == 1; }
void Speech::fill(std::string_view, std::uint8_t& value) { value = input_.u8(); }
void Speech::fill(std::string_view, std::uint16_t& value) {
  const std::uint8_t small = input_.u8();
  value = small < 240 ? small : input_.u16();
}
void Speech::fill(std::string_view, std::uint32_t& value) {
  const std::uint8_t small = input_.u8();
  value = small < 240 ? small : input_.u32();
}
void Speech::fill(std::string_view, std::uint64_t& value) {
  const std::uint8_t small = input_.u8();
  value = small < 200 ? tag_ - small % 4 : small < 240 ? small : input_.u64();
}
void Speech::fill(std::string_view name, ShortStr& value) {
  const std::uint8_t odd = input_.u8();
  if (odd > 248) value = input_.text();
  else if (name == "queue") value = queue();
  else if (name == "exchange" || name == "source" || name == "destination") value = exchange();
  else if (name == "routing-key") value = routing_key();
  else if (name == "type") value = input_.pick(kTypes);
  else if (name == "consumer-tag") value = input_.pick(kTags);
}
void Speech::fill(std::string_view, LongStr& value) { value = input_.text(); }
void Speech::fill(std::string_view, EncodedTable& value) {
  const std::uint8_t which = input_.u8();
  if (which < 100) return;
  if (which > 250) value = EncodedTable(input_.text());  // whatever it is
  else value = tables_.emplace_back(make_table(input_, argument_names()));
}

template <Method M>
void Speech::append(std::string& out, std::uint16_t channel) {
  M method{};
  detail::for_each_field<M>([&](const auto& row) { fill(row.name, method.*row.member); });
  append_method_frame(out, channel, method);
}

void Speech::append_method(std::string& out) {
  const std::uint8_t any = input_.u8();
  if (any < 224) {
    const MethodId id = kUsual[any % std::size(kUsual)];
    visit_method(id, [&]<class M>(std::type_identity<M>) { append<M>(out, id.class_id == 10 ? 0 : channel()); });
    return;
  }
  const std::size_t chosen = input_.below(AllMethods::kSize);
  std::size_t index = 0;
  for_each_method([&]<class M>(std::type_identity<M>) {
    if (index++ == chosen) append<M>(out, channel());
  });
}

void Speech::append_settlement(std::string& out) {
  switch (input_.below(3)) {
    case 0: return append<BasicAck>(out, channel());
    case 1: return append<BasicNack>(out, channel());
    default: return append<BasicReject>(out, channel());
  }
}

void Speech::append_publish(std::string& out) {
  Properties properties;
  const std::uint8_t has = input_.u8();
  if ((has & 1) != 0) properties.delivery_mode = 2;
  if ((has & 2) != 0) properties.headers = make_table(input_, header_names());
  if ((has & 4) != 0) properties.priority = input_.u8();
  if ((has & 8) != 0) properties.expiration = std::string(input_.pick(kExpirations));
  if ((has & 16) != 0) properties.message_id = std::string(input_.pick(kIds));
  if ((has & 32) != 0) properties.reply_to = "amq.rabbitmq.reply-to";
  if ((has & 64) != 0) properties.user_id = input_.flip() ? "guest" : "neighbour";
  const std::uint8_t how = input_.u8();
  const std::uint16_t where = channel();
  const std::string_view into = exchange(), key = routing_key();
  append_method_frame(out, where, BasicPublish{.exchange = into, .routing_key = key, .mandatory = (how & 1) != 0, .immediate = how == 255});
  std::string encoded;
  encode_properties(properties, encoded);
  append_content(out, where, encoded, std::string(input_.pick(kBodySizes), 'b'), (how & 2) != 0 ? 4096 : 8192);
}

}  // namespace mq::fuzz
