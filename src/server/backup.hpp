// Backups of a running broker: copies of its directory as of one moment, made beside the message path.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "http/call.hpp"
#include "mq/ports/scheduler.hpp"
#include "mq/ports/storage.hpp"

namespace mq::server {

class Backups : public std::enable_shared_from_this<Backups> {
 public:
  /// `scheduler` and `storage` outlive it and every backup under way. `data_dir` is where the messages are.
  Backups(Scheduler& scheduler, Storage& storage, std::string data_dir)
      : scheduler_(scheduler), storage_(storage), data_dir_(std::move(data_dir)) {}

  /// Any thread. Everything confirmed before the call is in the copy. `directory` is absolute, outside of the data directory, and not there
  /// yet; the folder it is to lie in is. One backup is made after the other, on a thread of their own that may block: what a backup has to
  /// wait for, no commit waits for, and RocksDB itself sees to it that the copy is of one moment.
  void make(const std::string& directory, std::function<void(http::BackupResult)> done);

 private:
  [[nodiscard]] std::string objection(const std::string& directory) const;

  Scheduler& scheduler_;
  Storage& storage_;
  const std::string data_dir_;
  std::once_flag begun_;
  std::shared_ptr<Strand> strand_;  // made with the first backup
};

}  // namespace mq::server
