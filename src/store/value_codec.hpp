// The small values beside the messages: page index, marks, queue state, a delayed book's numbers. Each starts with a format octet and ends
// with a checksum; docs/storage-format.md has them byte by byte. Decoders take any bytes and answer false to what is not theirs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mq/ports/storage.hpp"

namespace mq::store {

[[nodiscard]] std::string encode_index(const PageIndex& index);
/// `first` comes from the key.
[[nodiscard]] bool decode_index(Offset first, std::string_view bytes, PageIndex& out);

[[nodiscard]] std::string encode_state(const QueueState& state);
[[nodiscard]] bool decode_state(std::string_view bytes, QueueState& out);

[[nodiscard]] std::string encode_delayed_state(const DelayedState& state);
[[nodiscard]] bool decode_delayed_state(std::string_view bytes, DelayedState& out);

/// Brings marks into order of offset, one per offset: settled wins over any count, a higher count over a lower, of
/// equal counts the one that waits longer.
void normalize_marks(std::vector<Mark>& marks);
/// `marks` are normalized and not below `first`. Stretches of equal marks take a few bytes whatever their length.
[[nodiscard]] std::string encode_marks(Offset first, const std::vector<Mark>& marks);
/// Appends to `out`, in order of offset; on false what was appended is of no use.
[[nodiscard]] bool decode_marks(Offset first, std::string_view bytes, std::vector<Mark>& out);

}  // namespace mq::store
