// A record of seen ids: those that one write remembered. docs/storage-format.md has it octet by octet; the key is that of a page, with the
// window for the queue and the first sequence for the offset.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// At least one id, in order of sequence.
[[nodiscard]] std::string encode_seen(std::span<const SeenId> ids);
/// `first` comes from the key. Appends to `out`; false when the bytes are damaged, or are not those of that key: `out` is of no use then.
[[nodiscard]] bool decode_seen(std::uint64_t first, std::string_view bytes, std::vector<SeenId>& out);

}  // namespace mq::store
