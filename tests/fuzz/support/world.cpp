#include "support/world.hpp"

#include <array>
#include <cstdio>

#include "base/log.hpp"
#include "broker/password.hpp"
#include "engine/metadata.hpp"
#include "fuzz.hpp"

namespace mq::fuzz {
namespace {

using namespace amqp;

constexpr std::string_view kNeighbour = "neighbour";
constexpr std::string_view kNeighboursVHost = "next door";
constexpr std::string_view kNeighboursQueue = "orders";
constexpr std::string_view kNeighboursBody = "one of these, please";
constexpr std::uint64_t kOutboxBytes = 64 << 10;
constexpr std::size_t kMostWaitingBytes = 8 << 20;  // for one client; inputs are too short to ask for that much with good reason
constexpr int kPatience = 2000;                     // looks, ten milliseconds apart

/// Users and vhosts as they are stored, hashed once.
const std::vector<std::pair<std::string, std::string>>& first_records() {
  static const auto records = [] {
    namespace keys = engine::metadata;
    std::vector<std::pair<std::string, std::string>> made;
    const std::array<std::pair<std::string, std::string>, 2> accounts{
        {{"guest", "/"}, {std::string(kNeighbour), std::string(kNeighboursVHost)}}};
    for (const auto& [name, vhost] : accounts) {
      broker::User user;
      user.name = name;
      user.tags = {"administrator"};
      user.password_hash = broker::hash_password(name, std::array<std::uint8_t, 4>{1, 2, 3, 4}, user.hashing);
      made.emplace_back(keys::vhost_key(vhost), keys::encode_record({{"name", vhost}}));
      made.emplace_back(keys::user_key(name), keys::encode_record(broker::encode(user)));
      made.emplace_back(keys::permission_key(vhost, name),
                        keys::encode_record(broker::encode(broker::Permission{name, vhost, ".*", ".*", ".*"})));
    }
    return made;
  }();
  return records;
}

/// One that waits for each answer.
class Neighbour final : public sim::Ear {
 public:
  explicit Neighbour(World& world) : world_(world), wire_(world.broker(), world.scheduler(), world.options(), "the neighbour", *this) {}

  void says(std::string_view bytes) { wire_.write(bytes); }
  template <Method M>
  void says(const M& method) {
    std::string frame;
    append_method_frame(frame, 1, method);
    wire_.write(frame);
  }
  template <Method M>
  sim::Event hears() {
    for (int patience = kPatience; !wire_.has_event() && wire_.open() && patience > 0; --patience) {
      while (wire_.carry(SIZE_MAX)) {}
      world_.scheduler().run_until_idle();
      if (!wire_.has_event()) world_.scheduler().advance(10);
    }
    FUZZ_CLAIM(wire_.has_event());
    sim::Event event = wire_.read();
    if (event.id != M::kId) std::fprintf(stderr, "the neighbour hears %s\n", describe_method(event.payload).c_str());
    FUZZ_CLAIM(event.id == M::kId);
    return event;
  }
  void leaves() {
    wire_.vanish();
    world_.scheduler().run_until_idle();
    FUZZ_CLAIM(wire_.finished());
  }

  void left_the_broker(sim::Event&) override {}
  void went_dead() override {}
  void heard_nonsense(const std::string& what) override { claim_failed(what.c_str(), __FILE__, __LINE__); }

