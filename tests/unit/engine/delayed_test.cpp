#include "engine/delayed.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "engine/vhost.hpp"
#include "recording_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

constexpr DelayedBook kBook = 1 << 20;

/// A vhost with one durable queue `q`, a client that delays messages to it, and another that consumes.
class DelayedTest : public ::testing::Test {
 protected:
  mq::test::ManualScheduler scheduler;
  test::RecordingStore store;
  std::shared_ptr<Committer> committer;
  std::shared_ptr<QueueServices> services;
  QueueId next_id = broker::kLogsPerQueue;
  std::shared_ptr<VHost> vhost;
  std::shared_ptr<DelayedMessages> delayed;
  InboxPtr inbox = std::make_shared<SessionInbox>(scheduler.make_strand(), 1);
  std::vector<std::string> delivered;
  std::vector<std::uint64_t> confirmed;

  void SetUp() override {
    log::set_level(log::Level::kOff);
    inbox->on_wake([this] {
      inbox->drain([this](SessionItem& item) {
        if (auto* got = std::get_if<Deliveries>(&item))
          for (const broker::Delivery& delivery : got->messages) delivered.emplace_back(delivery.message->body());
        if (auto* got = std::get_if<Confirms>(&item)) confirmed.insert(confirmed.end(), got->sequences.begin(), got->sequences.end());
      });
    });
    start();
    broker::QueueInfo info;
    info.name = "q";
    info.durable = true;
    vhost->put(DeclareQueue{info, false, false, {}});
    scheduler.run_until_idle();
    consume();
    make_delayed({});
  }
  void make_delayed(DelayedMessages::Limits limits) {
    delayed = std::make_shared<DelayedMessages>(scheduler.make_strand(), services, vhost, "/", kBook, limits);
  }
  void start() {
    committer = std::make_shared<Committer>(scheduler.make_blocking_strand("committer"), scheduler, store,
                                            [](const StorageError& error) { FAIL() << error.text; });
    services = std::make_shared<QueueServices>(scheduler, store, *committer);
    services->reader = scheduler.make_blocking_strand("reader");
    services->queue_memory_bytes = services->total_memory_bytes = UINT64_MAX / 8;
    vhost = std::make_shared<VHost>(scheduler.make_strand(), services, "/",
                                    [this] { return std::exchange(next_id, next_id + broker::kLogsPerQueue); });
  }
  void consume() {
    broker::ConsumerSpec spec;
    spec.peer = inbox;
    spec.number = 1;
    spec.no_ack = true;
    vhost->find_queue("q", 0)->actor->put(AddConsumer{spec, {}});
    scheduler.run_until_idle();
  }
  void delays(std::string_view body, UnixMillis due, std::uint64_t sequence = 0, const std::string& message_id = "id",
              const std::string& exchange = "") {
    amqp::Properties properties;
    properties.message_id = message_id;
    DelayBatch batch;
    batch.messages.push_back({broker::make_message(exchange, "q", properties, body), due, sequence});
    batch.from = inbox;
    batch.channel = 1;
    delayed->put(std::move(batch));
  }
  void delays_by(std::string_view body, Millis delay) {
    delays(body, scheduler.now() + delay);
    scheduler.run_until_idle();
  }
  std::uint64_t cancels(DelayedName which) {
    std::uint64_t cancelled = 99;
    delayed->put(CancelDelayed{std::move(which), [&](std::uint64_t count) { cancelled = count; }});
    scheduler.run_until_idle();
    return cancelled;
  }
  std::vector<std::string> lists(DelayedKey from = {}, std::size_t max = 100) {
    std::vector<std::string> bodies;
    delayed->list(from, max, [&](StorageResult<DelayedScan> scan) {
      for (const DelayedRecord& record : scan->records) bodies.emplace_back(record.message->body());
    });
    scheduler.run_until_idle();
    return bodies;
  }
  [[nodiscard]] std::uint64_t waiting() const { return delayed->gauges().waiting; }
};

using Bodies = std::vector<std::string>;

}  // namespace

TEST_F(DelayedTest, DeliversWhenDueAndNotEarlier) {
  delays_by("m", 1000);
  scheduler.advance(999);
  EXPECT_EQ(delivered, Bodies{});
  scheduler.advance(1);
  EXPECT_EQ(delivered, Bodies{"m"});
}

TEST_F(DelayedTest, DeliversInOrderOfTime) {
  delays_by("late", 300);
  delays_by("early", 100);
  delays_by("between", 200);
  scheduler.advance(1000);
  EXPECT_EQ(delivered, (Bodies{"early", "between", "late"}));
}

