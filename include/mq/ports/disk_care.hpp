// The DiskCare port: what a Storage on a real disk can say of that disk, and do about it. Any thread.
#pragma once

#include <optional>

#include "mq/ports/storage.hpp"

namespace mq {

class DiskCare {
 public:
  virtual ~DiskCare() = default;

  /// What keeps commits from being written just now: kNoSpace passes when there is space again, anything else does not; nullopt = nothing.
  [[nodiscard]] virtual std::optional<StorageError> trouble() const = 0;
  /// Space is short: what was dropped is to be given back soon, whatever work that is. Returns at once.
  virtual void save_space() = 0;
  /// Memory is short: what gathers there on its way to the disk is to be written out. Returns at once.
  virtual void save_memory() = 0;
  /// From now on nothing waits for space any more, but fails: the process is to end.
  virtual void give_up() = 0;
};

}  // namespace mq
