// What may be chosen about the store on disk. The defaults keep its memory near 100 MB, most of it pages not yet flushed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// Something recovery met that cannot be read. It goes on with what is sure; what was not read stays on disk, if it is of any use.
struct RecoveryDamage {
  enum class What : std::uint8_t {
    kState,  ///< made anew from the pages: everything may have been delivered
    kIndex,  ///< made anew from the page
    kMarks,  ///< up to `messages` that were settled come again
    kPage,   ///< neither index nor page can be read: its messages are left out
    kBook,   ///< the numbers of a book of delayed messages were counted anew
  };
  What what = What::kState;
  std::uint64_t number = 0;  ///< of the log or book
  Offset page_first = 0;
  std::uint64_t messages = 0;  ///< of the page, as far as that is known
};

struct RocksOptions {
  std::string directory;  ///< made if it is not there, readable by its owner alone

  /// Pages gather here before they go to a file; a page dropped before that never reaches one. Up to three such buffers exist.
  std::uint64_t page_buffer_bytes = std::uint64_t{16} << 20;
  /// All write buffers together; beyond it the largest is flushed.
  std::uint64_t write_buffers_bytes = std::uint64_t{64} << 20;
  std::uint64_t block_cache_bytes = std::uint64_t{8} << 20;
  /// Log files beyond this are freed by flushing what they alone hold; so this bounds what a restart after a crash replays.
  std::uint64_t log_bytes = std::uint64_t{96} << 20;
  /// Dropping this much from page files starts giving the space back; garbage of twice as much may stay between pages still wanted,
  /// or as much as those.
  std::uint64_t reclaim_bytes = std::uint64_t{64} << 20;
  /// Kept for what is under way when the disk is full.
  std::uint64_t ballast_bytes = std::uint64_t{16} << 20;
  /// What is free where the directory lies; empty: as the system says.
  std::function<std::uint64_t()> free_bytes;
  int max_open_files = 256;
  /// LZ4 for pages at rest. Off: a damaged byte in a compressed page costs the page, in a plain one only the message it hits.
  bool compress_pages = false;
  /// Told of what recovery cannot read, on the thread that recovers.
  std::function<void(const RecoveryDamage&)> on_damage;
};

}  // namespace mq::store
