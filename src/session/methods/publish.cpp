// basic.publish and its content: checked, routed, staged for the queues, noted for confirms. The hot path of the broker.
#include "session/methods/publish.hpp"

#include "broker/delay.hpp"
#include "broker/queue/dead_letter.hpp"
#include "broker/queue/queue.hpp"
#include "session/methods/direct_reply.hpp"
#include "session/methods/handlers.hpp"
#include "session/permissions.hpp"

namespace mq::session::methods {
namespace {

constexpr std::uint64_t kHardMaxBodyBytes = 512ULL << 20;  // RabbitMQ's hard limit, whatever is configured

using broker::Right;

bool asks_for_checks(const broker::Message& message) {
  return (load_big_endian<std::uint16_t>(message.encoded_properties().data()) & (amqp::kExpiration | amqp::kUserId)) != 0;
}

Outcome check_properties(Session& session, const broker::Message& message) {
  const amqp::PropertiesView properties = message.properties();
  if (properties.has(amqp::kUserId) && properties.user_id != session.user()) {
    const bool impersonates =
        session.broker().with_access([&](const broker::Access& access) { return access.has_tag(session.user(), "impersonator"); });
    if (!impersonates)
      return fail(ReplyCode::kPreconditionFailed,
                  "user_id property set to '" + std::string(properties.user_id) + "' but authenticated user was '" + session.user() + "'");
  }
  if (properties.has(amqp::kExpiration))
    if (auto ttl = broker::parse_expiration(properties.expiration); !ttl)
      return fail(ReplyCode::kPreconditionFailed, "invalid expiration '" + std::string(properties.expiration) + "': " + ttl.error().text);
  return {};
}

// The routing keys of CC and BCC; an element or header of another type is the publisher's mistake.
Outcome copies(const amqp::TableView& headers, std::string_view header, std::vector<std::string_view>& keys) {
  const auto value = headers.find(header);
  if (!value) return {};
  if (value->tag != 'A')
    return fail(ReplyCode::kPreconditionFailed, "invalid message: {unacceptable_type_in_header,\"" + std::string(header) + "\"," +
                                                    std::string(value->decode().value_or(amqp::Value()).type_name()) + "}");
  for (std::string_view key : broker::carbon_copies(headers, header)) keys.push_back(key);
  return {};
}

// `passing` is the message as queues get it, or null.
CachedRoute look_up(Session& session, const broker::Message& message, std::span<const std::string_view> more_keys,
                    const broker::MessagePtr& passing) {
  const amqp::PropertiesView properties = message.properties();
  broker::Route route;
  session.vhost()->route(message.exchange(), {message.routing_key(), properties.headers, &properties}, more_keys, passing, route);
  CachedRoute found;
  found.unique = std::move(route.unique);
  found.key_only = route.key_only && more_keys.empty();
  found.queues.reserve(route.queues.size());
  for (auto& queue : route.queues) found.queues.push_back(std::static_pointer_cast<engine::QueueActor>(std::move(queue)));
  return found;
}

// When a message whose headers ask for a delay is due; nullopt = at once.
Result<std::optional<UnixMillis>> find_due(Session& session, const broker::Message& message, const amqp::TableView& headers) {
  if (is_reply(message)) return std::optional<UnixMillis>();  // replies do not lie in wait
  const bool delaying = session.vhost()->with_topology([&](const broker::Topology& topology) {
    const broker::ExchangeInfo* exchange = topology.find_exchange(message.exchange());
    return exchange != nullptr && broker::is_delaying(*exchange);
  });
  if (!delaying && !session.options().delayed_messages) return std::optional<UnixMillis>();
  return broker::due_time(headers, session.broker().scheduler().now(), /*lenient=*/delaying);
}

const broker::ExchangeDeduplicationPtr* unique_of(const CachedRoute& route) { return route.unique ? &route.unique : nullptr; }

// A message whose way the cache does not know, or that goes on without its BCC.
Result<RoutedMessage> route_by_itself(Session& session, broker::MessagePtr message, const CachedRoute& known,
                                      std::span<const std::string_view> more_keys, bool blind_copies, std::optional<UnixMillis> due,
                                      Routing routing) {
  const broker::MessagePtr as_it_came = message;  // the keys lie in it
  if (blind_copies && !due) message = broker::without_blind_copies(*message);
  if (known.key_only && more_keys.empty()) return RoutedMessage{&known.queues, std::move(message), due, unique_of(known)};
  for (std::string_view key : more_keys)
    if (auto allowed = permit_topic(session, Right::kWrite, message->exchange(), key); !allowed) return allowed.error();
  thread_local CachedRoute uncached;
  uncached = look_up(session, *as_it_came, more_keys, routing == Routing::kForGood && !due ? message : nullptr);
  return RoutedMessage{&uncached.queues, std::move(message), due, unique_of(uncached)};
}

// Where messages with that exchange and key go, as far as these say.
Result<const CachedRoute*> find_route(Session& session, const broker::Message& message) {
  RouteCache& routes = session.routes();
  routes.validate(session.vhost()->version(), session.broker().access_revision());
  const CachedRoute* known = routes.find(message.exchange(), message.routing_key());
  if (known != nullptr) return known;
  if (auto allowed = permit_publish(session, message.exchange(), message.routing_key()); !allowed) return allowed.error();
  return &routes.insert(message.exchange(), message.routing_key(), look_up(session, message, {}, nullptr));
}

// Headers may name more keys, and ask for a delay.
Result<RoutedMessage> route_with_headers(Session& session, broker::MessagePtr message, const CachedRoute& known, Routing routing) {
  const amqp::TableView headers = message->properties().headers;
  std::vector<std::string_view> more_keys;
  if (auto valid = copies(headers, "CC", more_keys); !valid) return valid.error();
  const std::size_t visible = more_keys.size();
  if (auto valid = copies(headers, "BCC", more_keys); !valid) return valid.error();
  const bool blind_copies = more_keys.size() > visible || headers.find("BCC").has_value();
  std::optional<UnixMillis> due;
  if (broker::asks_for_delay(headers)) {
    auto found = find_due(session, *message, headers);
    if (!found) return found.error();
    due = *found;
  }
  if (known.key_only && more_keys.empty() && !blind_copies) return RoutedMessage{&known.queues, std::move(message), due, unique_of(known)};
  return route_by_itself(session, std::move(message), known, more_keys, blind_copies, due, routing);
}

}  // namespace

Result<RoutedMessage> route_message(Session& session, broker::MessagePtr message, Routing routing) {
  auto known = find_route(session, *message);
  if (!known) return known.error();
  if (asks_for_checks(*message))
    if (auto valid = check_properties(session, *message); !valid) return valid.error();
  if (message->has_headers()) return route_with_headers(session, std::move(message), **known, routing);
  if ((*known)->key_only) return RoutedMessage{&(*known)->queues, std::move(message), std::nullopt, unique_of(**known)};
  return route_by_itself(session, std::move(message), **known, {}, false, std::nullopt, routing);
}

engine::UniquePublish as_unique(RoutedMessage& routed, std::uint64_t sequence) {
  return {std::move(routed.message), *routed.unique, *routed.queues, routed.due, sequence};
}

void return_unroutable(Session& session, Channel& channel, const broker::MessagePtr& message) {
  session.send(channel.number,
               amqp::BasicReturn{static_cast<std::uint16_t>(ReplyCode::kNoRoute), "NO_ROUTE", message->exchange(), message->routing_key()});
  session.send_content(channel.number, message);
}

Outcome basic_publish(Session&, Channel& channel, const amqp::BasicPublish& method) {
  if (method.immediate) return fail(ReplyCode::kNotImplemented, "immediate=true");
  channel.publish.exchange.assign(method.exchange);
  channel.publish.routing_key.assign(method.routing_key);
  channel.publish.mandatory = method.mandatory;
  channel.expects = Channel::Expects::kContentHeader;
  return {};
}

Outcome content_header(Session& session, Channel& channel, std::string_view payload) {
  const auto header = amqp::read_content_header(payload);
  if (!header) return fail(ReplyCode::kSyntaxError, "content header is too short");
  if (header->class_id != amqp::BasicPublish::kId.class_id)
    return fail(ReplyCode::kUnexpectedFrame,
                "expected content header for class 60, got one for class " + std::to_string(header->class_id) + " instead");
  if (header->body_bytes > kHardMaxBodyBytes)
    return fail(ReplyCode::kFrameError, "content body size " + std::to_string(header->body_bytes) + " is larger than the limit of " +
                                            std::to_string(kHardMaxBodyBytes));
  channel.expects = Channel::Expects::kMethod;  // also where this fails: what follows on a failed channel is ignored
  if (header->body_bytes > session.options().max_message_bytes)
    return fail(ReplyCode::kPreconditionFailed, "message size " + std::to_string(header->body_bytes) +
                                                    " is larger than configured max size " +
                                                    std::to_string(session.options().max_message_bytes));
  if (!channel.builder.start(channel.publish.exchange, channel.publish.routing_key, payload))
    return fail(ReplyCode::kSyntaxError, "malformed content properties");
  if (header->body_bytes == 0) return publish_complete(session, channel);
  channel.expects = Channel::Expects::kContentBody;
  return {};
}

Outcome publish_complete(Session& session, Channel& channel) {
  channel.expects = Channel::Expects::kMethod;
  auto request = address_request(channel, channel.builder.finish());
  if (!request) return request.error();
  broker::MessagePtr message = std::move(*request);
  session.note_published(message->wire().size());
  if (channel.transactional) {
    auto routed = route_message(session, message, Routing::kToCheck);  // what is wrong is told at once, what is right goes at the commit
    if (!routed) return routed.error();
    channel.tx_bytes += message->memory_bytes() + sizeof(TxPublish);
    channel.tx_publishes.push_back({std::move(message), channel.publish.mandatory});
    return check_transaction(session, channel);
  }
  auto routed = route_message(session, std::move(message));
  if (!routed) return routed.error();
  if (is_to_be_new(*routed, channel.publish.mandatory)) {
    const std::uint64_t sequence = channel.confirm ? channel.confirms.add(1) : 0;
    session.staging().publish_unique(session.vhost()->deduplicator(), channel.key, as_unique(*routed, sequence));
    return {};
  }
  if (waits(*routed, channel.publish.mandatory)) {
    const std::uint64_t sequence = channel.confirm ? channel.confirms.add(1) : 0;
    session.staging().delay(session.vhost()->delayed(), channel.key, {broker::make_delayed(routed->message), *routed->due, sequence});
    return {};
  }
  const bool replied = is_reply(*routed->message) && send_reply(session, routed->message);
  if (routed->queues->empty() && !replied && channel.publish.mandatory) return_unroutable(session, channel, routed->message);
  std::uint64_t sequence = 0;
  if (channel.confirm) {
    sequence = channel.confirms.add(static_cast<std::uint32_t>(routed->queues->size()));
    if (routed->queues->empty()) session.note_confirms(channel);
  }
  const auto& queues = *routed->queues;
  if (queues.empty()) return {};
  for (auto queue = queues.begin(); queue + 1 != queues.end(); ++queue)
    session.staging().publish(*queue, channel.key, routed->message, sequence);
  session.staging().publish(queues.back(), channel.key, std::move(routed->message), sequence);
  return {};
}

}  // namespace mq::session::methods