TEST_F(DelayedTest, KeepsTheOrderOfPublishingAtTheSameTime) {
  const UnixMillis due = scheduler.now() + 100;
  Bodies all;
  for (int n = 0; n < 50; ++n) delays(all.emplace_back(std::to_string(n)), due);
  scheduler.advance(1000);
  EXPECT_EQ(delivered, all);
}

TEST_F(DelayedTest, DeliversWhatComesLaterButIsDueEarlierInTime) {
  delays_by("late", 3600'000);
  delays_by("early", 10);
  scheduler.advance(10);
  EXPECT_EQ(delivered, Bodies{"early"});
}

TEST_F(DelayedTest, ConfirmsWhatIsSynced) {
  const std::size_t before = store.commits.size();
  delays("m", scheduler.now() + 100, 7);
  scheduler.run_until_idle();
  EXPECT_EQ(confirmed, (std::vector<std::uint64_t>{7}));
  ASSERT_EQ(store.commits.size(), before + 1);
  EXPECT_TRUE(store.commits.back().ends_with('!')) << store.commits.back();
}

TEST_F(DelayedTest, ConfirmsNothingThatCannotBeWritten) {
  committer = std::make_shared<Committer>(scheduler.make_blocking_strand("committer"), scheduler, store, [](const StorageError&) {});
  auto failing = std::make_shared<QueueServices>(scheduler, store, *committer);
  delayed = std::make_shared<DelayedMessages>(scheduler.make_strand(), failing, vhost, "/", 99);
  store.fails = true;
  delays("m", scheduler.now() + 100, 7);
  scheduler.advance(1000);
  EXPECT_TRUE(confirmed.empty());
  EXPECT_TRUE(delivered.empty());
}

TEST_F(DelayedTest, GivesThePublishWindowBack) {
  inbox->window_take(100);
  DelayBatch batch;
  batch.messages.push_back({broker::make_message("", "q", {}, "m"), scheduler.now() + 100, 0});
  batch.from = inbox;
  batch.bytes = 100;
  delayed->put(std::move(batch));
  scheduler.run_until_idle();
  EXPECT_EQ(inbox->window_used(), 0);
}

TEST_F(DelayedTest, HoldsPublishersBackWhileTheDiskLags) {
  inbox->window_take(100 << 20);
  for (int n = 0; n < 2; ++n) {
    DelayBatch batch;
    batch.messages.push_back({broker::make_message("", "q", {}, "m"), scheduler.now() + 100, 0});
    batch.from = inbox;
    batch.bytes = 50 << 20;
    delayed->put(std::move(batch));
  }
  while (inbox->window_used() == 100 << 20) ASSERT_TRUE(scheduler.run_one());
  EXPECT_GE(store.commits.size(), 2u) << "the window was given back before anything was written";
  scheduler.run_until_idle();
  EXPECT_EQ(inbox->window_used(), 0);
}

// --- clocks ---

TEST_F(DelayedTest, IsDueWithinASecondWhenTheClockIsSetForward) {
  delays_by("m", 365LL * 24 * 3600'000);
  scheduler.set_clock(366LL * 24 * 3600'000);
  scheduler.advance(1000);
  EXPECT_EQ(delivered, Bodies{"m"});
}

TEST_F(DelayedTest, WaitsWhenTheClockIsSetBack) {
  delays_by("m", 1000);
  scheduler.set_clock(-3600'000);
  scheduler.advance(3600'000);
  EXPECT_EQ(delivered, Bodies{});
  scheduler.advance(1000);
  EXPECT_EQ(delivered, Bodies{"m"});
}

// --- much ---

TEST_F(DelayedTest, DeliversFarMoreThanItKeepsInMemory) {
  DelayedMessages::Limits limits;
  limits.window.messages = 10;
  limits.move_messages = 3;
  make_delayed(limits);
  const UnixMillis now = scheduler.now();
  Bodies all;
  for (int n = 0; n < 200; ++n) {
    delays(std::to_string(n), now + 1000 - n);
    all.insert(all.begin(), std::to_string(n));
    if (n % 7 == 0) scheduler.run_until_idle();
  }
  scheduler.run_until_idle();
  EXPECT_EQ(waiting(), 200u);
  EXPECT_LT(delayed->gauges().memory_bytes, 10'000u);
  scheduler.advance(2000);
  EXPECT_EQ(delivered, all);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(DelayedTest, GoesOnWhereTheLastRunStopped) {
  const UnixMillis now = scheduler.now();
  for (int n = 0; n < 50; ++n) delays(std::to_string(n), now + 1000 + n % 5);
  scheduler.run_until_idle();
  make_delayed({});
  delayed->restore(store.recover_delayed(kBook).value());
  EXPECT_EQ(waiting(), 50u);
  delays("new", now + 1000);
  scheduler.advance(100'000);
  EXPECT_EQ(delivered.size(), 51u);
  EXPECT_EQ(delivered.front(), "0");
  EXPECT_EQ(delivered.at(10), "new") << "behind the others that are due with it";
}

// --- routes that are gone ---

TEST_F(DelayedTest, DropsAndCountsWhatGoesNowhere) {
  delays("m", scheduler.now() + 10, 0, "id", "amq.direct");
  delays("n", scheduler.now() + 10, 0, "id", "no such exchange");
  scheduler.advance(100);
  EXPECT_EQ(delayed->gauges().unroutable, 2u);
  EXPECT_EQ(delayed->gauges().delivered, 0u);
  EXPECT_EQ(waiting(), 0u);
  EXPECT_TRUE(lists().empty());
}

// --- listing and cancelling ---

TEST_F(DelayedTest, ListsInOrderFromACursorOn) {
  const UnixMillis now = scheduler.now();
  delays("b", now + 200);
  delays("a", now + 100);
  delays("c", now + 200);
  scheduler.run_until_idle();
  EXPECT_EQ(lists(), (Bodies{"a", "b", "c"}));
  EXPECT_EQ(lists({}, 2), (Bodies{"a", "b"}));
  EXPECT_EQ(lists({now + 200, 1}), (Bodies{"c"}));
}

TEST_F(DelayedTest, CancelsByMessageId) {
  const UnixMillis now = scheduler.now();
  delays("a", now + 100, 0, "one");
  delays("b", now + 200, 0, "two");
  delays("c", now + 300, 0, "one");
  EXPECT_EQ(cancels("one"), 2u);
  EXPECT_EQ(cancels("one"), 0u);
  EXPECT_EQ(waiting(), 1u);
  scheduler.advance(1000);
  EXPECT_EQ(delivered, Bodies{"b"});
  EXPECT_EQ(delayed->gauges().cancelled, 2u);
}

TEST_F(DelayedTest, CancelsByKey) {
  const UnixMillis now = scheduler.now();
  delays("a", now + 100);
  delays("b", now + 100);
  EXPECT_EQ(cancels(DelayedKey{now + 100, 1}), 1u);
  EXPECT_EQ(cancels(DelayedKey{now + 100, 2}), 0u);
  scheduler.advance(1000);
  EXPECT_EQ(delivered, Bodies{"a"});
}

TEST_F(DelayedTest, CancelsWhatIsOnDiskOnly) {
  DelayedMessages::Limits limits;
  limits.window.messages = 2;
  make_delayed(limits);
  for (int n = 0; n < 10; ++n) delays(std::to_string(n), scheduler.now() + 100 + n, 0, std::to_string(n));
  EXPECT_EQ(cancels("8"), 1u);
  EXPECT_EQ(waiting(), 9u);
  scheduler.advance(1000);
  EXPECT_EQ(delivered, (Bodies{"0", "1", "2", "3", "4", "5", "6", "7", "9"}));
}

TEST_F(DelayedTest, CancelsNothingThatWasDelivered) {
  delays_by("m", 10);
  scheduler.advance(10);
  EXPECT_EQ(cancels("id"), 0u);
}

TEST_F(DelayedTest, GoesWithItsVhost) {
  delays("m", scheduler.now() + 100, 5);
  bool closed = false;
  delayed->put(CloseDelayed{[&] { closed = true; }});
  scheduler.run_until_idle();
  EXPECT_TRUE(closed);
  EXPECT_EQ(confirmed, (std::vector<std::uint64_t>{5}));
  EXPECT_TRUE(store.stored_delayed_books().value().empty());
  delays("n", scheduler.now() + 100, 6);
  scheduler.advance(1000);
  EXPECT_EQ(confirmed, (std::vector<std::uint64_t>{5, 6})) << "there is nothing left that could lose it";
  EXPECT_TRUE(delivered.empty());
  EXPECT_TRUE(store.stored_delayed_books().value().empty());
}

}  // namespace mq::engine
