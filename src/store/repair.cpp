// Writes what is whole of a damaged directory into a new one.
//
// Anew, and not in place: so originals stay as they were whatever happens, a repair that is cut short has changed nothing, and the rule
// that pages are put once before they are dropped holds for the new directory as for any other.
#include <fcntl.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "broker/message.hpp"
#include "store/rocks_store.hpp"
#include "store/verify.hpp"
#include "store/verify_source.hpp"
#include "store/verify_walk.hpp"

namespace mq::store {
namespace {

namespace fs = std::filesystem;
using Kind = StorageError::Kind;

constexpr std::size_t kBatchBytes = std::size_t{4} << 20;
constexpr std::size_t kBatchOperations = 10'000;

/// Keeps brokers out of a directory as one that had it open would.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& directory) { status_ = rocksdb::Env::Default()->LockFile(directory + "/LOCK", &lock_); }
  ~DirectoryLock() {
    if (lock_ != nullptr) (void)rocksdb::Env::Default()->UnlockFile(lock_);
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  [[nodiscard]] bool held() const { return status_.ok(); }

 private:
  rocksdb::FileLock* lock_ = nullptr;
  rocksdb::Status status_;
};

/// A directory that is removed unless it is kept.
class NewDirectory {
 public:
  explicit NewDirectory(std::string path) : path_(std::move(path)) { remove(); }
  ~NewDirectory() {
    if (!kept_) remove();
  }
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  void keep() noexcept { kept_ = true; }

 private:
  void remove() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string path_;
  bool kept_ = false;
};

/// Gathers operations and commits them in pieces; everything is synced at the end.
class Writer {
 public:
  explicit Writer(std::unique_ptr<Storage> store) : store_(std::move(store)) {}

  void put(WriteSet::Operation operation) {
    if (failed_) return;
    if (const auto* page = std::get_if<EncodedPage>(&operation)) bytes_ += page->bytes.size();
    if (const auto* delayed = std::get_if<WriteSet::PutDelayed>(&operation)) bytes_ += delayed->records->front().message->body_bytes();
    set_.operations.push_back(std::move(operation));
    if (bytes_ >= kBatchBytes || set_.operations.size() >= kBatchOperations) write(false);
  }
  StorageResult<> finish() {
    write(true);
    if (failed_) return *failed_;
    return {};
  }

 private:
  void write(bool sync) {
    set_.needs_sync = sync;
    WriteSet* sets[] = {&set_};
    if (!failed_ && !set_.empty())
      if (StorageResult<> written = store_->commit(sets); !written) failed_ = written.error();
    if (!failed_ && sync)
      if (StorageResult<> synced = store_->sync(); !synced) failed_ = synced.error();
    set_ = {};
    bytes_ = 0;
  }

  std::unique_ptr<Storage> store_;
  WriteSet set_;
  std::size_t bytes_ = 0;
  std::optional<StorageError> failed_;
};

StorageError io_error(const std::string& doing, const std::error_code& error) {
  return {error == std::errc::no_space_on_device ? Kind::kNoSpace : Kind::kIo, doing + ": " + error.message()};
}

std::string free_name(const std::string& directory) {
  std::error_code error;
  for (unsigned number = 1;; ++number) {
    std::string name = directory + ".damaged-" + std::to_string(number);
    if (!fs::exists(fs::symlink_status(name, error))) return name;
  }
}

std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (const auto size = entry.file_size(error); !error) bytes += size;
  return bytes;
}

void sync_folder(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  (void)::fsync(file);
  ::close(file);
}

/// Puts the new directory in the place of the old one. Between the two steps none is there: whoever is cut off just then finds the old one
/// under its other name, and can say so again.
StorageResult<> swap(const std::string& directory, NewDirectory& fresh, std::string& originals) {
  originals = free_name(directory);
  std::error_code error;
  fs::rename(directory, originals, error);
  if (error) return io_error("renaming " + directory + " to " + originals, error);
  fs::rename(fresh.path(), directory, error);
  if (error) {
    std::error_code back;
    fs::rename(originals, directory, back);
    return io_error("renaming " + fresh.path() + " to " + directory, error);
  }
  fresh.keep();
  sync_folder(fs::path(directory).parent_path());
  return {};
}

}  // namespace

StorageResult<RepairSummary> repair(const RepairOptions& options, const ReportFinding& report) {
  const fs::path absolute = fs::absolute(options.directory).lexically_normal();
  const std::string directory = (absolute.has_filename() ? absolute : absolute.parent_path()).string();
  std::error_code error;
  if (!fs::is_directory(directory, error)) return StorageError{Kind::kNotFound, "there is no directory " + directory};
  const DirectoryLock lock(directory);
  if (!lock.held()) return StorageError{Kind::kLocked, directory + " is in use by a running broker, or may not be written to"};

  std::vector<std::string> problems;
  StorageResult<Source> source = Source::open(directory, problems);
  if (!source) return source.error();
  RepairSummary summary;
  {
    Walk look(*source, report);
    look.run(problems);
    summary.kept = std::move(look.summary());
    MetadataRecords mended = summary.kept.metadata;
    if (options.mend) summary.notes = options.mend(mended, look.damaged_metadata(), summary.kept.numbers);
    if ((summary.kept.findings == 0 && summary.notes.empty()) || options.dry_run) return summary;
    summary.kept.metadata = std::move(mended);
  }

  const fs::space_info space = fs::space(directory, error);
  if (const std::uint64_t needed = bytes_in(directory); !error && space.available < needed)
    return StorageError{Kind::kNoSpace, "what can be read is written anew beside " + directory + ", which takes up to " +
                                            std::to_string(needed) + " octets; " + std::to_string(space.available) + " are free"};
  NewDirectory fresh(directory + ".repaired");
  RocksOptions target;
  target.directory = fresh.path();
  target.ballast_bytes = 0;  // the broker makes its own
  StorageResult<std::unique_ptr<Storage>> store = open_rocks_store(target);
  if (!store) return store.error();
  {
    Writer writer(std::move(*store));
    Walk copy(
        *source, [](const VerifyFinding&) {}, [&](WriteSet::Operation operation) { writer.put(std::move(operation)); });
    copy.run({});
    for (const auto& [key, value] : summary.kept.metadata) writer.put(WriteSet::PutMetadata{key, value});
    if (StorageResult<> done = writer.finish(); !done) return done.error();
  }
  std::string wrong;
  const std::uint64_t findings = summary.kept.findings;
  StorageResult<VerifySummary> checked = verify(fresh.path(), [&](const VerifyFinding& finding) { wrong = finding.text; });
  if (!checked) return checked.error();
  if (!wrong.empty()) return StorageError{Kind::kCorrupt, "what was written anew is damaged too, so nothing was changed: " + wrong};
  if (StorageResult<> done = swap(directory, fresh, summary.originals); !done) return done.error();
  summary.changed = true;
  summary.kept = std::move(*checked);
  summary.kept.findings = findings;
  return summary;
}

}  // namespace mq::store
