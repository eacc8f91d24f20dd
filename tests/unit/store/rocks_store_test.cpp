// What only the store on disk can do: be locked, damaged, full, of another version, or cut off in the middle.
#include "store/rocks_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "store/rocks_errors.hpp"
#include "store/upgrade.hpp"
#include "store/verify.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store {
namespace {

using namespace test;
namespace fs = std::filesystem;
using Kind = StorageError::Kind;

/// Another process that holds the lock file of a directory, as a running broker would.
class LockHolder {
 public:
  explicit LockHolder(const std::string& directory) {
    int ready[2];
    int hold[2];
    if (pipe(ready) != 0 || pipe(hold) != 0) std::abort();
    child_ = fork();
    if (child_ == 0) {
      close(hold[1]);
      int file = ::open((directory + "/LOCK").c_str(), O_RDWR | O_CREAT, 0600);
      struct flock lock {};
      lock.l_type = F_WRLCK;
      char done = fcntl(file, F_SETLK, &lock) == 0 ? 'y' : 'n';
      (void)!write(ready[1], &done, 1);
      (void)!read(hold[0], &done, 1);  // until the parent closes its end
      _exit(0);
    }
    close(hold[0]);
    close(ready[1]);
    char done = 'n';
    (void)!read(ready[0], &done, 1);
    close(ready[0]);
    EXPECT_EQ(done, 'y');
    hold_ = hold[1];
  }
  ~LockHolder() {
    close(hold_);
    waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_ = 0;
  int hold_ = -1;
};

/// No file may grow beyond `bytes` while this lives: the way to have a real write fail.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_);
    rlimit lower = old_;
    lower.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &lower);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int) = nullptr;
};

/// The largest file of the directory with that ending.
std::string largest_file(const std::string& directory, const std::string& ending) {
  std::string largest;
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.path().string().ends_with(ending) || entry.file_size() <= bytes) continue;
    largest = entry.path().string();
    bytes = entry.file_size();
  }
  return largest;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Changes one octet of the file where `text` stands; false when it is not there.
bool damage(const std::string& path, std::string_view text) {
  std::string bytes = contents(path);
  std::size_t at = bytes.find(text);
  if (at == std::string::npos) return false;
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(at));
  out.put(static_cast<char>(bytes[at] ^ 0x20));
  return static_cast<bool>(out.flush());
}

/// Writes the format number that a directory of another version would have.
void set_format(const std::string& directory, const std::string& value) {
  std::vector<std::string> names;
  rocksdb::Options options;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, directory, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (const std::string& name : names) columns.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory, columns, &handles, &db).ok());
  EXPECT_TRUE(db->Put({}, rocksdb::Slice(kFormatKey.data(), kFormatKey.size()), value).ok());
  for (rocksdb::ColumnFamilyHandle* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  delete db;
}

TEST(RocksStore, MakesItsDirectory) {
  TemporaryDirectory directory;
  std::string deep = directory.path() + "/a/b";
  auto store = open(deep);
  EXPECT_EQ(store->location(), deep);
  EXPECT_EQ(fs::status(deep).permissions(), fs::perms::owner_all);
}

TEST(RocksStore, RefusesADirectoryThatItHasOpen) {
  TemporaryDirectory directory;
  auto store = open(directory.path());
  EXPECT_EQ(open_error(directory.path()), Kind::kLocked);
}

TEST(RocksStore, RefusesADirectoryThatAnotherProcessHasOpen) {
  TemporaryDirectory directory;
  open(directory.path()).reset();
  LockHolder other(directory.path());
  RocksOptions options;
  options.directory = directory.path();
  auto opened = open_rocks_store(options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, Kind::kLocked);
  EXPECT_NE(opened.error().text.find("in use by a running broker"), std::string::npos) << opened.error().text;
}

TEST(RocksStore, SaysWhenItCannotMakeItsDirectory) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() + "/file") << "not a directory";
  EXPECT_EQ(open_error(directory.path() + "/file/data"), Kind::kIo);
}

TEST(RocksStore, RefusesANewerFormat) {
  TemporaryDirectory directory;
  open(directory.path()).reset();
  set_format(directory.path(), encode_format(kFormatNumber + 1));
  EXPECT_EQ(open_error(directory.path()), Kind::kVersion);
}

TEST(RocksStore, RefusesADamagedFormatNumber) {
  TemporaryDirectory directory;
  open(directory.path()).reset();
  set_format(directory.path(), "12345678");
  EXPECT_EQ(open_error(directory.path()), Kind::kCorrupt);
}

