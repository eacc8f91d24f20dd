#include "session/route_cache.hpp"

#include <gtest/gtest.h>

namespace mq::session {
namespace {

// Routes are told apart by how many queues they have.
CachedRoute to(std::size_t queues) { return {std::vector<std::shared_ptr<engine::QueueActor>>(queues), true}; }

std::size_t queues(RouteCache& cache, std::string_view exchange, std::string_view key) {
  const CachedRoute* found = cache.find(exchange, key);
  return found == nullptr ? 99 : found->queues.size();
}

}  // namespace

TEST(RouteCache, FindsWhatWasPut) {
  RouteCache cache;
  cache.insert("x", "a", to(1));
  cache.insert("x", "b", to(2));
  cache.insert("y", "a", to(3));
  EXPECT_EQ(queues(cache, "x", "a"), 1u);
  EXPECT_EQ(queues(cache, "x", "b"), 2u);
  EXPECT_EQ(queues(cache, "y", "a"), 3u);
  EXPECT_EQ(cache.find("y", "b"), nullptr);
}

TEST(RouteCache, TellsExchangeAndKeyApart) {
  RouteCache cache;
  cache.insert("ab", "c", to(1));
  EXPECT_EQ(cache.find("a", "bc"), nullptr);
  EXPECT_EQ(cache.find("abc", ""), nullptr);
}

TEST(RouteCache, FindsTheSameAgainAndAgain) {
  RouteCache cache;
  const CachedRoute& put = cache.insert("x", "a", to(1));
  EXPECT_EQ(cache.find("x", "a"), &put);
  EXPECT_EQ(cache.find("x", "a"), &put);
}

TEST(RouteCache, StandsWhileBothNumbersStand) {
  RouteCache cache;
  cache.validate(7, 3);
  cache.insert("x", "a", to(1));
  cache.validate(7, 3);
  EXPECT_EQ(queues(cache, "x", "a"), 1u);
}

TEST(RouteCache, ForgetsWhenTheTopologyOrTheRightsChange) {
  RouteCache cache;
  cache.validate(7, 3);
  cache.insert("x", "a", to(1));
  cache.validate(8, 3);
  EXPECT_EQ(cache.find("x", "a"), nullptr);
  cache.insert("x", "a", to(1));
  cache.validate(8, 4);
  EXPECT_EQ(cache.find("x", "a"), nullptr);
}

TEST(RouteCache, StaysBounded) {
  RouteCache cache;
  for (int i = 0; i < 10'000; ++i) cache.insert("x", std::to_string(i), to(1));
  int held = 0;
  for (int i = 0; i < 10'000; ++i) held += cache.find("x", std::to_string(i)) != nullptr ? 1 : 0;
  EXPECT_LE(held, 4096);
  EXPECT_EQ(queues(cache, "x", "9999"), 1u);
}

}  // namespace mq::session
