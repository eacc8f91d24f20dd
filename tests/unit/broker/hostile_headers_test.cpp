// Headers that somebody wrote to do harm.
#include <gtest/gtest.h>

#include <limits>

#include "broker/queue/dead_letter.hpp"
#include "exchange_bench.hpp"

namespace mq::broker::test {
namespace {

using amqp::Table;

constexpr std::int32_t kMany = 40;  // more than a message usually has

Table numbered(std::int32_t from, std::int32_t count) {
  Table table;
  for (std::int32_t i = from; i < from + count; ++i) table.append("h" + std::to_string(i), i);
  return table;
}

std::vector<TargetId> matches(const ExchangeBench& exchange, const Table& headers) {
  Encoded encoded(headers);
  std::vector<TargetId> found;
  exchange.table().match({"", encoded.view(), nullptr}, found);
  return found;
}

TEST(ManyHeaders, LeadToABindingOnceThoughEachOfThemDoes) {
  ExchangeBench exchange("headers");
  Table any = numbered(0, kMany);
  any.append("x-match", "any");
  exchange.bind(1, "", any);
  EXPECT_EQ(matches(exchange, numbered(0, kMany)), Targets{1});
}

TEST(ManyHeaders, LeadToEveryBindingThatFits) {
  ExchangeBench exchange("headers");
  exchange.bind(1, "", {{"h0", std::int32_t{0}}, {"h39", std::int32_t{39}}}).bind(2, "", {{"h17", std::int32_t{17}}});
  exchange.bind(3, "", {{"h17", std::int32_t{18}}})
      .bind(4, "", {{"h39", std::int32_t{39}}, {"h4", std::int32_t{4}}, {"h40", std::int32_t{0}}});
  exchange.bind(5, "", numbered(0, kMany)).bind(6, "");
  EXPECT_EQ(exchange.reached("", numbered(0, kMany)), (Targets{1, 2, 5, 6}));
}

TEST(ManyHeaders, OfOneNameArePairedInTheirOrder) {
  ExchangeBench exchange("headers");
  Table wanted, sent, shifted;
  for (std::int32_t i = 0; i < kMany; ++i) {
    wanted.append("n", i);
    sent.append("n", i);
    shifted.append("n", i + 1);
  }
  exchange.bind(1, "", wanted);
  EXPECT_TRUE(exchange.reaches("", sent));
  EXPECT_FALSE(exchange.reaches("", shifted));
}

TEST(ABooleanHeader, IsTrueWhateverOctetSaysSo) {
  ExchangeBench exchange("headers");
  exchange.bind(1, "", {{"b", true}});
  std::vector<TargetId> found;
  exchange.table().match({"",
                          amqp::TableView(std::string_view("\x01"
                                                           "bt\x64")),
                          nullptr},
                         found);
  EXPECT_EQ(found, Targets{1});
}

TEST(DeadLetters, KeepACountThatCannotGrow) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const Table death{{"count", kMost}, {"queue", "q"}, {"reason", "rejected"}};
  const MessagePtr message = make_message("x", "k", {.headers = Table{{"x-death", amqp::Array{death}}}}, "");
  const MessagePtr dead = make_dead_letter(*message, "q", DeathReason::kRejected, "dlx", std::nullopt, 0);
  const auto properties = amqp::decode_properties(dead->encoded_properties());
  EXPECT_EQ(properties->headers->find("x-death")->array()->front().table()->find("count")->integer(), kMost);
}

}  // namespace
}  // namespace mq::broker::test
