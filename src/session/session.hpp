// One AMQP connection, sans-io: bytes go in through received(), what is to be sent comes out of outbox(), the engine's answers come in
// through process_inbox(), time through tick(). No socket, no clock, no lock.
//
// Life: handshake -> running -> leaving (our consumers are cancelled, what is unsettled goes back, exclusive queues go) -> finished.
// The transport keeps the session until finished(), also when the socket is long gone: queues still hold messages for it.
// Used on one strand only, the one its inbox was opened with.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/broker.hpp"
#include "mq/amqp/methods.hpp"
#include "session/channel.hpp"
#include "session/outbox.hpp"
#include "session/publish_allowance.hpp"
#include "session/queue_table.hpp"
#include "session/route_cache.hpp"
#include "session/staging.hpp"

namespace mq::session {

/// What happens to a delivery that is not settled in time.
enum class LateAck : std::uint8_t {
  kRequeue,  ///< the message goes back to its queue; channel and consumer go on, a late acknowledgement is taken and means nothing
  kCancel,   ///< so does the message, and the consumer is cancelled; as RabbitMQ 4.3 does with quorum queues
  kClose,    ///< the channel is closed with 406; as RabbitMQ does
};

struct SessionOptions {
  std::uint32_t frame_max_bytes = 131072;
  std::uint32_t initial_frame_max_bytes = 8192;
  std::uint16_t channel_max = 2047;
  std::uint16_t heartbeat_s = 60;
  std::uint32_t handshake_timeout_ms = 10'000;
  std::uint64_t max_message_bytes = 16ULL << 20;
  std::uint64_t publish_window_bytes = 1ULL << 20;
  std::uint64_t outbox_bytes = 512ULL << 10;
  bool delayed_messages = true;              ///< x-delay and x-deliver-at count on every exchange, not only on those that are there for it
  std::uint64_t ack_timeout_ms = 1'800'000;  ///< how long a delivery may stay unsettled; 0 = for ever
  LateAck late_ack = LateAck::kRequeue;
  // What a peer may have at most; 0 = no limit.
  std::uint64_t consumers_per_channel = 0;
  std::uint64_t unsettled_per_connection = 0;  ///< deliveries not settled; beyond, it is delivered nothing
  std::uint64_t transaction_bytes = 0;         ///< publishes and acknowledgements of a transaction that is not committed yet
  std::uint64_t arguments_bytes = 0;           ///< of a queue, an exchange or a binding
  std::int64_t publish_rate = -1;              ///< messages a second per connection; negative = no limit
  std::int64_t publish_byte_rate = -1;
  std::string cluster_name = "brokerd";
  std::string version = "0.0.0";
};

/// The message as a consumer sees it that is told how often it came back: x-delivery-count and x-acquired-count. Itself for 0.
[[nodiscard]] broker::MessagePtr with_delivery_count(const broker::MessagePtr& message, std::uint16_t returns);

struct PeerAddress {
  std::string name;  ///< as logs show it: `127.0.0.1:50000 -> 127.0.0.1:5672`
  bool loopback = false;
  std::string network;          ///< whose failed logins count together: an IPv4 address, or the /64 of an IPv6 one
  std::shared_ptr<void> place;  ///< among the connections of its address; let go with the session
};

class Session {
 public:
  Session(engine::Broker& broker, engine::InboxPtr inbox, std::shared_ptr<const SessionOptions> options, PeerAddress peer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- bytes in ---
  /// Bytes received but not used yet; a transport reads behind a copy of them and passes the whole to received().
  [[nodiscard]] std::string_view leftover() const noexcept { return leftover_; }
  /// Everything that is there: the leftover and what came since.
  void received(std::string_view bytes);
  /// False while publishes or held requests pile up: the transport reads no more until this is true again.
  [[nodiscard]] bool wants_read() const;
  /// The socket is gone, or the peer stopped sending.
  void disconnected(std::string_view why);

  // --- bytes out ---
  [[nodiscard]] Outbox& outbox() noexcept { return outbox_; }
  /// The transport has written everything; `still_waiting_bytes` of what it took are not sent yet.
  void sent(std::size_t still_waiting_bytes);
  /// Close the socket once the outbox is written.
  [[nodiscard]] bool wants_close() const noexcept { return close_socket_ || (state_ == State::kFinished && !deaf_); }

  // --- engine and time ---
  void process_inbox();
  /// Called at or after next_tick(). Heartbeats, handshake and close timeouts.
  void tick();
  [[nodiscard]] Millis next_tick() const noexcept { return next_tick_; }

  /// Nothing in the engine refers to this session any more.
  [[nodiscard]] bool finished() const noexcept { return state_ == State::kFinished; }
  [[nodiscard]] const PeerAddress& peer() const noexcept { return peer_; }
  /// The peer's certificate was verified, and this user is named in it: EXTERNAL is offered. Before the first received().
  void set_certified_user(std::string name) { certified_user_ = std::move(name); }
  [[nodiscard]] const std::optional<std::string>& certified_user() const noexcept { return certified_user_; }

  // --- for the method handlers (session/methods) ---
  using Continuation = std::function<void(Session&, Result<engine::Answer>&)>;

  [[nodiscard]] engine::Broker& broker() noexcept { return broker_; }
  [[nodiscard]] const engine::InboxPtr& inbox() const noexcept { return inbox_; }
  [[nodiscard]] const SessionOptions& options() const noexcept { return *options_; }
  [[nodiscard]] const std::shared_ptr<engine::VHost>& vhost() const noexcept { return vhost_; }
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] std::uint32_t frame_max() const noexcept { return frame_max_; }
  [[nodiscard]] Staging& staging() noexcept { return staging_; }
  [[nodiscard]] QueueTable& queues() noexcept { return queues_; }
  [[nodiscard]] RouteCache& routes() noexcept { return routes_; }

