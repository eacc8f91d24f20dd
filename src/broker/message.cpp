#include "broker/message.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "mq/base/check.hpp"

namespace mq::broker {
namespace {

constexpr char kHeaderFrame = 2;
constexpr char kBodyFrame = 3;
constexpr char kFrameEnd = static_cast<char>(0xCE);
constexpr std::size_t kContentHeaderBytes = 12;             // class, weight, body size
constexpr std::size_t kFirstBodyReserveBytes = 256 * 1024;  // what an announced body may claim before its bytes come

char* put_frame_head(char* to, char type, std::uint64_t payload_bytes) {
  to[0] = type;
  store_big_endian<std::uint16_t>(to + 1, 0);
  store_big_endian<std::uint32_t>(to + 3, static_cast<std::uint32_t>(payload_bytes));
  return to + Message::kFrameHeadBytes;
}

}  // namespace

amqp::PropertiesView Message::properties() const noexcept {
  amqp::PropertiesView view;
  (void)amqp::scan_properties(encoded_properties(), view);  // it was well-formed when the message was built
  return view;
}

void Message::destroy(const Message* message) noexcept {
  message->~Message();
  std::free(const_cast<Message*>(message));
}

MessageBuilder::MessageBuilder(MessageBuilder&& other) noexcept { *this = std::move(other); }

MessageBuilder& MessageBuilder::operator=(MessageBuilder&& other) noexcept {
  if (this == &other) return *this;
  reset();
  message_ = std::exchange(other.message_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  body_bytes_ = std::exchange(other.body_bytes_, 0);
  received_bytes_ = std::exchange(other.received_bytes_, 0);
  return *this;
}

MessageBuilder::~MessageBuilder() { reset(); }

void MessageBuilder::reset() noexcept {
  if (message_ != nullptr) Message::destroy(message_);
  message_ = nullptr;
  capacity_ = 0;
  body_bytes_ = received_bytes_ = 0;
}

void MessageBuilder::reserve(std::size_t data_bytes) {
  if (data_bytes <= capacity_) return;
  if (message_ != nullptr) data_bytes = std::max(data_bytes, 2 * capacity_);
  void* block = std::realloc(static_cast<void*>(message_), sizeof(Message) + data_bytes);
  if (block == nullptr) throw std::bad_alloc();
  message_ = message_ == nullptr ? new (block) Message() : static_cast<Message*>(block);
  capacity_ = data_bytes;
}

bool MessageBuilder::start(std::string_view exchange, std::string_view routing_key, std::string_view header_payload) {
  reset();
  exchange = exchange.substr(0, 255);
  routing_key = routing_key.substr(0, 255);
  amqp::PropertiesView properties;
  if (header_payload.size() < kContentHeaderBytes + 2 || !amqp::scan_properties(header_payload.substr(kContentHeaderBytes), properties))
    return false;
  body_bytes_ = load_big_endian<std::uint64_t>(header_payload.data() + 4);

  std::size_t names = exchange.size() + routing_key.size();
  std::size_t frames = header_payload.size() + 2 * (Message::kFrameHeadBytes + Message::kFrameEndBytes);
  reserve(names + frames + std::min<std::uint64_t>(body_bytes_, kFirstBodyReserveBytes));

  Message& message = *message_;
  message.exchange_bytes_ = static_cast<std::uint8_t>(exchange.size());
  message.routing_key_bytes_ = static_cast<std::uint8_t>(routing_key.size());
  message.header_bytes_ = static_cast<std::uint32_t>(header_payload.size());
  message.body_bytes_ = 0;
  message.persistent_ = properties.delivery_mode == 2;
  message.has_priority_ = properties.has(amqp::kPriority);
  message.priority_ = properties.priority;
  message.has_expiration_ = properties.has(amqp::kExpiration);
  message.has_headers_ = properties.has(amqp::kHeaders);

  char* to = message.data();
  to = std::copy(exchange.begin(), exchange.end(), to);
  to = std::copy(routing_key.begin(), routing_key.end(), to);
  to = put_frame_head(to, kHeaderFrame, header_payload.size());
  to = std::copy(header_payload.begin(), header_payload.end(), to);
  *to++ = kFrameEnd;
  if (body_bytes_ != 0) put_frame_head(to, kBodyFrame, body_bytes_);
  return true;
}

void MessageBuilder::append_body(std::string_view bytes) {
  MQ_CHECK(bytes.size() <= missing_bytes());
  std::size_t offset = message_->exchange_bytes_ + message_->routing_key_bytes_ + message_->header_bytes_ + 2 * Message::kFrameHeadBytes +
                       Message::kFrameEndBytes + static_cast<std::size_t>(received_bytes_);
  reserve(offset + bytes.size() + Message::kFrameEndBytes);
  std::copy(bytes.begin(), bytes.end(), message_->data() + offset);
  received_bytes_ += bytes.size();
}

MessagePtr MessageBuilder::finish() noexcept {
  MQ_CHECK(message_ != nullptr && missing_bytes() == 0);
  message_->body_bytes_ = body_bytes_;
  if (body_bytes_ != 0) const_cast<char*>(message_->body().data())[body_bytes_] = kFrameEnd;
  message_->references_.store(1, std::memory_order_relaxed);  // the first reference: nobody else knows the message yet
  MessagePtr done(std::exchange(message_, nullptr), /*add_ref=*/false);
  reset();
  return done;
}

MessagePtr make_message_encoded(std::string_view exchange, std::string_view routing_key, std::string_view encoded_properties,
                                std::string_view body) {
  std::string header;
  header.reserve(kContentHeaderBytes + encoded_properties.size());
  ByteWriter(header).u16(60).u16(0).u64(body.size()).bytes(encoded_properties);
  MessageBuilder builder;
  MQ_CHECK(builder.start(exchange, routing_key, header));
  if (!body.empty()) builder.append_body(body);
  return builder.finish();
}

MessagePtr make_message(std::string_view exchange, std::string_view routing_key, const amqp::Properties& properties,
                        std::string_view body) {
  std::string encoded;
  amqp::encode_properties(properties, encoded);
  return make_message_encoded(exchange, routing_key, encoded, body);
}

}  // namespace mq::broker
