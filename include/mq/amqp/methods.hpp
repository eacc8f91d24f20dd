// Every method of AMQP 0-9-1 as RabbitMQ speaks it, one struct each (mq/amqp/methods/, one file per class), and what works on all of
// them: the list of their types, their names, frames around them. mq/amqp/fields.hpp tells how a method is laid out.
#pragma once

#include <type_traits>
#include <utility>

#include "mq/amqp/fields.hpp"
#include "mq/amqp/frame.hpp"
#include "mq/amqp/methods/access.hpp"
#include "mq/amqp/methods/basic.hpp"
#include "mq/amqp/methods/channel.hpp"
#include "mq/amqp/methods/confirm.hpp"
#include "mq/amqp/methods/connection.hpp"
#include "mq/amqp/methods/exchange.hpp"
#include "mq/amqp/methods/queue.hpp"
#include "mq/amqp/methods/tx.hpp"

namespace mq::amqp {

template <Method... M>
struct MethodList {
  static constexpr std::size_t kSize = sizeof...(M);
};

/// All methods, by class and id.
using AllMethods =
    MethodList<ConnectionStart, ConnectionStartOk, ConnectionSecure, ConnectionSecureOk, ConnectionTune, ConnectionTuneOk, ConnectionOpen,
               ConnectionOpenOk, ConnectionClose, ConnectionCloseOk, ConnectionBlocked, ConnectionUnblocked, ConnectionUpdateSecret,
               ConnectionUpdateSecretOk, ChannelOpen, ChannelOpenOk, ChannelFlow, ChannelFlowOk, ChannelClose, ChannelCloseOk,
               AccessRequest, AccessRequestOk, ExchangeDeclare, ExchangeDeclareOk, ExchangeDelete, ExchangeDeleteOk, ExchangeBind,
               ExchangeBindOk, ExchangeUnbind, ExchangeUnbindOk, QueueDeclare, QueueDeclareOk, QueueBind, QueueBindOk, QueuePurge,
               QueuePurgeOk, QueueDelete, QueueDeleteOk, QueueUnbind, QueueUnbindOk, BasicQos, BasicQosOk, BasicConsume, BasicConsumeOk,
               BasicCancel, BasicCancelOk, BasicPublish, BasicReturn, BasicDeliver, BasicGet, BasicGetOk, BasicGetEmpty, BasicAck,
               BasicReject, BasicRecoverAsync, BasicRecover, BasicRecoverOk, BasicNack, ConfirmSelect, ConfirmSelectOk, TxSelect,
               TxSelectOk, TxCommit, TxCommitOk, TxRollback, TxRollbackOk>;

/// True for basic.publish, return, deliver and get-ok: a content header and body frames follow.
template <Method M>
inline constexpr bool kCarriesContent = requires {
  M::kCarriesContent;
};

/// Calls `visit(std::type_identity<M>{})` for every method.
template <class Visit>
constexpr void for_each_method(Visit&& visit) {
  [&]<class... M>(MethodList<M...>) { (visit(std::type_identity<M>{}), ...); }(AllMethods{});
}

/// Calls `visit(std::type_identity<M>{})` for the method of that id; false when there is none.
template <class Visit>
constexpr bool visit_method(MethodId id, Visit&& visit) {
  return [&]<class... M>(MethodList<M...>) {
    return ((M::kId == id && (static_cast<void>(visit(std::type_identity<M>{})), true)) || ...);
  }(AllMethods{});
}

/// `basic.publish` and so on; empty when there is no such method.
[[nodiscard]] std::string_view method_name(MethodId id) noexcept;
[[nodiscard]] inline std::string_view method_name(std::uint16_t class_id, std::uint16_t method_id) noexcept {
  return method_name(MethodId{class_id, method_id});
}

/// The ids a method payload starts with; nullopt when it is shorter than that.
[[nodiscard]] inline std::optional<MethodId> read_method_id(std::string_view payload) noexcept {
  if (payload.size() < 4) return std::nullopt;
  return MethodId{load_big_endian<std::uint16_t>(payload.data()), load_big_endian<std::uint16_t>(payload.data() + 2)};
}

/// The fields of a method payload, as decode() takes them. Empty when the payload is short.
[[nodiscard]] inline std::string_view method_fields(std::string_view payload) noexcept {
  return payload.size() < 4 ? std::string_view{} : payload.substr(4);
}

/// Decodes a whole method payload of any method for logs; names the ids when they are unknown, says so when the fields are malformed.
[[nodiscard]] std::string describe_method(std::string_view payload);

/// Appends a whole method frame.
template <Method M>
void append_method_frame(std::string& out, std::uint16_t channel, const M& method) {
  std::size_t payload_bytes = encoded_size(method);
  std::size_t at = out.size();
  out.resize(at + payload_bytes + kFrameOverheadBytes);
  char* to = write_frame_head(out.data() + at, FrameType::kMethod, channel, static_cast<std::uint32_t>(payload_bytes));
  encode_at(method, to);
  to[payload_bytes] = kFrameEnd;
}

}  // namespace mq::amqp
