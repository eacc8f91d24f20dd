#include "store/directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "unit/store/store_fixtures.hpp"

namespace mq::store {
namespace {

namespace fs = std::filesystem;

class DataDirectory : public ::testing::Test {
 protected:
  test::TemporaryDirectory temporary_;
  const fs::path home_{temporary_.path()};
};

TEST_F(DataDirectory, IsMadeWithAllThatIsMissingAboveItAndBelongsToItsOwnerAlone) {
  ASSERT_TRUE(make_directory((home_ / "a" / "b" / "data").string()));
  EXPECT_EQ(fs::status(home_ / "a" / "b" / "data").permissions(), fs::perms::owner_all);
  EXPECT_TRUE(fs::is_directory(home_ / "a" / "b"));
}

TEST_F(DataDirectory, MayBeNamedWithASlashAtItsEnd) {
  ASSERT_TRUE(make_directory((home_ / "data").string() + "/"));
  EXPECT_EQ(fs::status(home_ / "data").permissions(), fs::perms::owner_all);
}

TEST_F(DataDirectory, KeepsTheRightsItHasWhenItIsThere) {
  fs::create_directory(home_ / "data");
  fs::permissions(home_ / "data", fs::perms::owner_all | fs::perms::group_read);
  ASSERT_TRUE(make_directory((home_ / "data").string()));
  EXPECT_EQ(fs::status(home_ / "data").permissions(), fs::perms::owner_all | fs::perms::group_read);
}

TEST_F(DataDirectory, SaysWhatStandsInItsWay) {
  std::ofstream(home_ / "file") << "x";
  const StorageResult<> made = make_directory((home_ / "file" / "data").string());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, StorageError::Kind::kIo);
  EXPECT_EQ(made.error().text, "making directory " + (home_ / "file" / "data").string() + ": Not a directory");
}

}  // namespace
}  // namespace mq::store
