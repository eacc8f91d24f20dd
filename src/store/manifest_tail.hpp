// What a power failure may leave at the end of RocksDB's manifest, and RocksDB takes for damage.
#pragma once

#include <optional>
#include <string>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// RocksDB replays its manifest to the end and refuses one with a wrong checksum in it. It passes over a last record that is cut short, but
/// not over one of which a block in the middle did not reach the disk while the file's new length did: such a block reads as zeros (ext4
/// and xfs: the length and the blocks of an append are written independently until it is synced). Nobody was told that such a record is
/// written, and nothing was done in its name: RocksDB acts on a record when the manifest is synced. So it can be dropped.
///
/// Drops the last record of the manifest in `directory` if that is what happened to it: its checksum is wrong, a block of 512 octets of it
/// is zero as far as it belongs to the record, and nothing whole follows. Everything else is left for RocksDB to judge. The database must
/// not be open. Returns the length the manifest was cut to, or nothing when it is as it was. Errors: kIo.
[[nodiscard]] StorageResult<std::optional<std::uint64_t>> drop_unfinished_manifest_record(const std::string& directory);

}  // namespace mq::store