  template <amqp::Method M>
  void send(std::uint16_t channel, const M& method) {
    const std::size_t payload_bytes = amqp::encoded_size(method);
    char* at = outbox_.reserve(payload_bytes + amqp::kFrameOverheadBytes);
    char* to = amqp::write_frame_head(at, amqp::FrameType::kMethod, channel, static_cast<std::uint32_t>(payload_bytes));
    amqp::encode_at(method, to);
    to[payload_bytes] = amqp::kFrameEnd;
    outbox_.commit(payload_bytes + amqp::kFrameOverheadBytes);
  }
  /// Header and body frames of a message, cut to the negotiated frame size.
  void send_content(std::uint16_t channel, const broker::MessagePtr& message);

  /// A request to the engine: the ReplyTo to send along. The continuation runs when the answer comes, unless the session is gone.
  [[nodiscard]] engine::ReplyTo ask(Continuation then);
  /// The same for a request of a channel: frames of that channel are held until the answer came, which keeps replies in order. An error
  /// in the answer becomes the channel's or connection's close, as the method's error.
  [[nodiscard]] engine::ReplyTo ask(Channel& channel, amqp::MethodId method, std::function<void(Session&, Channel&, engine::Answer&)> then);

  /// Sends what handlers have staged for queues. Before anything else is asked of a queue.
  void flush_staged();
  /// A message was published whose content has so many bytes.
  void note_published(std::uint64_t bytes) {
    if (paced_) allowance_.published(bytes);
    if (staging_.size() >= kMostStaged) flush_midway();
  }
  /// Something was published into that queue while it holds its publishers back.
  void note_held(const engine::QueueActor& queue);

  Consumer& add_consumer(Channel& channel, std::string tag, bool no_ack, std::shared_ptr<engine::QueueActor> queue);
  [[nodiscard]] Consumer* find_consumer(std::uint32_t number);
  void forget_consumer(std::uint32_t number);
  /// Cancels the consumer in its queue; `then` runs when no more deliveries can come.
  void cancel_consumer(Consumer& consumer, bool gives_back, std::function<void(Session&)> then);

