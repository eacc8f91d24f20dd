// What the port promises of delayed messages, asked of each implementation.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage_contract.hpp"

namespace mq::store {
namespace {

using namespace test;

constexpr DelayedBook kBook = 512;
constexpr DelayedBook kLastBook = 0xFFFFFFFFFFFFFFFFULL;
constexpr UnixMillis kAccepted = 1'700'000'000'000;
constexpr std::uint64_t kAnyBytes = UINT64_MAX;

DelayedRecord delayed(UnixMillis due, std::uint64_t sequence, std::string_view body, std::string_view message_id = {}) {
  amqp::Properties properties;
  if (!message_id.empty()) properties.message_id = message_id;
  return {{due, sequence}, broker::make_message("exchange", "key", properties, body), kAccepted};
}

DelayedRecords shared(std::vector<DelayedRecord> records) { return std::make_shared<const std::vector<DelayedRecord>>(std::move(records)); }

class DelayedStorage : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    store_ = place_->open();
  }
  /// Closes and opens again where that keeps the data; so what follows sees files instead of buffers.
  void settle_down() {
    if (!place_->lasts()) return;
    store_.reset();
    store_ = place_->open();
  }
  template <class... Operations>
  void commit(Operations... operations) {
    StorageResult<> committed = test::commit(*store_, std::move(operations)...);
    ASSERT_TRUE(committed) << committed.error().text;
  }
  void put(std::vector<DelayedRecord> records, DelayedBook book = kBook) { commit(WriteSet::PutDelayed{book, shared(std::move(records))}); }
  void drop(std::vector<DelayedRecord> records) { commit(WriteSet::DropDelayed{kBook, shared(std::move(records))}); }
  [[nodiscard]] DelayedScan scan(DelayedKey from = {}, std::size_t max = 1000, std::uint64_t bytes = kAnyBytes, DelayedBook book = kBook) {
    StorageResult<DelayedScan> read = store_->read_delayed(book, from, max, bytes);
    if (!read) ADD_FAILURE() << read.error().text;
    return read ? *read : DelayedScan();
  }
  static std::string bodies(const std::vector<DelayedRecord>& records) {
    std::string all;
    for (const DelayedRecord& record : records) all.append(record.message->body()) += ' ';
    return all;
  }
  [[nodiscard]] std::string found(std::string_view message_id) {
    StorageResult<std::vector<DelayedRecord>> records = store_->find_delayed(kBook, message_id);
    return records ? bodies(*records) : records.error().text;
  }
  [[nodiscard]] DelayedState state() { return store_->recover_delayed(kBook).value(); }

  std::unique_ptr<Place> place_;
  std::unique_ptr<Storage> store_;
};

