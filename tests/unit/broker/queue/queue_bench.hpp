// One queue beside a disk in memory; what it wants done is told as lines of text.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>

#include "broker/queue/queue.hpp"
#include "queue_words.hpp"

namespace mq::broker::test {

class QueueBench {
 public:
  static constexpr QueueId kId = kLogsPerQueue;

  explicit QueueBench(QueueSettings settings = {}, bool durable = true)
      : queue_(QueueInfo{.name = "q", .id = kId, .durable = durable, .arguments = {}}, std::move(settings), disk_) {}

  [[nodiscard]] Queue& queue() { return queue_; }
  [[nodiscard]] store::MemoryStore& disk() { return disk_; }
  UnixMillis now = 1000;

  /// With a number the publisher wants a confirm.
  void publish(const Text& text, std::uint64_t sequence = 0) { publish_message(message(text), sequence); }
  void publish_message(MessagePtr message, std::uint64_t sequence = 0) {
    const Incoming incoming{std::move(message), sequence};
    queue_.publish(std::span(&incoming, 1), publisher_, 1, now, effects_);
  }
  void publish_all(const Words& bodies) {
    for (const std::string& body : bodies) publish({body});
  }
  /// Consumers are numbered from 1.
  std::uint32_t consume(ConsumerSpec spec = {}) {
    spec.peer = publisher_;
    spec.number = ++consumers_;
    queue_.add_consumer(std::move(spec));
    return consumers_;
  }
  void cancel(std::uint32_t consumer, bool gives_back = false) {
    EXPECT_TRUE(queue_.remove_consumer(publisher_.get(), consumer, gives_back));
  }
  void return_window(std::uint32_t consumer, std::uint64_t bytes) { queue_.return_window(publisher_.get(), consumer, bytes); }
  void retry(std::uint32_t consumer) { queue_.retry_consumer(publisher_.get(), consumer); }
  void share_prefetch(std::uint32_t consumer, std::shared_ptr<ChannelPrefetch> shared) {
    queue_.share_prefetch(publisher_.get(), consumer, std::move(shared));
  }
  [[nodiscard]] Position position(const std::string& body) const { return positions_.at(body); }
  void settle(const Words& bodies, Settlement how) {
    std::vector<Position> positions;
    for (const std::string& body : bodies) positions.push_back(position(body));
    queue_.settle(positions, how, now, effects_);
  }
  void ack(const Words& bodies) { settle(bodies, Settlement::kAck); }
  void reject(const Words& bodies) { settle(bodies, Settlement::kReject); }
  void requeue(const Words& bodies) { settle(bodies, Settlement::kRequeue); }
  /// The message basic.get gives, "" when there is none, "later" when it is to be asked again.
  std::string get(bool no_ack = false) {
    Delivery delivery;
    switch (queue_.get(no_ack, now, delivery)) {
      case Queue::GetStatus::kEmpty: return "";
      case Queue::GetStatus::kLater: return "later";
      case Queue::GetStatus::kMessage: break;
    }
    return words_of(delivery);
  }

  /// The end of a turn, and all that happened since the last one.
  Words turn() {
    more_ = queue_.finish_turn(now, effects_);
    return events();
  }
  [[nodiscard]] bool more() const { return more_; }
  Words collect(std::uint64_t memory_target_bytes = UINT64_MAX, Offset below = MessageLog::kEverything) {
    under_way_.emplace_back();
    queue_.collect(memory_target_bytes, under_way_.back(), below);
    return words_of(under_way_.back());
  }
  void written() {
    commit(disk_, under_way_.front());
    under_way_.pop_front();
    queue_.written(effects_);
  }
  Words write(std::uint64_t memory_target_bytes = UINT64_MAX) {
    Words words = collect(memory_target_bytes);
    written();
    return words;
  }
  static Words words_of(const WriteSet& set) { return test::words_of(set); }

  /// "1 gets a", "1 gets a!" when it is redelivered, "confirms 7", "refuses 8", "a leaves: expired".
  Words events() {
    Words words;
    for (Consumer* consumer : effects_.deliver_to) {
      for (const Delivery& delivery : consumer->batch)
        words.push_back(std::to_string(consumer->spec().number) + " gets " + words_of(delivery));
      consumer->batch.clear();
    }
    for (const ConfirmRun& run : effects_.confirms)
      for (std::uint64_t sequence : run.sequences) words.push_back((run.refused ? "refuses " : "confirms ") + std::to_string(sequence));
    for (const Departure& departure : effects_.departures) {
      words.push_back(std::string(departure.message->body()) + " leaves: " + std::string(to_string(departure.reason)));
      if (departure.position) positions_[std::string(departure.message->body())] = *departure.position;
    }
    loads_.insert(loads_.end(), effects_.loads.begin(), effects_.loads.end());
    effects_.clear();
    return words;
  }
  /// Answers what is to be read back.
  void load() {
    for (const LoadRequest& request : std::exchange(loads_, {}))
      EXPECT_EQ(queue_.loaded(request.level, request.segment_first, read(disk_, request.log, request.pages),
                              read_marks(disk_, request.log, request.marked_pages), now),
                0u);
  }

 private:
  std::string words_of(const Delivery& delivery) {
    std::string body(delivery.message->body());
    positions_[body] = delivery.position;
    return delivery.redelivered ? body + "!" : body;
  }

  store::MemoryStore disk_;
  Queue queue_;
  Effects effects_;
  PeerPtr publisher_ = std::make_shared<Peer>();
  std::uint32_t consumers_ = 0;
  std::map<std::string, Position> positions_;
  std::deque<WriteSet> under_way_;
  std::vector<LoadRequest> loads_;
  bool more_ = false;
};

}  // namespace mq::broker::test
