// What the port promises of seen ids, asked of each implementation.
#include <gtest/gtest.h>

#include "storage_contract.hpp"

namespace mq::store {
namespace {

using namespace test;

constexpr SeenWindow kWindow = 512;
constexpr SeenWindow kLastWindow = 0xFFFFFFFFFFFFFFFFULL;

SeenId id(std::uint64_t sequence, UnixMillis until = kNever) { return {sequence, {sequence * 3, sequence * 5}, until}; }

using Records = std::vector<std::vector<SeenId>>;

class SeenStorage : public StorageContract {
 protected:
  [[nodiscard]] Records seen(SeenWindow window = kWindow) {
    auto recovered = store_->recover_seen(window);
    if (!recovered) ADD_FAILURE() << recovered.error().text;
    return recovered ? recovered->records : Records();
  }
};

INSTANTIATE_TEST_SUITE_P(Storage, SeenStorage,
                         ::testing::Values(Implementation{"Memory", [] { return std::unique_ptr<Place>(std::make_unique<MemoryPlace>()); }},
                                           Implementation{"Rocks", [] { return std::unique_ptr<Place>(std::make_unique<RocksPlace>()); }}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace

TEST_P(SeenStorage, GivesBackWhatWasPut) {
  commit(WriteSet::PutSeen{kWindow, {id(1), id(2, 1'700'000'000'000), id(9)}});
  commit(WriteSet::PutSeen{kWindow, {id(300)}});
  settle_down();
  EXPECT_EQ(seen(), (Records{{id(1), id(2, 1'700'000'000'000), id(9)}, {id(300)}}));
}

TEST_P(SeenStorage, KnowsNothingOfOtherWindows) {
  commit(WriteSet::PutSeen{kWindow, {id(1)}}, WriteSet::PutSeen{kWindow + 1, {id(2)}}, WriteSet::PutSeen{kLastWindow, {id(3)}});
  EXPECT_EQ(seen(), (Records{{id(1)}}));
  EXPECT_EQ(seen(kLastWindow), (Records{{id(3)}}));
  EXPECT_EQ(store_->stored_seen_windows().value(), (std::vector<SeenWindow>{kWindow, kWindow + 1, kLastWindow}));
}

TEST_P(SeenStorage, DropsARecord) {
  commit(WriteSet::PutSeen{kWindow, {id(1), id(2)}}, WriteSet::PutSeen{kWindow, {id(3)}});
  commit(WriteSet::DropSeen{kWindow, 1});
  EXPECT_EQ(seen(), (Records{{id(3)}}));
}

TEST_P(SeenStorage, DropsAWindow) {
  commit(WriteSet::PutSeen{kWindow, {id(1)}}, WriteSet::PutSeen{kWindow + 1, {id(2)}}, WriteSet::PutSeen{kLastWindow, {id(3)}});
  commit(WriteSet::DropSeenWindow{kWindow}, WriteSet::DropSeenWindow{kLastWindow});
  EXPECT_EQ(store_->stored_seen_windows().value(), (std::vector<SeenWindow>{kWindow + 1}));
}

TEST_P(SeenStorage, LetsAWindowBeginAnewInTheWriteThatDropsIt) {
  commit(WriteSet::PutSeen{kWindow, {id(1)}});
  commit(WriteSet::DropSeenWindow{kWindow}, WriteSet::PutSeen{kWindow, {id(2)}});
  EXPECT_EQ(seen(), (Records{{id(2)}}));
}

TEST_P(SeenStorage, KeepsTheIdsOfAQueueThatIsDroppedByItself) {
  commit(page(kWindow, records({1})), WriteSet::PutSeen{kWindow, {id(1)}});
  commit(WriteSet::DropQueue{kWindow});
  EXPECT_EQ(seen(), (Records{{id(1)}}));
}

}  // namespace mq::store
