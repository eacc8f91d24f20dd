#include "engine/queue_actor.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "broker/delay.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {
namespace {

constexpr double kBusyPerMs = 20;                           // slower consumers are slow by themselves: nothing is won by waiting for them
constexpr double kNearMs = 2;                               // consumers that will be done with what waits in so many milliseconds keep up
constexpr double kFewMessages = 256;                        // and so few never count
constexpr Millis kLoadAgainMs = 1000;                       // after the disk could not be read
constexpr std::uint64_t kSqueezedMemoryBytes = 256 * 1024;  // what a queue may keep while the whole broker is over its share

InboxPtr inbox_of(const broker::PeerPtr& peer) { return std::static_pointer_cast<SessionInbox>(peer); }

// Reads the pages and marks of a segment on the reading strand and brings them to the queue. What the disk could not read just now is
// not lost: it is asked for again.
class LoadTask final : public Runnable {
 public:
  LoadTask(std::shared_ptr<QueueActor> queue, Storage& storage, broker::LoadRequest request)
      : queue_(std::move(queue)), storage_(storage), request_(std::move(request)) {}

  void run() override {
    Loaded loaded{request_.level, request_.segment_first, {}, {}};
    for (Offset first : request_.pages) {
      std::vector<PageRecord> salvaged;
      auto records = storage_.read_page(request_.log, first, &salvaged);
      if (!records && records.error().kind == StorageError::Kind::kIo) return fail(records.error());
      if (!records)
        log::error("queue '{}': page {} of log {} cannot be read: {}", queue_->name(), first, request_.log, records.error().text);
      std::vector<PageRecord>& good = records ? *records : salvaged;
      loaded.records.insert(loaded.records.end(), std::make_move_iterator(good.begin()), std::make_move_iterator(good.end()));
    }
    for (Offset first : request_.marked_pages) {
      auto marks = storage_.read_marks(request_.log, first);
      if (!marks && marks.error().kind == StorageError::Kind::kIo) return fail(marks.error());
      if (marks) loaded.marks.insert(loaded.marks.end(), marks->begin(), marks->end());
      else
        log::error("queue '{}': the marks of page {} of log {} cannot be read: {}", queue_->name(), first, request_.log,
                   marks.error().text);
    }
    queue_->put(std::move(loaded));
  }

 private:
  void fail(const StorageError& error) { queue_->put(LoadFailed{std::move(request_), error.text}); }

  std::shared_ptr<QueueActor> queue_;
  Storage& storage_;
  broker::LoadRequest request_;
};

}  // namespace

QueueActor::QueueActor(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost,
                       broker::QueueInfo info, broker::QueueSettings settings)
    : Actor(std::move(strand)), services_(std::move(services)), vhost_(std::move(vhost)),
      queue_(std::move(info), std::move(settings), services_->storage) {
  roam(true);
  now_ = last_used_ = services_->scheduler.now();
  may_refuse_ = queue_.may_refuse();
}

QueueActor::~QueueActor() { services_->memory_used_bytes.fetch_sub(static_cast<std::int64_t>(memory_counted_bytes_)); }

void QueueActor::restore_ids(const RecoveredSeen& recovered) {
  if (!recovered.damaged.empty())
    log::error("queue '{}': {} records of seen ids are damaged; those ids are forgotten", name(), recovered.damaged.size());
  queue_.restore_ids(recovered, services_->scheduler.now());
}

void QueueActor::collect_shutdown(WriteSet& out) {
  if (!dead_) queue_.collect_shutdown(out);
}

void QueueActor::begin_of_turn() {
  now_ = services_->scheduler.now();
  steady_ = services_->scheduler.monotonic_now();
}

void QueueActor::handle(QueueItem& item) {
  std::visit([this](auto& each) { on(each); }, item);
}

// --- items ---

void QueueActor::on(PublishBatch& item) {
  if (dead_) {
    // Routed while the queue went: there is nothing left that could lose it.
    std::vector<std::uint64_t> sequences;
    for (const broker::Incoming& incoming : item.messages)
      if (incoming.sequence != 0) sequences.push_back(incoming.sequence);
    if (!sequences.empty()) item.from->put(Confirms{item.channel, false, std::move(sequences)});
  } else {
    gauges_.published.fetch_add(item.messages.size(), std::memory_order_relaxed);
    queue_.publish(item.messages, item.from, item.channel, now_, effects_);
  }
  if (item.bytes == 0) return;
  std::uint64_t persistent = 0;
  if (publishers_.wait_for_consumers() && queue_.info().durable)
    for (const broker::Incoming& incoming : item.messages) persistent += incoming.message->persistent() ? 1 : 0;
  publishers_.took(std::move(item.from), item.bytes, item.messages.size(), persistent, steady_);
}

