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

/// kCorrupt when anything of the page is damaged, or it is not the page of that key; kVersion when it is written in a later form. With
/// kCorrupt `salvaged`, if given, receives the records that are whole, in order of offset.
[[nodiscard]] StorageResult<std::vector<PageRecord>> decode_page(PageKey key, std::string_view bytes, std::vector<PageRecord>* salvaged);

}  // namespace mq::store
