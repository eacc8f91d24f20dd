// connection.* (class 10): the handshake from start to open, close, update-secret.
#include <algorithm>

#include "base/log.hpp"
#include "base/product.hpp"
#include "session/dispatch.hpp"
#include "session/method_rights.hpp"
#include "session/sasl.hpp"

namespace mq::session {
namespace {

constexpr std::uint32_t kSmallestFrameMax = 4096;  // the AMQP minimum; old clients ask for it

amqp::Table server_properties(const SessionOptions& options) {
  amqp::Table capabilities;
  for (const char* name : {"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked",
                           "consumer_priorities", "authentication_failure_close", "per_consumer_qos", "direct_reply_to"})
    capabilities.append(name, true);
  return {{"capabilities", std::move(capabilities)},
          {"cluster_name", options.cluster_name},
          {"copyright", "The brokerd authors"},
          {"information", "brokerd, an AMQP 0-9-1 broker. Licensed under the Apache License 2.0"},
          {"platform", "brokerd " + options.version},
          {"product", kProduct},
          {"version", kCompatibleVersion},
          {"brokerd_version", options.version}};
}

bool capability(const amqp::Table& client_properties, std::string_view name) {
  const amqp::Value* capabilities = client_properties.find("capabilities");
  if (capabilities == nullptr || capabilities->table() == nullptr) return false;
  const amqp::Value* value = capabilities->table()->find(name);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

std::string limit_text(std::string_view what, std::uint32_t asked, std::uint32_t limit, bool too_low) {
  std::string value = std::to_string(asked);
  if (asked == 0) value += " (no limit)";
  return "negotiated " + std::string(what) + " = " + value +
         (too_low ? " is lower than the minimum allowed value (" : " is higher than the maximum allowed value (") + std::to_string(limit) +
         ")";
}

}  // namespace

struct ConnectionMethods {
  static Result<> start_ok(Session& session, const amqp::ConnectionStartOk& method) {
    if (session.state_ != Session::State::kStartOk) return out_of_place();
    const amqp::Table client = method.client_properties.decode();
    session.wants_cancel_notice_ = capability(client, "consumer_cancel_notify");
    session.can_be_told_blocked_ = capability(client, "connection.blocked");
    session.wants_auth_close_ = capability(client, "authentication_failure_close");
    if (const amqp::Value* name = client.find("connection_name"); name != nullptr && name->string() != nullptr)
      session.connection_name_ = *name->string();
    const std::string mechanism(method.mechanism);
    if (!is_offered(mechanism, session.certified_user_.has_value()))
      return fail(ReplyCode::kCommandInvalid, "unknown authentication mechanism '" + mechanism + "'");
    if (mechanism == kExternal) return log_in_by_certificate(session);
    auto credentials = read_credentials(mechanism, method.response);
    if (!credentials) return fail(ReplyCode::kSyntaxError, "invalid SASL response");
    session.user_ = credentials->user;
    session.state_ = Session::State::kLogin;  // what comes behind start-ok is read when the login is decided
    engine::Login login{credentials->user,     std::move(credentials->password), mechanism, session.peer_.name, session.peer_.network,
                        session.peer_.loopback};
    auto known = session.broker_.logins().log_in(std::move(login), [&session] { return session.ask(&decided); });
    if (known) logged_in(session, *known);
    return {};
  }

  static Result<> tune_ok(Session& session, const amqp::ConnectionTuneOk& method) {
    if (session.state_ != Session::State::kTuneOk) return out_of_place();
    const SessionOptions& options = session.options();
    if (method.frame_max != 0 && method.frame_max < kSmallestFrameMax)
      return fail(ReplyCode::kNotAllowed, limit_text("frame_max", method.frame_max, kSmallestFrameMax, true));
    if (options.frame_max_bytes != 0 && (method.frame_max == 0 || method.frame_max > options.frame_max_bytes))
      return fail(ReplyCode::kNotAllowed, limit_text("frame_max", method.frame_max, options.frame_max_bytes, false));
    if (options.channel_max != 0 && (method.channel_max == 0 || method.channel_max > options.channel_max))
      return fail(ReplyCode::kNotAllowed, limit_text("channel_max", method.channel_max, options.channel_max, false));
    session.frame_max_ = method.frame_max;
    session.channel_max_ = method.channel_max;
    session.heartbeat_s_ = method.heartbeat;
    session.state_ = Session::State::kOpen;
    return {};
  }

  static Result<> open(Session& session, const amqp::ConnectionOpen& method) {
    if (session.state_ != Session::State::kOpen) return out_of_place();
    const std::string name(method.virtual_host);
    auto admitted = session.broker_.admit(session.user_, name);
    if (!admitted) return admitted.error();
    session.vhost_ = std::move(admitted->vhost);
    session.place_ = std::move(admitted->place);
    auto own_rate = std::make_shared<engine::PublishRate>();
    own_rate->set(session.options_->publish_rate, session.options_->publish_byte_rate);
    session.allowance_.set_rates(own_rate->limited() ? std::move(own_rate) : nullptr, std::move(admitted->user_rate),
                                 std::move(admitted->vhost_rate));
    session.state_ = Session::State::kRunning;
    session.set_deadline(0);
    session.next_tick_ = session.broker_.scheduler().monotonic_now();
    session.send(0, amqp::ConnectionOpenOk{});
    log::debug("{}: user '{}' opened vhost '{}'{}{}", session.peer_.name, session.user_, name,
               session.connection_name_.empty() ? "" : " as ", session.connection_name_);
    return {};
  }

  static Result<> close(Session& session, const amqp::ConnectionClose&) {
    session.leave(Session::Leave::kWithCloseOk);
    return {};
  }

