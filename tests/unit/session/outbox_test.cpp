#include "session/outbox.hpp"

#include <gtest/gtest.h>

namespace mq::session {
namespace {

std::string all(const Outgoing& sending) {
  std::string bytes;
  for (const Outgoing::Piece& piece : sending.pieces) bytes += sending.view(piece);
  return bytes;
}

}  // namespace

TEST(Outbox, IsEmptyAtFirst) {
  Outbox outbox;
  Outgoing sending;
  outbox.take(sending);
  EXPECT_TRUE(sending.empty());
}

TEST(Outbox, PutsSmallPiecesIntoOne) {
  Outbox outbox;
  outbox.append("one ");
  std::memcpy(outbox.reserve(10), "two", 3);
  outbox.commit(3);
  EXPECT_EQ(outbox.waiting_bytes(), 7u);
  Outgoing sending;
  outbox.take(sending);
  EXPECT_EQ(sending.pieces.size(), 1u);
  EXPECT_EQ(all(sending), "one two");
  EXPECT_EQ(outbox.waiting_bytes(), 0u);
}

TEST(Outbox, KeepsReferencesInTheirPlace) {
  const broker::MessagePtr message = broker::make_message("x", "k", {}, "large body");
  Outbox outbox;
  outbox.append("head|");
  outbox.append_reference(message, message->body());
  outbox.append("|tail");
  Outgoing sending;
  outbox.take(sending);
  EXPECT_EQ(all(sending), "head|large body|tail");
  EXPECT_EQ(sending.bytes, 20u);
}

TEST(Outbox, KeepsItsBytesWhileItGrows) {
  Outbox outbox;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece = "piece " + std::to_string(i) + ";";
    outbox.append(piece);
    expected += piece;
  }
  Outgoing sending;
  outbox.take(sending);
  EXPECT_EQ(all(sending), expected);
}

TEST(Outbox, HoldsAReferencedMessageUntilItIsSent) {
  Outbox outbox;
  {
    const broker::MessagePtr message = broker::make_message("x", "k", {}, "body");
    outbox.append_reference(message, message->body());
  }
  Outgoing sending;
  outbox.take(sending);
  EXPECT_EQ(all(sending), "body");
  sending.clear(0);
  EXPECT_TRUE(sending.empty() && sending.pieces.empty());
}

TEST(Outbox, LetsGoOfALargeBufferOnly) {
  Arena arena;
  std::memcpy(arena.reserve(10), "0123456789", 10);
  arena.commit(10);
  const char* const small = arena.data();
  arena.reset(1 << 20);
  EXPECT_EQ(arena.size(), 0u);
  EXPECT_EQ(arena.data(), small);
  arena.reset(0);
  EXPECT_EQ(arena.data(), nullptr);
}

}  // namespace mq::session