TEST(RocksStore, RefusesTheDataOfAnotherProgram) {
  TemporaryDirectory directory;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory.path(), &db).ok());
  ASSERT_TRUE(db->Put({}, "somebody's", "data").ok());
  delete db;
  EXPECT_EQ(open_error(directory.path()), Kind::kVersion);
}

TEST(RocksStore, RefusesAManifestThatIsDamaged) {
  TemporaryDirectory directory;
  open(directory.path()).reset();
  std::ofstream(directory.path() + "/CURRENT") << "MANIFEST-999999\n";
  RocksOptions options;
  options.directory = directory.path();
  EXPECT_FALSE(open_rocks_store(options));
}

TEST(RocksStore, KeepsWhatWasSyncedWhenItIsCutOff) {
  TemporaryDirectory directory;
  TemporaryDirectory copy;
  auto store = open(directory.path());
  ASSERT_TRUE(commit(*store, page(1, records({1, 2})), WriteSet::AddMarks{1, 1, {{1, 3}}}, WriteSet::PutQueueState{1, {3, 0}}));
  fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);  // as a process killed now would leave it
  auto after = open(copy.path());
  RecoveredQueue recovered = after->recover_queue(1).value();
  ASSERT_EQ(recovered.pages.size(), 1U);
  EXPECT_EQ(recovered.pages[0].marks, (std::vector<Mark>{{1, 3}}));
  EXPECT_EQ(recovered.state, (QueueState{3, 0}));
  EXPECT_TRUE(same_records(after->read_page(1, 1).value(), records({1, 2})));
}

TEST(RocksStore, KeepsACommitWholeOrNotAtAllWhenItsLogIsTorn) {
  TemporaryDirectory directory;
  TemporaryDirectory copy;
  auto store = open(directory.path());
  ASSERT_TRUE(commit(*store, WriteSet::PutMetadata{"before", "1"}));
  std::uintmax_t before = fs::file_size(largest_file(directory.path(), ".log"));
  ASSERT_TRUE(commit(*store, WriteSet::PutMetadata{"torn", "1"}, page(1, records_from(1, 100)), WriteSet::PutQueueState{1, {101, 0}}));
  fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
  std::string log = largest_file(copy.path(), ".log");
  fs::resize_file(log, (before + fs::file_size(log)) / 2);
  auto after = open(copy.path());
  std::vector<std::string> keys;
  ASSERT_TRUE(after->scan_metadata("", [&](std::string_view key, std::string_view) { keys.emplace_back(key); }));
  EXPECT_EQ(keys, std::vector<std::string>{"before"});
  EXPECT_TRUE(after->stored_queues().value().empty());
}

TEST(RocksStore, ForgetsTransientPagesWhenItIsCutOff) {
  TemporaryDirectory directory;
  TemporaryDirectory copy;
  auto store = open(directory.path());
  ASSERT_TRUE(commit(*store, page(1, records({1}), true), page(1, records({2}))));
  fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
  auto after = open(copy.path());
  EXPECT_EQ(after->read_page(1, 1).error().kind, Kind::kNotFound);
  EXPECT_TRUE(after->read_page(1, 2));
}

