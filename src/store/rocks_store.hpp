// Storage on disk: RocksDB, one directory, one process. docs/storage-format.md says what lies where and what is promised.
#pragma once

#include <memory>

#include "mq/ports/disk_care.hpp"
#include "mq/ports/storage.hpp"
#include "store/rocks_options.hpp"

namespace mq::store {

/// Opens the directory, making it if it is not there. Transient pages of an earlier run are forgotten here. Damage to single values does
/// not keep a queue from being recovered: `options.on_damage` is told. A record of metadata that is damaged is scanned with an empty value.
/// Errors: kLocked (another process, or this one, has it open), kVersion (not this broker's format), kCorrupt, kNoSpace, kIo.
///
/// What the store asks of its caller beside the port: a page is put once before it is dropped, never over itself; a queue that was
/// dropped is not written to again; marks are not below their page's first offset. After a commit() or sync() that failed for
/// anything but want of space every later one fails with the same error. Destroying it does not sync.
///
/// A full disk: messages are not begun to be written (kNoSpace) where they do not fit; what had begun waits. Either ends by itself when
/// there is space. Opening a directory on a full disk fails with kNoSpace.
[[nodiscard]] StorageResult<std::unique_ptr<Storage>> open_rocks_store(const RocksOptions& options);

/// Of a store that open_rocks_store() gave; null for any other.
[[nodiscard]] DiskCare* disk_care_of(Storage& storage) noexcept;

/// A copy of everything.
struct CheckpointSummary {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  ///< of those files; most of them share their octets with the original as hard links, on the same file system
};

/// Copies everything that was committed before the call, all of it as of one moment, into `directory`, which is made and must not be there
/// yet; synced. Any thread, beside everything else; commits do not wait for it. kNotFound when the store keeps nothing on disk.
[[nodiscard]] StorageResult<CheckpointSummary> checkpoint(Storage& store, const std::string& directory);

}  // namespace mq::store
