// Gives disk space back. Dropping a page only leaves a note in a write buffer; while little else is written, that buffer would not be
// flushed for long, and the files the page lies in would stay. This thread flushes when enough was dropped, and rewrites what is left
// when more than half of the page files is garbage (a few stuck messages keep a whole file each).
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace mq::store {

/// Owns one thread. Destroyed before the database is closed; that waits for the step under way, which is told to give up.
class Housekeeper {
 public:
  Housekeeper(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* pages);
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  /// One thread. Cheap: wakes the thread only once in many pages.
  void dropped(std::uint64_t pages);
  /// A queue of unknown length was dropped as a range.
  void dropped_range();

 private:
  struct Dropped {
    std::uint64_t pages = 0;
    bool range = false;
  };

  void run();
  /// True when nothing of `pending` is left to do.
  [[nodiscard]] bool look(const Dropped& pending);
  void bring_notes_home();
  void collect_garbage();
  [[nodiscard]] std::uint64_t property(const std::string& name) const;

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const pages_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  Dropped news_;                // told, not yet taken by the thread
  std::uint64_t not_told_ = 0;  // the caller's side, not yet added to the news
  std::thread thread_;
};

}  // namespace mq::store
