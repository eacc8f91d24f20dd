#include "engine/asio_scheduler.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <set>

#include "engine/mailbox.hpp"

namespace mq::engine {
namespace {

constexpr std::chrono::seconds kDeadline{20};

class Call final : public Runnable {
 public:
  explicit Call(std::function<void()> what) : what_(std::move(what)) {}
  void run() override { what_(); }

 private:
  std::function<void()> what_;
};

/// Which thread a task posted to the strand runs on.
std::thread::id thread_of(Strand& strand) {
  std::promise<std::thread::id> told;
  strand.post(std::make_shared<Call>([&] { told.set_value(std::this_thread::get_id()); }));
  return told.get_future().get();
}

/// A strand on another thread than `strand`.
std::shared_ptr<Strand> elsewhere(AsioScheduler& scheduler, Strand& strand) {
  for (;;)
    if (auto other = scheduler.make_strand(); thread_of(*other) != thread_of(strand)) return other;
}

/// Moves where it is told to and answers from there: what it is sent is a promise of its thread.
struct Ask {
  std::shared_ptr<Strand> move_to;
  std::promise<std::thread::id>* answer = nullptr;
};
class Nomad final : public Actor<Ask> {
 public:
  using Actor::Actor;
  using Actor::roam;
  std::thread::id thread() {
    std::promise<std::thread::id> answer;
    put(Ask{nullptr, &answer});
    return answer.get_future().get();
  }

 protected:
  void handle(Ask& item) override {
    if (item.move_to) move_to(std::move(item.move_to));
    if (item.answer != nullptr) item.answer->set_value(std::this_thread::get_id());
  }
  void end_of_turn() override {}
};

/// An actor that counts without any lock, and is moved back and forth.
class Counter final : public Actor<std::shared_ptr<Strand>> {
 public:
  using Actor::Actor;
  int items = 0;
  std::set<std::thread::id> threads;
  std::promise<void> all;
  static constexpr int kAll = 20'000;

 protected:
  void handle(std::shared_ptr<Strand>& item) override {
    threads.insert(std::this_thread::get_id());
    if (item) move_to(item);
    if (++items == kAll) all.set_value();
  }
  void end_of_turn() override {}
};

}  // namespace

TEST(AsioScheduler, RunsAMovedActorOnTheThreadOfItsCompany) {
  AsioScheduler scheduler(2);
  auto nomad = std::make_shared<Nomad>(scheduler.make_strand());
  const std::thread::id home = nomad->thread();
  auto company = scheduler.make_strand();
  while (thread_of(*company) == home) company = scheduler.make_strand();
  nomad->put(Ask{company, nullptr});
  nomad->thread();  // this question may still be answered in the turn that moves
  EXPECT_EQ(nomad->thread(), thread_of(*company));
}

TEST(AsioScheduler, RunsARoamingActorOnTheThreadThatWakesIt) {
  AsioScheduler scheduler(2);
  auto nomad = std::make_shared<Nomad>(scheduler.make_strand());
  nomad->roam(true);
  const std::thread::id home = nomad->thread();  // this thread is none of the scheduler's
  auto caller = scheduler.make_strand();
  while (thread_of(*caller) == home) caller = scheduler.make_strand();
  std::promise<std::thread::id> answer;
  caller->post(std::make_shared<Call>([&] { nomad->put(Ask{nullptr, &answer}); }));
  EXPECT_EQ(answer.get_future().get(), thread_of(*caller));
}

TEST(AsioScheduler, RunsAnActorOneTurnAtATimeWhileItMoves) {
  AsioScheduler scheduler(3);
  auto counter = std::make_shared<Counter>(scheduler.make_strand());
  const std::vector<std::shared_ptr<Strand>> places = {scheduler.make_strand(), scheduler.make_strand(), scheduler.make_strand()};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer)
    writers.emplace_back([&] {
      for (int i = 0; i < Counter::kAll / 2; ++i) counter->put(places[static_cast<std::size_t>(i) % places.size()]);
    });
  for (std::thread& writer : writers) writer.join();
  ASSERT_EQ(counter->all.get_future().wait_for(kDeadline), std::future_status::ready);
  scheduler.stop();
  EXPECT_EQ(counter->items, Counter::kAll);
}

TEST(AsioScheduler, FiresATimerOnTheThreadToWhichItsStrandHasMoved) {
  AsioScheduler scheduler(2);
  auto strand = scheduler.make_strand();
  auto company = elsewhere(scheduler, *strand);
  std::promise<std::thread::id> fired;
  std::unique_ptr<Timer> timer;
  strand->post(std::make_shared<Call>([&] {
    timer = scheduler.make_timer(strand, [&] { fired.set_value(std::this_thread::get_id()); });
    timer->arm(scheduler.now() + 1);
    strand->move_to(*company);
  }));
  auto future = fired.get_future();
  ASSERT_EQ(future.wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(future.get(), thread_of(*company));
  scheduler.stop();
}

TEST(AsioScheduler, ArmsATimerAnewAfterItsStrandHasMoved) {
  AsioScheduler scheduler(2);
  auto strand = scheduler.make_strand();
  auto company = elsewhere(scheduler, *strand);
  std::promise<std::thread::id> fired;
  std::unique_ptr<Timer> timer;
  strand->post(std::make_shared<Call>([&] {
    timer = scheduler.make_timer(strand, [&] { fired.set_value(std::this_thread::get_id()); });
    timer->arm(scheduler.now() + 3600'000);
    strand->move_to(*company);
    strand->post(std::make_shared<Call>([&] { timer->arm(scheduler.now()); }));
  }));
  auto future = fired.get_future();
  ASSERT_EQ(future.wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(future.get(), thread_of(*company));
  scheduler.stop();
}

TEST(AsioScheduler, PutsASocketWhereTheFewestAre) {
  AsioScheduler scheduler(2);
  auto first = scheduler.make_socket_strand(), second = scheduler.make_socket_strand();
  EXPECT_NE(thread_of(*first), thread_of(*second));
  const std::thread::id free = thread_of(*first);
  first.reset();
  EXPECT_EQ(thread_of(*scheduler.make_socket_strand()), free);
}

TEST(AsioScheduler, DiscardsWhatNeverRanWhileWhatItRefersToIsStillThere) {
  AsioScheduler scheduler(1);
  auto strand = scheduler.make_strand();
  auto kept = std::make_shared<int>(0);
  scheduler.stop();
  strand->post(std::make_shared<Call>([kept] { ++*kept; }));
  scheduler.discard();
  EXPECT_EQ(*kept, 0);
  EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace mq::engine
