#include "mq/base/result.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mq::test {

TEST(ReplyText, NamesTheCodeAndSaysWhy) {
  EXPECT_EQ(fail(ReplyCode::kNotFound, "no queue 'q'").reply_text(), "NOT_FOUND - no queue 'q'");
  EXPECT_EQ(fail(ReplyCode::kInternalError, "").reply_text(), "INTERNAL_ERROR");
}

TEST(ReplyText, EndsInDotsWhereItWouldBeTooLong) {
  const std::string name = "NOT_FOUND - ";
  EXPECT_EQ(fail(ReplyCode::kNotFound, std::string(243, 'x')).reply_text(), name + std::string(243, 'x'));
  EXPECT_EQ(fail(ReplyCode::kNotFound, std::string(244, 'x')).reply_text(), name + std::string(240, 'x') + "...");
}

TEST(ReplyText, IsNotCutWithinACharacter) {
  EXPECT_EQ(fail(ReplyCode::kNotFound, std::string(239, 'x') + "\u00e9" + std::string(20, 'x')).reply_text(),
            "NOT_FOUND - " + std::string(239, 'x') + "...");
}

}  // namespace mq::test