  /// Settles deliveries taken out of a ledger, staged per queue; gives back their places in a shared prefetch.
  void settle(Channel& channel, const std::vector<Unsettled>& deliveries, broker::Settlement how);
  /// The same deliveries were settled by a transaction.
  void settled_elsewhere(Channel& channel, const std::vector<Unsettled>& deliveries);
  /// When deliveries made now will be late, and how they are to say so in the ledger.
  struct DueTime {
    std::uint32_t at = 0;
    bool timed = false;
  };
  /// Writes one delivery, or only notes it when the channel is on its way out.
  void deliver(Consumer& consumer, broker::Delivery& delivery, DueTime due);
  /// After `timeout_ms`, 0 = never; sees to it that the session looks then.
  DueTime due_after(Millis timeout_ms);
  /// What holds for a delivery: the consumer's own time before the queue's, the queue's before the broker's.
  [[nodiscard]] Millis ack_timeout_ms(std::optional<Millis> of_consumer, std::optional<Millis> of_queue) const noexcept {
    return of_consumer.value_or(of_queue.value_or(static_cast<Millis>(options_->ack_timeout_ms)));
  }
  /// Puts a basic.get-ok or basic.deliver in the ledger; `consumer` 0 is basic.get.
  void enter_ledger(Channel& channel, std::uint64_t tag, engine::QueueActor& queue, const broker::Delivery& delivery,
                    std::uint32_t consumer, DueTime due);

  [[nodiscard]] Channel* find_channel(std::uint16_t number);
  /// Also finds channels that are closed towards the client but not yet let go.
  [[nodiscard]] Channel* find_channel_by_key(std::uint32_t key);
  void open_channel(std::uint16_t number);
  /// The client closes it: consumers go, unsettled messages go back, then channel.close-ok.
  void close_channel(Channel& channel);
  void channel_close_ok(std::uint16_t number);
  /// Replays the frames that were held while a request was under way, or an alarm on.
  void resume(Channel& channel);

  /// The channel has confirms to send at the end of this turn.
  void note_confirms(Channel& channel);

  void fail_channel(Channel& channel, const Error& error, amqp::MethodId method);
  void fail_connection(const Error& error, amqp::MethodId method = {});

 private:
  friend struct ConnectionMethods;  // the handshake moves the state

  /// One read can become this many messages, where a key leads to many queues, before the queues are given them and the rest waits.
  static constexpr std::size_t kMostStaged = 65536;

  enum class State : std::uint8_t { kProtocolHeader, kStartOk, kLogin, kTuneOk, kOpen, kRunning, kLeaving, kFinished };
  enum class Leave : std::uint8_t { kNotAsked, kWithCloseOk, kSilently };

  std::size_t parse(std::string_view bytes);
  bool protocol_header(std::string_view bytes, std::size_t& used);
  void frame_error(const amqp::FrameParse& parse, std::uint32_t frame_max);
  void close_with(const Error& error, amqp::MethodId method);
  void dispatch(const amqp::Frame& frame);
  /// Is this frame of an open channel to be held? A publish that may not come now stalls its channel; in an alarm the client is told.
  [[nodiscard]] bool must_wait(Channel& channel, const amqp::Frame& frame);
  [[nodiscard]] bool may_publish();
  void hold(Channel& channel, const amqp::Frame& frame);
  [[nodiscard]] bool has_held_publish() const;
  void tell_blocked();
  void look_at_gates() noexcept { gated_ = blocked_ || held_back_ || overrun_ || paced_ || clogged_; }
  void look_at_pace();
  void look_at_outbox();
  void look_at_window();
  void flush_midway();
  /// What kept publishes waiting may be over.
  void release_stalled();
  /// What the socket did not take is on its way: channels that were held for it go on.
  void release_held();
  void end_blocking();
  void handle(engine::SessionItem& item);
  void on(engine::Deliveries& item);
  void on(engine::Confirms& item);
  void on(engine::Reply& item);
  void on(engine::ConsumerCancelled& item);
  void on(engine::WindowOpened& item);
  void on(engine::AlarmChanged& item);
  void on(engine::HoldLifted& item);
  void on(engine::CloseRequested& item);
  void send_confirms();
  void abandon_channel(Channel& channel, std::function<void(Session&)> then);
  void drop_dying(const Channel& channel);
  void leave(Leave how);
  void leave_when_quiet();
  void linger();
  void finish();
  void set_deadline(Millis after_ms);
  void return_windows();
  void retry_consumers();
  [[nodiscard]] bool may_log() noexcept;
  void release_prefetch(Channel& channel, std::uint32_t counted);
  [[nodiscard]] std::uint32_t late_clock(Millis steady) const noexcept { return static_cast<std::uint32_t>(steady - started_); }
  void tick_at(Millis steady) noexcept {
    if (next_tick_ == 0 || steady < next_tick_) next_tick_ = steady;
  }
  void look_for_late(Millis now);
  void deal_with_late(Channel& channel, std::uint32_t now);
  void cancel_late(Channel& channel, std::vector<Unsettled>& late);
  [[nodiscard]] Error too_late(const Channel& channel) const;

