// What a RocksDB status means to the broker.
#pragma once

#include <rocksdb/status.h>

#include <string>
#include <string_view>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// `status` is not ok. `doing` says what failed, e.g. "writing to /var/lib/brokerd".
[[nodiscard]] StorageError storage_error(const rocksdb::Status& status, std::string_view doing);

}  // namespace mq::store
