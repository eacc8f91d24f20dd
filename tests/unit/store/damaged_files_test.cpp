// The files of a directory, damaged at random and on purpose: whatever it is, a start, verify and repair end, say what they found, and
// invent nothing. BROKERD_DISK_DAMAGES sets how many random damages each test does, BROKERD_SEED where they begin.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "server/maintenance.hpp"
#include "store/rocks_log.hpp"
#include "unit/store/full_store.hpp"

namespace mq::store {
namespace {

using namespace test;
namespace fs = std::filesystem;

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? static_cast<unsigned>(std::stoul(text)) : otherwise;
}

/// Tables, blob files, and a log with what came later.
void fill_files(const std::string& directory) {
  fill_store(directory, 3000);
  flush_everything(directory);
  auto store = open(directory);
  for (Offset offset = 13; offset < 25; ++offset)
    ASSERT_TRUE(commit(*store, page(kOrders, sized_records(offset, 1, 500)), page(kNeighbour, sized_records(offset, 1, 30))));
  ASSERT_TRUE(commit(*store, WriteSet::AddMarks{kOrders, 9, {{9, Mark::kSettled}}}));
}

std::vector<std::string> files_with(const std::string& directory, const std::string& ending) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().filename().string().find(ending) != std::string::npos) found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

class DamagedFiles : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    whole_ = new TemporaryDirectory();
    fill_files(whole_->path());
    TemporaryDirectory copy;  // a start rearranges files
    copy_directory(whole_->path(), copy.path());
    original_ = new StoreContents(read_contents(copy.path()).value());
  }
  static void TearDownTestSuite() {
    delete whole_;
    delete original_;
  }

  void SetUp() override { copy_directory(whole_->path(), path_); }

  /// Whatever became of the files: a start either goes on or says what is wrong, and repair makes it go on.
  void expect_honesty() {
    const std::string started = directory_.path() + "/started";
    copy_directory(path_, started);
    if (const auto found = read_contents(started)) EXPECT_TRUE(invents_nothing(*found, *original_)) << "after a start";
    else EXPECT_FALSE(found.error().text.empty());

    const auto seen = server::verify_store(path_);
    const auto mended = server::repair_store(path_, {});
    if (!mended) {
      EXPECT_FALSE(seen) << "verify sees what repair does";
      EXPECT_FALSE(mended.error().text.empty());
      return;
    }
    const auto after = server::verify_store(path_);
    ASSERT_TRUE(after) << after.error().text;
    EXPECT_TRUE(after->damage.empty()) << after->damage.front().text;
    const auto kept = read_contents(path_);
    ASSERT_TRUE(kept) << kept.error().text;
    EXPECT_TRUE(invents_nothing(*kept, *original_)) << "after a repair";
    kept_ = *kept;
  }
  /// As many messages of the two queues as there were, but those.
  void expect_all_but(std::size_t messages) {
    std::size_t before = 0;
    for (QueueId log : {kOrders, kTasks, kTasks + 2, kNeighbour}) before += original_->of(log).size();
    EXPECT_GE(kept_.messages.size() + messages, before);
  }

  static inline TemporaryDirectory* whole_ = nullptr;
  static inline StoreContents* original_ = nullptr;
  TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/data";
  StoreContents kept_;
};

void damage_at_random(const std::string& directory, std::mt19937& random) {
  auto below = [&random](std::size_t bound) { return bound == 0 ? 0 : random() % bound; };
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().filename() != "LOCK" && !entry.path().filename().string().starts_with("LOG")) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  const std::string file = files[below(files.size())];
  std::string contents = file_contents(file);
  const std::size_t at = below(contents.size());
  const std::size_t length = std::min<std::size_t>(1 + below(400), contents.size() - at);
  switch (below(6)) {
    case 0: contents[at] = static_cast<char>(contents[at] ^ (1 << below(8))); break;
    case 1: std::fill_n(contents.begin() + static_cast<std::ptrdiff_t>(at), length, '\0'); break;
    case 2: std::generate_n(contents.begin() + static_cast<std::ptrdiff_t>(at), length, [&] { return static_cast<char>(random()); }); break;
    case 3: contents.resize(at); break;
    case 4: contents.insert(at, std::string(length, '\x5A')); break;
    default: fs::remove(file); return;
  }
  SCOPED_TRACE(file);
  write_file(file, contents);
}

