// Storage on disk: RocksDB, one directory, one process. docs/storage-format.md says what lies where and what is promised.
#pragma once

#include <memory>

#include "mq/ports/storage.hpp"
#include "store/rocks_options.hpp"

namespace mq::store {

/// Opens the directory, making it if it is not there. Transient pages of an earlier run are forgotten here.
/// Errors: kLocked (another process, or this one, has it open), kVersion (not this broker's format), kCorrupt, kNoSpace, kIo.
///
/// What the store asks of its caller beside the port: a page is put once before it is dropped, never over itself; a queue that was
/// dropped is not written to again; marks are not below their page's first offset. After a failed commit() or sync() every later
/// one fails with the same error. Destroying it does not sync.
[[nodiscard]] StorageResult<std::unique_ptr<Storage>> open_rocks_store(const RocksOptions& options);

}  // namespace mq::store
