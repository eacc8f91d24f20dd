// One message log beside a disk in memory.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "broker/queue/message_log.hpp"
#include "queue_words.hpp"

namespace mq::broker::test {

class LogBench {
 public:
  UnixMillis clock = 0;  ///< what a restart and what is read back are told
  bool synced = true;    ///< somebody else waits for what is written, too

  static constexpr QueueId kLog = 256;
  static constexpr std::uint64_t kNoTarget = UINT64_MAX;

  explicit LogBench(bool durable = true) : durable_(durable), log_(std::make_unique<MessageLog>(kLog, 0, durable)) {}

  [[nodiscard]] MessageLog& log() { return *log_; }
  [[nodiscard]] store::MemoryStore& disk() { return *disk_; }

  Offset add(std::string body, UnixMillis deadline = kNever) {
    return log_->append(message({std::move(body)}), 0, deadline, EntryState::kReady);
  }
  Offset add_transient(std::string body, UnixMillis deadline = kNever) {
    return log_->append(message({std::move(body), false}), 0, deadline, EntryState::kReady);
  }
  Offset add_hidden(std::string body, UnixMillis deadline = kNever) {
    return log_->append(message({std::move(body)}), 0, deadline, EntryState::kHidden);
  }
  /// As many full segments as asked for, each closed by the one behind it; the last is the open tail with one message.
  void fill_segments(int segments, bool persistent = true) {
    for (int i = 0; i < segments * static_cast<int>(Segment::kMaxEntries) + 1; ++i) {
      if (persistent) add("m" + std::to_string(i));
      else add_transient("m" + std::to_string(i));
    }
  }

  /// Takes the next message; "blocked" or "" when there is none. A message that was delivered before ends with an exclamation mark.
  std::string take() {
    Offset offset = 0;
    Entry* entry = nullptr;
    switch (log_->next(offset, entry)) {
      case MessageLog::Next::kNone: return "";
      case MessageLog::Next::kBlocked: return "blocked";
      case MessageLog::Next::kReady: break;
    }
    last_taken_ = offset;
    std::string words(entry->message->body());
    if (entry->redelivered) words += "!";
    log_->take(offset, 0);
    return words;
  }
  [[nodiscard]] Offset last_taken() const { return last_taken_; }
  void put_aside(Offset offset, UnixMillis until) {
    log_->count_return(offset, until);
    log_->put_aside(offset, until);
  }
  void requeue(Offset offset) {
    log_->count_return(offset);
    log_->put_back(offset);
  }
  /// Takes and settles `count` messages.
  void consume(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_NE(take(), "blocked");
      log_->settle(last_taken_);
    }
  }

  /// What a write now consists of; it is under way afterwards.
  Words collect(std::uint64_t memory_target_bytes = kNoTarget, std::uint64_t expected_deliveries = 0,
                Offset below = MessageLog::kEverything) {
    under_way_.emplace_back().needs_sync = synced;
    log_->collect(*disk_, expected_deliveries, memory_target_bytes, under_way_.back(), below);
    return words_of(under_way_.back());
  }
  /// The oldest write under way is done.
  void written() {
    commit(*disk_, under_way_.front());
    under_way_.pop_front();
    log_->written();
  }
  Words write(std::uint64_t memory_target_bytes = kNoTarget, std::uint64_t expected_deliveries = 0,
              Offset below = MessageLog::kEverything) {
    Words words = collect(memory_target_bytes, expected_deliveries, below);
    while (!under_way_.empty()) written();
    return words;
  }
  /// Writes twice with nothing to be kept in memory: transient messages leave it in the second go.
  void evict_all() {
    write(0);
    write(0);
  }
  [[nodiscard]] std::vector<LoadRequest> take_loads() {
    std::vector<LoadRequest> loads;
    log_->take_loads(loads);
    return loads;
  }
  /// Answers everything that is to be read back; returns how many messages were lost.
  std::uint64_t load() {
    std::uint64_t lost = 0;
    for (const LoadRequest& request : take_loads()) lost += answer(request, read(*disk_, kLog, request.pages));
    return lost;
  }
  /// Answers one request with these records, and the marks that are on disk.
  std::uint64_t answer(const LoadRequest& request, const std::vector<PageRecord>& records) {
    return log_->loaded(request.segment_first, records, read_marks(*disk_, kLog, request.marked_pages), clock);
  }
  [[nodiscard]] std::vector<Offset> expired(UnixMillis now, std::size_t limit = 1000) {
    std::vector<Offset> offsets;
    log_->expired(now, limit, offsets);
    return offsets;
  }

  /// The process ends; what was committed is found again.
  void crash() {
    under_way_.clear();
    auto fresh = std::make_unique<store::MemoryStore>();
    carry_over(*disk_, *fresh, kLog);
    disk_ = std::move(fresh);
    log_ = std::make_unique<MessageLog>(kLog, 0, durable_);
    log_->restore(disk_->recover_queue(kLog).value(), clock);
  }
  void stop_cleanly() {
    write();
    WriteSet last;
    log_->collect_shutdown(last);
    commit(*disk_, last);
    crash();
  }

 private:
  const bool durable_;
  std::unique_ptr<store::MemoryStore> disk_ = std::make_unique<store::MemoryStore>();
  std::unique_ptr<MessageLog> log_;
  std::deque<WriteSet> under_way_;
  Offset last_taken_ = 0;
};

}  // namespace mq::broker::test
