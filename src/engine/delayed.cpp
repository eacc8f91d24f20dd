#include "engine/delayed.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "broker/queue/dead_letter.hpp"
#include "engine/metadata.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {
namespace {

constexpr Millis kLookAtClockMs = 1000;  // a clock that is set forward is noticed within this
constexpr Millis kLoadAgainMs = 1000;    // after the disk could not be read
constexpr std::uint64_t kListBytes = 8 << 20;
constexpr std::size_t kMaxReported = 1000;  // exchanges remembered as missing

// Something to be done on the strand that reads the disk.
class ReadTask final : public Runnable {
 public:
  explicit ReadTask(std::function<void()> read) : read_(std::move(read)) {}
  void run() override { read_(); }

 private:
  std::function<void()> read_;
};

DelayedRecords shared(std::vector<DelayedRecord> records) { return std::make_shared<const std::vector<DelayedRecord>>(std::move(records)); }

}  // namespace

DelayedMessages::DelayedMessages(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost,
                                 std::string vhost_name, DelayedBook book)
    : DelayedMessages(std::move(strand), std::move(services), std::move(vhost), std::move(vhost_name), book, Limits{}) {}

DelayedMessages::DelayedMessages(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost,
                                 std::string vhost_name, DelayedBook book, Limits limits)
    : Actor(std::move(strand)), services_(std::move(services)), vhost_(std::move(vhost)), vhost_name_(std::move(vhost_name)), book_(book),
      limits_(limits), window_(limits.window) {}

DelayedMessages::~DelayedMessages() { services_->memory_used_bytes.fetch_sub(static_cast<std::int64_t>(memory_counted_bytes_)); }

void DelayedMessages::restore(const DelayedState& state) {
  window_.restore(state.count);
  next_sequence_ = state.next_sequence;
  body_bytes_ = state.body_bytes;
  named_ = true;
  update_gauges();
}

void DelayedMessages::list(DelayedKey from, std::size_t max_messages, std::function<void(StorageResult<DelayedScan>)> answer) const {
  services_->reader->post(std::make_shared<ReadTask>([services = services_, book = book_, from, max_messages, answer = std::move(answer)] {
    answer(services->storage.read_delayed(book, from, max_messages, kListBytes));
  }));
}

void DelayedMessages::begin_of_turn() { now_ = services_->scheduler.now(); }

void DelayedMessages::handle(DelayedItem& item) {
  std::visit([this](auto& each) { on(each); }, item);
}

// --- in ---

void DelayedMessages::on(DelayBatch& item) {
  gauges_.accepted.fetch_add(item.messages.size(), std::memory_order_relaxed);
  std::vector<std::uint64_t> sequences;
  if (!close_ && gathering_.records.empty() && !item.messages.empty()) entering_.insert(next_sequence_);
  for (DelayedPublish& publish : item.messages) {
    if (publish.sequence != 0) sequences.push_back(publish.sequence);
    if (!close_) gathering_.records.push_back({{publish.due, next_sequence_++}, std::move(publish.message), now_});
  }
  gathering_.bytes += item.bytes;
  if (!sequences.empty()) gathering_.confirms.push_back({item.from, Confirms{item.channel, false, std::move(sequences)}});
  if (item.bytes == 0) return;
  if (gathering_.bytes + written_next_.bytes <= limits_.unwritten_bytes) item.from->window_return(item.bytes);
  else gathering_.windows.push_back({std::move(item.from), item.bytes});
}

void DelayedMessages::put_name(WriteSet& out) const {
  if (named_) return;
  out.operations.emplace_back(WriteSet::PutMetadata{metadata::delayed_key(vhost_name_), metadata::encode_delayed_book(book_)});
}

void DelayedMessages::write() {
  if (writing_ || (gathering_.records.empty() && gathering_.confirms.empty())) return;
  WriteSet set;
  set.needs_sync = !gathering_.confirms.empty();
  writing_ = shared(std::move(gathering_.records));
  if (!writing_->empty()) {
    put_name(set);
    set.operations.emplace_back(WriteSet::PutDelayed{book_, writing_});
  }
  gathering_.records.clear();
  written_next_ = std::exchange(gathering_, {});
  services_->committer.submit(std::move(set), [actor = self()] { actor->put(DelayedWritten{}); });
}

void DelayedMessages::entered(const std::vector<DelayedRecord>& records) {
  if (records.empty()) return;
  named_ = true;
  entering_.erase(records.front().key.sequence);
  for (const DelayedRecord& record : records) {
    window_.add(record);
    body_bytes_ += record.message->body_bytes();
  }
}

void DelayedMessages::on(DelayedWritten&) {
  entered(*std::exchange(writing_, nullptr));
  for (auto& [inbox, confirms] : written_next_.confirms) inbox->put(std::move(confirms));
  for (Window& window : written_next_.windows) window.inbox->window_return(window.bytes);
  written_next_ = {};
}

// --- in and out with others ---

