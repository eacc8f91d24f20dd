#include "store/rocks_errors.hpp"

namespace mq::store {
namespace {

/// RocksDB has no code for a held lock; its text says which of the two ways it met one (another process, or this one).
bool says_locked(const std::string& text) {
  return text.find("While lock file") != std::string::npos || text.find("lock hold by current process") != std::string::npos;
}

StorageError::Kind kind_of(const rocksdb::Status& status, const std::string& text) {
  using Kind = StorageError::Kind;
  if (lacks_space(status)) return Kind::kNoSpace;
  if (status.IsCorruption()) return Kind::kCorrupt;
  if (status.IsNotFound()) return Kind::kNotFound;
  if (says_locked(text)) return Kind::kLocked;
  return Kind::kIo;
}

}  // namespace

bool lacks_space(const rocksdb::Status& status) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) return true;
  return status.IsIOError() && status.ToString().find("Disk quota exceeded") != std::string::npos;  // it has no code
}

bool only_a_blob_is_damaged(const rocksdb::Status& status) {
  if (!status.IsCorruption()) return false;
  const std::string text = status.ToString();  // it has no code for that
  return (text.find("blob") != std::string::npos || text.find("Blob") != std::string::npos) && text.find(".sst") == std::string::npos;
}

StorageError storage_error(const rocksdb::Status& status, std::string_view doing) {
  std::string text = status.ToString();
  StorageError::Kind kind = kind_of(status, text);
  if (kind == StorageError::Kind::kLocked)
    return {kind, std::string(doing) + ": the directory is in use by a running broker (" + text + ")"};
  return {kind, std::string(doing) + ": " + text};
}

}  // namespace mq::store
