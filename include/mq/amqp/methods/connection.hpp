// Connection methods (class 10), all of them on channel 0.
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

/// Server: the versions, mechanisms and locales on offer, blanks between them.
struct ConnectionStart {
  static constexpr MethodId kId{10, 10};
  static constexpr std::string_view kName = "connection.start";
  std::uint8_t version_major = 0;
  std::uint8_t version_minor = 9;
  EncodedTable server_properties{};
  LongStr mechanisms{};
  LongStr locales{};
  static constexpr auto kFields =
      std::make_tuple(field("version-major", &ConnectionStart::version_major), field("version-minor", &ConnectionStart::version_minor),
                      field("server-properties", &ConnectionStart::server_properties), field("mechanisms", &ConnectionStart::mechanisms),
                      field("locales", &ConnectionStart::locales));
  bool operator==(const ConnectionStart&) const = default;
};

/// Client: who it is and how it authenticates. `response` is the SASL initial response.
struct ConnectionStartOk {
  static constexpr MethodId kId{10, 11};
  static constexpr std::string_view kName = "connection.start-ok";
  EncodedTable client_properties{};
  ShortStr mechanism{};
  LongStr response{};
  ShortStr locale{};
  static constexpr auto kFields =
      std::make_tuple(field("client-properties", &ConnectionStartOk::client_properties), field("mechanism", &ConnectionStartOk::mechanism),
                      secret_field("response", &ConnectionStartOk::response), field("locale", &ConnectionStartOk::locale));
  bool operator==(const ConnectionStartOk&) const = default;
};

/// Server: a SASL challenge.
struct ConnectionSecure {
  static constexpr MethodId kId{10, 20};
  static constexpr std::string_view kName = "connection.secure";
  LongStr challenge{};
  static constexpr auto kFields = std::make_tuple(field("challenge", &ConnectionSecure::challenge));
  bool operator==(const ConnectionSecure&) const = default;
};

/// Client: the answer to a challenge.
struct ConnectionSecureOk {
  static constexpr MethodId kId{10, 21};
  static constexpr std::string_view kName = "connection.secure-ok";
  LongStr response{};
  static constexpr auto kFields = std::make_tuple(secret_field("response", &ConnectionSecureOk::response));
  bool operator==(const ConnectionSecureOk&) const = default;
};

/// Server: its limits; 0 = none. `heartbeat` in seconds.
struct ConnectionTune {
  static constexpr MethodId kId{10, 30};
  static constexpr std::string_view kName = "connection.tune";
  std::uint16_t channel_max = 0;
  std::uint32_t frame_max = 0;
  std::uint16_t heartbeat = 0;
  static constexpr auto kFields =
      std::make_tuple(field("channel-max", &ConnectionTune::channel_max), field("frame-max", &ConnectionTune::frame_max),
                      field("heartbeat", &ConnectionTune::heartbeat));
  bool operator==(const ConnectionTune&) const = default;
};

/// Client: the limits agreed. `heartbeat` in seconds, 0 = off.
struct ConnectionTuneOk {
  static constexpr MethodId kId{10, 31};
  static constexpr std::string_view kName = "connection.tune-ok";
  std::uint16_t channel_max = 0;
  std::uint32_t frame_max = 0;
  std::uint16_t heartbeat = 0;
  static constexpr auto kFields =
      std::make_tuple(field("channel-max", &ConnectionTuneOk::channel_max), field("frame-max", &ConnectionTuneOk::frame_max),
                      field("heartbeat", &ConnectionTuneOk::heartbeat));
  bool operator==(const ConnectionTuneOk&) const = default;
};

/// Client: which vhost.
struct ConnectionOpen {
  static constexpr MethodId kId{10, 40};
  static constexpr std::string_view kName = "connection.open";
  ShortStr virtual_host{};
  ShortStr reserved_1{};
  bool insist = false;
  static constexpr auto kFields =
      std::make_tuple(field("virtual-host", &ConnectionOpen::virtual_host), field("reserved-1", &ConnectionOpen::reserved_1),
                      field("insist", &ConnectionOpen::insist));
  bool operator==(const ConnectionOpen&) const = default;
};

struct ConnectionOpenOk {
  static constexpr MethodId kId{10, 41};
  static constexpr std::string_view kName = "connection.open-ok";
  ShortStr reserved_1{};
  static constexpr auto kFields = std::make_tuple(field("reserved-1", &ConnectionOpenOk::reserved_1));
  bool operator==(const ConnectionOpenOk&) const = default;
};

/// Either side. The ids name the method at fault, 0 when none.
struct ConnectionClose {
  static constexpr MethodId kId{10, 50};
  static constexpr std::string_view kName = "connection.close";
  std::uint16_t reply_code = 0;
  ShortStr reply_text{};
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;
  static constexpr auto kFields =
      std::make_tuple(field("reply-code", &ConnectionClose::reply_code), field("reply-text", &ConnectionClose::reply_text),
                      field("class-id", &ConnectionClose::class_id), field("method-id", &ConnectionClose::method_id));
  bool operator==(const ConnectionClose&) const = default;
};

struct ConnectionCloseOk {
  static constexpr MethodId kId{10, 51};
  static constexpr std::string_view kName = "connection.close-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ConnectionCloseOk&) const = default;
};

/// Server: it will read no publishes for now (RabbitMQ extension).
struct ConnectionBlocked {
  static constexpr MethodId kId{10, 60};
  static constexpr std::string_view kName = "connection.blocked";
  ShortStr reason{};
  static constexpr auto kFields = std::make_tuple(field("reason", &ConnectionBlocked::reason));
  bool operator==(const ConnectionBlocked&) const = default;
};

struct ConnectionUnblocked {
  static constexpr MethodId kId{10, 61};
  static constexpr std::string_view kName = "connection.unblocked";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ConnectionUnblocked&) const = default;
};

/// Client: a new token in place of the one that expires (RabbitMQ extension).
struct ConnectionUpdateSecret {
  static constexpr MethodId kId{10, 70};
  static constexpr std::string_view kName = "connection.update-secret";
  LongStr new_secret{};
  ShortStr reason{};
  static constexpr auto kFields =
      std::make_tuple(secret_field("new-secret", &ConnectionUpdateSecret::new_secret), field("reason", &ConnectionUpdateSecret::reason));
  bool operator==(const ConnectionUpdateSecret&) const = default;
};

struct ConnectionUpdateSecretOk {
  static constexpr MethodId kId{10, 71};
  static constexpr std::string_view kName = "connection.update-secret-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ConnectionUpdateSecretOk&) const = default;
};

}  // namespace mq::amqp