void DelayedMessages::on(PrepareDelayed& item) {
  JointCommit::DelayedPart& part = item.joint->delayed;
  if (!part.publishes.empty() && !close_) {
    std::vector<DelayedRecord> records;
    entering_.insert(next_sequence_);
    for (DelayedPublish& publish : part.publishes) records.push_back({{publish.due, next_sequence_++}, std::move(publish.message), now_});
    gauges_.accepted.fetch_add(records.size(), std::memory_order_relaxed);
    part.entered = shared(std::move(records));
    put_name(part.write);
    part.write.operations.emplace_back(WriteSet::PutDelayed{book_, part.entered});
    ++joint_entries_;
  }
  if (part.departures) part.write.operations.emplace_back(WriteSet::DropDelayed{book_, part.departures});
  joint_part_prepared(item.joint, services_->committer);
}

void DelayedMessages::on(FinishDelayed& item) {
  JointCommit::DelayedPart& part = item.joint->delayed;
  if (part.entered) {
    --joint_entries_;
    entered(*part.entered);
  }
  if (!part.departures) return;
  --moves_;
  left(*part.departures);
}

void DelayedMessages::left(const std::vector<DelayedRecord>& records) {
  for (const DelayedRecord& record : records) {
    window_.gone(record.key);
    if (record.message) body_bytes_ -= std::min(body_bytes_, record.message->body_bytes());
  }
}

// --- out ---

void DelayedMessages::move_due() {
  const auto vhost = vhost_.lock();
  while (vhost && moves_ < limits_.moves && window_.next_due() <= now_) {
    std::vector<DelayedRecord> batch;
    std::uint64_t bytes = 0;
    while (batch.size() < limits_.move_messages && bytes < limits_.move_bytes) {
      auto record = window_.take_due(now_);
      if (!record) break;
      bytes += record->message->memory_bytes();
      batch.push_back(std::move(*record));
    }
    ++moves_;
    auto joint = std::make_shared<JointCommit>();
    joint->delayed.messages = self();
    route(*vhost, *joint, batch);
    joint->delayed.departures = shared(std::move(batch));
    start_joint_commit(joint);
  }
}

void DelayedMessages::route(VHost& vhost, JointCommit& joint, const std::vector<DelayedRecord>& batch) {
  boost::unordered_flat_map<QueueActor*, std::size_t> parts;
  LateRoute route;
  const broker::Message* routed = nullptr;  // the message that `route` was found for
  std::uint64_t unroutable = 0;
  for (const DelayedRecord& record : batch) {
    const broker::Message& message = *record.message;
    const bool same = routed != nullptr && route.key_only && message.exchange() == routed->exchange() &&
                      message.routing_key() == routed->routing_key() && !broker::has_copies(message);
    if (!same) {
      vhost.route_delayed(record.message, route);
      routed = &message;
      if (!route.exchange_known) report_missing(std::string(message.exchange()));
    }
    if (route.queues.empty()) {
      ++unroutable;
      log::debug("vhost '{}': a delayed message for exchange '{}' with routing key '{}' goes nowhere and is dropped", vhost_name_,
                 message.exchange(), message.routing_key());
      continue;
    }
    const broker::MessagePtr& delivered = same ? record.message : route.message;
    for (const auto& queue : route.queues) {
      auto [part, fresh] = parts.try_emplace(queue.get(), joint.parts.size());
      if (fresh) joint.parts.emplace_back().queue = queue;
      joint.parts[part->second].publishes.push_back(delivered);
    }
  }
  gauges_.unroutable.fetch_add(unroutable, std::memory_order_relaxed);
  gauges_.delivered.fetch_add(batch.size() - unroutable, std::memory_order_relaxed);
}

void DelayedMessages::report_missing(const std::string& exchange) {
  if (missing_exchanges_.size() >= kMaxReported || !missing_exchanges_.insert(exchange).second) return;
  log::warn("vhost '{}': exchange '{}' does not exist any more; delayed messages for it are dropped (reported once)", vhost_name_,
            exchange);
}

// --- cancelling ---

void DelayedMessages::on(CancelDelayed& item) {
  item.below = next_sequence_;
  cancels_.push_back(std::move(item));
}

void DelayedMessages::look_for_cancelled() {
  if (looking_ || cancels_.empty() || written_below() < cancels_.front().below) return;
  looking_ = true;
  services_->reader->post(std::make_shared<ReadTask>([actor = self(), which = cancels_.front().which] {
    Storage& storage = actor->services_->storage;
    DelayedFound found;
    if (const auto* key = std::get_if<DelayedKey>(&which)) {
      auto scan = storage.read_delayed(actor->book_, *key, 1, 1);
      if (!scan) log::error("vhost '{}': a delayed message cannot be looked for: {}", actor->vhost_name_, scan.error().text);
      else if (!scan->records.empty() && scan->records.front().key == *key) found.records = std::move(scan->records);
    } else {
      auto records = storage.find_delayed(actor->book_, std::get<std::string>(which));
      if (!records) log::error("vhost '{}': delayed messages cannot be looked for: {}", actor->vhost_name_, records.error().text);
      else found.records = std::move(*records);
    }
    actor->put(std::move(found));
  }));
}

