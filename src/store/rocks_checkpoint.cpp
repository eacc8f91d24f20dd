#include "store/rocks_checkpoint.hpp"

#include <fcntl.h>
#include <rocksdb/utilities/checkpoint.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>

#include "store/rocks_errors.hpp"

namespace mq::store {
namespace {

namespace fs = std::filesystem;

StorageError io_error(const std::string& doing, const std::error_code& error) {
  auto kind = error == std::errc::no_space_on_device ? StorageError::Kind::kNoSpace : StorageError::Kind::kIo;
  return {kind, doing + ": " + error.message()};
}

/// What a rename did is on disk only when the folder is.
bool sync_folder(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  return synced;
}

CheckpointSummary count_files(const fs::path& folder) {
  CheckpointSummary summary;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    ++summary.files;
    const std::uintmax_t bytes = entry.file_size(error);
    if (!error) summary.bytes += bytes;
  }
  return summary;
}

/// A folder that is gone with all in it when nobody wants it any more; for its owner only.
class Scaffold {
 public:
  explicit Scaffold(fs::path path) : path_(std::move(path)) {}
  ~Scaffold() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scaffold(const Scaffold&) = delete;
  Scaffold& operator=(const Scaffold&) = delete;

  std::error_code make() {
    std::error_code error;
    fs::remove_all(path_, error);  // of an attempt that was cut short
    if (!error) fs::create_directory(path_, error);
    if (!error) fs::permissions(path_, fs::perms::owner_all, error);
    return error;
  }

 private:
  const fs::path path_;
};

}  // namespace

// The log is copied and nothing is flushed: flushing would write messages to files that are consumed a moment later.
StorageResult<CheckpointSummary> make_checkpoint(rocksdb::DB& db, const std::string& directory) {
  const std::string doing = "making the copy " + directory;
  std::error_code error;
  if (fs::exists(fs::symlink_status(directory, error))) return StorageError{StorageError::Kind::kIo, doing + ": it exists already"};
  // What is not finished lies in a folder beside it, which nobody else can look into.
  Scaffold scaffold(directory + ".partial");
  if (error = scaffold.make(); error) return io_error(doing, error);
  const fs::path made = directory + ".partial/data";

  rocksdb::Checkpoint* opened = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(&db, &opened);
  std::unique_ptr<rocksdb::Checkpoint> checkpoint(opened);
  if (status.ok()) status = checkpoint->CreateCheckpoint(made, std::numeric_limits<std::uint64_t>::max());
  if (!status.ok()) return storage_error(status, doing);

  fs::permissions(made, fs::perms::owner_all, error);
  if (!error) fs::rename(made, directory, error);
  if (error) return io_error(doing, error);
  if (!sync_folder(fs::path(directory).parent_path())) return io_error(doing, std::error_code(errno, std::generic_category()));
  return count_files(directory);
}

}  // namespace mq::store
