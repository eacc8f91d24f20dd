#include "support/manual_scheduler.hpp"

#include <gtest/gtest.h>

namespace mq::test {
namespace {

class Task final : public Runnable {
 public:
  explicit Task(std::function<void()> what) : what_(std::move(what)) {}
  void run() override { what_(); }

 private:
  std::function<void()> what_;
};

std::shared_ptr<Runnable> task(std::function<void()> what) { return std::make_shared<Task>(std::move(what)); }

// Ten tasks on each of three strands; which ran when.
std::string order(std::uint64_t seed) {
  ManualScheduler scheduler(seed);
  std::string ran;
  std::vector<std::shared_ptr<Strand>> strands;
  for (char name : {'a', 'b', 'c'}) {
    auto& strand = strands.emplace_back(scheduler.make_strand());
    for (char digit = '0'; digit <= '9'; ++digit) strand->post(task([&ran, name, digit] { ran += {name, digit}; }));
  }
  scheduler.run_until_idle();
  return ran;
}

std::string only(char name, const std::string& ran) {
  std::string digits;
  for (std::size_t at = 0; at < ran.size(); at += 2)
    if (ran[at] == name) digits += ran[at + 1];
  return digits;
}

}  // namespace

TEST(ManualScheduler, RunsNothingByItself) {
  ManualScheduler scheduler;
  bool ran = false;
  auto strand = scheduler.make_strand();
  strand->post(task([&] { ran = true; }));
  EXPECT_FALSE(ran);
  EXPECT_TRUE(scheduler.run_one());
  EXPECT_TRUE(ran);
  EXPECT_FALSE(scheduler.run_one());
}

TEST(ManualScheduler, RunsInTheOrderOfPostingWithoutASeed) {
  EXPECT_EQ(order(0), "a0a1a2a3a4a5a6a7a8a9b0b1b2b3b4b5b6b7b8b9c0c1c2c3c4c5c6c7c8c9");
}

TEST(ManualScheduler, DrawsTheNextStrandWithASeed) {
  EXPECT_NE(order(1), order(0));
  EXPECT_NE(order(1), order(2));
  EXPECT_EQ(order(1), order(1));
}

TEST(ManualScheduler, KeepsTheOrderWithinAStrand) {
  for (char name : {'a', 'b', 'c'}) EXPECT_EQ(only(name, order(5)), "0123456789");
}

TEST(ManualScheduler, FiresTimersInOrderAndAtTheirTime) {
  ManualScheduler scheduler;
  const UnixMillis start = scheduler.now();
  std::vector<Millis> fired;
  auto strand = scheduler.make_strand();
  auto note = [&] { fired.push_back(scheduler.now() - start); };
  auto late = scheduler.make_timer(strand, note), early = scheduler.make_timer(strand, note), never = scheduler.make_timer(strand, note);
  late->arm(start + 300);
  early->arm(start + 100);
  never->arm(start + 200);
  never->cancel();
  scheduler.advance(250);
  EXPECT_EQ(fired, std::vector<Millis>{100});
  scheduler.advance(250);
  EXPECT_EQ(fired, (std::vector<Millis>{100, 300}));
  EXPECT_EQ(scheduler.now(), start + 500);
}

TEST(ManualScheduler, ReplacesAnArming) {
  ManualScheduler scheduler;
  int fired = 0;
  auto timer = scheduler.make_timer(scheduler.make_strand(), [&] { ++fired; });
  timer->arm(scheduler.now() + 10);
  timer->arm(scheduler.now() + 20);
  scheduler.advance(15);
  EXPECT_EQ(fired, 0);
  scheduler.advance(100);
  EXPECT_EQ(fired, 1);
}

TEST(ManualScheduler, LetsATimerArmItselfAgain) {
  ManualScheduler scheduler;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = scheduler.make_timer(scheduler.make_strand(), [&] {
    ++fired;
    timer->arm(scheduler.now() + 10);
  });
  timer->arm(scheduler.now());
  scheduler.advance(95);
  EXPECT_EQ(fired, 10);
}

TEST(ManualScheduler, LetsTimeElapseWithoutRunningAnything) {
  ManualScheduler scheduler;
  int fired = 0;
  auto timer = scheduler.make_timer(scheduler.make_strand(), [&] { ++fired; });
  timer->arm(scheduler.now() + 10);
  scheduler.elapse(10);
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(scheduler.run_one());
  EXPECT_EQ(fired, 1);
}

TEST(ManualScheduler, HoldsBlockingStrandsAndRunsTheOthers) {
  for (std::uint64_t seed : {0, 1}) {
    ManualScheduler scheduler(seed);
    std::string ran;
    scheduler.make_blocking_strand("disk")->post(task([&] { ran += 'd'; }));
    scheduler.make_strand()->post(task([&] { ran += 's'; }));
    scheduler.hold("disk", true);
    scheduler.run_until_idle();
    EXPECT_EQ(ran, "s");
    EXPECT_FALSE(scheduler.idle());
    scheduler.hold("disk", false);
    scheduler.run_until_idle();
    EXPECT_EQ(ran, "sd");
  }
}

TEST(ManualScheduler, CallsNoTimerThatIsGone) {
  ManualScheduler scheduler;
  bool fired = false;
  auto timer = scheduler.make_timer(scheduler.make_strand(), [&] { fired = true; });
  timer->arm(scheduler.now() + 10);
  timer.reset();
  scheduler.advance(100);
  EXPECT_FALSE(fired);
}

TEST(ManualScheduler, MovesBothClocksTogether) {
  ManualScheduler scheduler;
  const UnixMillis now = scheduler.now();
  const Millis monotonic = scheduler.monotonic_now();
  scheduler.advance(1234);
  EXPECT_EQ(scheduler.now() - now, 1234);
  EXPECT_EQ(scheduler.monotonic_now() - monotonic, 1234);
}

TEST(ManualScheduler, SetsTheWallClockAlone) {
  ManualScheduler scheduler;
  const UnixMillis now = scheduler.now();
  const Millis monotonic = scheduler.monotonic_now();
  bool fired = false;
  auto timer = scheduler.make_timer(scheduler.make_strand(), [&] { fired = true; });
  timer->arm(now + 100);
  scheduler.set_clock(5000);
  EXPECT_EQ(scheduler.now() - now, 5000);
  EXPECT_EQ(scheduler.monotonic_now(), monotonic);
  scheduler.advance(99);
  EXPECT_FALSE(fired);
  scheduler.advance(1);
  EXPECT_TRUE(fired);
}

TEST(ManualScheduler, ForgetsEverythingInACrash) {
  ManualScheduler scheduler;
  bool ran = false;
  auto strand = scheduler.make_strand();
  auto timer = scheduler.make_timer(strand, [&] { ran = true; });
  strand->post(task([&] { ran = true; }));
  timer->arm(scheduler.now() + 10);
  scheduler.drop_everything();
  scheduler.advance(100);
  EXPECT_FALSE(ran);
}

}  // namespace mq::test
