// Gives disk space back. Dropping a page only leaves a note in a write buffer; while little else is written, that buffer would not be
// flushed for long, and the files the page lies in would stay. This thread flushes when enough was dropped, and rewrites what is left
// when more than half of the page files is garbage (a few stuck messages keep a whole file each). Where space is short it does so for
// little.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mq::store {

/// Owns one thread. Destroyed before the database is closed; that waits for the step under way, which is told to give up.
class Housekeeper {
 public:
  /// `beside` are columns that share the log with `pages`: in a hurry they are flushed too, so that the log goes.
  Housekeeper(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* pages, std::uint64_t reclaim_bytes,
              std::vector<rocksdb::ColumnFamilyHandle*> beside = {});
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  /// Any thread. Cheap: the keeper looks around once in two seconds at most, and is woken only when it waits for news.
  void dropped(std::uint64_t pages);
  /// A queue of unknown length was dropped as a range.
  void dropped_range();
  /// Space is short. Asked for again and again, it does something only when something was written meanwhile.
  void hurry();

 private:
  struct Dropped {
    std::uint64_t pages = 0;
    bool range = false;
    bool hurry = false;
  };

  void tell(const Dropped& news);
  void run();
  /// True when nothing of `pending` is left to do.
  [[nodiscard]] bool look(const Dropped& pending);
  void look_in_a_hurry();
  void bring_notes_home();
  void collect_garbage();
  void rewrite_what_is_wanted();
  [[nodiscard]] std::uint64_t property(const std::string& name) const;

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const pages_;
  const std::uint64_t reclaim_bytes_;
  const std::vector<rocksdb::ColumnFamilyHandle*> beside_;
  std::uint64_t hurried_at_ = 0;  // the sequence of writes by then
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  Dropped news_;          // told, not yet taken by the thread
  bool waiting_ = false;  // the thread sleeps until there is news
  std::thread thread_;
};

}  // namespace mq::store
