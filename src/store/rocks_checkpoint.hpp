// A copy of a database that is in use, as of one moment.
#pragma once

#include <rocksdb/db.h>

#include <string>

#include "store/rocks_store.hpp"

namespace mq::store {

/// See checkpoint(). `directory` is absolute; nothing but the finished copy ever lies there, made for its owner only. Errors
/// (kIo) when something is there already, or the folder it is to lie in is not.
[[nodiscard]] StorageResult<CheckpointSummary> make_checkpoint(rocksdb::DB& db, const std::string& directory);

}  // namespace mq::store
