// The column families and how RocksDB is set for each. Internal to the store: the only header beside its neighbours that shows RocksDB.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "mq/ports/storage.hpp"
#include "store/rocks_options.hpp"
#include "store/rocks_patience.hpp"

namespace mq::store {

/// In the order they are made; RocksDB wants its `default` first.
enum class Column : std::uint8_t { kOwn, kMetadata, kPages, kIndex, kMarks, kQueueState, kTransientPages, kDelayed, kDelayedIds, kSeen };
inline constexpr std::size_t kColumns = 10;
/// Older directories lack it, and one that is only read is not given it.
[[nodiscard]] constexpr bool may_be_missing(Column column) noexcept {
  return column == Column::kTransientPages || column == Column::kDelayed || column == Column::kDelayedIds || column == Column::kSeen;
}

[[nodiscard]] const char* column_name(Column column) noexcept;
[[nodiscard]] rocksdb::ColumnFamilyOptions column_options(Column column, const RocksOptions& options,
                                                          const std::shared_ptr<rocksdb::Cache>& cache);
[[nodiscard]] rocksdb::DBOptions database_options(const RocksOptions& options);

/// An open database with a handle for each column; closes in the right order. Movable, so that it can be handed on.
class Database {
 public:
  enum class Mode : std::uint8_t { kWrite, kReadOnly, kSalvage };

  /// Opens and checks the format; in kWrite also makes the directory, and what is missing in it. kSalvage is for what is damaged: only
  /// read, without the damaged parts of the log, files and columns that are missing not complained of, and whatever the format.
  [[nodiscard]] static StorageResult<Database> open(const RocksOptions& options, Mode mode);

  Database() = default;
  Database(Database&&) noexcept = default;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  [[nodiscard]] rocksdb::DB& db() const noexcept { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* operator[](Column column) const noexcept { return handles_[static_cast<std::size_t>(column)]; }
  [[nodiscard]] std::vector<rocksdb::ColumnFamilyHandle*> columns() const;
  /// Of its files; those of a database that is only read do not wait.
  [[nodiscard]] Patience& patience() const noexcept { return *patience_; }
  /// Has what gathers in memory written to its files, if that is so much at least; does not wait.
  void flush_soon(std::uint64_t least_bytes);
  /// Replaces a column by an empty one.
  [[nodiscard]] rocksdb::Status empty_column(Column column);

 private:
  void close() noexcept;
  [[nodiscard]] rocksdb::Status open_existing(Mode mode, const std::vector<std::string>& names);
  [[nodiscard]] StorageResult<> prepare(Mode mode);
  [[nodiscard]] rocksdb::Status make_missing_columns();
  [[nodiscard]] StorageResult<bool> has_data() const;
  [[nodiscard]] StorageResult<> check_blob_files() const;

  RocksOptions options_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<Patience> patience_ = std::make_shared<Patience>();
  std::unique_ptr<rocksdb::Env> environment_;  // outlives the database
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kColumns> handles_{};
  std::vector<rocksdb::ColumnFamilyHandle*> unknown_;  // columns of a later format, held only to close them
};

}  // namespace mq::store
