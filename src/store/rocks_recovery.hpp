// What recovery reads of a queue, and how it goes on where a value is damaged: with what is sure, and telling of the rest.
#pragma once

#include "store/page_codec.hpp"
#include "store/rocks_columns.hpp"

namespace mq::store {

/// See Storage::recover_queue(). Damage to single values is no error: `report` is told, and values of which nothing better will ever be
/// known (marks, state) are put right on disk. A whole block that cannot be read is one: nobody knows what was in it.
[[nodiscard]] StorageResult<RecoveredQueue> recover_queue(const Database& database, QueueId queue,
                                                          const std::function<void(const RecoveryDamage&)>& report);

/// A value that has checksums of its own, damaged or not where it lies in a blob. Not found or unreadable: an error.
[[nodiscard]] rocksdb::Status read_even_damaged(const Database& database, Column column, std::string_view key,
                                                rocksdb::PinnableSlice& value);

/// The index that a page with these records had, as far as they tell. At least one is whole.
[[nodiscard]] PageIndex index_of(PageKey key, const PageExamination& page);

}  // namespace mq::store