class RandomDamage : public DamagedFiles, public ::testing::WithParamInterface<unsigned> {};

TEST_P(RandomDamage, IsToldAndMended) {
  const unsigned rounds = number_from("BROKERD_DISK_DAMAGES", 10);
  const unsigned first = number_from("BROKERD_SEED", 1) + GetParam() * rounds;
  for (unsigned seed = first; seed < first + rounds && !HasFailure(); ++seed) {
    SCOPED_TRACE("BROKERD_SEED=" + std::to_string(seed));
    std::mt19937 random(seed);
    for (const auto& entry : fs::directory_iterator(directory_.path())) fs::remove_all(entry.path());
    copy_directory(whole_->path(), path_);
    for (unsigned times = 1 + random() % 2; times > 0; --times) damage_at_random(path_, random);
    expect_honesty();
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomDamage, ::testing::Range(0u, 6u));

// --- on purpose ---

TEST_F(DamagedFiles, WholeOnesAreLeftAlone) {
  EXPECT_TRUE(server::verify_store(path_)->damage.empty());
  EXPECT_FALSE(server::repair_store(path_, {})->changed);
  expect_honesty();
  EXPECT_EQ(kept_.messages, original_->messages);
}

TEST_F(DamagedFiles, WithoutManifestEverythingIsFoundInTheOthers) {
  for (const std::string& file : files_with(path_, "MANIFEST")) fs::remove(file);
  expect_honesty();
  expect_all_but(1);  // the one that was settled: page 9 is kept for the others
  EXPECT_EQ(kept_.delayed, original_->delayed);
  EXPECT_EQ(kept_.metadata.size(), original_->metadata.size());
}

TEST_F(DamagedFiles, WithoutCurrentTheNewestManifestIsTaken) {
  write_file(path_ + "/CURRENT", "");
  expect_honesty();
  EXPECT_EQ(kept_.messages, original_->messages);
}

TEST_F(DamagedFiles, ACurrentThatNamesADirectoryIsDamageLikeAnother) {
  fs::create_directory(path_ + "/MANIFEST-folder");
  for (const char* named : {".", "MANIFEST-folder"}) {
    write_file(path_ + "/CURRENT", std::string(named) + "\n");
    const auto opened = read_contents(path_);
    ASSERT_FALSE(opened) << named;
    EXPECT_FALSE(opened.error().text.empty());
  }
}

TEST_F(DamagedFiles, AMissingBlobFileKeepsTheBrokerFromStarting) {
  const auto blobs = files_with(path_, ".blob");
  ASSERT_FALSE(blobs.empty());
  for (const std::string& file : blobs) fs::remove(file);
  RocksOptions options;
  options.directory = path_;
  const auto opened = open_rocks_store(options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, StorageError::Kind::kCorrupt);
  EXPECT_NE(opened.error().text.find(".blob with messages is missing"), std::string::npos) << opened.error().text;
  expect_honesty();
  EXPECT_EQ(kept_.of(kTasks + 2), original_->of(kTasks + 2)) << "what lies elsewhere is kept";
}

/// The octet where that text stands in one of the files.
bool flip(const std::vector<std::string>& files, const std::string& text) {
  for (const std::string& file : files) {
    std::string contents = file_contents(file);
    const std::size_t at = contents.find(text);
    if (at == std::string::npos) continue;
    contents[at] = static_cast<char>(contents[at] ^ 0x20);
    write_file(file, contents);
    return true;
  }
  return false;
}

TEST_F(DamagedFiles, OneOctetInABlobFileCostsOneMessage) {
  ASSERT_TRUE(flip(files_with(path_, ".blob"), "body 3 "));
  expect_honesty();
  expect_all_but(1);
}

TEST_F(DamagedFiles, OneOctetInADelayedMessageIsPassedOverAndTheOthersAreRead) {
  ASSERT_TRUE(flip(files_with(path_, ".blob"), "id-1"));
  auto store = open(path_);
  const auto scan = store->read_delayed(kFullBook, {}, 100, UINT64_MAX);
  ASSERT_TRUE(scan) << scan.error().text;
  EXPECT_TRUE(scan->complete);
  ASSERT_EQ(scan->damaged.size(), 1u);
  EXPECT_EQ(scan->damaged.front().sequence, 1u);
  EXPECT_EQ(scan->records.size(), 2u) << "one before it and one behind";
}

TEST_F(DamagedFiles, OneOctetInATableCostsOneMessageThoughRocksDbRefusesTheBlock) {
  ASSERT_TRUE(flip(files_with(path_, ".sst"), "body 7 "));
  {
    auto store = open(path_);
    std::vector<PageRecord> salvaged;
    const auto records = store->read_page(kOrders, 6, &salvaged);
    ASSERT_FALSE(records);
    EXPECT_EQ(records.error().kind, StorageError::Kind::kCorrupt);
    EXPECT_EQ(salvaged.size(), 2u) << "of the page that is hit";
    (void)store->read_page(kNeighbour, 4, &salvaged);
    EXPECT_EQ(salvaged.size(), 4u) << "of one in the same block";
  }
  expect_honesty();
  expect_all_but(1);
}

TEST_F(DamagedFiles, AnOctetInsideTheLogIsNoTornEnd) {
  ASSERT_TRUE(flip(files_with(path_, ".log"), "body 15 "));
  const auto damage = find_log_damage(path_);
  ASSERT_TRUE(damage);
  EXPECT_TRUE(damage->was_synced);
  EXPECT_GE(damage->writes_behind, 9u);
  RocksOptions options;
  options.directory = path_;
  const auto opened = open_rocks_store(options);
  ASSERT_FALSE(opened) << "what was confirmed behind it would be lost without a word";
  EXPECT_EQ(opened.error().kind, StorageError::Kind::kCorrupt);
  EXPECT_EQ(server::verify_store(path_)->damage.size(), 1u);
  expect_honesty();
  expect_all_but(2);  // one of each queue, of that write
}

TEST_F(DamagedFiles, ATornEndOfTheLogIsNoDamage) {
  for (const std::string& file : files_with(path_, ".log")) {
    const auto bytes = fs::file_size(file);
    if (bytes > 40) fs::resize_file(file, bytes - 20);
  }
  EXPECT_FALSE(find_log_damage(path_));
  EXPECT_TRUE(server::verify_store(path_)->damage.empty());
  expect_honesty();
}

// What a power failure may leave of a write that was not synced. Hours, if each octet were taken for the head of what it might be.
TEST_F(DamagedFiles, MegabytesOfGarbageAtTheEndOfTheLogAreNoDamage) {
  std::mt19937 random(1);
  const std::string file = files_with(path_, ".log").back();
  std::string contents = file_contents(file);
  for (int i = 0; i < 4 << 20; ++i) contents += static_cast<char>(random());
  write_file(file, contents);
  EXPECT_FALSE(find_log_damage(path_));
  EXPECT_EQ(read_contents(path_).value().messages, original_->messages);
}

TEST_F(DamagedFiles, WhatWasNeverSyncedMayEndAnywhere) {
  std::string path = directory_.path() + "/unsynced";
  {
    auto store = open(path);
    ASSERT_TRUE(commit(*store, page(kOrders, sized_records(0, 1, 100))));
    for (Offset offset = 1; offset < 6; ++offset) {
      WriteSet set = set_of(page(kOrders, sized_records(offset, 1, 100)));
      set.needs_sync = false;
      WriteSet* sets[] = {&set};
      ASSERT_TRUE(store->commit(sets));
    }
  }
  ASSERT_TRUE(flip(files_with(path, ".log"), "body 3 "));
  const auto damage = find_log_damage(path);
  ASSERT_TRUE(damage);
  EXPECT_FALSE(damage->was_synced);
  EXPECT_EQ(read_contents(path).value().of(kOrders).size(), 3u) << "a prefix of what was written";
}

}  // namespace
}  // namespace mq::store
