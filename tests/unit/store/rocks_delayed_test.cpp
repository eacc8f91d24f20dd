// Delayed messages on disk: in directories of older brokers, damaged, or cut off.
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <functional>

#include "store/delayed_codec.hpp"
#include "store/value_codec.hpp"
#include "store/verify.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store {
namespace {

using namespace test;

constexpr DelayedBook kBook = 512;

DelayedRecord delayed(UnixMillis due, std::uint64_t sequence, std::string_view body) {
  return {{due, sequence}, broker::make_message("exchange", "key", {}, body), 1};
}

DelayedRecords shared(std::vector<DelayedRecord> records) { return std::make_shared<const std::vector<DelayedRecord>>(std::move(records)); }

void put(Storage& store, std::vector<DelayedRecord> records) {
  ASSERT_TRUE(commit(store, WriteSet::PutDelayed{kBook, shared(std::move(records))}));
}

std::vector<std::string> texts_of_findings(const std::string& directory) {
  std::vector<std::string> texts;
  EXPECT_TRUE(verify(directory, [&](const VerifyFinding& finding) { texts.push_back(finding.text); }));
  return texts;
}

/// Opens the directory as RocksDB sees it, without the broker's store.
void with_database(const std::string& directory,
                   const std::function<void(rocksdb::DB&, std::vector<rocksdb::ColumnFamilyHandle*>&)>& change) {
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(rocksdb::Options(), directory, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (const std::string& name : names) columns.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), directory, columns, &handles, &db).ok());
  change(*db, handles);
  for (rocksdb::ColumnFamilyHandle* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  delete db;
}

/// As a broker that knew nothing of delayed messages would have left it.
void make_older(const std::string& directory) {
  with_database(directory, [](rocksdb::DB& db, std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
    for (rocksdb::ColumnFamilyHandle* handle : handles)
      EXPECT_TRUE(!handle->GetName().starts_with("delayed") || db.DropColumnFamily(handle).ok());
  });
}

void overwrite(const std::string& directory, std::string_view key, const std::string& value) {
  with_database(directory, [&](rocksdb::DB& db, std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
    for (rocksdb::ColumnFamilyHandle* handle : handles)
      EXPECT_TRUE(handle->GetName() != "delayed" || db.Put({}, handle, rocksdb::Slice(key.data(), key.size()), value).ok());
  });
}

}  // namespace

TEST(RocksDelayed, OpensADirectoryOfAnOlderBroker) {
  TemporaryDirectory directory;
  ASSERT_TRUE(commit(*open(directory.path()), page(1, records({1}))));
  make_older(directory.path());
  EXPECT_TRUE(texts_of_findings(directory.path()).empty()) << "it is whole as it is";
  auto store = open(directory.path());
  EXPECT_EQ(store->recover_queue(1).value().pages.size(), 1u);
  put(*store, {delayed(100, 0, "a")});
  EXPECT_EQ(store->read_delayed(kBook, {}, 10, 1000).value().records.size(), 1u);
}

TEST(RocksDelayed, PassesOverWhatIsDamaged) {
  TemporaryDirectory directory;
  put(*open(directory.path()), {delayed(100, 0, "a"), delayed(200, 1, "b"), delayed(300, 2, "c")});
  overwrite(directory.path(), encode_delayed_key(kBook, {200, 1}).view(), "rubbish");
  EXPECT_EQ(texts_of_findings(directory.path()),
            (std::vector<std::string>{"the message delayed until 200 (sequence 1) in book 512 is damaged"}));
  const DelayedScan scan = open(directory.path())->read_delayed(kBook, {}, 10, 1000).value();
  EXPECT_EQ(scan.records.size(), 2u);
  EXPECT_EQ(scan.damaged, (std::vector<DelayedKey>{{200, 1}}));
  EXPECT_TRUE(scan.complete);
}

TEST(RocksDelayed, TakesNoMessageForAnother) {
  TemporaryDirectory directory;
  put(*open(directory.path()), {delayed(100, 0, "a")});
  std::string elsewhere;
  encode_delayed(delayed(100, 7, "a"), elsewhere);
  overwrite(directory.path(), encode_delayed_key(kBook, {100, 0}).view(), elsewhere);
  EXPECT_TRUE(open(directory.path())->read_delayed(kBook, {}, 10, 1000).value().records.empty());
}

TEST(RocksDelayed, CountsAnewWhenItsNumbersAreDamaged) {
  TemporaryDirectory directory;
  put(*open(directory.path()), {delayed(100, 0, "a"), delayed(200, 8, "bb")});
  overwrite(directory.path(), encode_key(QueueId{kBook}).view(), "rubbish");
  EXPECT_EQ(texts_of_findings(directory.path()).size(), 1u);
  auto store = open(directory.path());
  EXPECT_EQ(store->recover_delayed(kBook).value(), (DelayedState{2, 3, 9}));
  put(*store, {delayed(300, 9, "c")});
  EXPECT_EQ(store->recover_delayed(kBook).value(), (DelayedState{3, 4, 10}));
}

TEST(RocksDelayed, SaysWhenItMiscounted) {
  TemporaryDirectory directory;
  put(*open(directory.path()), {delayed(100, 0, "a")});
  overwrite(directory.path(), encode_key(QueueId{kBook}).view(), encode_delayed_state({5, 1, 1}));
  EXPECT_EQ(texts_of_findings(directory.path()), (std::vector<std::string>{"book 512 holds 1 delayed messages, not the 5 it counts"}));
}

TEST(RocksDelayed, KeepsWhatWasSyncedWhenItIsCutOff) {
  TemporaryDirectory directory;
  TemporaryDirectory copy;
  auto store = open(directory.path());
  put(*store, {delayed(100, 0, "a"), delayed(200, 1, "b")});
  ASSERT_TRUE(commit(*store, WriteSet::DropDelayed{kBook, shared({delayed(100, 0, "a")})}, page(1, records({1}))));
  std::filesystem::copy(directory.path(), copy.path(), std::filesystem::copy_options::recursive);  // as a process killed now leaves it
  auto after = open(copy.path());
  EXPECT_EQ(after->read_delayed(kBook, {}, 10, 1000).value().records.size(), 1u);
  EXPECT_EQ(after->recover_delayed(kBook).value(), (DelayedState{1, 1, 2}));
  EXPECT_EQ(after->recover_queue(1).value().pages.size(), 1u);
}

}  // namespace mq::store