template <class P>
std::unique_ptr<Place> make() {
  return std::make_unique<P>();
}
constexpr Implementation kImplementations[] = {{"Memory", make<MemoryPlace>}, {"Rocks", make<RocksPlace>}};
INSTANTIATE_TEST_SUITE_P(Storage, DelayedStorage, ::testing::ValuesIn(kImplementations),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace

TEST_P(DelayedStorage, ReadsInOrderOfTimeAndThenOfSequence) {
  put({delayed(300, 0, "c"), delayed(100, 1, "a"), delayed(200, 3, "b2")});
  put({delayed(200, 2, "b1")});
  settle_down();
  EXPECT_EQ(bodies(scan().records), "a b1 b2 c ");
}

TEST_P(DelayedStorage, GivesBackWhatWasPut) {
  const DelayedRecord record = delayed(100, 7, "body", "id");
  put({record});
  settle_down();
  const DelayedRecord got = scan().records.at(0);
  EXPECT_EQ(got.key, record.key);
  EXPECT_EQ(got.accepted_at, kAccepted);
  EXPECT_EQ(got.message->wire(), record.message->wire());
  EXPECT_EQ(got.message->exchange(), "exchange");
  EXPECT_EQ(got.message->routing_key(), "key");
}

TEST_P(DelayedStorage, ReadsFromAKeyOn) {
  put({delayed(100, 0, "a"), delayed(200, 1, "b"), delayed(200, 2, "c"), delayed(300, 3, "d")});
  EXPECT_EQ(bodies(scan({200, 2}).records), "c d ");
  EXPECT_EQ(bodies(scan({100, 1}).records), "b c d ");
}

TEST_P(DelayedStorage, ReadsNoMoreThanAskedFor) {
  put({delayed(100, 0, "aaaa"), delayed(200, 1, "bbbb"), delayed(300, 2, "cccc")});
  const DelayedScan two = scan({}, 2);
  EXPECT_EQ(bodies(two.records), "aaaa bbbb ");
  EXPECT_FALSE(two.complete);
  EXPECT_EQ(bodies(scan({}, 1000, 5).records), "aaaa bbbb ") << "the second one reaches the five octets";
}

TEST_P(DelayedStorage, SaysWhenNothingIsLeft) {
  put({delayed(100, 0, "a"), delayed(200, 1, "b")});
  EXPECT_TRUE(scan({}, 2).complete);
  EXPECT_TRUE(scan({200, 2}).complete);
  EXPECT_TRUE(scan({}, 10, kAnyBytes, 99).complete);
}

TEST_P(DelayedStorage, KeepsBooksApart) {
  put({delayed(100, 0, "one")});
  put({delayed(100, 0, "two")}, kBook + 1);
  put({delayed(100, 0, "last")}, kLastBook);
  settle_down();
  EXPECT_EQ(bodies(scan().records), "one ");
  EXPECT_EQ(bodies(scan({}, 10, kAnyBytes, kLastBook).records), "last ");
  EXPECT_EQ(store_->stored_delayed_books().value(), (std::vector<DelayedBook>{kBook, kBook + 1, kLastBook}));
}

TEST_P(DelayedStorage, DropsForGood) {
  put({delayed(100, 0, "a"), delayed(200, 1, "b"), delayed(300, 2, "c")});
  settle_down();
  drop({delayed(200, 1, "b")});
  settle_down();
  EXPECT_EQ(bodies(scan().records), "a c ");
}

TEST_P(DelayedStorage, FindsByMessageId) {
  put({delayed(100, 0, "a", "one"), delayed(200, 1, "b", "two"), delayed(300, 2, "c", "one"), delayed(400, 3, "d")});
  settle_down();
  EXPECT_EQ(found("one"), "a c ");
  EXPECT_EQ(found("three"), "");
  drop({delayed(100, 0, "a", "one")});
  EXPECT_EQ(found("one"), "c ");
}

TEST_P(DelayedStorage, CountsWhatIsThere) {
  put({delayed(100, 0, "a"), delayed(200, 1, "bb"), delayed(300, 2, "ccc")});
  drop({delayed(200, 1, "bb")});
  settle_down();
  EXPECT_EQ(state(), (DelayedState{2, 4, 3}));
}

TEST_P(DelayedStorage, GoesOnCountingAfterARestart) {
  put({delayed(100, 0, "a"), delayed(200, 1, "bb")});
  settle_down();
  put({delayed(300, 2, "ccc")});
  drop({delayed(100, 0, "a")});
  settle_down();
  EXPECT_EQ(state(), (DelayedState{2, 5, 3}));
}

TEST_P(DelayedStorage, RemembersTheHighestSequenceEver) {
  put({delayed(100, 41, "a")});
  drop({delayed(100, 41, "a")});
  settle_down();
  EXPECT_EQ(state(), (DelayedState{0, 0, 42}));
}

TEST_P(DelayedStorage, KnowsNothingOfABookThatIsNotThere) { EXPECT_EQ(state(), DelayedState{}); }

TEST_P(DelayedStorage, PutsAndDropsInOneCommitWithOtherThings) {
  const DelayedRecord a = delayed(100, 0, "a"), b = delayed(200, 1, "b"), c = delayed(50, 2, "c");
  commit(WriteSet::PutDelayed{kBook, shared({a, b})}, page(4, records({1})));
  commit(WriteSet::DropDelayed{kBook, shared({a})}, page(4, records({2})), WriteSet::PutDelayed{kBook, shared({c})});
  settle_down();
  EXPECT_EQ(bodies(scan().records), "c b ");
  EXPECT_EQ(store_->recover_queue(4).value().pages.size(), 2u);
}

TEST_P(DelayedStorage, DropsABookWithAllThatIsInIt) {
  put({delayed(100, 0, "a", "id"), delayed(200, 1, "b")});
  put({delayed(100, 0, "other")}, kBook + 1);
  settle_down();
  commit(WriteSet::DropDelayedBook{kBook});
  settle_down();
  EXPECT_TRUE(scan().records.empty());
  EXPECT_EQ(found("id"), "");
  EXPECT_EQ(state(), DelayedState{});
  EXPECT_EQ(store_->stored_delayed_books().value(), (std::vector<DelayedBook>{kBook + 1}));
}

TEST_P(DelayedStorage, KeepsLargeBodies) {
  const std::string large(3'000'000, 'x');
  put({delayed(100, 0, large), delayed(200, 1, "small")});
  settle_down();
  EXPECT_TRUE(scan({}, 1).records.at(0).message->body() == large);
  drop({delayed(100, 0, large)});
  settle_down();
  EXPECT_EQ(bodies(scan().records), "small ");
}

}  // namespace mq::store
