// What a RocksDB status means to the broker.
#pragma once

#include <rocksdb/status.h>

#include <string>
#include <string_view>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// It failed because the disk, or the user's share of it, is full.
[[nodiscard]] bool lacks_space(const rocksdb::Status& status);

/// What is damaged is a blob, which is the octets of one value, and not a table, which has structure: its checksum may be passed over, and
/// what is read then is whatever the file holds. Of a table that may never be done, see table_file.hpp.
[[nodiscard]] bool only_a_blob_is_damaged(const rocksdb::Status& status);

/// `status` is not ok. `doing` says what failed, e.g. "writing to /var/lib/brokerd".
[[nodiscard]] StorageError storage_error(const rocksdb::Status& status, std::string_view doing);

}  // namespace mq::store
