// A message: immutable from the moment it is complete, shared by everyone who holds it, one allocation.
//
// Its bytes are kept in wire order: the content-header frame and one body frame, as they go out to a consumer whose frame_max has
// room for them; delivering is a copy with two channel numbers patched. A body larger than a frame is cut anew when it is sent.
#pragma once

#include <atomic>
#include <boost/intrusive_ptr.hpp>
#include <cstdint>
#include <memory>
#include <string_view>

#include "mq/amqp/properties.hpp"

namespace mq::broker {

class Message;
using MessagePtr = boost::intrusive_ptr<const Message>;

class Message {
 public:
  /// Sizes of the frame parts around the payloads: type, channel, size in front; the end octet behind.
  static constexpr std::size_t kFrameHeadBytes = 7;
  static constexpr std::size_t kFrameEndBytes = 1;

  [[nodiscard]] std::string_view exchange() const noexcept { return {data(), exchange_bytes_}; }
  [[nodiscard]] std::string_view routing_key() const noexcept { return {data() + exchange_bytes_, routing_key_bytes_}; }
  /// The content-header payload: class, weight, body size, property flags, properties.
  [[nodiscard]] std::string_view header_payload() const noexcept { return {wire_begin() + kFrameHeadBytes, header_bytes_}; }
  /// The property flags and properties alone, as scan_properties() takes them.
  [[nodiscard]] std::string_view encoded_properties() const noexcept { return header_payload().substr(12); }
  [[nodiscard]] std::string_view body() const noexcept {
    return {wire_begin() + header_bytes_ + 2 * kFrameHeadBytes + kFrameEndBytes, static_cast<std::size_t>(body_bytes_)};
  }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }

  /// Header frame, and body frame if there is a body; channel numbers are 0. Only valid to send whole when the body fits one frame.
  [[nodiscard]] std::string_view wire() const noexcept { return {wire_begin(), wire_bytes()}; }
  [[nodiscard]] std::size_t wire_bytes() const noexcept {
    std::size_t header_frame = header_frame_bytes();
    return body_bytes_ == 0 ? header_frame : header_frame + kFrameHeadBytes + static_cast<std::size_t>(body_bytes_) + kFrameEndBytes;
  }
  [[nodiscard]] std::size_t header_frame_bytes() const noexcept { return kFrameHeadBytes + header_bytes_ + kFrameEndBytes; }

  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] bool has_priority() const noexcept { return has_priority_; }
  [[nodiscard]] std::uint8_t priority() const noexcept { return priority_; }
  [[nodiscard]] bool has_expiration() const noexcept { return has_expiration_; }
  [[nodiscard]] bool has_headers() const noexcept { return has_headers_; }

  /// Every property located, nothing copied; parsed anew on each call.
  [[nodiscard]] amqp::PropertiesView properties() const noexcept;

  /// What this message costs in memory, allocation overhead included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof(Message) + exchange_bytes_ + routing_key_bytes_ + wire_bytes() + 16;
  }

  friend void intrusive_ptr_add_ref(const Message* message) noexcept { message->references_.fetch_add(1, std::memory_order_relaxed); }
  friend void intrusive_ptr_release(const Message* message) noexcept {
    // The last owner need not pay for a locked instruction: nobody else can hold a reference when the count reads 1.
    if (message->references_.load(std::memory_order_acquire) == 1 || message->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy(message);
  }

 private:
  friend class MessageBuilder;
  Message() = default;
  static void destroy(const Message* message) noexcept;

  [[nodiscard]] const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* wire_begin() const noexcept { return data() + exchange_bytes_ + routing_key_bytes_; }

  mutable std::atomic<std::uint32_t> references_{0};
  std::uint32_t header_bytes_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::uint8_t exchange_bytes_ = 0;
  std::uint8_t routing_key_bytes_ = 0;
  std::uint8_t priority_ = 0;
  bool persistent_ : 1 = false;
  bool has_priority_ : 1 = false;
  bool has_expiration_ : 1 = false;
  bool has_headers_ : 1 = false;
};

/// Puts a message together as its frames arrive. The block grows with the body that really came, so that a peer which announces
/// a large body and sends nothing costs nothing.
class MessageBuilder {
 public:
  MessageBuilder() = default;
  MessageBuilder(MessageBuilder&& other) noexcept;
  MessageBuilder& operator=(MessageBuilder&& other) noexcept;
  ~MessageBuilder();

  /// Starts a message. `header_payload` is the content header as received; false when its properties are malformed.
  /// Strings longer than a shortstr are cut.
  [[nodiscard]] bool start(std::string_view exchange, std::string_view routing_key, std::string_view header_payload);
  /// Adds body bytes; the caller has checked that they do not exceed `missing_bytes()`.
  void append_body(std::string_view bytes);
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  [[nodiscard]] std::uint64_t missing_bytes() const noexcept { return body_bytes_ - received_bytes_; }
  [[nodiscard]] bool started() const noexcept { return message_ != nullptr; }
  /// The message, complete; the builder is empty afterwards.
  [[nodiscard]] MessagePtr finish() noexcept;
  /// Forgets what was gathered.
  void reset() noexcept;

 private:
  void reserve(std::size_t data_bytes);

  Message* message_ = nullptr;
  std::size_t capacity_ = 0;  // bytes behind the Message head
  std::uint64_t body_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
};

/// A whole message at once, for the broker's own messages (dead letters, tests). `properties` are encoded anew.
[[nodiscard]] MessagePtr make_message(std::string_view exchange, std::string_view routing_key, const amqp::Properties& properties,
                                      std::string_view body);

/// The same body and properties under another exchange and key, e.g. when CC headers are taken away. `encoded_properties` starts with the
/// flags word.
[[nodiscard]] MessagePtr make_message_encoded(std::string_view exchange, std::string_view routing_key, std::string_view encoded_properties,
                                              std::string_view body);

}  // namespace mq::broker
