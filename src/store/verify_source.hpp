// A data directory as it is read to be examined: whole, or whatever of it can be read.
//
// A directory that opens is read where it is. Of one that does not a working copy is made beside it (hard links of the files RocksDB never
// changes, copies of the others), and in that copy more and more is given up until it opens: a manifest other than the one named, the
// damaged parts of the log, at last everything but what RocksDB's repair finds in the single files.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/keys.hpp"
#include "store/rocks_columns.hpp"
#include "store/table_salvage.hpp"

namespace mq::store {

/// Where large values lie in blob files, by key.
using Blobs = std::map<std::string, FilePlace, std::less<>>;

/// Removes a working copy at the end.
class WorkingCopy {
 public:
  /// Makes it; `path` may be left over from an attempt that was cut short.
  [[nodiscard]] static StorageResult<std::unique_ptr<WorkingCopy>> make(const std::string& directory, const std::string& path);
  ~WorkingCopy();
  WorkingCopy(const WorkingCopy&) = delete;
  WorkingCopy& operator=(const WorkingCopy&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit WorkingCopy(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

class Source {
 public:
  /// What is wrong with the directory as a whole is told in `problems`. Errors: kLocked never (it is only read); kVersion; kNotFound;
  /// whatever kept the last way from working.
  [[nodiscard]] static StorageResult<Source> open(const std::string& directory, std::vector<std::string>& problems);

  /// `checked`: RocksDB's own checksum says that key and value are whole; otherwise the caller has to find out.
  using Visit = std::function<void(std::string_view key, std::string_view value, bool checked)>;
  /// Visits all that can be read, each key once, those that are checked first. What cannot be read is told in `problems`.
  void each(Column column, const Visit& visit, std::vector<std::string>& problems) const;

  /// The octets of a page, from wherever they can be had; nothing when from nowhere. `wrong` is what RocksDB has against them.
  [[nodiscard]] std::optional<std::string> page(PageKey key, std::string& wrong) const;
  [[nodiscard]] rocksdb::Status get(Column column, std::string_view key, std::string& value) const;

  /// Something may be missing that leaves no trace: what is not there need not have been left out on purpose.
  [[nodiscard]] bool incomplete() const noexcept { return copy_ != nullptr; }

 private:
  struct LostTable {  // a file that RocksDB's repair put away
    Column column;
    std::string file;
  };

  [[nodiscard]] StorageResult<> open_copy(const std::string& directory, std::vector<std::string>& problems);
  [[nodiscard]] StorageResult<> check_format(const std::string& directory, std::vector<std::string>& problems) const;
  [[nodiscard]] std::string missing_file() const;
  void open_lost_tables();
  [[nodiscard]] const Blobs& blobs() const;
  [[nodiscard]] std::optional<std::string> blob(std::string_view key) const;
  /// Read when it is first asked for.
  [[nodiscard]] const SalvagedEntries& entries_of(Column column) const;
  void visit_damaged(Column column, const Visit& visit) const;
  void visit_lost_tables(Column column, const Visit& visit) const;
  /// Blobs that the column refers to, but RocksDB's repair has lost.
  void visit_blobs(Column column, const Visit& visit) const;
  /// False when some of it could not be read.
  bool scan(Column column, const Visit& visit, std::vector<std::string>& problems) const;

  std::string directory_;              // where the files are that are read
  std::unique_ptr<WorkingCopy> copy_;  // outlives the database in it
  Database database_;
  bool repaired_ = false;  // by RocksDB, which may have lost what blobs and lost tables hold
  std::vector<LostTable> lost_tables_;
  mutable std::map<Column, SalvagedEntries> entries_;
  mutable std::optional<Blobs> blobs_;
};

/// Makes what lies in `directory` openable, whatever it costs; see the top. Sets `problems`.
[[nodiscard]] rocksdb::Status repair_files(const std::string& directory, std::vector<std::string>& problems);
/// Names the newest manifest as the current one, when the one that is named is not there. True when it did.
bool point_to_newest_manifest(const std::string& directory);
/// What lies in all blob files, by what the files themselves say; what was dropped is among it.
[[nodiscard]] Blobs find_blobs(const std::string& directory);

}  // namespace mq::store
