#include <algorithm>

#include "client/channel_state.hpp"
#include "mq/client/client.hpp"

namespace mq::client {

namespace {

using Clock = std::chrono::steady_clock;

Milliseconds left_until(Clock::time_point deadline) {
  return std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(deadline - Clock::now()));
}

/// The smaller of two limits of which 0 means none.
template <class Int>
Int agree(Int offered, Int wanted) {
  if (offered == 0 || wanted == 0) return std::max(offered, wanted);
  return std::min(offered, wanted);
}

amqp::Table client_properties(const ConnectOptions& options) {
  amqp::Table properties{
      {"product", "brokerd client"},
      {"platform", "C++"},
      {"capabilities", amqp::Table{{"publisher_confirms", true},
                                   {"exchange_exchange_bindings", true},
                                   {"basic.nack", true},
                                   {"consumer_cancel_notify", true},
                                   {"connection.blocked", true},
                                   {"authentication_failure_close", true}}},
  };
  if (!options.connection_name.empty()) properties.set("connection_name", options.connection_name);
  for (const auto& [name, value] : options.client_properties.entries()) properties.set(name, value);
  return properties;
}

template <amqp::Method M>
std::string frame_of(const M& method) {
  std::string bytes;
  amqp::append_method_frame(bytes, 0, method);
  return bytes;
}

}  // namespace

Connection::Connection(Link link, const ConnectOptions& options) : link_(std::move(link)), options_(options) {
  link_.set_frame_max(amqp::kDefaultFrameMax);  // until tune
}

Connection::~Connection() {
  if (is_open()) static_cast<void>(close());
}

Outcome<std::unique_ptr<Connection>> Connection::open(const ConnectOptions& options) {
  Outcome<Link> link = Link::connect(options.host, options.port, options.connect_timeout);
  if (link.has_error()) return link.error();
  std::unique_ptr<Connection> connection(new Connection(std::move(*link), options));
  if (Outcome<> shaken = connection->shake_hands(); shaken.has_error()) return connection->lose(shaken.error());
  return connection;
}

Outcome<amqp::Table> Connection::probe(const std::string& host, std::uint16_t port, Milliseconds timeout) {
  Outcome<Link> link = Link::connect(host, port, timeout);
  if (link.has_error()) return link.error();
  Connection connection(std::move(*link), ConnectOptions{.reply_timeout = timeout});
  Outcome<> sent = connection.send_raw(amqp::kProtocolHeader);
  if (sent.has_error()) return sent.error();
  Outcome<amqp::ConnectionStart> start = connection.expect<amqp::ConnectionStart>();
  if (start.has_error()) return connection.lose(start.error());
  amqp::Table properties = start->server_properties.decode();
  connection.close_now();  // without a goodbye: nothing was agreed yet
  return properties;
}

Outcome<> Connection::shake_hands() {
  if (Outcome<> sent = send_raw(amqp::kProtocolHeader); sent.has_error()) return sent;
  Outcome<amqp::ConnectionStart> start = expect<amqp::ConnectionStart>();
  if (start.has_error()) return start.error();
  server_properties_ = start->server_properties.decode();

  amqp::TableBytes properties(client_properties(options_));
  std::string response = std::string(1, '\0') + options_.user + std::string(1, '\0') + options_.password;
  amqp::ConnectionStartOk start_ok{.client_properties = properties, .mechanism = "PLAIN", .response = response, .locale = "en_US"};
  if (Outcome<> sent = send_raw(frame_of(start_ok)); sent.has_error()) return sent;

  Outcome<amqp::ConnectionTune> tune = expect<amqp::ConnectionTune>();
  if (tune.has_error()) return tune.error();
  if (tune->frame_max != amqp::kNoFrameMax && tune->frame_max < amqp::kMinFrameMax)  // a body could not be cut to it
    return failed(FailureKind::kProtocol,
                  "the broker offers frames of " + std::to_string(tune->frame_max) + " octets, fewer than AMQP has");
  frame_max_ = agree(tune->frame_max, options_.frame_max);
  channel_max_ = agree(tune->channel_max, options_.channel_max);
  heartbeat_seconds_ = options_.heartbeat_seconds;
  link_.set_frame_max(frame_max_);
  amqp::ConnectionTuneOk tune_ok{.channel_max = channel_max_, .frame_max = frame_max_, .heartbeat = heartbeat_seconds_};
  if (Outcome<> sent = send_raw(frame_of(tune_ok) + frame_of(amqp::ConnectionOpen{.virtual_host = options_.vhost})); sent.has_error())
    return sent;
  Outcome<amqp::ConnectionOpenOk> open_ok = expect<amqp::ConnectionOpenOk>();
  if (open_ok.has_error()) return open_ok.error();
  return {};
}

template <amqp::Method M>
Outcome<M> Connection::expect() {
  Clock::time_point deadline = Clock::now() + options_.reply_timeout;
  for (;;) {
    amqp::Frame frame;
    while (!failure_ && link_.next(frame)) {
      if (frame.type == amqp::FrameType::kMethod && frame.channel == 0 && amqp::read_method_id(frame.payload) == M::kId) {
        if (std::optional<M> method = amqp::decode<M>(amqp::method_fields(frame.payload))) return *method;
        return lose(failed(FailureKind::kProtocol, "the broker sent a malformed " + std::string(M::kName)));
      }
      if (Outcome<> handled = handle_frame(frame); handled.has_error()) return handled.error();
    }
    if (failure_) return *failure_;
    Milliseconds left = left_until(deadline);
    if (left == Milliseconds(0)) return lose(failed(FailureKind::kTimeout, "no " + std::string(M::kName) + " came in time"));
    if (Outcome<bool> received = link_.receive(left); received.has_error()) return lose(received.error());
  }
}