void QueueActor::on(SettleBatch& item) {
  if (dead_) return;
  auto& counter = item.how == broker::Settlement::kAck ? gauges_.acknowledged : gauges_.returned;
  counter.fetch_add(item.positions.size(), std::memory_order_relaxed);
  settled_.add(item.positions.size());
  queue_.settle(item.positions, item.how, now_, effects_);
}

void QueueActor::on(AddConsumer& item) {
  if (dead_) return item.reply.send(fail(ReplyCode::kNotFound, "no " + where()));
  const broker::Consumers& consumers = queue_.consumers();
  const bool single_active = queue_.settings().single_active_consumer;
  if (consumers.has_exclusive() || (item.spec.exclusive && (!consumers.empty() || single_active)))
    return item.reply.send(fail(ReplyCode::kAccessRefused, where() + " in exclusive use"));
  if (item.spec.filter)
    if (auto fine = queue_.check_filter(*item.spec.filter); !fine) return item.reply.send(fine.error());
  // Whoever consumes has more to say to the queue than anybody else: deliveries and settlements need no other thread.
  if (consumers.empty()) move_to(inbox_of(item.spec.peer)->strand());
  queue_.add_consumer(std::move(item.spec));
  had_consumer_ = true;
  last_used_ = now_;
  item.reply.send(Answer{Done{}});
}

void QueueActor::on(RemoveConsumer& item) {
  if (!dead_) {
    send_deliveries();
    if (queue_.remove_consumer(item.peer.get(), item.number, item.gives_back)) last_used_ = now_;
  }
  const bool unused = !dead_ && !asked_to_go_ && had_consumer_ && queue_.info().auto_delete && queue_.consumers().empty();
  const auto vhost = unused ? vhost_.lock() : nullptr;
  if (!vhost) return item.reply.send(Answer{Done{}});
  // The answer comes when the queue is gone: a client that was told so does not find it any more.
  asked_to_go_ = true;
  vhost->put(RemoveUnused{name(), id(), false, std::move(item.reply)});
}

void QueueActor::on(ReturnWindow& item) {
  if (!dead_) queue_.return_window(item.peer.get(), item.number, item.bytes);
}

void QueueActor::on(RetryConsumer& item) {
  if (!dead_) queue_.retry_consumer(item.peer.get(), item.number);
}

void QueueActor::on(SharePrefetch& item) {
  if (!dead_) queue_.share_prefetch(item.peer.get(), item.number, std::move(item.shared));
}

void QueueActor::on(GetMessage& item) {
  last_used_ = now_;
  waiting_gets_.push_back(std::move(item));
}

void QueueActor::on(PurgeQueue& item) {
  settle_turn();
  item.reply.send(Answer{MessageCount{dead_ ? 0 : queue_.purge()}});
}

void QueueActor::on(AskStats& item) {
  last_used_ = now_;
  settle_turn();
  const broker::QueueCounts counts = queue_.counts();
  item.reply.send(Answer{QueueStats{name(), dead_ ? 0 : counts.ready, dead_ ? 0 : counts.consumers}});
}

void QueueActor::on(DeleteIf& item) {
  auto vhost = vhost_.lock();
  if (!vhost) return;
  asked_to_go_ = false;
  settle_turn();
  QueueGone gone{name(), id(), Answer{MessageCount{queue_.counts().ready}}, item.reply, queue_.logs(), {}, queue_.has_stored_ids()};
  if (dead_) gone.outcome = fail(ReplyCode::kNotFound, "no " + where());
  else if (item.if_unused && !queue_.consumers().empty()) gone.outcome = fail(ReplyCode::kPreconditionFailed, where() + " in use");
  else if (item.if_empty && queue_.counts().ready > 0) gone.outcome = fail(ReplyCode::kPreconditionFailed, where() + " not empty");
  else if (item.if_expired && !expired()) gone.outcome = fail(ReplyCode::kPreconditionFailed, where() + " in use");
  else gone.consumers = die();
  vhost->put(std::move(gone));
}

std::vector<std::pair<InboxPtr, std::uint32_t>> QueueActor::die() {
  send_effects();
  dead_ = true;
  std::vector<std::pair<InboxPtr, std::uint32_t>> consumers;
  queue_.consumers().for_each(
      [&](broker::Consumer& consumer) { consumers.emplace_back(inbox_of(consumer.spec().peer), consumer.spec().number); });
  // What waited for the disk waits no longer: a deleted queue keeps nothing that could be lost.
  WriteSet unused;
  queue_.purge();
  queue_.abandon_ids();
  queue_.collect(UINT64_MAX, unused);
  for (std::size_t left = writes_under_way_ + 1; left > 0; --left) queue_.written(effects_);
  send_effects();
  release_joints();
  update_gauges();
  return consumers;
}

