// RocksDB's write-ahead log, read beside RocksDB: to tell a torn end, which a crash leaves, from damage inside, which loses what lies
// behind.
//
// Replay ends before the first record that is not whole, as it must: what a power failure cut off was never synced. But it would end there
// too, without a word, when a disk damaged a record that was. So each write tells the log how far everything was synced before it; a
// record behind the damage that says so of the damaged one proves that it is no torn end.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <optional>
#include <string>

namespace mq::store {

/// Makes the batch tell the log that everything up to that number of RocksDB's is synced; nothing when it is 0. It is read by
/// find_log_damage() alone, and costs eleven octets of log.
void note_synced(rocksdb::WriteBatch& batch, std::uint64_t up_to);

/// The first place of the logs that cannot be read, where whole writes lie behind it.
struct LogDamage {
  std::string file;                 ///< its path
  std::uint64_t at = 0;             ///< octets from its beginning
  std::uint64_t writes_behind = 0;  ///< whole ones, in this file and in later ones: replay would leave them out
  std::uint64_t bytes_behind = 0;
  bool was_synced = false;  ///< a write behind proves that what is damaged had been synced

  [[nodiscard]] std::string describe() const;
};

/// Writes the logs of a directory anew that are damaged inside, with their whole writes alone: RocksDB would pass over all that lies in the
/// same 32 KiB as the damage. For a working copy, never for the originals.
void leave_out_damaged_writes(const std::string& directory);

/// nullopt when nothing is damaged but a torn end, or the files are of a form this does not know. Reads all logs of the directory.
[[nodiscard]] std::optional<LogDamage> find_log_damage(const std::string& directory);

}  // namespace mq::store
