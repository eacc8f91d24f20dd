#include "support/conversation.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/log.hpp"
#include "broker/password.hpp"
#include "engine/metadata.hpp"

namespace mq::test {
namespace {

// Other cuts and another order of strands than usual, where a Way leaves them to chance: for long hunts.
std::uint64_t more_chance() {
  const char* seed = std::getenv("BROKERD_TEST_SEED");
  return seed == nullptr ? 0 : std::strtoull(seed, nullptr, 10);
}

}  // namespace

// --- the client: speaking ---

Client::Client(Conversation& conversation, bool loopback) : conversation_(conversation), strand_(conversation.scheduler_.make_strand()) {
  inbox_ = conversation.broker().open_inbox(strand_);
  session_ =
      std::make_unique<session::Session>(conversation.broker(), inbox_, std::make_shared<session::SessionOptions>(conversation.options),
                                         session::PeerAddress{"a client", loopback});
  timer_ = conversation.scheduler_.make_timer(strand_, [this] {
    timer_at_ = kNever;
    session_->tick();
    after_turn();
  });
  inbox_->on_wake([this] {
    session_->process_inbox();
    after_turn();
  });
  after_turn();
}

Client::~Client() { inbox_->on_wake(nullptr); }

Client& Client::sends_bytes(std::string_view bytes) {
  conversation_.speaks(*this);
  unsent_.append(bytes);
  return *this;
}

Client& Client::sends_content(const amqp::BasicPublish& method, std::string_view body, const amqp::Properties& properties,
                              std::uint16_t channel) {
  std::string encoded, frames;
  amqp::encode_properties(properties, encoded);
  amqp::append_method_frame(frames, channel, method);
  amqp::append_content(frames, channel, encoded, body, frame_max_);
  return sends_bytes(frames);
}

Client& Client::sends_heartbeat() {
  std::string frame;
  amqp::append_heartbeat_frame(frame);
  return sends_bytes(frame);
}

Client& Client::logs_in(const Login& login) {
  sends_bytes(amqp::kProtocolHeader);
  EXPECT_EQ(takes<amqp::ConnectionStart>().version_minor, 9);
  amqp::Table capabilities;
  for (const std::string& name : login.capabilities) capabilities.append(name, true);
  const amqp::TableBytes properties({{"capabilities", capabilities}});
  sends(amqp::ConnectionStartOk{properties, "PLAIN", std::string(1, '\0') + login.user + std::string(1, '\0') + login.password, "en_US"});
  EXPECT_EQ(takes<amqp::ConnectionTune>().channel_max, conversation_.options.channel_max);
  sends(amqp::ConnectionTuneOk{login.channel_max, login.frame_max, login.heartbeat});
  frame_max_ = login.frame_max;
  sends(amqp::ConnectionOpen{login.vhost}).receives(amqp::ConnectionOpenOk{});
  heard_before_.clear();  // what went before tells nothing about what goes wrong later
  return *this;
}

Client& Client::opens_channel(std::uint16_t channel) {
  return sends(amqp::ChannelOpen{}, channel).receives(amqp::ChannelOpenOk{}, channel);
}

Client& Client::vanishes() {
  conversation_.speaks(*this);
  flush();
  conversation_.speaking_ = this;  // whoever speaks next does so when this is over
  if (!open_) return *this;
  open_ = false;
  in_socket_.clear();
  session_->disconnected("vanished");
  after_turn();
  return *this;
}

Client& Client::stops_reading() {
  settle();
  reading_ = false;
  return *this;
}

Client& Client::reads_again() {
  reading_ = true;
  after_turn();
  return *this;
}

// --- the client: listening ---

std::optional<Client::Heard> Client::listen() {
  settle();
  if (heard_.empty()) return std::nullopt;
  Heard first = std::move(heard_.front());
  heard_.pop_front();
  heard_before_.push_back(describe(first));
  return first;
}

void Client::settle() {
  conversation_.settle();
  cut_frames();
}

void Client::cut_frames() {
  std::string_view left = received_;
  for (;;) {
    const amqp::FrameParse parse = amqp::FrameParser::next(left, amqp::kNoFrameMax);
    if (parse.status != amqp::FrameParse::Status::kFrame) break;
    heard_.push_back({parse.frame.type, parse.frame.channel, std::string(parse.frame.payload)});
    left.remove_prefix(parse.consumed);
  }
  received_.erase(0, received_.size() - left.size());
}

std::size_t Client::frames_waiting() {
  settle();
  return heard_.size();
}

std::string_view Client::keep(std::string bytes) { return kept_.emplace_back(std::move(bytes)); }

std::string Client::describe(const std::optional<Heard>& heard) {
  if (!heard) return "nothing";
  std::string text = "channel " + std::to_string(heard->channel) + ": ";
  switch (heard->type) {
    case amqp::FrameType::kMethod: return text + amqp::describe_method(heard->payload);
    case amqp::FrameType::kHeader: return text + "content header";
    case amqp::FrameType::kBody: return text + "content body \"" + heard->payload.substr(0, 60) + "\"";
    case amqp::FrameType::kHeartbeat: return text + "heartbeat";
  }
  return text;
}

std::string Client::describe_frame(std::string_view frame) {
  const amqp::FrameParse parse = amqp::FrameParser::next(frame, amqp::kNoFrameMax);
  return describe(Heard{parse.frame.type, parse.frame.channel, std::string(parse.frame.payload)});
}

std::string Client::log_of_frames() const {
  std::string text = "\nheard so far:";
  for (const std::string& each : heard_before_) text += "\n  " + each;
  text += "\nwaiting:";
  for (const Heard& each : heard_) text += "\n  " + describe(each);
  return text;
}

amqp::Properties Client::takes_content(std::string& body, std::uint16_t channel) {
  const std::optional<Heard> head = listen();
  const auto header =
      head && head->type == amqp::FrameType::kHeader && head->channel == channel ? amqp::read_content_header(head->payload) : std::nullopt;
  EXPECT_TRUE(header) << "no content header but " << describe(head) << log_of_frames();
  if (!header) return {};
  while (body.size() < header->body_bytes) {
    const std::optional<Heard> part = listen();
    EXPECT_TRUE(part && part->type == amqp::FrameType::kBody && part->channel == channel)
        << "no content body but " << describe(part) << log_of_frames();
    if (!part || part->type != amqp::FrameType::kBody) break;
    EXPECT_LE(part->payload.size() + amqp::kFrameOverheadBytes, frame_max_);
    body += part->payload;
  }
  return amqp::decode_properties(header->encoded_properties).value_or(amqp::Properties{});
}

amqp::Properties Client::receives_body(std::string_view body, std::uint16_t channel) {
  constexpr std::size_t kShort = 200;  // longer ones are not printed
  std::string got;
  amqp::Properties properties = takes_content(got, channel);
  if (body.size() < kShort && got.size() < kShort) EXPECT_EQ(got, body) << log_of_frames();
  else EXPECT_TRUE(got == body) << "another body, of " << got.size() << " octets";
  return properties;
}

std::pair<amqp::BasicDeliver, std::string> Client::takes_delivery(std::uint16_t channel) {
  std::pair<amqp::BasicDeliver, std::string> taken{takes<amqp::BasicDeliver>(channel), {}};
  (void)takes_content(taken.second, channel);
  return taken;
}

Client& Client::receives_heartbeat() {
  EXPECT_EQ(describe(listen()), "channel 0: heartbeat") << log_of_frames();
  return *this;
}

Client& Client::receives_bytes(std::string_view bytes) {
  conversation_.settle();
  EXPECT_EQ(received_.substr(0, bytes.size()), bytes);
  received_.erase(0, bytes.size());
  return *this;
}

Client& Client::receives_nothing() {
  settle();
  EXPECT_TRUE(heard_.empty() && received_.empty()) << log_of_frames();
  return *this;
}

Client& Client::receives_deliveries(std::string_view consumer, std::string_view queue, std::uint64_t first_tag,
                                    const std::vector<std::string>& bodies, std::uint16_t channel) {
  for (const std::string& body : bodies) receives_content(amqp::BasicDeliver{consumer, first_tag++, false, "", queue}, body, channel);
  return *this;
}

void Client::is_closed_with(std::uint16_t code, std::string_view text, amqp::MethodId method) {
  receives(amqp::ConnectionClose{code, text, method.class_id, method.method_id});
  sends(amqp::ConnectionCloseOk{});
  ends();
}

Client& Client::loses_channel_with(std::uint16_t code, std::string_view text, amqp::MethodId method, std::uint16_t channel) {
  receives(amqp::ChannelClose{code, text, method.class_id, method.method_id}, channel);
  return sends(amqp::ChannelCloseOk{}, channel);
}

Client& Client::is_cut_off() {
  receives_nothing();
  EXPECT_FALSE(open_) << "the socket is still open" << log_of_frames();
  EXPECT_TRUE(session_->finished()) << "the session has not ended";
  return *this;
}

void Client::closes() {
  sends(amqp::ConnectionClose{200, "Goodbye", 0, 0}).receives(amqp::ConnectionCloseOk{});
  ends();
}

void Client::closes_channel(std::uint16_t channel) {
  sends(amqp::ChannelClose{200, "Goodbye", 0, 0}, channel).receives(amqp::ChannelCloseOk{}, channel);
}

Client& Client::ends() {
  receives_nothing();
  vanishes();
  return is_cut_off();
}

// --- the client's socket ---

std::size_t Client::next_cut() {
  const std::string_view bytes = in_socket_;
  switch (conversation_.GetParam().cut) {
    case Way::Cut::kWhole: return bytes.size();
    case Way::Cut::kBytes: return 1;
    case Way::Cut::kAnyhow: return std::min<std::size_t>(bytes.size(), 1 + conversation_.cuts_() % 40);
    case Way::Cut::kFrames: break;
  }
  if (bytes.starts_with("AMQP")) return std::min(bytes.size(), amqp::kProtocolHeaderBytes);
  const amqp::FrameParse parse = amqp::FrameParser::next(bytes, amqp::kNoFrameMax);
  return parse.status == amqp::FrameParse::Status::kFrame ? parse.consumed : bytes.size();
}

void Client::flush() {
  in_socket_ += std::exchange(unsent_, {});
  if (conversation_.speaking_ == this) conversation_.speaking_ = nullptr;
  pour();
}

void Client::pour() {
  while (open_ && !in_socket_.empty() && session_->wants_read()) {
    const std::size_t bytes = next_cut();
    const std::string part = in_socket_.substr(0, bytes);
    in_socket_.erase(0, bytes);
    feed(part);
  }
}

void Client::feed(std::string_view bytes) {
  const std::string whole = std::string(session_->leftover()).append(bytes);
  session_->received(whole);
  after_turn();
  const Way::Cut cut = conversation_.GetParam().cut;
  if (in_socket_.empty()) return;  // who spoke has finished: the rest of the broker comes when somebody listens
  if (cut == Way::Cut::kFrames) conversation_.scheduler_.run_until_idle();
  if (cut == Way::Cut::kAnyhow)
    for (std::uint64_t left = conversation_.cuts_() % 4; left > 0; --left) conversation_.scheduler_.run_one();
}

void Client::after_turn() {
  while (open_ && reading_ && session_->outbox().waiting_bytes() != 0) {
    session_->outbox().take(sending_);
    for (const session::Outgoing::Piece& piece : sending_.pieces) received_.append(sending_.view(piece));
    sending_.clear(1024);
    session_->sent(0);
  }
  if (open_ && session_->wants_close() && session_->outbox().waiting_bytes() == 0) close_socket();
  const Millis at = open_ || !session_->finished() ? session_->next_tick() : kNever;
  if (at == timer_at_) return;
  timer_at_ = at;
  if (at == kNever) timer_->cancel();
  else timer_->arm(conversation_.scheduler_.now() + at - conversation_.scheduler_.monotonic_now());
}

void Client::close_socket() {
  open_ = false;
  in_socket_.clear();
  session_->disconnected("closed");
}

// --- the broker ---

Conversation::Conversation() : scheduler_(GetParam().seed == 0 ? 0 : GetParam().seed + more_chance()), cuts_(2024 + more_chance()) {
  log::set_level(log::Level::kOff);
  start();
}

Conversation::~Conversation() { stop(); }

void Conversation::start() {
  broker_ =
      std::make_unique<engine::Broker>(scheduler_, store_, broker_options, [](const StorageError& error) { ADD_FAILURE() << error.text; });
  const auto recovered = broker_->recover();
  EXPECT_TRUE(recovered) << recovered.error().text;
}

void Conversation::stop() {
  speaking_ = nullptr;
  scheduler_.drop_everything();
  gone_.insert(gone_.end(), std::make_move_iterator(clients_.begin()), std::make_move_iterator(clients_.end()));
  clients_.clear();
  for (auto& client : gone_) {
    client->inbox_->on_wake(nullptr);
    client->timer_.reset();
    client->session_.reset();
  }
  broker_.reset();
}

Client& Conversation::stranger(bool loopback) { return *clients_.emplace_back(std::make_unique<Client>(*this, loopback)); }

Client& Conversation::client(const Login& login) { return stranger().logs_in(login).opens_channel(); }

void Conversation::speaks(Client& client) {
  if (speaking_ != nullptr && speaking_ != &client) settle();
  speaking_ = &client;
}

void Conversation::settle() {
  if (speaking_ != nullptr) speaking_->flush();
  do {
    scheduler_.run_until_idle();
    for (auto& client : clients_) client->pour();
  } while (scheduler_.run_until_idle() != 0);  // strands that are held have tasks all the time
}

void Conversation::passes(Millis ms) {
  settle();
  scheduler_.advance(ms);
  settle();
}

void Conversation::restart() {
  settle();
  broker_->close_sessions(ReplyCode::kConnectionForced, "broker forced connection closure with reason 'shutdown'");
  settle();
  for (auto& client : clients_) client->vanishes();
  settle();
  EXPECT_EQ(broker_->session_count(), clients_.size());  // sessions end with their clients, below
  for (auto& client : clients_) EXPECT_TRUE(client->session_->finished());
  const auto finished = broker_->finish();
  EXPECT_TRUE(finished) << finished.error().text;
  stop();
  start();
}

void Conversation::crash() {
  // Joint commits that a crash cuts short hold their queues, and those hold them. With a process both would be gone; here they are kept in
  // sight, so that the leak checker looks for other leaks only.
  static auto& cut_short = *new std::vector<std::shared_ptr<void>>;
  for (const auto& vhost : broker_->vhosts()) {
    for (auto& queue : vhost->queues()) cut_short.push_back(std::move(queue));
    cut_short.push_back(vhost->delayed_if_any());
  }
  stop();
  start();
}

void Conversation::gets_only_this_far(std::size_t tasks) {
  if (speaking_ != nullptr) speaking_->flush();
  while (tasks-- > 0 && scheduler_.run_one()) {}
}

amqp::EncodedTable Conversation::args(const amqp::Table& table) { return tables_.emplace_back(table); }

void Conversation::puts(const std::string& key, const amqp::Table& record) {
  WriteSet set;
  std::string value;
  amqp::encode_table(record, value);
  set.operations.emplace_back(WriteSet::PutMetadata{key, value});
  WriteSet* sets[] = {&set};
  EXPECT_TRUE(store_.commit(sets));
}

void Conversation::adds_user(const std::string& name, const std::string& configure, const std::string& write, const std::string& read,
                             std::optional<std::string> password) {
  broker::User user;
  user.name = name;
  if (const std::string given = password.value_or(name); !given.empty())
    user.password_hash = broker::hash_password(given, std::array<std::uint8_t, 4>{1, 2, 3, 4}, user.hashing);
  puts(engine::metadata::user_key(name), broker::encode(user));
  puts(engine::metadata::permission_key("/", name), broker::encode(broker::Permission{name, "/", configure, write, read}));
}

void Conversation::adds_topic_permission(const std::string& user, const std::string& exchange, const std::string& write,
                                         const std::string& read) {
  puts(engine::metadata::topic_permission_key("/", user, exchange),
       broker::encode(broker::TopicPermission{user, "/", exchange, write, read}));
}

void Conversation::adds_vhost(const std::string& name) { puts(engine::metadata::vhost_key(name), {{"name", name}}); }

}  // namespace mq::test