Failure Connection::lose(Failure failure) {
  if (!failure_) failure_ = std::move(failure);
  link_.close();
  return *failure_;
}

Outcome<bool> Connection::pump(Milliseconds timeout) {
  if (Outcome<bool> handled = handle_buffered(); handled.has_error() || *handled) return handled;
  Outcome<bool> received = link_.receive(timeout);
  Outcome<bool> handled = handle_buffered();  // also when the link broke: the broker may have said why
  if (handled.has_error()) return handled;
  if (received.has_error()) return lose(received.error());
  return received;
}

Outcome<bool> Connection::handle_buffered() {
  bool any = false;
  amqp::Frame frame;
  while (!failure_ && link_.next(frame)) {
    any = true;
    if (Outcome<> handled = handle_frame(frame); handled.has_error()) return handled.error();
  }
  if (failure_) return *failure_;
  return any;
}

Outcome<> Connection::handle_frame(const amqp::Frame& frame) {
  std::string answer;
  if (frame.type == amqp::FrameType::kHeartbeat) {
    if (heartbeat_seconds_ == 0) return {};
    amqp::append_heartbeat_frame(answer);
  } else if (frame.channel == 0) {
    return handle_connection_method(frame.payload);
  } else if (ChannelState* channel = find(frame.channel)) {
    if (Outcome<> taken = channel->take(frame, answer); taken.has_error()) return lose(taken.error());
  }
  if (answer.empty()) return {};
  return send_raw(answer);
}

Outcome<> Connection::handle_connection_method(std::string_view payload) {
  std::optional<amqp::MethodId> id = amqp::read_method_id(payload);
  std::string_view fields = amqp::method_fields(payload);
  if (id == amqp::ConnectionClose::kId) {
    Failure failure = failed(FailureKind::kConnectionClosed, "malformed connection.close");
    if (auto close = amqp::decode<amqp::ConnectionClose>(fields)) {
      failure.reply_code = close->reply_code;
      failure.text = close->reply_text;
    }
    static_cast<void>(link_.send(frame_of(amqp::ConnectionCloseOk{}), Milliseconds(1000)));
    return lose(std::move(failure));
  }
  if (id == amqp::ConnectionBlocked::kId) {
    if (auto blocked = amqp::decode<amqp::ConnectionBlocked>(fields)) blocked_ = std::string(blocked->reason);
    return {};
  }
  if (id == amqp::ConnectionUnblocked::kId) {
    blocked_.reset();
    return {};
  }
  return lose(failed(FailureKind::kProtocol, "the broker sent what was not due: " + amqp::describe_method(payload)));
}

ChannelState* Connection::find(std::uint16_t channel) noexcept {
  auto found = channels_.find(channel);
  return found == channels_.end() ? nullptr : found->second.get();
}

Outcome<Channel> Connection::open_channel(std::uint16_t number) {
  if (failure_) return *failure_;
  if (number == 0) {
    number = 1;
    for (ChannelState* taken = find(number); taken != nullptr && taken->is_open; taken = find(number))
      if (++number == 0 || (channel_max_ != 0 && number > channel_max_)) return failed(FailureKind::kProtocol, "no channel number is free");
  }
  std::unique_ptr<ChannelState>& state = channels_[number];
  if (state && state->is_open) return failed(FailureKind::kProtocol, "channel " + std::to_string(number) + " is open already");
  if (state) state->reset();
  else state = std::make_unique<ChannelState>(number);
  state->is_open = true;
  Channel channel(*this, *state);
  Outcome<amqp::ChannelOpenOk> opened = channel.call<amqp::ChannelOpenOk>(amqp::ChannelOpen{});
  if (opened.has_error()) return opened.error();
  return channel;
}

Outcome<> Connection::close() {
  if (!is_open()) return {};
  Outcome<> sent = send_raw(frame_of(amqp::ConnectionClose{.reply_code = 200, .reply_text = "Goodbye"}));
  Outcome<> closed = sent;
  if (!sent.has_error())
    if (Outcome<amqp::ConnectionCloseOk> answer = expect<amqp::ConnectionCloseOk>(); answer.has_error()) closed = answer.error();
  close_now();
  return closed;
}

void Connection::close_now() noexcept {
  static_cast<void>(lose(failed(FailureKind::kDisconnected, "the connection was closed by us")));
  for (auto& [number, channel] : channels_) channel->is_open = false;
}

Outcome<> Connection::update_secret(std::string_view secret, std::string_view reason) {
  if (Outcome<> sent = send_raw(frame_of(amqp::ConnectionUpdateSecret{.new_secret = secret, .reason = reason})); sent.has_error())
    return sent;
  Outcome<amqp::ConnectionUpdateSecretOk> answer = expect<amqp::ConnectionUpdateSecretOk>();
  if (answer.has_error()) return answer.error();
  return {};
}

Outcome<> Connection::send_raw(std::string_view bytes) {
  if (failure_) return *failure_;
  Outcome<> sent = link_.send(bytes, options_.reply_timeout);
  if (!sent.has_error()) return sent;
  if (Outcome<bool> handled = handle_buffered(); handled.has_error()) return handled.error();
  return lose(sent.error());
}

Outcome<std::optional<amqp::Frame>> Connection::next_raw_frame(Milliseconds timeout) {
  if (failure_) return *failure_;
  Clock::time_point deadline = Clock::now() + timeout;
  amqp::Frame frame;
  while (!link_.next(frame)) {
    Milliseconds left = left_until(deadline);
    Outcome<bool> received = link_.receive(left);
    if (received.has_error()) return lose(received.error());
    if (!*received && left == Milliseconds(0)) return std::optional<amqp::Frame>{};
  }
  return std::optional<amqp::Frame>{frame};
}

}  // namespace mq::client
