// A file that does nothing but take up space, made while there is plenty. When the disk is full it goes, and what is under way has room:
// acknowledgements that let go of messages, and the flushes that give their space back.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace mq::store {

/// Any thread. What cannot be done is left: there is no ballast then.
class Ballast {
 public:
  /// In `directory`. It takes `bytes`, where that is a small part of what is free; 0 = there is never one.
  Ballast(std::string directory, std::uint64_t bytes);

  /// Makes it if it is not there and `free_bytes` allow it. Cheap when there is nothing to do.
  void take(std::uint64_t free_bytes);
  /// True: it was there, and is not any more.
  bool drop();

 private:
  const std::string path_;
  const std::uint64_t bytes_;
  std::mutex mutex_;
  bool there_ = false;
};

/// What others than the superuser may still write below `path`; UINT64_MAX when the system does not say.
[[nodiscard]] std::uint64_t free_space(const std::string& path) noexcept;

}  // namespace mq::store