void QueueActor::on(AskPart& item) {
  if (!dead_ && !queue_.would_take(item.joint->parts[item.part].publishes, now_)) item.joint->refused = true;
  if (item.joint->unprepared.fetch_sub(1) != 1) return;
  if (!item.joint->refused) prepare_joint_commit(item.joint);
  else if (item.joint->done) item.joint->done();
}

void QueueActor::on(PreparePart& item) {
  JointCommit::Part& part = item.joint->parts[item.part];
  if (dead_) {
    part.refused = true;
  } else {
    // The disk must know every message that the joint commit will speak of.
    if (queue_.wants_write(UINT64_MAX)) write_now();
    gauges_.published.fetch_add(part.publishes.size(), std::memory_order_relaxed);
    part.entered = queue_.prepare(part.publishes, now_, part.write);
    if (const std::uint64_t awaited = queue_.take_awaited_ids(); awaited != 0) {
      item.joint->unfinished.fetch_add(1);
      waiting_joints_.emplace_back(item.joint, awaited);
    }
    queue_.prepare_settlement(part.acks, part.write);
    queue_.prepare_departure(part.departures, part.write);
  }
  joint_part_prepared(item.joint, services_->committer);
}

void QueueActor::on(FinishPart& item) {
  JointCommit::Part& part = item.joint->parts[item.part];
  if (dead_ || part.refused) return;
  queue_.reveal(part.entered);
  queue_.settle_moved(part.acks);
  queue_.settle_moved(part.departures);
  if (!waiting_joints_.empty()) release_joints();
  gauges_.acknowledged.fetch_add(part.acks.size(), std::memory_order_relaxed);
}

void QueueActor::release_joints() {
  std::erase_if(waiting_joints_, [this](const auto& waiting) {
    if (!dead_ && queue_.committed_ids_below() < waiting.second) return false;
    joint_finished(waiting.first);
    return true;
  });
}

void QueueActor::on(Written&) {
  if (dead_) return;
  --writes_under_way_;
  queue_.written(effects_);
}

void QueueActor::on(Loaded& item) {
  if (dead_) return;
  if (std::exchange(cannot_read_, false)) log::info("queue '{}' can be read again", name());
  const std::uint64_t lost = queue_.loaded(item.level, item.segment_first, item.records, item.marks, now_);
  if (lost == 0) return;
  gauges_.lost.fetch_add(lost, std::memory_order_relaxed);
  log::error("queue '{}': {} messages could not be read back from disk", name(), lost);
}

void QueueActor::on(LoadFailed& item) {
  if (dead_) return;
  if (!std::exchange(cannot_read_, true)) log::error("queue '{}' cannot be read from disk and waits until it can: {}", name(), item.why);
  failed_loads_.push_back(std::move(item.request));
  load_again_at_ = steady_ + kLoadAgainMs;
}

void QueueActor::on(ApplySettings& item) {
  if (dead_) return;
  if (item.settings.expires_ms != queue_.settings().expires_ms) last_used_ = now_;  // the new time runs from now on
  queue_.apply(std::move(item.settings));
  may_refuse_ = queue_.may_refuse();
}

void QueueActor::on(ApplyPause& item) {
  queue_.pause(item.paused);
  may_refuse_ = queue_.may_refuse();
  send_effects();  // what was on its way goes ahead of the answer
  item.reply.send(Answer{Done{}});
}

void QueueActor::on(WakeUp&) {}

void QueueActor::on(TimerFired&) { timer_.fired(); }

void QueueActor::on(Barrier& item) {
  if (!dead_ && writes_under_way_ == 0 && queue_.wants_write(UINT64_MAX)) write_now();
  item.passed();
}

// --- the end of a turn ---

std::string QueueActor::where() const {
  const auto vhost = vhost_.lock();
  return "queue '" + name() + "' in vhost '" + (vhost ? vhost->name() : "") + "'";
}

void QueueActor::settle_turn() {
  if (!dead_) (void)queue_.finish_turn(now_, effects_);
}

std::uint64_t QueueActor::memory_target_bytes() const noexcept {
  const bool squeezed =
      services_->memory_is_short.load(std::memory_order_relaxed) ||
      services_->memory_used_bytes.load(std::memory_order_relaxed) > static_cast<std::int64_t>(services_->total_memory_bytes);
  return squeezed ? std::min(kSqueezedMemoryBytes, services_->queue_memory_bytes.load()) : services_->queue_memory_bytes.load();
}

