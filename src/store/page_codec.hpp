// A page: the messages one queue persisted in one commit, as one value. Both stores hold pages in this form.
//
// Damage is local by design. Every record has a checksum and a length of its own; what all records need (the head, the lengths, names
// that several records share) stands a second time in the tail. So a damaged record costs itself alone, and a damaged head or
// tail costs nothing. docs/storage-format.md has the layout byte by byte.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mq/ports/storage.hpp"
#include "store/keys.hpp"

namespace mq::store {

inline constexpr std::uint8_t kPageFormat = 1;

/// `records` has at least one, in order of offset; anything else is a broken invariant. Any thread.
[[nodiscard]] EncodedPage encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t priority_level, bool transient);

/// The index of a page with these records.
[[nodiscard]] PageIndex summarize(std::span<const PageRecord> records, std::uint8_t priority_level, bool transient);

/// A record of a page that cannot be read.
struct LostRecord {
  Offset not_before = 0;    ///< its offset is at least this
  Offset not_after = 0;     ///< and at most this, as far as whole records and the key tell; less than `not_before` when they do not
  std::string_view raw;     ///< what lies where it was, in the page's bytes; empty when nobody knows where that is
  PageRecord guess;         ///< what it still seems to say, offset and times too; no message when that is nothing
  bool names_known = true;  ///< exchange and routing key of the guess are the record's
};

/// What can be said of a page, whatever of it is damaged.
struct PageExamination {
  std::string wrong;   ///< a sentence; empty when nothing is damaged
  bool known = false;  ///< head or tail can be read and are those of that key; if not, nothing below is said
  std::uint8_t priority_level = 0;
  bool transient = false;
  std::uint32_t count = 0;        ///< records it was written with
  std::vector<PageRecord> whole;  ///< in order of offset
  std::vector<LostRecord> lost;   ///< in order; as many as are missing from `count`
};
[[nodiscard]] PageExamination examine_page(PageKey key, std::string_view bytes);

/// kCorrupt when anything of the page is damaged, or it is not the page of that key; kVersion when it is written in a later form. With
/// kCorrupt `salvaged`, if given, receives the records that are whole, in order of offset.
[[nodiscard]] StorageResult<std::vector<PageRecord>> decode_page(PageKey key, std::string_view bytes, std::vector<PageRecord>* salvaged);

}  // namespace mq::store
