// A full disk below RocksDB's files: what waits, and what does not.
#include "store/rocks_patience.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "store/ballast.hpp"
#include "store_fixtures.hpp"

namespace mq::store {
namespace {

using test::TemporaryDirectory;

/// Writes half of what it is told to, and fails, while it is full.
class FillableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FillableFile(std::unique_ptr<rocksdb::FSWritableFile> file, const std::atomic<bool>& full)
      : FSWritableFileOwnerWrapper(std::move(file)), full_(full) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (!full_) return target()->Append(data, options, debug);
    return rocksdb::IOStatus::NoSpace("nothing of it", "No space left on device");
  }
  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t at, const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* debug) override {
    if (!full_) return target()->PositionedAppend(data, at, options, debug);
    EXPECT_TRUE(target()->PositionedAppend({"????????", data.size() / 2}, at, options, debug).ok());
    return rocksdb::IOStatus::NoSpace("half of it", "No space left on device");
  }
  using FSWritableFileOwnerWrapper::Append;
  using FSWritableFileOwnerWrapper::PositionedAppend;
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (!full_) return target()->Sync(options, debug);
    return rocksdb::IOStatus::NoSpace("synced nothing", "No space left on device");
  }

 private:
  const std::atomic<bool>& full_;
};

class FillableFiles final : public rocksdb::FileSystemWrapper {
 public:
  FillableFiles() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FillableFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) override {
    if (full && !takes_names) return rocksdb::IOStatus::NoSpace(path, "No space left on device");
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<FillableFile>(std::move(*file), full);
    return status;
  }

  std::atomic<bool> full{false};
  std::atomic<bool> takes_names{true};
};

class PatientFilesTest : public ::testing::Test {
 protected:
  ~PatientFilesTest() override { patience->give_up(); }

  std::unique_ptr<rocksdb::WritableFile> make(const std::string& name) {
    std::unique_ptr<rocksdb::WritableFile> file;
    const rocksdb::Status made = environment->NewWritableFile(path(name), &file, rocksdb::EnvOptions());
    EXPECT_TRUE(made.ok()) << made.ToString();
    return file;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory.path() + "/" + name; }
  [[nodiscard]] std::string contents(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] bool comes_to_wait() const {
    for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30); std::chrono::steady_clock::now() < until;) {
      if (patience->trouble()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  TemporaryDirectory directory;
  std::shared_ptr<FillableFiles> disk = std::make_shared<FillableFiles>();
  std::shared_ptr<Patience> patience = std::make_shared<Patience>();
  std::unique_ptr<rocksdb::Env> environment = make_patient_environment(patience, disk);
};

}  // namespace

TEST_F(PatientFilesTest, AWriteWaitsForSpaceAndWritesOverWhatItLeftHalfDone) {
  patience->begin();
  auto file = make("000001.log");
  ASSERT_TRUE(file->Append("before ").ok());
  disk->full = true;
  rocksdb::Status written;
  std::thread writer([&] { written = file->Append("during "); });
  EXPECT_TRUE(comes_to_wait());
  EXPECT_EQ(patience->trouble()->kind, StorageError::Kind::kNoSpace);
  disk->full = false;
  writer.join();
  EXPECT_TRUE(written.ok()) << written.ToString();
  EXPECT_FALSE(patience->trouble());
  ASSERT_TRUE(file->Append("after").ok());
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(contents("000001.log"), "before during after");
}

TEST_F(PatientFilesTest, AFileThatCannotBeMadeWaitsToo) {
  patience->begin();
  disk->takes_names = false;
  disk->full = true;
  std::thread writer([&] { EXPECT_TRUE(make("000002.sst")->Append("x").ok()); });
  EXPECT_TRUE(comes_to_wait());
  disk->full = false;
  writer.join();
  EXPECT_EQ(contents("000002.sst"), "x");
}

TEST_F(PatientFilesTest, ASyncThatFindsNoSpaceDoesNotWait) {
  patience->begin();
  auto file = make("000001.log");
  disk->full = true;
  EXPECT_TRUE(file->Sync().IsNoSpace());
}

TEST_F(PatientFilesTest, NothingWaitsBeforeTheStoreIsOpen) {
  auto file = make("000001.log");
  disk->full = true;
  EXPECT_TRUE(file->Append("x").IsNoSpace());
  EXPECT_FALSE(patience->trouble());
}

TEST_F(PatientFilesTest, TheEventLogOfRocksDBWaitsForNothing) {
  patience->begin();
  auto file = make("LOG");
  disk->full = true;
  EXPECT_FALSE(file->Append("x").ok());
}

TEST_F(PatientFilesTest, NothingIsWrittenAnyMoreOnceAWriteWasGivenUp) {
  patience->begin();
  auto file = make("000001.log");
  disk->full = true;
  rocksdb::Status written;
  std::thread writer([&] { written = file->Append("x"); });
  EXPECT_TRUE(comes_to_wait());
  patience->give_up();
  writer.join();
  EXPECT_TRUE(written.ok()) << "RocksDB does not get over anything else";
  disk->full = false;
  EXPECT_TRUE(file->Append("y").ok());
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_TRUE(file->Close().ok());
  EXPECT_EQ(contents("000001.log").find('y'), std::string::npos);
}

TEST_F(PatientFilesTest, WritesGoOnAfterGivingUpWhereThereIsSpace) {
  patience->begin();
  auto file = make("000001.log");
  patience->give_up();
  EXPECT_TRUE(file->Append("x").ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(contents("000001.log"), "x");
}

TEST_F(PatientFilesTest, FirstAidIsTriedBeforeAnybodyWaits) {
  patience->begin([this] { return disk->full.exchange(false); });
  auto file = make("000001.log");
  disk->full = true;
  EXPECT_TRUE(file->Append("x").ok());
}

TEST_F(PatientFilesTest, AnErrorThatRocksDBDoesNotGetOverIsTold) {
  patience->begin();
  auto listener = make_error_listener(patience);
  rocksdb::Status soft(rocksdb::Status::IOError("compaction"), rocksdb::Status::kSoftError);
  listener->OnBackgroundError(rocksdb::BackgroundErrorReason::kCompaction, &soft);
  EXPECT_FALSE(patience->trouble());
  rocksdb::Status fatal(rocksdb::Status::IOError("flush"), rocksdb::Status::kFatalError);
  listener->OnBackgroundError(rocksdb::BackgroundErrorReason::kFlush, &fatal);
  ASSERT_TRUE(patience->trouble());
  EXPECT_EQ(patience->trouble()->kind, StorageError::Kind::kIo);
}

TEST(Ballast, IsMadeWhereThereIsPlentyAndGoesOnce) {
  TemporaryDirectory directory;
  Ballast ballast(directory.path(), 1 << 20);
  ballast.take(15 << 20);
  EXPECT_FALSE(ballast.drop()) << "it is no small part of that";
  ballast.take(16 << 20);
  EXPECT_EQ(std::filesystem::file_size(directory.path() + "/ballast"), 1u << 20);
  EXPECT_TRUE(ballast.drop());
  EXPECT_FALSE(ballast.drop());
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/ballast"));
}

TEST(Ballast, IsFoundAgain) {
  TemporaryDirectory directory;
  Ballast(directory.path(), 4096).take(UINT64_MAX);
  EXPECT_TRUE(Ballast(directory.path(), 4096).drop());
}

}  // namespace mq::store