void QueueActor::squeeze() {
  if (gauges_.memory_bytes.load(std::memory_order_relaxed) > kSqueezedMemoryBytes) put(WakeUp{});
}

bool QueueActor::expired() const noexcept {
  const auto& expires_ms = queue_.settings().expires_ms;
  return expires_ms && queue_.consumers().empty() && now_ >= last_used_ + *expires_ms;
}

void QueueActor::end_of_turn() {
  if (!dead_) {
    // What expires in this very turn is not there for basic.get; what a get waits for may have to be asked for.
    more_to_do_ = queue_.finish_turn(now_, effects_);
    answer_gets();
    if (!waiting_gets_.empty()) more_to_do_ = queue_.finish_turn(now_, effects_) || more_to_do_;
    look_at_consumers();
    write();
  } else {
    for (GetMessage& get : waiting_gets_) get.reply.send(fail(ReplyCode::kNotFound, "no " + where()));
    waiting_gets_.clear();
  }
  send_effects();
  release_publishers();
  if (dead_) return;
  arm_timer();
  update_gauges();
  if (more_to_do_) put(WakeUp{});
}

void QueueActor::look_at_consumers() {
  const broker::QueueCounts counts = queue_.counts();
  const double pace = settled_.per_ms(steady_);
  const bool busy = counts.consumers > 0 && pace >= kBusyPerMs;
  publishers_.consumers_are_behind(busy && static_cast<double>(counts.ready) > kNearMs * pace + kFewMessages);
}

bool QueueActor::disk_lags() const noexcept {
  if (writes_under_way_ == 0) return false;
  const auto used = static_cast<std::uint64_t>(std::max<std::int64_t>(services_->memory_used_bytes.load(std::memory_order_relaxed), 0));
  return queue_.counts().memory_bytes >= 4 * services_->queue_memory_bytes || used >= 2 * services_->total_memory_bytes;
}

// Publishers go on once what they sent is in the queue; while the disk lags far behind memory, this queue's or everybody's, they wait for
// it.
void QueueActor::release_publishers() {
  if (dead_) publishers_.consumers_are_behind(false);
  else if (disk_lags()) return;
  publishers_.release(steady_);
}

void QueueActor::answer_gets() {
  while (!waiting_gets_.empty()) {
    GetMessage& get = waiting_gets_.front();
    GetReply reply;
    const auto status = queue_.get(get.no_ack, now_, reply.delivery);
    if (status == broker::Queue::GetStatus::kLater) return;
    reply.found = status == broker::Queue::GetStatus::kMessage;
    reply.remaining = queue_.counts().ready;
    reply.ack_timeout_ms = queue_.settings().consumer_timeout_ms;
    if (reply.found) gauges_.delivered.fetch_add(1, std::memory_order_relaxed);
    get.reply.send(Answer{std::move(reply)});
    waiting_gets_.pop_front();
  }
}

void QueueActor::write() {
  // One write at a time: what comes meanwhile gathers for the next, and what is acknowledged meanwhile is never written.
  if (writes_under_way_ != 0) return;
  const broker::QueueCounts counts = queue_.counts();
  const double pace = counts.consumers > 0 ? settled_.per_ms(steady_) : 0;
  Offset below = patience_.ripe_below(steady_, queue_.publish_mark(), counts.ready + counts.unacked, pace);
  if (publishers_.must_wait(steady_)) below = 0;  // no new pages yet
  if (queue_.wants_write(memory_target_bytes(), below)) write_now(below);
}

void QueueActor::write_now(Offset below) {
  WriteSet set;
  queue_.collect(memory_target_bytes(), set, below);
  if (set.empty() && writes_under_way_ == 0) return queue_.written(effects_);
  ++writes_under_way_;
  services_->committer.submit(std::move(set), [actor = self()] { actor->put(Written{}); });
}

void QueueActor::send_deliveries() {
  for (broker::Consumer* consumer : effects_.deliver_to) {
    gauges_.delivered.fetch_add(consumer->batch.size(), std::memory_order_relaxed);
    if (consumer->spec().no_ack) settled_.add(consumer->batch.size());
    const InboxPtr inbox = inbox_of(consumer->spec().peer);
    inbox->deliveries.take(std::exchange(consumer->batch_bytes, 0), consumer->spec().no_ack ? 0 : consumer->batch.size());
    inbox->put(Deliveries{consumer->spec().number, std::move(consumer->batch), queue_.settings().consumer_timeout_ms});
    consumer->batch = {};
  }
  effects_.deliver_to.clear();
}