 private:
  World& world_;
  sim::Wire wire_;
};

}  // namespace

std::string login_bytes(std::string_view user, std::string_view vhost) {
  std::string bytes(kProtocolHeader);
  const TableBytes properties(Table{{"capabilities", Table{{"basic.nack", true},
                                                           {"consumer_cancel_notify", true},
                                                           {"connection.blocked", true},
                                                           {"publisher_confirms", true},
                                                           {"authentication_failure_close", true}}}});
  const std::string response = std::string(1, '\0').append(user).append(1, '\0').append(user);
  append_method_frame(bytes, 0, ConnectionStartOk{properties, "PLAIN", response, "en_US"});
  append_method_frame(bytes, 0, ConnectionTuneOk{64, 8192, 0});
  append_method_frame(bytes, 0, ConnectionOpen{vhost});
  append_method_frame(bytes, 1, ChannelOpen{});
  append_method_frame(bytes, 2, ChannelOpen{});
  return bytes;
}

// --- a client ---

Peer::Peer(World& world, std::string name) : wire_(world.broker(), world.scheduler(), world.options(), std::move(name), *this) {
  wire_.set_frame_max(UINT32_MAX);  // a content header cannot be cut: of a message with many headers it is larger than a small frame_max
}

void Peer::reads() {
  while (wire_.has_event()) (void)wire_.read();
}

void Peer::left_the_broker(sim::Event& event) {
  ++heard_;
  if (event.id == BasicDeliver::kId) last_tag_ = event.as<BasicDeliver>().delivery_tag;
  if (event.id == BasicGetOk::kId) last_tag_ = event.as<BasicGetOk>().delivery_tag;
  FUZZ_CLAIM(!describe_method(event.payload).empty());
}

void Peer::heard_nonsense(const std::string& what) {
  if (heard_ == 0 && first_ != kProtocolHeader && first_ != kProtocolHeader09)
    return;  // another protocol is answered by a header, and no frame
  claim_failed(what.c_str(), __FILE__, __LINE__);
}

// --- the world ---

World::World(std::uint64_t seed) : scheduler_(seed), options_(std::make_shared<session::SessionOptions>()) {
  log::set_level(log::Level::kOff);
  options_->channel_max = 64;
  options_->publish_window_bytes = 64 << 10;
  options_->outbox_bytes = kOutboxBytes;
  options_->max_message_bytes = 256 << 10;
  WriteSet set;
  for (const auto& [key, value] : first_records()) set.operations.emplace_back(WriteSet::PutMetadata{key, value});
  WriteSet* sets[] = {&set};
  FUZZ_CLAIM(store_.commit(sets).has_value());
  starts();
}

World::~World() {
  if (broker_) ends();
}

void World::starts() {
  engine::BrokerOptions options;
  options.logins.password_cost = broker::kLowestScryptCost;
  options.queue_memory_bytes = 8 << 10;
  options.total_memory_bytes = 32 << 10;
  broker_ = std::make_unique<engine::Broker>(scheduler_, store_, options,
                                             [](const StorageError& error) { claim_failed(error.text.c_str(), __FILE__, __LINE__); });
  FUZZ_CLAIM(broker_->recover().has_value());
}

Peer& World::connects() { return *peers_.emplace_back(std::make_unique<Peer>(*this, "a client")); }

Peer& World::logs_in() {
  static const std::string bytes = login_bytes("guest", "/");
  Peer& peer = connects();
  peer.says(bytes);
  settles();
  peer.reads();
  return peer;
}

void World::settles() {
  bool more = true;
  while (more) {
    scheduler_.run_until_idle();
    more = false;
    for (auto& peer : peers_) more = peer->wire().carry(SIZE_MAX) || more;
  }
  looks_around();
}

void World::runs(std::size_t tasks) {
  while (tasks-- > 0 && scheduler_.run_one()) {}
}

void World::passes(Millis ms) {
  scheduler_.advance(ms);
  looks_around();
}

void World::looks_around() {
  for (const auto& peer : peers_) FUZZ_CLAIM(peer->wire().waiting_bytes() <= kMostWaitingBytes);
}

void World::serves_the_neighbour() {
  static const std::string bytes = login_bytes(kNeighbour, kNeighboursVHost);
  Neighbour neighbour(*this);
  neighbour.says(bytes);
  neighbour.hears<ConnectionStart>();
  neighbour.hears<ConnectionTune>();
  neighbour.hears<ConnectionOpenOk>();
  neighbour.hears<ChannelOpenOk>();
  neighbour.hears<ChannelOpenOk>();
  neighbour.says(QueueDeclare{.queue = kNeighboursQueue, .durable = true});
  FUZZ_CLAIM(neighbour.hears<QueueDeclareOk>().as<QueueDeclareOk>().message_count == 0);
  neighbour.says(ConfirmSelect{});
  neighbour.hears<ConfirmSelectOk>();
  neighbour.says(BasicPublish{.routing_key = kNeighboursQueue});
  std::string encoded, content;
  Properties persistent;
  persistent.delivery_mode = 2;
  encode_properties(persistent, encoded);
  append_content(content, 1, encoded, kNeighboursBody, 8192);
  neighbour.says(content);
  neighbour.hears<BasicAck>();
  neighbour.says(BasicGet{.queue = kNeighboursQueue});
  const sim::Event got = neighbour.hears<BasicGetOk>();
  FUZZ_CLAIM(got.body == kNeighboursBody && !got.as<BasicGetOk>().redelivered);
  neighbour.says(BasicAck{got.as<BasicGetOk>().delivery_tag, false});
  neighbour.says(QueueDelete{.queue = kNeighboursQueue});
  neighbour.hears<QueueDeleteOk>();
  neighbour.leaves();
}

void World::ends() {
  for (auto& peer : peers_) peer->vanishes();
  scheduler_.run_until_idle();
  scheduler_.advance(10'000);
  for (auto& peer : peers_) FUZZ_CLAIM(peer->wire().finished());
  peers_.clear();
  scheduler_.run_until_idle();
  FUZZ_CLAIM(broker_->session_count() == 0);
  FUZZ_CLAIM(broker_->finish().has_value());
  scheduler_.drop_everything();
  broker_.reset();
  starts();  // what hostile clients left on disk is no reason not to start
  scheduler_.run_until_idle();
  FUZZ_CLAIM(broker_->finish().has_value());
  scheduler_.drop_everything();
  broker_.reset();
}

}  // namespace mq::fuzz