TEST(RocksStore, ForgetsTransientPagesThatReachedAFile) {
  TemporaryDirectory directory;
  RocksOptions options;
  options.directory = directory.path();
  options.page_buffer_bytes = 64 << 10;
  auto store = std::move(open_rocks_store(options).value());
  for (Offset first = 1; first <= 50; ++first) ASSERT_TRUE(commit(*store, page(1, {record(first, std::string(10'000, 'x'))}, true)));
  store.reset();
  store = open(directory.path());
  for (Offset first = 1; first <= 50; ++first) EXPECT_FALSE(store->read_page(1, first));
  EXPECT_EQ(largest_file(directory.path(), ".blob"), "");
}

TEST(RocksStore, WritesNoMoreOnceAWriteFailed) {
  TemporaryDirectory directory;
  auto store = open(directory.path());
  std::optional<StorageError> failed;
  {
    FileSizeLimit limit(4 << 20);
    for (int i = 0; i < 10 && !failed; ++i) {
      auto committed = commit(*store, WriteSet::PutMetadata{"key" + std::to_string(i), std::string(1 << 20, 'x')});
      if (!committed) failed = committed.error();
    }
  }
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, Kind::kIo) << failed->text;
  auto again = commit(*store, WriteSet::PutMetadata{"a", "small one"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().text, failed->text);
  EXPECT_FALSE(store->sync());
}

TEST(RocksStore, OpensAgainAfterAWriteFailed) {
  TemporaryDirectory directory;
  auto store = open(directory.path());
  ASSERT_TRUE(commit(*store, WriteSet::PutMetadata{"confirmed", "1"}));
  {
    FileSizeLimit limit(1 << 20);
    EXPECT_FALSE(commit(*store, WriteSet::PutMetadata{"too big", std::string(2 << 20, 'x')}));
  }
  store.reset();
  store = open(directory.path());
  bool found = false;
  ASSERT_TRUE(store->scan_metadata("confirmed", [&](std::string_view, std::string_view) { found = true; }));
  EXPECT_TRUE(found);
}

/// A store that was given 200 pages of 10 KB, all of them in files.
class Reclaiming : public ::testing::Test {
 protected:
  void SetUp() override {
    RocksOptions options;
    options.directory = directory_.path();
    options.page_buffer_bytes = 128 << 10;
    options.reclaim_bytes = 256 << 10;
    store_ = std::move(open_rocks_store(options).value());
    for (Offset first = 1; first <= 200; ++first) ASSERT_TRUE(commit(*store_, page(1, {record(first, std::string(10'000, 'x'))})));
    ASSERT_GT(page_file_bytes(), 1'000'000U);
  }
  [[nodiscard]] std::uintmax_t page_file_bytes() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      std::error_code gone;
      std::uintmax_t size = entry.path().extension() == ".blob" ? entry.file_size(gone) : 0;
      if (!gone) bytes += size;
    }
    return bytes;
  }
  /// Space comes back in the background; half a minute is far more than it takes.
  [[nodiscard]] bool shrinks_to(std::uintmax_t bytes) const {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (page_file_bytes() > bytes) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Storage> store_;
};

TEST_F(Reclaiming, GivesBackTheSpaceOfDroppedPages) {
  WriteSet drops;
  for (Offset first = 1; first <= 200; ++first) drops.operations.emplace_back(WriteSet::DropPage{1, first, false});
  WriteSet* sets[] = {&drops};
  ASSERT_TRUE(store_->commit(sets));
  EXPECT_TRUE(shrinks_to(0)) << page_file_bytes();
}

TEST_F(Reclaiming, GivesBackTheSpaceBetweenPagesThatStay) {
  WriteSet drops;
  for (Offset first = 1; first <= 200; ++first)
    if (first % 10 != 0) drops.operations.emplace_back(WriteSet::DropPage{1, first, false});
  WriteSet* sets[] = {&drops};
  ASSERT_TRUE(store_->commit(sets));
  EXPECT_TRUE(shrinks_to(300'000)) << page_file_bytes();
  for (Offset first = 10; first <= 200; first += 10) EXPECT_TRUE(store_->read_page(1, first));
}

TEST_F(Reclaiming, GivesBackTheSpaceOfADroppedQueue) {
  ASSERT_TRUE(commit(*store_, WriteSet::DropQueue{1}));
  EXPECT_TRUE(shrinks_to(0)) << page_file_bytes();
}

/// A store of one page in a file, one of whose bodies was then changed on disk.
class DamagedPage : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<PageRecord> many;
    for (Offset offset = 1; offset <= 50; ++offset)
      many.push_back(record(offset, "body " + std::to_string(offset) + std::string(100, '.')));
    ASSERT_TRUE(commit(*open(directory_.path()), page(1, many)));
    open(directory_.path()).reset();  // brings the page from the log into a file
    ASSERT_TRUE(damage(largest_file(directory_.path(), ".blob"), "body 25"));
  }
  TemporaryDirectory directory_;
};

TEST_F(DamagedPage, IsReportedWithTheRecordsThatAreWhole) {
  auto store = open(directory_.path());
  std::vector<PageRecord> salvaged;
  auto got = store->read_page(1, 1, &salvaged);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::kCorrupt);
  EXPECT_EQ(salvaged.size(), 49U);
}

TEST_F(DamagedPage, DoesNotKeepTheQueueFromRecovering) { EXPECT_EQ(open(directory_.path())->recover_queue(1).value().pages.size(), 1U); }

TEST_F(DamagedPage, IsFoundByVerify) {
  std::vector<VerifyFinding> findings;
  const auto keep_losses = [&](const VerifyFinding& finding) {  // beside the file itself
    if (finding.lost_messages != 0) findings.push_back(finding);
  };
  VerifySummary summary = verify(directory_.path(), keep_losses).value();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].queue, 1U);
  EXPECT_EQ(findings[0].page_first, 1U);
  EXPECT_EQ(findings[0].whole_messages, 49U);
  EXPECT_EQ(findings[0].lost_messages, 1U);
  EXPECT_EQ(summary.messages, 49U);
}

TEST(StoreVerify, CountsWhatIsThere) {
  TemporaryDirectory directory;
  ASSERT_TRUE(commit(*open(directory.path()), page(1, records({1, 2})), page(1, records({3})), page(2, records({1})),
                     WriteSet::PutMetadata{"a", "b"}, WriteSet::AddMarks{1, 1, {{1, Mark::kSettled}}}, WriteSet::PutQueueState{3, {1, 1}}));
  VerifySummary summary = verify(directory.path(), [](const VerifyFinding& finding) { ADD_FAILURE() << finding.text; }).value();
  EXPECT_EQ(summary.metadata_records, 1U);
  EXPECT_EQ(summary.queues, 3U);
  EXPECT_EQ(summary.pages, 3U);
  EXPECT_EQ(summary.messages, 4U);
  EXPECT_EQ(summary.body_bytes, 4 * std::string_view("body 1").size());
  EXPECT_EQ(summary.marked_messages, 1U);
  EXPECT_EQ(summary.findings, 0U);
}

TEST(StoreVerify, FindsMarksWithoutTheirPage) {
  TemporaryDirectory directory;
  ASSERT_TRUE(commit(*open(directory.path()), WriteSet::AddMarks{4, 9, {{9, 1}}}));
  std::vector<std::string> texts;
  ASSERT_TRUE(verify(directory.path(), [&](const VerifyFinding& finding) { texts.push_back(finding.text); }));
  EXPECT_EQ(texts, std::vector<std::string>{"there are marks of page 9 of queue 4, but not the page"});
}

TEST(StoreVerify, FindsAPageUnderAWrongKey) {
  TemporaryDirectory directory;
  EncodedPage misplaced = page(1, records({1, 2}));
  misplaced.queue = 2;
  ASSERT_TRUE(commit(*open(directory.path()), misplaced));
  std::vector<std::string> texts;
  ASSERT_TRUE(verify(directory.path(), [&](const VerifyFinding& finding) { texts.push_back(finding.text); }));
  EXPECT_EQ(texts, std::vector<std::string>{"page 1 of queue 2 is damaged: it is another page"});
}

TEST(StoreVerify, FindsAnIndexThatDisagrees) {
  TemporaryDirectory directory;
  EncodedPage made = page(1, records({1, 2}));
  made.index.last = 3;
  ASSERT_TRUE(commit(*open(directory.path()), made));
  std::vector<std::string> texts;
  ASSERT_TRUE(verify(directory.path(), [&](const VerifyFinding& finding) { texts.push_back(finding.text); }));
  EXPECT_EQ(texts, std::vector<std::string>{"the index of page 1 of queue 1 does not agree with the page"});
}

TEST(StoreVerify, NeedsADirectory) {
  TemporaryDirectory directory;
  EXPECT_FALSE(verify(directory.path() + "/missing", [](const VerifyFinding&) {}));
  EXPECT_FALSE(fs::exists(directory.path() + "/missing"));
}

TEST(StoreVerify, ChangesNothing) {
  TemporaryDirectory directory;
  ASSERT_TRUE(commit(*open(directory.path()), page(1, records({1, 2}))));
  auto names = [&] {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory.path()))
      if (entry.path().filename().string().find("LOG") == std::string::npos)
        found.push_back(entry.path().string() + contents(entry.path().string()));
    std::sort(found.begin(), found.end());
    return found;
  };
  auto before = names();
  ASSERT_TRUE(verify(directory.path(), [](const VerifyFinding&) {}));
  EXPECT_EQ(names(), before);
}

TEST(RocksErrors, TellsWhatKindItIs) {
  EXPECT_EQ(storage_error(rocksdb::Status::NoSpace("disk"), "writing").kind, Kind::kNoSpace);
  EXPECT_EQ(storage_error(rocksdb::Status::IOError(rocksdb::Status::kNoSpace), "writing").kind, Kind::kNoSpace);
  EXPECT_EQ(storage_error(rocksdb::Status::Corruption("block"), "reading").kind, Kind::kCorrupt);
  EXPECT_EQ(storage_error(rocksdb::Status::NotFound(), "reading").kind, Kind::kNotFound);
  EXPECT_EQ(storage_error(rocksdb::Status::IOError("While lock file: /d/LOCK", "busy"), "opening").kind, Kind::kLocked);
  EXPECT_EQ(storage_error(rocksdb::Status::IOError("read"), "reading").kind, Kind::kIo);
}

TEST(RocksErrors, SaysWhatFailed) {
  EXPECT_EQ(storage_error(rocksdb::Status::IOError("bad sector"), "reading from /d").text, "reading from /d: IO error: bad sector");
}

}  // namespace
}  // namespace mq::store