void QueueActor::send_effects() {
  send_deliveries();
  for (broker::ConfirmRun& run : effects_.confirms) inbox_of(run.peer)->put(Confirms{run.channel, run.refused, std::move(run.sequences)});
  if (!effects_.departures.empty()) send_departures();
  request_loads();
  effects_.clear();
}

void QueueActor::send_departures() {
  auto vhost = vhost_.lock();
  if (!vhost) return;
  auto joint = std::make_shared<JointCommit>();
  joint->parts.emplace_back().queue = self();
  for (broker::Departure& departure : effects_.departures) {
    if (departure.position) joint->parts.front().departures.push_back(*departure.position);
    const auto& [exchange, routing_key] = queue_.settings().way_out(departure.reason == broker::DeathReason::kDuplicate);
    if (!exchange) continue;  // the settings changed in this very turn
    broker::MessagePtr letter = broker::make_dead_letter(*departure.message, name(), departure.reason, *exchange, routing_key, now_);
    if (const auto due = vhost->dead_letter_due(*letter, now_)) {
      if (routing_key && broker::has_copies(*letter)) letter = broker::without_copies(*letter);
      joint->delayed.messages = vhost->delayed();
      joint->delayed.publishes.push_back({broker::make_delayed(letter), *due, 0});
      continue;
    }
    for (auto& target : vhost->route_dead_letter(letter, !routing_key)) {
      if (departure.reason != broker::DeathReason::kRejected && broker::closes_circle(*letter, target->name())) continue;
      auto known = std::find_if(joint->parts.begin() + 1, joint->parts.end(), [&](const auto& part) { return part.queue == target; });
      if (known == joint->parts.end()) {
        joint->parts.emplace_back().queue = std::move(target);
        known = joint->parts.end() - 1;
      }
      known->publishes.push_back(letter);
    }
  }
  gauges_.dead_lettered.fetch_add(effects_.departures.size(), std::memory_order_relaxed);
  start_joint_commit(joint);
}

void QueueActor::request_loads() {
  if (!failed_loads_.empty() && steady_ >= load_again_at_) {
    effects_.loads.insert(effects_.loads.end(), std::make_move_iterator(failed_loads_.begin()),
                          std::make_move_iterator(failed_loads_.end()));
    failed_loads_.clear();
  }
  for (broker::LoadRequest& request : effects_.loads)
    services_->reader->post(std::make_shared<LoadTask>(self(), services_->storage, std::move(request)));
}

void QueueActor::arm_timer() {
  UnixMillis wake = std::min(queue_.next_wake(), wake_at(publishers_.next_release()));
  if (writes_under_way_ == 0 && queue_.wants_write(UINT64_MAX))
    wake = std::min(wake, wake_at(std::max(patience_.look_at(), publishers_.paid_until())));
  if (!failed_loads_.empty()) wake = std::min(wake, wake_at(load_again_at_));
  const auto& expires_ms = queue_.settings().expires_ms;
  if (expires_ms && queue_.consumers().empty() && !asked_to_go_) {
    if (expired()) {
      asked_to_go_ = true;
      if (auto vhost = vhost_.lock()) vhost->put(RemoveUnused{name(), id(), true, {}});
    } else {
      wake = std::min(wake, last_used_ + *expires_ms);
    }
  }
  timer_.set(wake, *this, strand(), services_->scheduler);
}

void QueueActor::update_gauges() {
  const broker::QueueCounts counts = dead_ ? broker::QueueCounts{} : queue_.counts();
  gauges_.ready.store(counts.ready, std::memory_order_relaxed);
  gauges_.ready_bytes.store(counts.ready_bytes, std::memory_order_relaxed);
  gauges_.unacked.store(counts.unacked, std::memory_order_relaxed);
  gauges_.unacked_bytes.store(counts.unacked_bytes, std::memory_order_relaxed);
  gauges_.consumers.store(counts.consumers, std::memory_order_relaxed);
  gauges_.memory_bytes.store(counts.memory_bytes + counts.ids_bytes, std::memory_order_relaxed);
  gauges_.refused.store(queue_.refused(), std::memory_order_relaxed);
  if (!dead_) gauges_.duplicates.store(counts.duplicates, std::memory_order_relaxed);
  const std::uint64_t memory_bytes = counts.memory_bytes + counts.ids_bytes;
  services_->memory_used_bytes.fetch_add(static_cast<std::int64_t>(memory_bytes) - static_cast<std::int64_t>(memory_counted_bytes_),
                                         std::memory_order_relaxed);
  memory_counted_bytes_ = memory_bytes;
}

}  // namespace mq::engine
