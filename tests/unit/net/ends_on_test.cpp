#include "net/ends_on.hpp"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <thread>

namespace mq::net {
namespace {

/// Tells which thread it ended on.
struct Witness {
  explicit Witness(std::promise<std::thread::id>& told) : told_(told) {}
  Witness(const Witness&) = delete;
  ~Witness() { told_.set_value(std::this_thread::get_id()); }

 private:
  std::promise<std::thread::id>& told_;
};

struct Home {
  engine::AsioScheduler scheduler{1};
  engine::AsioExecutor executor = scheduler.make_socket_strand()->executor();

  std::thread::id thread() {
    std::promise<std::thread::id> told;
    boost::asio::post(executor, [&] { told.set_value(std::this_thread::get_id()); });
    return told.get_future().get();
  }
};

}  // namespace

TEST(EndsOn, AnObjectThatAnotherThreadHeldLastEndsAtHome) {
  Home home;
  std::promise<std::thread::id> told;
  make_shared_ending_on<Witness>(home.executor, told).reset();
  EXPECT_EQ(told.get_future().get(), home.thread());
}

TEST(EndsOn, AnObjectThatIsLetGoAtHomeEndsAtOnce) {
  Home home;
  std::promise<std::thread::id> told;
  bool at_once = false;
  std::promise<void> looked;
  boost::asio::post(home.executor, [&] {
    make_shared_ending_on<Witness>(home.executor, told).reset();
    at_once = told.get_future().wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    looked.set_value();
  });
  looked.get_future().get();
  EXPECT_TRUE(at_once);
}

TEST(EndsOn, AnObjectThatOutlivesItsThreadEndsWithTheScheduler) {
  std::promise<std::thread::id> told;
  auto ended = told.get_future();
  {
    Home home;
    auto object = make_shared_ending_on<Witness>(home.executor, told);
    home.scheduler.stop();
    object.reset();
  }
  EXPECT_EQ(ended.wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

}  // namespace mq::net
