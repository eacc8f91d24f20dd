// A small blocking AMQP 0-9-1 client for brokerd's own tools and tests.
//
// One thread per Connection: nothing runs in the background, frames are read while a call waits. So heartbeats are off unless asked
// for, and with them the caller has to call pump() now and then. Every failure comes back as a value (client/failure.hpp). After a
// channel is closed by the broker all calls on it return that failure; so it is with a connection and all its channels.
//
//   auto connection = client::Connection::open({.port = 5672}).value();
//   auto channel = connection->open_channel().value();
//   channel.declare_queue({.name = "greetings", .durable = true}).value();
//   channel.publish("", "greetings", "hello").value();
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"
#include "mq/client/failure.hpp"
#include "mq/client/link.hpp"

namespace mq::client {

struct ConnectOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5672;
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";
  Milliseconds connect_timeout{5000};
  Milliseconds reply_timeout{30000};    ///< for each call that waits for an answer, and for the peer to take what is sent
  std::uint32_t frame_max = 131072;     ///< wanted; the broker may ask for less. 0 = whatever the broker offers
  std::uint16_t channel_max = 2047;     ///< wanted; 0 = whatever the broker offers
  std::uint16_t heartbeat_seconds = 0;  ///< 0 = off
  std::string connection_name{};        ///< shown by the broker
  amqp::Table client_properties{};      ///< in addition to product, capabilities and connection_name
};

struct Message {
  std::string exchange{};
  std::string routing_key{};
  amqp::Properties properties{};
  std::string body{};
};

struct Delivery {
  std::string consumer_tag{};  ///< empty for basic.get
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::uint32_t message_count = 0;  ///< basic.get only: what is left in the queue
  Message message{};
};

/// A mandatory message that reached no queue.
struct Returned {
  std::uint16_t reply_code = 0;
  std::string reply_text{};
  Message message{};
};

struct QueueSpec {
  std::string name{};  ///< empty = the broker makes one up
  bool passive = false;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  amqp::Table arguments{};
};

struct QueueState {
  std::string name{};
  std::uint32_t messages = 0;
  std::uint32_t consumers = 0;
};

struct ExchangeSpec {
  std::string name{};
  std::string type = "direct";
  bool passive = false;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  amqp::Table arguments{};
};

struct ConsumeSpec {
  std::string consumer_tag{};  ///< empty = the broker makes one up
  bool no_ack = false;
  bool exclusive = false;
  bool no_local = false;
  amqp::Table arguments{};
};

/// What became of publishes in confirm mode since the last time it was asked.
struct Confirms {
  std::uint64_t acked = 0;
  std::uint64_t nacked = 0;
};

class Connection;
struct ChannelState;  // src/client/channel_state.hpp

/// A handle to an open channel: copies mean the same channel. Must not outlive its connection.
class Channel {
 public:
  // --- topology ---
  [[nodiscard]] Outcome<QueueState> declare_queue(const QueueSpec& queue);
  /// How many messages went with it.
  [[nodiscard]] Outcome<std::uint32_t> delete_queue(std::string_view name, bool if_unused = false, bool if_empty = false);
  [[nodiscard]] Outcome<std::uint32_t> purge_queue(std::string_view name);
  [[nodiscard]] Outcome<> bind_queue(std::string_view queue, std::string_view exchange, std::string_view routing_key,
                                     const amqp::Table& arguments = {});
  [[nodiscard]] Outcome<> unbind_queue(std::string_view queue, std::string_view exchange, std::string_view routing_key,
                                       const amqp::Table& arguments = {});
  [[nodiscard]] Outcome<> declare_exchange(const ExchangeSpec& exchange);
  [[nodiscard]] Outcome<> delete_exchange(std::string_view name, bool if_unused = false);
  [[nodiscard]] Outcome<> bind_exchange(std::string_view destination, std::string_view source, std::string_view routing_key,
                                        const amqp::Table& arguments = {});
  [[nodiscard]] Outcome<> unbind_exchange(std::string_view destination, std::string_view source, std::string_view routing_key,
                                          const amqp::Table& arguments = {});

