// Manifests as a power failure may leave them, before the eyes of RocksDB itself.
#include "store/manifest_tail.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "unit/store/store_fixtures.hpp"

namespace mq::store {
namespace {

namespace fs = std::filesystem;

class ManifestTail : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(opens());
    std::string name;
    std::ifstream(directory() + "/CURRENT") >> name;
    manifest_ = directory() + "/" + name;
    whole_ = read();
  }

  [[nodiscard]] const std::string& directory() const { return temporary_.path(); }
  [[nodiscard]] bool opens() const {
    RocksOptions options;
    options.directory = directory();
    return open_rocks_store(options).has_value();
  }
  [[nodiscard]] std::string read() const {
    std::ifstream file(manifest_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& octets) const { std::ofstream(manifest_, std::ios::binary) << octets; }
  /// A record of 1,500 octets of which everything from the `from`-th on is `filling`; its checksum is that of another.
  static std::string torn_record(std::size_t from, char filling) {
    std::string record("\x39\x30\x00\x00\xdc\x05\x01", 7);
    record += std::string(from, 'x') + std::string(1500 - from, filling);
    return record;
  }

  test::TemporaryDirectory temporary_;
  std::string manifest_;
  std::string whole_;
};

TEST_F(ManifestTail, IsLeftAsItIsWhenNothingIsWrong) {
  EXPECT_EQ(*drop_unfinished_manifest_record(directory()), std::nullopt);
  EXPECT_EQ(read(), whole_);
}

TEST_F(ManifestTail, LosesARecordOfWhichASectorNeverCame) {
  write(whole_ + torn_record(600, '\0'));
  EXPECT_EQ(*drop_unfinished_manifest_record(directory()), whole_.size());
  EXPECT_EQ(read(), whole_);
}

TEST_F(ManifestTail, DoesNotKeepTheDirectoryFromOpening) {
  write(whole_ + torn_record(600, '\0'));
  EXPECT_TRUE(opens());
}

TEST_F(ManifestTail, IsLeftForRocksDbToRefuseWhenItIsDamagedInAnotherWay) {
  const std::string damaged = whole_ + torn_record(600, 'y');
  write(damaged);
  EXPECT_EQ(*drop_unfinished_manifest_record(directory()), std::nullopt);
  EXPECT_EQ(read(), damaged);
  EXPECT_FALSE(opens());
}

TEST_F(ManifestTail, IsLeftForRocksDbToRefuseWhenAWholeRecordFollows) {
  const std::string damaged = whole_ + torn_record(600, '\0') + whole_.substr(0, 7 + static_cast<unsigned char>(whole_[4]));
  write(damaged);
  EXPECT_EQ(*drop_unfinished_manifest_record(directory()), std::nullopt);
  EXPECT_EQ(read(), damaged);
}

TEST_F(ManifestTail, IsNotTouchedWhileTheDirectoryIsInUse) {
  RocksOptions options;
  options.directory = directory();
  auto first = open_rocks_store(options);
  ASSERT_TRUE(first);
  std::string name;
  std::ifstream(directory() + "/CURRENT") >> name;
  manifest_ = directory() + "/" + name;
  const std::string damaged = read() + torn_record(600, '\0');
  write(damaged);
  const auto second = open_rocks_store(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, StorageError::Kind::kLocked);
  EXPECT_EQ(read(), damaged);
}

}  // namespace
}  // namespace mq::store
