// What RocksDB writes on, made patient: where the disk is full, a write waits until there is space and goes on, so RocksDB never learns
// of it. Its own way out of a full disk (to drop the log with its torn end and to flush all write buffers, one after the other) would leave
// a directory that does not open when the process ends half-way; docs/storage-format.md has the details.
//
// Nor may a write fail that the process gives up at its end: RocksDB takes files it could not write to for impossible. What is written from
// then on goes nowhere, and syncs fail: the disk keeps what a kill at that moment would have left.
//
// Only what may simply be tried again waits: writing at a place of a file, making a file, renaming one. A sync that fails, for whatever
// reason, is reported: nobody knows any more what of the file is on disk.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// Who waits for space, and why. Any thread.
class Patience {
 public:
  /// From now on what lacks space waits; before, it fails at once, as it should while a directory is opened. `first_aid` is called each
  /// time before somebody waits; true = it found some space.
  void begin(std::function<bool()> first_aid = {});
  /// What waits stops waiting, and nothing waits any more.
  void give_up();
  /// A write was given up: from here on nothing is written.
  void end_writing() noexcept { ended_.store(true, std::memory_order_release); }
  [[nodiscard]] bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }
  [[nodiscard]] bool given_up() const;

  /// Something failed for want of space; false: that is to be told.
  [[nodiscard]] bool begin_waiting(const rocksdb::Status& why);
  /// True: it is to be tried again now. After false, and after an attempt that did not lack space, comes end_waiting().
  [[nodiscard]] bool waits();
  void end_waiting();
  /// RocksDB met an error after which it writes no more.
  void broken(const rocksdb::Status& why);

  [[nodiscard]] std::optional<StorageError> trouble() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable given_up_;
  std::function<bool()> first_aid_;
  std::atomic<bool> ended_{false};
  bool begun_ = false;
  bool patient_ = false;
  unsigned waiting_ = 0;
  std::string why_;
  std::optional<StorageError> broken_;
};

/// An environment for a database, whose files wait; `below` is where they lie.
[[nodiscard]] std::unique_ptr<rocksdb::Env> make_patient_environment(
    const std::shared_ptr<Patience>& patience, const std::shared_ptr<rocksdb::FileSystem>& below = rocksdb::FileSystem::Default());
/// Tells `patience` of errors, and keeps RocksDB from trying behind the broker's back to be well again.
[[nodiscard]] std::shared_ptr<rocksdb::EventListener> make_error_listener(const std::shared_ptr<Patience>& patience);

}  // namespace mq::store
