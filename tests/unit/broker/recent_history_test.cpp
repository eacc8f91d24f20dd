#include "broker/recent_history.hpp"

#include <gtest/gtest.h>

#include "exchange_bench.hpp"
#include "topology_bench.hpp"

namespace mq::broker::test {
namespace {

using amqp::Table;

MessagePtr message(std::string_view body, const std::optional<Table>& headers = std::nullopt) {
  amqp::Properties properties;
  properties.headers = headers;
  return make_message("x", "k", properties, body);
}

Names bodies(const RecentHistory& history) {
  Names names;
  history.for_each([&](const MessagePtr& kept) { names.emplace_back(kept->body()); });
  return names;
}

TEST(RecentHistory, KeepsTheNewestInTheirOrder) {
  RecentHistory history(3);
  for (const char* body : {"1", "2", "3", "4", "5"}) history.add(message(body));
  EXPECT_EQ(bodies(history), (Names{"3", "4", "5"}));
}

TEST(RecentHistory, PassesOverMessagesThatAskForIt) {
  RecentHistory history(3);
  history.add(message("no", Table{{"x-recent-history-no-store", true}}));
  history.add(message("false", Table{{"x-recent-history-no-store", false}}));
  history.add(message("a string", Table{{"x-recent-history-no-store", "true"}}));
  EXPECT_EQ(bodies(history), (Names{"false", "a string"}));
}

TEST(RecentHistory, KeepsNoMoreBytesThanItMay) {
  RecentHistory history(1'000'000);
  const MessagePtr large = message(std::string(RecentHistory::kMaxBytes / 4, 'x'));
  for (int i = 0; i < 10; ++i) history.add(large);
  EXPECT_EQ(history.size(), 3u);
  EXPECT_LE(history.memory_bytes(), RecentHistory::kMaxBytes);
}

TEST(RecentHistory, KeepsWhatItHasWhenAMessageIsTooLarge) {
  RecentHistory history(10);
  history.add(message("small"));
  EXPECT_EQ(history.add(message(std::string(RecentHistory::kMaxBytes, 'x'))), 0);
  EXPECT_EQ(bodies(history), Names{"small"});
}

TEST(RecentHistory, TellsHowManyBytesItGrew) {
  RecentHistory history(2);
  std::int64_t sum = 0;
  for (const char* body : {"1", "a long one that goes", "3", "4"}) sum += history.add(message(body));
  EXPECT_EQ(sum, static_cast<std::int64_t>(history.memory_bytes()));
}

TEST(RecentHistory, LetsGoOfTheMessagesItDropped) {
  RecentHistory history(1);
  history.add(message("old"));
  const std::uint64_t bytes = history.memory_bytes();
  history.add(message("new"));
  EXPECT_EQ(history.memory_bytes(), bytes);
}

std::string declaring(const amqp::Value& length) {
  auto refused = find_exchange_type("x-recent-history")->validate_arguments({{"x-recent-history-length", length}});
  return refused ? "no error" : refused.error().reply_text();
}

TEST(RecentHistoryExchange, WantsAPositiveLength) {
  const auto text = [](const std::string& shown) {
    return "PRECONDITION_FAILED - Invalid argument " + shown + ", 'x-recent-history-length' must be a positive integer";
  };
  EXPECT_EQ(declaring(std::int32_t{0}), text("0"));
  EXPECT_EQ(declaring(std::int64_t{-1}), text("-1"));
  EXPECT_EQ(declaring("a"), text("<<\"a\">>"));
  EXPECT_EQ(declaring(true), text("true"));
  EXPECT_EQ(declaring(amqp::Void{}), text("undefined"));
  EXPECT_EQ(declaring(amqp::Array{std::int32_t{1}}), text("[{signedint,1}]"));
  EXPECT_EQ(declaring(Table{{"a", std::int32_t{1}}}), text("[{<<\"a\">>,signedint,1}]"));
  EXPECT_EQ(declaring(std::int64_t{1} << 40), "no error");
}

TEST(RecentHistoryExchange, KeepsTwentyMessagesUnlessToldOtherwise) {
  const ExchangeType& type = *find_exchange_type("x-recent-history");
  EXPECT_EQ(type.history_length({}), 20u);
  EXPECT_EQ(type.history_length({{"x-recent-history-length", std::int32_t{5}}}), 5u);
}

TEST(RecentHistoryExchange, NamesItsHistoryInEveryRouteThatPassesIt) {
  TopologyBench bench;
  bench.declare("recent", "x-recent-history").value();
  bench.declare("before", "fanout").value();
  bench.declare_with_alternate("nowhere", "direct", "recent");
  bench.link("before", "recent").value();
  RecentHistory* history = bench.topology().find_history("recent");
  ASSERT_NE(history, nullptr);
  for (const char* exchange : {"recent", "before", "nowhere"}) {
    Route route;
    bench.topology().route(exchange, {"k", {}, nullptr}, {}, route);
    EXPECT_EQ(route.remembered, std::vector<RecentHistory*>{history}) << exchange;
    EXPECT_FALSE(route.key_only) << exchange;
  }
}

TEST(RecentHistoryExchange, IsTheOnlyTypeThatKeepsAHistory) {
  TopologyBench bench;
  EXPECT_EQ(bench.topology().find_history("amq.fanout"), nullptr);
  EXPECT_EQ(bench.topology().find_history("nope"), nullptr);
}

TEST(RecentHistoryExchange, TellsHowManyBytesGoWithIt) {
  TopologyBench bench;
  bench.declare("recent", "x-recent-history").value();
  bench.topology().find_history("recent")->add(message("kept"));
  const std::uint64_t bytes = bench.topology().find_history("recent")->memory_bytes();
  EXPECT_EQ(bench.topology().delete_exchange("recent", false).value().forgotten_bytes, bytes);
}

TEST(RecentHistoryExchange, BeginsAnewWhenDeclaredAnew) {
  TopologyBench bench;
  bench.declare("recent", "x-recent-history").value();
  bench.topology().find_history("recent")->add(message("kept"));
  bench.topology().delete_exchange("recent", false).value();
  bench.declare("recent", "x-recent-history").value();
  EXPECT_EQ(bench.topology().find_history("recent")->size(), 0u);
}

}  // namespace
}  // namespace mq::broker::test