  // --- publishing ---
  /// Sends without waiting, but for the confirm window. Returns the sequence number in confirm mode, else 0.
  [[nodiscard]] Outcome<std::uint64_t> publish(std::string_view exchange, std::string_view routing_key, std::string_view body,
                                               const amqp::Properties& properties = {}, bool mandatory = false, bool immediate = false);
  /// Confirm mode. From then on publish() waits while `window` publishes are unconfirmed; 0 = never.
  [[nodiscard]] Outcome<> select_confirms(std::uint64_t window = 0);
  /// Waits until every publish is acked or nacked.
  [[nodiscard]] Outcome<Confirms> wait_for_confirms(Milliseconds timeout);
  /// Messages that came back since the last time; a return arrives before its confirm.
  [[nodiscard]] std::vector<Returned> take_returned();
  [[nodiscard]] Outcome<> select_tx();
  [[nodiscard]] Outcome<> commit();
  [[nodiscard]] Outcome<> rollback();

  // --- consuming ---
  [[nodiscard]] Outcome<> qos(std::uint16_t prefetch_count, bool global = false);
  /// Returns the consumer tag.
  [[nodiscard]] Outcome<std::string> consume(std::string_view queue, const ConsumeSpec& spec = {});
  [[nodiscard]] Outcome<> cancel(std::string_view consumer_tag);
  /// The next message for any consumer of this channel; nullopt when none came in time.
  [[nodiscard]] Outcome<std::optional<Delivery>> next_delivery(Milliseconds timeout);
  /// One message now; nullopt when the queue is empty.
  [[nodiscard]] Outcome<std::optional<Delivery>> get(std::string_view queue, bool no_ack = false);
  [[nodiscard]] Outcome<> ack(std::uint64_t delivery_tag, bool multiple = false);
  [[nodiscard]] Outcome<> nack(std::uint64_t delivery_tag, bool multiple = false, bool requeue = true);
  [[nodiscard]] Outcome<> reject(std::uint64_t delivery_tag, bool requeue = true);
  [[nodiscard]] Outcome<> recover(bool requeue = true);
  /// Tags of consumers the broker has cancelled since the last time, e.g. because their queue was deleted.
  [[nodiscard]] std::vector<std::string> take_cancelled();

  // --- anything else ---
  /// Sends `request` and waits for the reply; its views are valid until the next call on this channel.
  template <amqp::Method Reply, amqp::Method Request>
  [[nodiscard]] Outcome<Reply> call(const Request& request);
  /// Sends a method that has no reply, e.g. with nowait.
  template <amqp::Method M>
  [[nodiscard]] Outcome<> send(const M& method);

  /// Sends channel.close and waits for the answer. Success when the channel is closed already.
  [[nodiscard]] Outcome<> close();
  [[nodiscard]] bool is_open() const noexcept;
  [[nodiscard]] std::uint16_t number() const noexcept;

 private:
  friend class Connection;
  Channel(Connection& connection, ChannelState& state) : connection_(&connection), state_(&state) {}

  [[nodiscard]] Outcome<> check_open() const;
  [[nodiscard]] Outcome<> send_bytes(std::string_view bytes);
  /// Waits for the reply of that id; returns its fields.
  [[nodiscard]] Outcome<std::string_view> wait_for_reply(amqp::MethodId id);

  Connection* connection_;
  ChannelState* state_;
};

