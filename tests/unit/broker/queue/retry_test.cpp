// Retry with backoff: how long a returned message waits, and how it waits in a log and in a queue.
#include "broker/queue/retry.hpp"

#include "log_bench.hpp"
#include "queue_bench.hpp"

namespace mq::broker::test {
namespace {

RetrySettings retry(Backoff backoff, Millis min_ms, Millis max_ms = 1'000'000) {
  return {.on = RetryOn::kAll, .backoff = backoff, .min_ms = min_ms, .max_ms = max_ms};
}
Millis delay_ms(const RetrySettings& settings, std::uint32_t returns) { return retry_delay_ms(settings, ReturnKind::kFailed, returns, 1); }

// --- how long ---

TEST(RetryDelay, IsAlwaysTheSameWhereItIsFixed) {
  EXPECT_EQ(delay_ms(retry(Backoff::kFixed, 500), 1), 500);
  EXPECT_EQ(delay_ms(retry(Backoff::kFixed, 500), 9), 500);
}

TEST(RetryDelay, GrowsByItsLeastWhereItIsLinear) {
  EXPECT_EQ(delay_ms(retry(Backoff::kLinear, 500), 1), 500);
  EXPECT_EQ(delay_ms(retry(Backoff::kLinear, 500), 3), 1500);
}

TEST(RetryDelay, IsMultipliedWhereItIsExponential) {
  RetrySettings settings = retry(Backoff::kExponential, 100);
  settings.multiplier = 3;
  EXPECT_EQ(delay_ms(settings, 1), 100);
  EXPECT_EQ(delay_ms(settings, 4), 2700);
}

TEST(RetryDelay, NeverExceedsItsMost) {
  EXPECT_EQ(delay_ms(retry(Backoff::kExponential, 100, 5000), 60'000), 5000);
  EXPECT_EQ(delay_ms(retry(Backoff::kLinear, 100, 5000), 60'000), 5000);
}

TEST(RetryDelay, LosesUpToTheJitterAndDiffersFromMessageToMessage) {
  RetrySettings settings = retry(Backoff::kFixed, 1000);
  settings.jitter_percent = 30;
  Millis least = 1000, most = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Millis delay = retry_delay_ms(settings, ReturnKind::kFailed, 1, seed);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, 700);
  EXPECT_LT(least, 720);
  EXPECT_GT(most, 980);
  EXPECT_LE(most, 1000);
}

TEST(RetryDelay, IsForTheReturnsItIsSetFor) {
  RetrySettings settings = retry(Backoff::kFixed, 10);
  settings.on = RetryOn::kFailed;
  EXPECT_EQ(retry_delay_ms(settings, ReturnKind::kReturned, 1, 1), 0);
  EXPECT_EQ(retry_delay_ms(settings, ReturnKind::kFailed, 1, 1), 10);
  settings.on = RetryOn::kReturned;
  EXPECT_EQ(retry_delay_ms(settings, ReturnKind::kReturned, 1, 1), 10);
  EXPECT_EQ(retry_delay_ms(settings, ReturnKind::kFailed, 1, 1), 0);
  settings.on = RetryOn::kNothing;
  EXPECT_EQ(retry_delay_ms(settings, ReturnKind::kFailed, 1, 1), 0);
}

// --- in a queue ---

QueueSettings retrying(Millis min_ms) { return {.retry = retry(Backoff::kLinear, min_ms)}; }

TEST(Retry, KeepsAReturnedMessageBackForItsTime) {
  QueueBench bench(retrying(500));
  bench.consume({.prefetch = 1});
  bench.publish({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.queue().next_wake(), bench.now + 500);
  bench.now += 500;
  EXPECT_EQ(bench.turn(), (Words{"1 gets a!"}));
}

TEST(Retry, LetsOthersPassMeanwhile) {
  QueueBench bench(retrying(500));
  bench.consume({.prefetch = 1});
  bench.publish_all({"a", "b"});
  bench.turn();
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets b"}));
}

TEST(Retry, PutsTheMessageBackToItsOldPlace) {
  QueueBench bench(retrying(500));
  bench.publish_all({"a", "b", "c"});
  EXPECT_EQ(bench.get(), "a");
  bench.requeue({"a"});
  bench.now += 500;
  bench.turn();
  EXPECT_EQ(bench.get(), "a!");
}

TEST(Retry, WaitsLongerEachTime) {
  QueueBench bench(retrying(500));
  bench.publish({"a"});
  bench.get();
  bench.requeue({"a"});
  bench.now += 500;
  bench.turn();
  bench.get();
  bench.requeue({"a"});
  bench.turn();
  EXPECT_EQ(bench.queue().next_wake(), bench.now + 1000);
}

TEST(Retry, GivesUpAtTheDeliveryLimitWithoutWaiting) {
  QueueSettings settings = retrying(500);
  settings.delivery_limit = 1;
  settings.dead_letter_exchange = "dlx";
  QueueBench bench(settings);
  bench.publish({"a"});
  bench.get();
  bench.requeue({"a"});
  bench.now += 500;
  bench.turn();
  bench.get();
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), (Words{"a leaves: delivery_limit"}));
}

TEST(Retry, LetsAMessageExpireWhileItWaits) {
  QueueSettings settings = retrying(500);
  settings.message_ttl_ms = 100;
  settings.dead_letter_exchange = "dlx";
  QueueBench bench(settings);
  bench.publish({"a"});
  bench.get();
  bench.requeue({"a"});
  bench.turn();
  EXPECT_EQ(bench.queue().next_wake(), bench.now + 100);
  bench.now += 100;
  EXPECT_EQ(bench.turn(), (Words{"a leaves: expired"}));
}

TEST(Retry, CountsWhatWaitsApartFromWhatIsReady) {
  QueueBench bench(retrying(500));
  bench.publish_all({"a", "b"});
  bench.get();
  bench.requeue({"a"});
  EXPECT_EQ(bench.queue().counts().ready, 1u);
  EXPECT_EQ(bench.queue().counts().waiting, 1u);
}

TEST(Retry, LosesWhatWaitsToAPurge) {
  QueueBench bench(retrying(500));
  bench.publish_all({"a", "b"});
  bench.get();
  bench.requeue({"a"});
  EXPECT_EQ(bench.queue().purge(), 2u);
  EXPECT_EQ(bench.queue().counts().waiting, 0u);
  EXPECT_EQ(bench.queue().next_wake(), kNever);
}

// --- on disk and out of memory ---

constexpr int kFull = Segment::kMaxEntries;

TEST(Waiting, IsWrittenAsAMark) {
  LogBench bench;
  bench.add("a");
  bench.write(LogBench::kNoTarget, 1);
  bench.take();
  bench.put_aside(0, 5000);
  EXPECT_EQ(bench.write(), (Words{"marks of 0: 0 returned 1 waits until 5000"}));
}

TEST(Waiting, IsWrittenWithThePageOfAMessageThatWaitsAlready) {
  LogBench bench;
  bench.add("a");
  bench.take();
  bench.put_aside(0, 5000);
  EXPECT_EQ(bench.write(), (Words{"page 0", "marks of 0: 0 returned 1 waits until 5000", "delivered below 1"}));
}

TEST(Waiting, OutlivesACrash) {
  LogBench bench;
  bench.add("a");
  bench.write(LogBench::kNoTarget, 1);
  bench.take();
  bench.put_aside(0, 5000);
  bench.write();
  bench.clock = 4999;
  bench.crash();
  EXPECT_EQ(bench.take(), "blocked");  // by reading back; nothing is known of single messages before
  bench.load();
  EXPECT_EQ(bench.take(), "");
  EXPECT_EQ(bench.log().totals().waiting, 1u);
  EXPECT_EQ(bench.log().next_wake(), 5000);
  bench.log().wake(5000);
  EXPECT_EQ(bench.take(), "a!");
}

TEST(Waiting, IsOverAfterACrashThatTookLonger) {
  LogBench bench;
  bench.add("a");
  bench.write(LogBench::kNoTarget, 1);
  bench.take();
  bench.put_aside(0, 5000);
  bench.write();
  bench.clock = 5000;
  bench.crash();
  EXPECT_EQ(bench.log().totals().ready, 1u);
  bench.take();
  bench.load();
  EXPECT_EQ(bench.take(), "a!");
}

TEST(Waiting, LeavesMemoryAndComesBackWhenItIsTime) {
  LogBench bench;
  bench.fill_segments(3);
  bench.write(LogBench::kNoTarget, 4 * kFull);
  for (int i = 0; i < 2 * kFull; ++i) {
    bench.take();
    bench.put_aside(bench.last_taken(), 5000 + i);
  }
  bench.take();  // the cursor has left them behind
  const std::uint64_t before = bench.log().totals().memory_bytes;
  bench.write();
  bench.write(before / 4);
  EXPECT_LT(bench.log().totals().memory_bytes, before / 2);
  EXPECT_EQ(bench.log().totals().waiting, 2u * kFull);
  EXPECT_EQ(bench.log().next_wake(), 5000);
  bench.clock = 5000;
  bench.log().wake(5000);
  EXPECT_EQ(bench.load(), 0u);
  EXPECT_EQ(bench.take(), "m0!");
  EXPECT_EQ(bench.log().next_wake(), 5001);
}

TEST(Waiting, StaysInMemoryUntilItsMarkIsOnDisk) {
  LogBench bench;
  bench.fill_segments(2);
  bench.write(LogBench::kNoTarget, 4 * kFull);
  for (int i = 0; i < kFull; ++i) {
    bench.take();
    bench.put_aside(bench.last_taken(), 5000);
  }
  const std::uint64_t before = bench.log().totals().memory_bytes;
  bench.collect(0);  // carries the marks
  bench.collect(0);
  EXPECT_GT(bench.log().totals().memory_bytes, before / 2 - 1);
}

TEST(Waiting, OfTransientMessagesIsKeptWhileTheyAreSpilled) {
  LogBench bench(false);
  bench.fill_segments(2, false);
  for (int i = 0; i < kFull; ++i) {
    bench.take();
    bench.put_aside(bench.last_taken(), 5000);
  }
  bench.evict_all();
  bench.evict_all();
  bench.clock = 4000;
  EXPECT_EQ(bench.log().next_wake(), 5000);
  bench.clock = 5000;
  bench.log().wake(5000);
  EXPECT_EQ(bench.load(), 0u);
  EXPECT_EQ(bench.take(), "m0!");
}

}  // namespace
}  // namespace mq::broker::test