  engine::Broker& broker_;
  engine::InboxPtr inbox_;
  std::shared_ptr<const SessionOptions> options_;
  PeerAddress peer_;
  State state_ = State::kProtocolHeader;
  Leave leave_ = Leave::kNotAsked;
  bool close_sent_ = false;    // we sent connection.close and wait for close-ok
  bool close_socket_ = false;  // nothing more will be said
  bool deaf_ = false;          // what the peer still sends is read and forgotten
  bool socket_gone_ = false;
  bool owner_dropped_ = false;
  // Why publishes, or everything, may have to wait; `gated_` when there is any reason to look.
  bool gated_ = false;
  bool blocked_ = false;    // an alarm is on
  bool held_back_ = false;  // it published into a queue that grows while memory is short
  bool overrun_ = false;    // one read made more messages than the queues can take in at once
  bool paced_ = false;      // a rate holds for its publishes
  bool clogged_ = false;    // it does not read the answers to what it asks
  bool told_blocked_ = false;
  bool can_be_told_blocked_ = false;
  bool wants_cancel_notice_ = false;
  bool wants_auth_close_ = false;

  std::string user_;
  std::optional<std::string> certified_user_;
  std::string connection_name_;
  std::string alarm_reason_;
  std::shared_ptr<engine::VHost> vhost_;
  engine::Usage::Place place_;
  std::uint32_t frame_max_;
  std::uint16_t channel_max_ = 0;
  std::uint16_t heartbeat_s_ = 0;

  std::string leftover_;
  Outbox outbox_;
  Staging staging_;
  QueueTable queues_;
  RouteCache routes_;

  boost::unordered_flat_map<std::uint16_t, std::unique_ptr<Channel>> channels_;
  Channel* last_channel_ = nullptr;              // the one of channels_ that was asked for last
  std::vector<std::unique_ptr<Channel>> dying_;  // closed towards the client, still known to the engine
  boost::unordered_flat_map<std::uint32_t, Channel*> channels_by_key_;
  boost::unordered_flat_map<std::uint32_t, std::unique_ptr<Consumer>> consumers_;
  boost::unordered_flat_map<std::uint64_t, Continuation> asked_;
  std::vector<Consumer*> owing_;  // consumers that owe their queue part of the window
  std::vector<Channel*> confirming_;
  std::uint64_t next_request_ = 1;
  std::uint32_t next_consumer_ = 1;
  std::uint32_t next_channel_key_ = 1;
  std::size_t held_bytes_ = 0;
  std::string held_close_;  // connection.close behind publishes that wait for the end of an alarm
  std::size_t in_socket_bytes_ = 0;
  std::uint64_t undelivered_bytes_ = 0;  // of deliveries since the socket last had room
  std::uint64_t just_settled_ = 0;       // deliveries, not given back to the window yet
  std::size_t release_turn_ = 0;         // which stalled channel goes on first
  PublishAllowance allowance_;

  Millis started_ = 0;
  Millis next_tick_ = 0;
  Millis deadline_ = 0;  // handshake or close timeout; 0 = none
  Millis last_received_ = 0;
  Millis last_sent_ = 0;
  Millis log_again_at_ = 0;  // what it does wrong is logged a few times in a while
  std::uint32_t logged_ = 0;
};

}  // namespace mq::session
