// Conversations with somebody beside the clients who changes settings while they talk.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "support/conversation.hpp"

namespace mq::test {

class WithOperator : public Conversation {
 protected:
  /// Puts an item to vhost `/`, and lets everything run: `done`, or why not.
  template <class Item>
  std::string asks(Item item) {
    auto answer = std::make_shared<std::string>("no answer");
    item.reply = answer_into(answer);
    broker().find_vhost("/")->put(std::move(item));
    settle();
    return *answer;
  }
  static engine::ReplyTo answer_into(std::shared_ptr<std::string> answer) {
    return engine::reply_to([answer](const Result<engine::Answer>& given) { *answer = given ? "done" : given.error().text; });
  }
};

/// Declares a suite of such conversations on `Base`, a WithOperator, and runs it in every Way.
#define MQ_OPERATOR_CONVERSATIONS(Suite, Base)                                  \
  class Suite : public Base {};                                                 \
  INSTANTIATE_TEST_SUITE_P(Sent, Suite, ::testing::ValuesIn(::mq::test::kWays), \
                           [](const auto& each) { return std::string(each.param.name); })

}  // namespace mq::test