  static Result<> close_ok(Session&, const amqp::ConnectionCloseOk&) { return {}; }

  static Result<> update_secret(Session& session, const amqp::ConnectionUpdateSecret&) {
    if (session.state_ != Session::State::kRunning) return out_of_place();
    // Secrets that expire belong to token back ends. For a user with a password RabbitMQ takes any new one and checks the access anew.
    auto allowed = session.broker_.with_access(
        [&](const broker::Access& access) { return access.check_vhost(session.user_, session.vhost_->name()); });
    if (!allowed) return allowed;
    session.send(0, amqp::ConnectionUpdateSecretOk{});
    return {};
  }

  // connection.close or close-ok while we are closing ourselves.
  static void closing(Session& session, amqp::MethodId id) {
    if (id == amqp::ConnectionClose::kId) {
      session.send(0, amqp::ConnectionCloseOk{});
      session.linger();
    } else if (id == amqp::ConnectionCloseOk::kId && session.close_sent_) {
      session.close_socket_ = true;
    }
    session.leave_when_quiet();
  }

 private:
  static Error out_of_place() { return fail(ReplyCode::kChannelError, "unexpected method in connection state running"); }

  // The answer of the slow check.
  static void decided(Session& session, Result<engine::Answer>& answer) {
    if (session.state_ != Session::State::kLogin) return;  // it was given up meanwhile
    logged_in(session, answer ? Result<>() : Result<>(answer.error()));
    session.received(std::string(session.leftover_));
  }

  static void logged_in(Session& session, const Result<>& outcome) {
    session.state_ = Session::State::kTuneOk;
    if (!outcome) return refuse(session, outcome.error());
    session.frame_max_ = session.options_->frame_max_bytes;
    session.send(0, amqp::ConnectionTune{session.options_->channel_max, session.options_->frame_max_bytes, session.options_->heartbeat_s});
  }

  // Whoever signed the certificate has seen to it that this is the user; what is left to ask is whether the user may come from there.
  static Result<> log_in_by_certificate(Session& session) {
    session.user_ = *session.certified_user_;
    const bool admitted = session.broker_.with_access(
        [&](const broker::Access& access) { return access.login_record(session.user_, session.peer_.loopback).admitted; });
    if (!admitted) log::warn("{}: login of user '{}' by certificate refused", session.peer_.name, session.user_);
    logged_in(session, admitted ? Result<>() : Result<>(broker::login_refused(kExternal)));
    return {};
  }

  // The log knows by now.
  static void refuse(Session& session, const Error& error) {
    if (session.wants_auth_close_) return session.close_with(error, {});
    session.linger();  // old clients take a silent close for a refusal
  }
};

namespace {

template <amqp::Method M, Result<> (*handle)(Session&, const M&)>
Result<> call(Session& session, std::string_view fields) {
  static_assert(find_rights(M::kId).has_value(), "a method needs a row in method_rights.hpp");
  amqp::DecodeFault fault = amqp::DecodeFault::kNone;
  const auto method = amqp::decode<M>(fields, &fault);
  if (method) return handle(session, *method);
  if (fault == amqp::DecodeFault::kBadUtf8) return fail(ReplyCode::kFrameError, "Malformed UTF-8 in shortstr");
  return fail(ReplyCode::kSyntaxError, "malformed method");
}

struct Row {
  amqp::MethodId id;
  Result<> (*handle)(Session&, std::string_view fields);
};

constexpr Row kRows[] = {
    {amqp::ConnectionStartOk::kId, &call<amqp::ConnectionStartOk, ConnectionMethods::start_ok>},
    {amqp::ConnectionTuneOk::kId, &call<amqp::ConnectionTuneOk, ConnectionMethods::tune_ok>},
    {amqp::ConnectionOpen::kId, &call<amqp::ConnectionOpen, ConnectionMethods::open>},
    {amqp::ConnectionClose::kId, &call<amqp::ConnectionClose, ConnectionMethods::close>},
    {amqp::ConnectionCloseOk::kId, &call<amqp::ConnectionCloseOk, ConnectionMethods::close_ok>},
    {amqp::ConnectionUpdateSecret::kId, &call<amqp::ConnectionUpdateSecret, ConnectionMethods::update_secret>},
};

}  // namespace

std::vector<amqp::MethodId> connection_methods() {
  std::vector<amqp::MethodId> list;
  for (const Row& row : kRows) list.push_back(row.id);
  return list;
}

void send_connection_start(Session& session) {
  const amqp::TableBytes properties(server_properties(session.options()));
  session.send(0, amqp::ConnectionStart{0, 9, properties, offered_mechanisms(session.certified_user().has_value()), "en_US"});
}

void dispatch_connection(Session& session, std::string_view payload) {
  const auto id = amqp::read_method_id(payload);
  if (!id) return session.fail_connection(fail(ReplyCode::kSyntaxError, "method frame is too short"));
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& each) { return each.id == *id; });
  if (row == std::end(kRows)) {
    const bool known = !amqp::method_name(*id).empty();
    return session.fail_connection(
        known ? fail(ReplyCode::kChannelError, "unexpected method on channel 0")
              : fail(ReplyCode::kNotImplemented, "unknown method " + std::to_string(id->class_id) + "." + std::to_string(id->method_id)),
        *id);
  }
  if (auto outcome = row->handle(session, amqp::method_fields(payload)); !outcome) session.fail_connection(outcome.error(), *id);
}

void dispatch_closing(Session& session, std::string_view payload) {
  if (const auto id = amqp::read_method_id(payload)) ConnectionMethods::closing(session, *id);
}

}  // namespace mq::session
