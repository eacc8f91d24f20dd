#include "store/rocks_columns.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "store/merge_marks.hpp"

namespace mq::store {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

void tune_small(rocksdb::ColumnFamilyOptions& column, const RocksOptions&) {
  column.write_buffer_size = 4 * kMiB;
  column.target_file_size_base = 8 * kMiB;
  column.max_bytes_for_level_base = 32 * kMiB;
}

void tune_marks(rocksdb::ColumnFamilyOptions& column, const RocksOptions& options) {
  tune_small(column, options);
  column.merge_operator = make_marks_merger();
}

// Pages of any size lie in blob files: a compaction then moves references only, so that neither a long backlog nor many queues are
// written over and over. Blob files are freed when all in them is dropped; rocks_housekeeper sees to what is stuck between. Passive
// garbage collection stays off because it would move the oldest, still wanted, part of a backlog with every compaction.
void tune_pages(rocksdb::ColumnFamilyOptions& column, const RocksOptions& options) {
  column.write_buffer_size = options.page_buffer_bytes;
  column.max_write_buffer_number = 3;
  column.level0_file_num_compaction_trigger = 2;
  column.target_file_size_base = 16 * kMiB;
  column.max_bytes_for_level_base = 64 * kMiB;
  column.enable_blob_files = true;
  column.min_blob_size = 2048;
  column.blob_file_size = 64 * kMiB;
  column.enable_blob_garbage_collection = false;
  column.compression = options.compress_pages ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  column.blob_compression_type = column.compression;
}

// Delayed messages come and go in another order than they lie in files, so large ones are collected as compaction passes by.
void tune_delayed(rocksdb::ColumnFamilyOptions& column, const RocksOptions& options) {
  tune_pages(column, options);
  column.level0_file_num_compaction_trigger = 4;
  column.enable_blob_garbage_collection = true;
}

struct Row {
  const char* name;
  void (*tune)(rocksdb::ColumnFamilyOptions& column, const RocksOptions& options);
};

constexpr Row kRows[kColumns] = {
    {"default", tune_small},     {"metadata", tune_small},    {"pages", tune_pages},           {"index", tune_small},
    {"marks", tune_marks},       {"queue_state", tune_small}, {"transient_pages", tune_pages}, {"delayed", tune_delayed},
    {"delayed_ids", tune_small}, {"seen", tune_small},
};

}  // namespace

const char* column_name(Column column) noexcept { return kRows[static_cast<std::size_t>(column)].name; }

rocksdb::ColumnFamilyOptions column_options(Column column, const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;  // so that the cache bounds them too
  table.checksum = rocksdb::kXXH3;             // quick on any processor; CRC-32C is not where RocksDB is built without SSE 4.2
  rocksdb::ColumnFamilyOptions made;
  made.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  made.compression = rocksdb::kNoCompression;
  kRows[static_cast<std::size_t>(column)].tune(made, options);
  return made;
}

rocksdb::DBOptions database_options(const RocksOptions& options) {
  rocksdb::DBOptions made;
  made.db_write_buffer_size = options.write_buffers_bytes;
  made.max_total_wal_size = options.log_bytes;
  made.max_background_jobs = 2;
  made.max_open_files = options.max_open_files;
  made.max_file_opening_threads = 2;
  made.allow_concurrent_memtable_write = false;  // there is one writer
  // A torn last write is no damage; replay ends before it. Logs that were synced and closed are checked for their length as well.
  // Log files are not recycled: in RocksDB 7 that would give up this way of replaying.
  made.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  made.track_and_verify_wals_in_manifest = true;
  // A write error is final: whoever waits for a confirm must not get one because a later attempt happened to work.
  made.max_bgerror_resume_count = 0;
  made.avoid_flush_during_shutdown = true;  // only transient pages are not in the log, and they are forgotten anyway
  made.info_log_level = rocksdb::WARN_LEVEL;
  made.max_log_file_size = kMiB;
  made.keep_log_file_num = 2;
  made.stats_dump_period_sec = 0;
  made.stats_persist_period_sec = 0;
  made.skip_stats_update_on_db_open = true;
  return made;
}

}  // namespace mq::store
