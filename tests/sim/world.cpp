#include "sim/world.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "sim/talker.hpp"

namespace mq::sim {

using namespace amqp;

namespace {

constexpr std::size_t kLargestBody = 300'000;
constexpr std::size_t kMostAnswerBytes = 1 << 20;

}  // namespace

World::World(std::uint64_t seed, std::function<void(const std::string&)> trace)
    : seed_(seed), plan_(seed), trace_(std::move(trace)), scheduler_(seed | 1), oracle_(plan_, [this] { return scheduler_.now(); }),
      options_(std::make_shared<session::SessionOptions>()) {
  log::set_level(log::Level::kOff);
  options_->publish_window_bytes = 64 << 10;
  options_->outbox_bytes = 32 << 10;
  for (std::size_t number = 0; number < plan_.clients; ++number)
    clients_.push_back(std::make_unique<Client>("client" + std::to_string(number), plan_, oracle_));
  oracle_.set_trace(trace_);
}

World::~World() { ends(); }

void World::tells(const std::string& what) {
  for (const char each : what) result_.fingerprint = result_.fingerprint * 1099511628211ULL + static_cast<unsigned char>(each);
  if (trace_) trace_(what);
}

// --- the broker ---

void World::starts() {
  engine::BrokerOptions options;
  options.logins.password_cost = broker::kLowestScryptCost;
  options.queue_memory_bytes = plan_.small_memory ? 2 << 10 : 1 << 20;
  options.total_memory_bytes = plan_.small_memory ? 8 << 10 : 8 << 20;
  disk_failed_ = stalled_ = full_ = alarmed_ = short_ = false;
  broker_ = std::make_unique<engine::Broker>(scheduler_, disk_, options, [this](const StorageError&) { disk_failed_ = true; });
  if (const auto recovered = broker_->recover(); !recovered) oracle_.violated("the broker does not start: " + recovered.error().text);
  else if (plan_.odds.rate != 0) lifts_rates();
}

// The process is gone: nothing of it runs any more.
void World::ends() {
  for (auto& client : clients_)
    if (client->connected()) client->went_dead();
  scheduler_.drop_everything();
  if (broker_)
    for (const auto& vhost : broker_->vhosts()) {
      for (auto& queue : vhost->queues()) cut_short_.push_back(std::move(queue));
      cut_short_.push_back(vhost->delayed_if_any());
    }
  wires_.clear();
  broker_.reset();
}

void World::crashes(Random& random) {
  tells("-- the broker crashes");
  ++result_.crashes;
  ends();
  disk_.lose_power(random);
  if (random.chance(plan_.odds.rot)) damages_the_disk(random);
  oracle_.crashed();
  starts();
  declares_everything();
}

void World::damages_the_disk(Random& random) {
  tells("-- a page on disk is damaged");
  for (const std::string& body : disk_.damage_a_page(random))
    if (body != "churn") oracle_.damaged(body);
  disk_.restart();
}

void World::restarts() {
  tells("-- the broker is restarted");
  ++result_.restarts;
  if (stalled_) scheduler_.hold("committer", stalled_ = false);
  broker_->close_sessions(ReplyCode::kConnectionForced, "broker forced connection closure with reason 'shutdown'");
  runs_until_idle();
  for (auto& wire : wires_) wire->vanish();
  runs_until_idle();
  if (!disk_failed_) disk_failed_ = !broker_->finish().has_value();
  if (disk_failed_) return;  // a crash after all
  ends();
  disk_.restart();
  oracle_.restarted();
  starts();
  declares_everything();
}

void World::declares_everything() {
  disk_.heal();
  Talker talker(*broker_, scheduler_, options_, [this] { scheduler_.run_until_idle(); });
  for (const ExchangePlan& exchange : plan_.exchanges)
    if (talker.asks(ExchangeDeclare{.exchange = exchange.name, .type = exchange.type, .durable = true}).id != ExchangeDeclareOk::kId)
      return oracle_.violated("exchange '" + exchange.name + "' cannot be declared");
  for (const QueuePlan& queue : plan_.queues) {
    const TableBytes arguments(queue.arguments);
    const Event answer = talker.asks(QueueDeclare{.queue = queue.name, .durable = queue.durable, .arguments = arguments});
    if (answer.id != QueueDeclareOk::kId)
      return oracle_.violated("queue '" + queue.name + "' cannot be declared: " + describe_method(answer.payload));
  }
  for (const BindingPlan& binding : plan_.bindings)
    if (talker.asks(QueueBind{.queue = plan_.queues[binding.queue].name, .exchange = binding.exchange, .routing_key = binding.key}).id !=
        QueueBindOk::kId)
      return oracle_.violated("a binding cannot be made");
}

// --- steps ---

LifeResult World::lives(std::uint64_t steps, const std::set<std::uint64_t>& left_out) {
  starts();
  declares_everything();
  for (std::uint64_t number = 0; number < steps && !is_over(); ++number)
    if (!left_out.contains(number)) step(number);
  if (!is_over()) settles_accounts();
  result_.violation = oracle_.violation();
  result_.counts = oracle_.counts();
  result_.disk = disk_.faults();
  return result_;
}

// What a step draws, it draws from its own number: leaving out others changes as little as can be.
void World::step(std::uint64_t number) {
  Random random(seed_, number + 2);
  scheduler_.reseed(random.next());
  const std::uint64_t kind = random.below(100);
  const auto prefix = [number] { return std::to_string(number) + ": "; };
  if (kind < 30) {
    for (std::uint64_t tasks = 1 + random.below(random.chance(20) ? 100 : 10); tasks > 0; --tasks) scheduler_.run_one();
  } else if (kind < 52) {
    moves_bytes(random);
  } else if (kind < 74) {
    Client& client = *random.one_of(clients_);
    if (!client.connected()) {
      connects(client, random);
      tells(prefix() + client.name() + " connects");
    } else {
      tells(prefix() + client.name() + " " + client.acts(random));
    }
  } else if (kind < 90) {
    Client& client = *random.one_of(clients_);
    const bool slow = plan_.with_slow_readers && client.name().ends_with('0');
    for (std::uint64_t events = slow ? random.below(2) : 1 + random.below(20); events > 0; --events) client.reads(random);
  } else if (kind < 96) {
    passes_time(random);
  } else {
    goes_wrong(random);
  }
  if (disk_failed_) crashes(random);
  collects_ended_wires();
  looks_around();
}

void World::connects(Client& client, Random& random) {
  wires_.push_back(std::make_unique<Wire>(*broker_, scheduler_, options_, client.name() + "." + std::to_string(++connections_), client));
  if (plan_.with_slow_readers && random.chance(50)) wires_.back()->set_room(1 << (8 + random.below(8)));
  client.connects(*wires_.back(), random);
  oracle_.connected();
}

void World::moves_bytes(Random& random) {
  Client& client = *random.one_of(clients_);
  if (!client.connected() || !client.wire()->has_to_carry()) return;
  (void)client.wire()->carry(random.chance(50) ? SIZE_MAX : 1 + random.below(2000));
}

void World::passes_time(Random& random) {
  if (plan_.lets_the_broker_settle) runs_until_idle();
  const Millis ms = random.chance(10) ? random.between(100, 3000) : random.between(1, 40);
  scheduler_.elapse(ms);
  if (short_) looks_for_growth(true);
}

void World::goes_wrong(Random& random) {
  const auto turn = [&](unsigned odds) { return random.chance(odds * 4); };
  if (stalled_ && random.chance(30)) {
    tells("-- the disk goes on");
    scheduler_.hold("committer", stalled_ = false);
  }
  if (full_ && random.chance(30)) fills_the_disk(false);
  if (turn(plan_.odds.crash)) return crashes(random);
  if (turn(plan_.odds.restart)) return restarts();
  if (turn(plan_.odds.failed_commit)) {
    tells("-- the next commit fails");
    disk_.fail_next_commit(random.chance(50) ? FaultyDisk::Failure::kBeforeWriting : FaultyDisk::Failure::kBeforeSyncing);
  } else if (turn(plan_.odds.failed_read)) {
    tells("-- reads fail");
    disk_.fail_reads(static_cast<unsigned>(random.between(1, 3)));
  } else if (turn(plan_.odds.stall) && !stalled_) {
    tells("-- the disk stalls");
    ++result_.stalls;
    scheduler_.hold("committer", stalled_ = true);
  } else if (turn(plan_.odds.full_disk) && !full_) {
    ++result_.full_disks;
    fills_the_disk(true);
  } else if (turn(plan_.odds.policy)) {
    changes_policy(random);
  } else if (turn(plan_.odds.pause)) {
    pauses(random);
  } else if (turn(plan_.odds.limit)) {
    changes_limits(random);
  } else if (turn(plan_.odds.alarm)) {
    alarmed_ = !alarmed_;
    tells(alarmed_ ? "-- an alarm begins" : "-- the alarm ends");
    broker_->set_alarm(alarmed_ ? std::optional<std::string>("low on memory") : std::nullopt);
  } else if (turn(plan_.odds.shortage)) {
    tells(short_ ? "-- there is memory again" : "-- memory is short");
    result_.shortages += short_ ? 0 : 1;
    looks_for_growth(!short_);
  } else if (turn(plan_.odds.rate)) {
    changes_rates(random);
  } else if (turn(plan_.odds.vanish)) {
    Client& client = *random.one_of(clients_);
    if (!client.connected()) return;
    tells("-- " + client.name() + " vanishes");
    ++result_.vanished;
    client.wire()->vanish();
  }
}

// As a watch over the disk would see it: publishers have to wait, at once or a little later.
void World::fills_the_disk(bool full) {
  tells(full ? "-- the disk is full" : "-- there is space on the disk again");
  full_ = full;
  disk_.set_full(full);
  broker_->set_alarm(full ? std::optional<std::string>("low on disk") : std::nullopt);
}

// A policy is put and taken away again; what it brings is in the plan of every queue.
void World::changes_policy(Random& random) {
  engine::ChangePolicy change;
  change.name = "p" + std::to_string(random.below(2));
  if (random.chance(60)) {
    broker::Policy policy{change.name, "^q" + std::to_string(random.below(5)) + "$", broker::ApplyTo::kQueues, random.between(0, 3), {}};
    if (random.chance(50)) policy.definition.set("max-length", random.between(1, 20));
    if (random.chance(40)) policy.definition.set("message-ttl", random.between(0, 3000));
    if (random.chance(40)) policy.definition.set("delivery-limit", random.between(0, 5));
    if (random.chance(30)) policy.definition.set("overflow", "reject-publish");
    if (policy.definition.empty()) policy.definition.set("max-length", std::int64_t{5});
    change.policy = std::move(policy);
  }
  tells("-- policy " + change.name + (change.policy ? " is set" : " is taken away"));
  change.reply = engine::reply_to([](const Result<engine::Answer>&) {});
  broker_->find_vhost("/")->put(std::move(change));
}

void World::pauses(Random& random) {
  engine::ChangePause change;
  change.queue = random.one_of(plan_.queues).name;
  change.delivery = random.chance(70);
  change.publish = !change.delivery || random.chance(30);
  change.paused = random.chance(60);
  tells("-- " + change.queue + (change.paused ? " is paused" : " goes on"));
  change.reply = engine::reply_to([](const Result<engine::Answer>&) {});
  broker_->find_vhost("/")->put(std::move(change));
}

void World::changes_limits(Random& random) {
  const std::int64_t most = random.chance(60) ? random.between(1, 4) : -1;
  tells("-- " + (most < 0 ? std::string("any number of") : std::to_string(most)) + " channels are allowed");
  amqp::Table limits;
  limits.set("max-channels", most);
  broker_->change_user_limits("guest", std::move(limits), engine::reply_to([](const Result<engine::Answer>&) {}));
}

void World::looks_for_growth(bool memory_is_short) {
  short_ = memory_is_short;
  broker_->set_memory_is_short(memory_is_short);
}

// Of the user that all clients are, or of the vhost.
void World::changes_rates(Random& random) {
  lifts_rates();
  if (random.chance(30)) return tells("-- everybody may publish as fast as they like");
  ++result_.rates;
  const bool by_bytes = random.chance(40);
  const std::int64_t messages = by_bytes ? -1 : random.between(1, 200), bytes = by_bytes ? random.between(500, 100'000) : -1;
  tells("-- " + (by_bytes ? std::to_string(bytes) + " octets" : std::to_string(messages) + " messages") + " may be published a second");
  if (random.chance(50)) {
    amqp::Table limits;
    limits.set("max-publish-rate", messages);
    limits.set("max-publish-byte-rate", bytes);
    broker_->change_user_limits("guest", std::move(limits), engine::reply_to([](const Result<engine::Answer>&) {}));
  } else {
    limits_vhost(by_bytes ? "max-publish-byte-rate" : "max-publish-rate", by_bytes ? bytes : messages);
  }
  paced_until_ = kNever;
  oracle_.paces(messages, bytes, wires_.size());
}

// Whoever waits for a rate looks again after a second at the latest.
void World::lifts_rates() {
  oracle_.paces_nobody();
  amqp::Table limits;
  limits.set("max-publish-rate", std::int64_t{-1});
  limits.set("max-publish-byte-rate", std::int64_t{-1});
  broker_->change_user_limits("guest", std::move(limits), engine::reply_to([](const Result<engine::Answer>&) {}));
  limits_vhost("max-publish-rate", -1);
  limits_vhost("max-publish-byte-rate", -1);
  paced_until_ = scheduler_.now() + 1001;
}

void World::limits_vhost(const std::string& name, std::int64_t limit) {
  engine::ChangeLimit change;
  change.limit = name;
  if (limit >= 0) change.value = amqp::Value(limit);
  change.reply = engine::reply_to([](const Result<engine::Answer>&) {});
  broker_->find_vhost("/")->put(std::move(change));
  scheduler_.run_until_idle();
}

// Nothing is left that an operator did.
void World::lets_all_go_on() {
  amqp::Table limits;
  limits.set("max-channels", std::int64_t{-1});
  broker_->change_user_limits("guest", std::move(limits), engine::reply_to([](const Result<engine::Answer>&) {}));
  for (const QueuePlan& queue : plan_.queues)
    broker_->find_vhost("/")->put(
        engine::ChangePause{queue.name, true, true, false, engine::reply_to([](const Result<engine::Answer>&) {})});
  alarmed_ = full_ = false;
  broker_->set_alarm(std::nullopt);
  looks_for_growth(false);
  if (plan_.odds.rate != 0) lifts_rates();
}

void World::collects_ended_wires() {
  std::erase_if(wires_, [](const auto& wire) { return wire->finished(); });
}

// Everything that was said arrives, everything that arrived is dealt with, everything that was answered is read.
void World::runs_until_idle() {
  Random random(seed_, 0);
  for (bool busy = true; busy && !is_over();) {
    busy = false;
    scheduler_.run_until_idle();
    for (auto& client : clients_) {
      if (client->connected() && client->wire()->carry(SIZE_MAX)) busy = true;
      while (client->connected() && client->wire()->has_event()) {
        client->reads(random);
        busy = true;
      }
    }
    looks_around();
  }
}

void World::looks_around() {
  looks_at_memory();
  if (!scheduler_.idle()) return;
  looks_at_heartbeats();
  if (broker_->committer().gauges().waits_for_space) return;                                    // and with it what was to be delivered
  const bool publishes_wait = alarmed_ || full_ || short_ || scheduler_.now() <= paced_until_;  // in their sessions
  if (!publishes_wait) oracle_.is_idle();
  bool all_left = true;
  for (auto& client : clients_) {
    if (!client->connected()) continue;
    if (client->wire()->all_left()) client->heard_all_until(scheduler_.now());
    else all_left = false;
  }
  if (all_left) oracle_.is_quiet();
}

// Whoever asked for heartbeats hears something as often, and is not kept when it says nothing.
void World::looks_at_heartbeats() {
  for (auto& client : clients_) {
    if (!client->connected() || client->heartbeat_s() == 0) continue;
    const Wire& wire = *client->wire();
    const Millis interval = 1000 * client->heartbeat_s();
    if (wire.open() && wire.all_left() && scheduler_.now() - wire.last_left_at() > interval)
      oracle_.violated(client->name() + " hears nothing for " + std::to_string(scheduler_.now() - wire.last_left_at()) +
                       " ms, with heartbeats every " + std::to_string(interval));
    if (wire.open() && !wire.has_to_carry() && scheduler_.now() - wire.last_carried_at() > 3 * interval)
      oracle_.violated(client->name() + " says nothing for " + std::to_string(scheduler_.now() - wire.last_carried_at()) +
                       " ms and is kept, with heartbeats every " + std::to_string(interval));
  }
}

// What waits for a client that does not read is bounded: each of its few consumers may go beyond its share by a message, and answers and
// returns by what one read brings.
void World::looks_at_memory() {
  for (auto& client : clients_)
    if (client->connected() && client->wire()->waiting_bytes() > 4 * (options_->outbox_bytes + kLargestBody) + kMostAnswerBytes)
      oracle_.violated(std::to_string(client->wire()->waiting_bytes()) + " octets wait for " + client->name());
}

// --- the end ---

void World::settles_accounts() {
  tells("-- all faults stop");
  disk_.heal();
  if (stalled_) scheduler_.hold("committer", stalled_ = false);
  lets_all_go_on();
  const auto comes_to_rest = [this] {  // what waits for the disk asks it again after a while
    for (int seconds = 0; seconds < 5; ++seconds) {
      runs_until_idle();
      scheduler_.advance(1000);
    }
    runs_until_idle();
  };
  comes_to_rest();
  for (auto& client : clients_) client->checks_in();
  comes_to_rest();
  for (const auto& client : clients_)
    if (const std::string channel = client->unanswered(); !channel.empty()) oracle_.violated("channel " + channel + " waits for an answer");
  if (!is_over()) looks_for_what_was_not_delivered();
  for (auto& wire : wires_) wire->vanish();
  comes_to_rest();
  for (const auto& wire : wires_)
    if (!wire->finished()) oracle_.violated("a session does not end");
  wires_.clear();
  scheduler_.advance(3'600'000);
  if (!is_over()) looks_for_what_must_be_gone();
  if (is_over()) return;
  for (QueueIndex queue = 0; queue < plan_.queues.size() && !is_over(); ++queue) drains(queue);
  if (!is_over()) oracle_.judge();
}

std::optional<std::uint32_t> World::messages_in(const std::string& queue) {
  Talker talker(*broker_, scheduler_, options_, [this] { scheduler_.run_until_idle(); });
  const Event stats = talker.asks(QueueDeclare{.queue = queue, .passive = true});
  if (stats.id != QueueDeclareOk::kId) return std::nullopt;
  return stats.as<QueueDeclareOk>().message_count;
}

// A consumer with room gets what is there.
void World::looks_for_what_was_not_delivered() {
  for (QueueIndex queue = 0; queue < plan_.queues.size(); ++queue) {
    const auto waits = [queue](const auto& client) { return client->waits_for(queue); };
    const auto waiting = std::find_if(clients_.begin(), clients_.end(), waits);
    if (waiting == clients_.end()) continue;
    const std::uint32_t ready = messages_in(plan_.queues[queue].name).value_or(0);
    if (ready != 0 && (*waiting)->waits_for(queue))
      oracle_.violated("queue '" + plan_.queues[queue].name + "' has " + std::to_string(ready) + " messages ready, and " +
                       (*waiting)->name() + " waits for them");
  }
}

void World::looks_for_what_must_be_gone() {
  for (auto& client : clients_)
    for (const std::string& queue : client->own_queues())
      if (!is_gone(queue)) return oracle_.violated("queue '" + queue + "' outlives its connection");
}

// One that is another's is refused too, but in other words.
bool World::is_gone(const std::string& queue) {
  Talker talker(*broker_, scheduler_, options_, [this] { scheduler_.run_until_idle(); });
  const Event answer = talker.asks(QueueDeclare{.queue = queue, .passive = true});
  return answer.id == ChannelClose::kId && answer.as<ChannelClose>().reply_code == static_cast<std::uint16_t>(ReplyCode::kNotFound);
}

void World::drains(QueueIndex queue) {
  Talker talker(*broker_, scheduler_, options_, [this] { scheduler_.run_until_idle(); });
  const std::string& name = plan_.queues[queue].name;
  const Event stats = talker.asks(QueueDeclare{.queue = name, .passive = true});
  if (stats.id != QueueDeclareOk::kId) return oracle_.violated("queue '" + name + "' is gone");
  const std::uint32_t said = stats.as<QueueDeclareOk>().message_count;
  std::uint32_t came = 0;
  for (;; ++came) {
    const Event got = talker.asks(BasicGet{.queue = name, .no_ack = true});
    if (got.id == BasicGetEmpty::kId) break;
    if (got.id != BasicGetOk::kId)
      return oracle_.violated("queue '" + name + "' gives, after " + std::to_string(came) + " of " + std::to_string(said) + ", " +
                              describe_method(got.payload) + " " + talker.trouble());
    oracle_.drained(queue, got.body, got.properties);
  }
  if (came != said && (came > said || came + oracle_.counts().damaged < said))
    oracle_.violated("queue '" + name + "' says that it has " + std::to_string(said) + " messages, and has " + std::to_string(came));
}

}  // namespace mq::sim
