// The method handlers, one file per AMQP class or task; dispatch.cpp lists them in its table. A handler answers with an Error or does what
// the method asks; replies that need the engine are sent from continuations.
#pragma once

#include "session/session.hpp"

namespace mq::session::methods {

using Outcome = Result<>;

// channel.cpp
Outcome channel_open(Session& session, Channel& channel, const amqp::ChannelOpen& method);
Outcome channel_flow(Session& session, Channel& channel, const amqp::ChannelFlow& method);
Outcome channel_flow_ok(Session& session, Channel& channel, const amqp::ChannelFlowOk& method);
Outcome channel_close(Session& session, Channel& channel, const amqp::ChannelClose& method);
Outcome access_request(Session& session, Channel& channel, const amqp::AccessRequest& method);

// exchange.cpp
Outcome exchange_declare(Session& session, Channel& channel, const amqp::ExchangeDeclare& method);
Outcome exchange_delete(Session& session, Channel& channel, const amqp::ExchangeDelete& method);
Outcome exchange_bind(Session& session, Channel& channel, const amqp::ExchangeBind& method);
Outcome exchange_unbind(Session& session, Channel& channel, const amqp::ExchangeUnbind& method);

// queue.cpp
Outcome queue_declare(Session& session, Channel& channel, const amqp::QueueDeclare& method);
Outcome queue_bind(Session& session, Channel& channel, const amqp::QueueBind& method);
Outcome queue_unbind(Session& session, Channel& channel, const amqp::QueueUnbind& method);
Outcome queue_purge(Session& session, Channel& channel, const amqp::QueuePurge& method);
Outcome queue_delete(Session& session, Channel& channel, const amqp::QueueDelete& method);

// publish.cpp
Outcome basic_publish(Session& session, Channel& channel, const amqp::BasicPublish& method);
/// The content of a publish is complete.
Outcome publish_complete(Session& session, Channel& channel);
/// Routes and stages one message; `sequence_wanted` for confirm mode. Used by publish and by tx.commit.
Outcome content_header(Session& session, Channel& channel, std::string_view payload);

// consume.cpp
Outcome basic_qos(Session& session, Channel& channel, const amqp::BasicQos& method);
Outcome basic_consume(Session& session, Channel& channel, const amqp::BasicConsume& method);
Outcome basic_cancel(Session& session, Channel& channel, const amqp::BasicCancel& method);
Outcome basic_cancel_ok(Session& session, Channel& channel, const amqp::BasicCancelOk& method);
Outcome basic_get(Session& session, Channel& channel, const amqp::BasicGet& method);

// settle.cpp
Outcome basic_ack(Session& session, Channel& channel, const amqp::BasicAck& method);
Outcome basic_nack(Session& session, Channel& channel, const amqp::BasicNack& method);
Outcome basic_reject(Session& session, Channel& channel, const amqp::BasicReject& method);
Outcome basic_recover(Session& session, Channel& channel, const amqp::BasicRecover& method);
Outcome basic_recover_async(Session& session, Channel& channel, const amqp::BasicRecoverAsync& method);

// confirm.cpp, tx.cpp
Outcome confirm_select(Session& session, Channel& channel, const amqp::ConfirmSelect& method);
Outcome tx_select(Session& session, Channel& channel, const amqp::TxSelect& method);
Outcome tx_commit(Session& session, Channel& channel, const amqp::TxCommit& method);
/// 406 when the transaction has become larger than it may.
[[nodiscard]] Outcome check_transaction(const Session& session, const Channel& channel);
Outcome tx_rollback(Session& session, Channel& channel, const amqp::TxRollback& method);

/// 406 when the arguments of what is to be declared or bound are larger than they may be.
[[nodiscard]] Outcome check_arguments(const Session& session, const amqp::EncodedTable& arguments);

}  // namespace mq::session::methods
