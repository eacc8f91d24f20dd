#include "store/table_file.hpp"

#include <gtest/gtest.h>
#include <rocksdb/sst_file_writer.h>

#include <map>
#include <random>

#include "unit/store/full_store.hpp"

namespace mq::store {
namespace {

using namespace test;

std::string key_number(int number) {
  std::string text = std::to_string(number);
  return "key " + std::string(6 - text.size(), '0') + text;
}

class TableFile : public ::testing::Test {
 protected:
  void SetUp() override {
    rocksdb::Options options;
    static_cast<rocksdb::ColumnFamilyOptions&>(options) = column_options(Column::kIndex, {}, nullptr);
    rocksdb::SstFileWriter writer({}, options);
    ASSERT_TRUE(writer.Open(path_).ok());
    for (int i = 0; i < 1000; ++i) {
      written_[key_number(i)] = "value " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 90), 'v');
      ASSERT_TRUE(writer.Put(key_number(i), written_[key_number(i)]).ok());
    }
    ASSERT_TRUE(writer.Delete(key_number(1000)).ok());
    ASSERT_TRUE(writer.Finish().ok());
  }

  std::map<std::string, std::string> read() const {
    std::map<std::string, std::string> found;
    visit_table(path_, [&](const TableEntry& entry) {
      if (entry.kind == TableEntry::Kind::kValue) found.emplace(entry.key, entry.value);
      EXPECT_EQ(read_place({path_, entry.value_offset, entry.value.size()}), entry.value);
    });
    return found;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/000001.sst";
  std::map<std::string, std::string> written_;
};

TEST_F(TableFile, IsReadAsRocksDbWroteIt) {
  EXPECT_EQ(read(), written_);
  int deleted = 0;
  visit_table(path_, [&](const TableEntry& entry) { deleted += entry.kind == TableEntry::Kind::kDeleted ? 1 : 0; });
  EXPECT_EQ(deleted, 1);
}

TEST_F(TableFile, LosesAFewEntriesByOneWrongOctet) {
  const std::string whole = file_contents(path_);
  const std::size_t at = whole.find("value 500");
  ASSERT_NE(at, std::string::npos);
  std::string damaged = whole;
  damaged[at - 14] = '\xFF';  // among the lengths or the key before it
  write_file(path_, damaged);
  std::size_t right = 0;
  for (const auto& [key, value] : read()) right += written_.contains(key) && written_[key] == value ? 1 : 0;
  EXPECT_GE(right, written_.size() - 16) << "those up to the next key that is written in full";
}

TEST_F(TableFile, MayHoldAnything) {
  const std::string whole = file_contents(path_);
  for (unsigned seed = 1; seed <= 400; ++seed) {
    std::mt19937 random(seed);
    std::string damaged = whole;
    for (unsigned times = 1 + random() % 4; times > 0; --times) {
      const std::size_t at = seed % 2 == 0 ? random() % damaged.size() : damaged.size() - 1 - random() % 600;  // the index lies at the end
      const std::size_t length = std::min<std::size_t>(1 + random() % 8, damaged.size() - at);
      for (std::size_t i = 0; i < length; ++i) damaged[at + i] = static_cast<char>(random());
    }
    if (seed % 7 == 0) damaged.resize(random() % damaged.size());
    write_file(path_, damaged);
    SCOPED_TRACE(seed);
    EXPECT_LE(read().size(), written_.size() * 2);
  }
}

TEST(BlobReferences, AreOneOctetThreeNumbersAndNoCompression) {
  const std::string whole("\x01\x07\xAC\x02\x10\x00", 6);
  const auto found = decode_blob_reference(whole);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file_number, 7u);
  EXPECT_EQ(found->offset, 300u);
  EXPECT_EQ(found->bytes, 16u);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) EXPECT_FALSE(decode_blob_reference(whole.substr(0, bytes))) << bytes;
  EXPECT_FALSE(decode_blob_reference(std::string("\x01\x07\xAC\x02\x10\x04", 6))) << "compressed";
  EXPECT_FALSE(decode_blob_reference(std::string("\x02\x07\xAC\x02\x10\x00", 6))) << "with an expiration";
}

}  // namespace
}  // namespace mq::store