class Connection {
 public:
  /// Connects, logs in with PLAIN and opens the vhost. Refusals carry the broker's reply code and text.
  [[nodiscard]] static Outcome<std::unique_ptr<Connection>> open(const ConnectOptions& options);
  /// Connects and reads connection.start without logging in: is an AMQP 0-9-1 broker there? Returns the server properties.
  [[nodiscard]] static Outcome<amqp::Table> probe(const std::string& host, std::uint16_t port, Milliseconds timeout);
  ~Connection();  ///< closes an open connection as close() does
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Opens the lowest free channel number, or the one given.
  [[nodiscard]] Outcome<Channel> open_channel(std::uint16_t number = 0);
  /// Says goodbye and waits for the answer; success when closed already by us.
  [[nodiscard]] Outcome<> close();
  /// Hangs up without a word, as a client that dies would.
  void close_now() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return !failure_ && link_.is_open(); }

  /// Reads and handles what arrives within `timeout`; false when nothing did.
  [[nodiscard]] Outcome<bool> pump(Milliseconds timeout);

  [[nodiscard]] std::uint32_t frame_max() const noexcept { return frame_max_; }
  [[nodiscard]] std::uint16_t channel_max() const noexcept { return channel_max_; }
  [[nodiscard]] std::uint16_t heartbeat_seconds() const noexcept { return heartbeat_seconds_; }
  [[nodiscard]] const amqp::Table& server_properties() const noexcept { return server_properties_; }
  /// The broker's reason while it blocks publishers, else nullopt.
  [[nodiscard]] const std::optional<std::string>& blocked() const noexcept { return blocked_; }

  /// Replaces the credentials of a running connection (RabbitMQ extension).
  [[nodiscard]] Outcome<> update_secret(std::string_view secret, std::string_view reason);

  // --- raw frames, for tests of what the calls above do not say ---
  [[nodiscard]] Outcome<> send_raw(std::string_view bytes);
  /// The next frame, not handled in any way; nullopt when none came in time. Valid until the next call.
  [[nodiscard]] Outcome<std::optional<amqp::Frame>> next_raw_frame(Milliseconds timeout);
  /// The link beneath, for tools that move frames themselves at full speed. Who reads from it takes frames away from the calls above,
  /// so that only close_now() makes sense afterwards.
  [[nodiscard]] Link& link() noexcept { return link_; }

 private:
  friend class Channel;
  explicit Connection(Link link, const ConnectOptions& options);

  [[nodiscard]] Outcome<> shake_hands();
  /// Waits for that method on channel 0 and handles what comes before it; views in it are valid until the next call.
  template <amqp::Method M>
  [[nodiscard]] Outcome<M> expect();
  [[nodiscard]] Outcome<> handle_frame(const amqp::Frame& frame);
  [[nodiscard]] Outcome<> handle_connection_method(std::string_view payload);
  [[nodiscard]] Outcome<bool> handle_buffered();
  Failure lose(Failure failure);
  [[nodiscard]] ChannelState* find(std::uint16_t channel) noexcept;

  Link link_;
  ConnectOptions options_;
  std::uint32_t frame_max_ = amqp::kMinFrameMax;
  std::uint16_t channel_max_ = 0;
  std::uint16_t heartbeat_seconds_ = 0;
  amqp::Table server_properties_;
  std::optional<std::string> blocked_;
  std::optional<Failure> failure_;  // why this connection is of no more use
  std::map<std::uint16_t, std::unique_ptr<ChannelState>> channels_;
};

template <amqp::Method M>
Outcome<> Channel::send(const M& method) {
  std::string bytes;
  amqp::append_method_frame(bytes, number(), method);
  return send_bytes(bytes);
}

template <amqp::Method Reply, amqp::Method Request>
Outcome<Reply> Channel::call(const Request& request) {
  if (Outcome<> sent = send(request); sent.has_error()) return sent.error();
  Outcome<std::string_view> fields = wait_for_reply(Reply::kId);
  if (fields.has_error()) return fields.error();
  if (std::optional<Reply> reply = amqp::decode<Reply>(*fields)) return *reply;
  return failed(FailureKind::kProtocol, "malformed " + std::string(Reply::kName));
}

}  // namespace mq::client
