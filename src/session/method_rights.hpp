// The table of rights: which right each method a client may send needs on which resource. dispatch.cpp does not compile a method without a
// row here, and asks what the row says before the method's handler runs; tests/conversation/rights_test.cpp tries each row with a user
// who lacks just that. The rules are RabbitMQ's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "broker/access.hpp"
#include "mq/amqp/methods.hpp"

namespace mq::session {

/// Which of the resources a method names; the default exchange counts as `amq.default`.
enum class On : std::uint8_t {
  kQueue,        ///< an empty name is the queue declared last
  kExchange,     ///< for bindings: the source
  kDestination,  ///< the exchange a binding leads to
  kTopic,        ///< the routing key, where the exchange is a topic exchange
};

struct Need {
  broker::Right right;
  On on;
};

/// Who asks.
enum class Asked : std::uint8_t {
  kNever,      ///< the method touches nothing that a right could be on; `note` says why
  kBefore,     ///< the table, before the handler
  kByHandler,  ///< the function that `note` names, because what is needed depends on more than names
};

struct MethodRights {
  constexpr MethodRights(amqp::MethodId of, Asked who, std::initializer_list<Need> what, std::string_view text)
      : method(of), asked(who), note(text) {
    for (const Need& need : what) list[count++] = need;
  }
  [[nodiscard]] constexpr std::span<const Need> needs() const noexcept { return {list.data(), count}; }

  amqp::MethodId method;
  Asked asked;
  std::array<Need, 3> list{};
  std::size_t count = 0;
  std::string_view note;
};

namespace rights {

using broker::Right;
using enum Asked;

constexpr Need kConfigureQueue{Right::kConfigure, On::kQueue}, kWriteQueue{Right::kWrite, On::kQueue}, kReadQueue{Right::kRead, On::kQueue};
constexpr Need kConfigureExchange{Right::kConfigure, On::kExchange}, kWriteExchange{Right::kWrite, On::kExchange},
    kReadExchange{Right::kRead, On::kExchange}, kWriteDestination{Right::kWrite, On::kDestination};
constexpr Need kReadTopic{Right::kRead, On::kTopic}, kWriteTopic{Right::kWrite, On::kTopic};

}  // namespace rights

/// For rows that the table does not ask itself, `needs` is the common case; the function's comment has the rest.
inline constexpr auto kMethodRights = [] {
  using namespace rights;
  using namespace amqp;
  return std::to_array<MethodRights>({
      {ConnectionStartOk::kId, kNever, {}, "logs in"},
      {ConnectionTuneOk::kId, kNever, {}, "is about the connection itself"},
      {ConnectionOpen::kId, kByHandler, {}, "Broker::admit: a permission in the vhost, whatever it says"},
      {ConnectionClose::kId, kNever, {}, "is about the connection itself"},
      {ConnectionCloseOk::kId, kNever, {}, "is about the connection itself"},
      {ConnectionUpdateSecret::kId, kByHandler, {}, "update_secret: as connection.open"},

      {ChannelOpen::kId, kNever, {}, "is about the connection itself; limits hold"},
      {ChannelFlow::kId, kNever, {}, "is about the channel itself"},
      {ChannelFlowOk::kId, kNever, {}, "is about the channel itself"},
      {ChannelClose::kId, kNever, {}, "is about the channel itself"},
      {AccessRequest::kId, kNever, {}, "gives a ticket that means nothing"},

      {ExchangeDeclare::kId, kByHandler, {kConfigureExchange}, "permit_exchange_declare"},
      {ExchangeDelete::kId, kBefore, {kConfigureExchange}, ""},
      {ExchangeBind::kId, kBefore, {kWriteDestination, kReadExchange, kReadTopic}, ""},
      {ExchangeUnbind::kId, kBefore, {kWriteDestination, kReadExchange, kReadTopic}, ""},

      {QueueDeclare::kId, kByHandler, {kConfigureQueue}, "permit_queue_declare"},
      {QueueBind::kId, kBefore, {kWriteQueue, kReadExchange, kReadTopic}, ""},
      {QueueUnbind::kId, kBefore, {kWriteQueue, kReadExchange, kReadTopic}, ""},
      {QueuePurge::kId, kBefore, {kReadQueue}, ""},
      {QueueDelete::kId, kBefore, {kConfigureQueue}, ""},

      {BasicPublish::kId, kByHandler, {kWriteExchange, kWriteTopic}, "permit_publish: once per exchange and key, with the route"},
      {BasicConsume::kId, kBefore, {kReadQueue}, ""},
      {BasicGet::kId, kBefore, {kReadQueue}, ""},
      {BasicQos::kId, kNever, {}, "is about the channel itself"},
      {BasicCancel::kId, kNever, {}, "ends what the channel began"},
      {BasicCancelOk::kId, kNever, {}, "ends what the channel began"},
      {BasicAck::kId, kNever, {}, "settles what the channel was given"},
      {BasicNack::kId, kNever, {}, "settles what the channel was given"},
      {BasicReject::kId, kNever, {}, "settles what the channel was given"},
      {BasicRecover::kId, kNever, {}, "settles what the channel was given"},
      {BasicRecoverAsync::kId, kNever, {}, "settles what the channel was given"},

      {ConfirmSelect::kId, kNever, {}, "is about the channel itself"},
      {TxSelect::kId, kNever, {}, "is about the channel itself"},
      {TxCommit::kId, kNever, {}, "carries out what was asked for, publishes with the rights of that moment"},
      {TxRollback::kId, kNever, {}, "is about the channel itself"},
  });
}();

/// The row of a method; null when there is none.
[[nodiscard]] constexpr std::optional<MethodRights> find_rights(amqp::MethodId method) noexcept {
  for (const MethodRights& row : kMethodRights)
    if (row.method == method) return row;
  return std::nullopt;
}

}  // namespace mq::session
