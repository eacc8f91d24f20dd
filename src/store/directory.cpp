#include "store/directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace mq::store {
namespace {

namespace fs = std::filesystem;

std::error_code last_error() { return {errno, std::generic_category()}; }

/// Without this a power failure may take a name back, and with a directory's name all that was synced in it (fsync(2)).
std::error_code sync_names_in(const fs::path& directory) {
  const int opened = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // One that may not be read was not made here, and holds a data directory that was prepared by somebody else.
  if (opened < 0) return errno == EACCES ? std::error_code() : last_error();
  std::error_code error;
  if (::fsync(opened) != 0 && errno != EINVAL) error = last_error();  // EINVAL: this file system syncs no directories
  ::close(opened);
  return error;
}

std::error_code make_with_those_above(const fs::path& path) {
  const fs::path above = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    if (!fs::exists(above, error)) {
      if (const std::error_code failed = make_with_those_above(above)) return failed;
    }
    fs::create_directory(path, error);
    if (error) return error;
  }
  return sync_names_in(above);
}

}  // namespace

StorageResult<> make_directory(const std::string& path) {
  fs::path tidy = fs::path(path).lexically_normal();
  if (!tidy.has_filename()) tidy = tidy.parent_path();  // it ended in a slash
  std::error_code error;
  const bool there = fs::is_directory(tidy, error);
  error = make_with_those_above(tidy);
  if (!error && !there) fs::permissions(tidy, fs::perms::owner_all, error);
  if (!error) return {};
  const auto kind = error == std::errc::no_space_on_device ? StorageError::Kind::kNoSpace : StorageError::Kind::kIo;
  return StorageError{kind, "making directory " + path + ": " + error.message()};
}

}  // namespace mq::store
