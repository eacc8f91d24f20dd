// The small values beside the messages: page index, marks, queue state, a delayed book's numbers. Each starts with a format octet and ends
// with a checksum; docs/storage-format.md has them byte by byte. Decoders take any bytes and answer false to what is not theirs.
#pragma once

#include <optional>
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

/// Metadata: the broker's bytes, a word that says that a checksum follows, the checksum of key and bytes.
[[nodiscard]] std::string encode_metadata(std::string_view key, std::string_view value);
/// The broker's bytes, in place. Values without that word were written by an older brokerd: they are taken as they are. nullopt: damaged.
[[nodiscard]] std::optional<std::string_view> decode_metadata(std::string_view key, std::string_view stored);
/// As above, but only where a checksum says that key and value are whole.
[[nodiscard]] bool is_sealed_metadata(std::string_view key, std::string_view stored);

/// Brings marks into order of offset, one per offset: settled wins over any count, a higher count over a lower, of
/// equal counts the one that waits longer.
void normalize_marks(std::vector<Mark>& marks);
/// `marks` are normalized and not below `first`. Stretches of equal marks take a few bytes whatever their length.
/// `some_lost`: others of the same page could not be read when these were merged with them.
[[nodiscard]] std::string encode_marks(Offset first, const std::vector<Mark>& marks, bool some_lost = false);
/// Appends to `out`, in order of offset. False when some are lost; what was appended then is sure nevertheless.
[[nodiscard]] bool decode_marks(Offset first, std::string_view bytes, std::vector<Mark>& out);

}  // namespace mq::store