void DelayedMessages::on(DelayedFound& item) {
  looking_ = false;
  CancelDelayed asked = std::move(cancels_.front());
  cancels_.pop_front();
  std::erase_if(item.records, [&](const DelayedRecord& record) { return record.key.sequence >= asked.below || !window_.take(record.key); });
  gauges_.cancelled.fetch_add(item.records.size(), std::memory_order_relaxed);
  drop(std::move(item.records), std::move(asked.answer));
}

void DelayedMessages::drop(std::vector<DelayedRecord> records, std::function<void(std::uint64_t)> answer) {
  DelayedDropped dropped{shared(std::move(records)), std::move(answer)};
  if (dropped.records->empty()) {
    if (dropped.answer) dropped.answer(0);
    return;
  }
  ++drops_;
  WriteSet set;
  set.needs_sync = true;
  set.operations.emplace_back(WriteSet::DropDelayed{book_, dropped.records});
  services_->committer.submit(std::move(set), [actor = self(), dropped = std::move(dropped)]() mutable { actor->put(std::move(dropped)); });
}

void DelayedMessages::on(DelayedDropped& item) {
  --drops_;
  left(*item.records);
  if (item.answer) item.answer(item.records->size());
}

// --- reading back ---

void DelayedMessages::load() {
  if (close_ || now_ < load_again_at_ || !window_.wants_load()) return;
  const DelayedWindow::Load load = window_.start_load(written_below());
  services_->reader->post(std::make_shared<ReadTask>([actor = self(), load] {
    actor->put(DelayedLoaded{actor->services_->storage.read_delayed(actor->book_, load.from, load.max_messages, load.max_bytes)});
  }));
}

void DelayedMessages::on(DelayedLoaded& item) {
  if (!item.scan) {
    log::error("vhost '{}': delayed messages cannot be read back: {}", vhost_name_, item.scan.error().text);
    load_again_at_ = now_ + kLoadAgainMs;
    return window_.load_failed();
  }
  DelayedWindow::Losses losses = window_.loaded(*item.scan);
  if (losses.damaged.empty() && losses.missing == 0) return;
  gauges_.lost.fetch_add(losses.damaged.size() + losses.missing, std::memory_order_relaxed);
  log::error("vhost '{}': of the delayed messages {} are damaged and {} are missing on disk", vhost_name_, losses.damaged.size(),
             losses.missing);
  std::vector<DelayedRecord> damaged;
  for (DelayedKey key : losses.damaged) damaged.push_back({key, nullptr, 0});
  drop(std::move(damaged), nullptr);
}

// --- turns ---

void DelayedMessages::on(DelayedTimer&) { timer_.fired(); }

void DelayedMessages::on(WakeUp&) {}

void DelayedMessages::on(Barrier& item) {
  write();
  item.passed();
}

void DelayedMessages::on(CloseDelayed& item) { close_ = std::move(item); }

void DelayedMessages::close_when_quiet() {
  if (!close_ || closed_ || writing_ || moves_ + joint_entries_ + drops_ != 0 || looking_ || !entering_.empty()) return;
  closed_ = true;
  window_.restore(0);
  WriteSet set;
  set.needs_sync = true;
  set.operations.emplace_back(WriteSet::DropDelayedBook{book_});
  set.operations.emplace_back(WriteSet::DeleteMetadata{metadata::delayed_key(vhost_name_)});
  services_->committer.submit(std::move(set), std::move(close_->closed));
}

void DelayedMessages::end_of_turn() {
  write();
  if (!close_) move_due();
  look_for_cancelled();
  load();
  close_when_quiet();
  arm_timer();
  update_gauges();
}

void DelayedMessages::arm_timer() {
  UnixMillis wake = kNever;
  if (!close_ && moves_ < limits_.moves) wake = window_.next_due();
  if (!close_ && load_again_at_ > now_ && window_.wants_load()) wake = std::min(wake, load_again_at_);
  if (wake != kNever) wake = std::min(wake, now_ + kLookAtClockMs);
  timer_.set(wake, *this, strand(), services_->scheduler);
}

void DelayedMessages::update_gauges() {
  const std::uint64_t memory_bytes = window_.memory_bytes() + gathering_.bytes + written_next_.bytes;
  gauges_.waiting.store(window_.waiting(), std::memory_order_relaxed);
  gauges_.body_bytes.store(body_bytes_, std::memory_order_relaxed);
  gauges_.memory_bytes.store(memory_bytes, std::memory_order_relaxed);
  services_->memory_used_bytes.fetch_add(static_cast<std::int64_t>(memory_bytes) - static_cast<std::int64_t>(memory_counted_bytes_),
                                         std::memory_order_relaxed);
  memory_counted_bytes_ = memory_bytes;
}

}  // namespace mq::engine
