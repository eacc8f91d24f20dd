// Delayed messages on disk: their keys, and a record by itself. docs/storage-format.md has both octet by octet.
//
// A record is the one of a page (record_codec), counted from zero: its offset is the sequence, its deadline the time it is due. So the
// value tells which key it belongs to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mq/ports/storage.hpp"
#include "store/keys.hpp"

namespace mq::store {

inline constexpr std::size_t kBookKeyBytes = 8;
inline constexpr std::size_t kDelayedKeyBytes = 24;
inline constexpr std::size_t kDelayedIdKeyBytes = 32;

/// Book, due, sequence. What is known of the book as a whole lies under the book alone, in front of all its messages.
[[nodiscard]] EncodedKey<kDelayedKeyBytes> encode_delayed_key(DelayedBook book, DelayedKey key) noexcept;
/// nullopt when it is not one of a message.
[[nodiscard]] std::optional<DelayedKey> decode_delayed_key(std::string_view key) noexcept;
/// Book, fingerprint of the message-id, due, sequence: what lies there is empty. Different ids may share a fingerprint.
[[nodiscard]] EncodedKey<kDelayedIdKeyBytes> encode_delayed_id_key(DelayedBook book, std::string_view message_id, DelayedKey key) noexcept;
/// What all keys of that message-id start with.
[[nodiscard]] EncodedKey<2 * kBookKeyBytes> delayed_id_prefix(DelayedBook book, std::string_view message_id) noexcept;
[[nodiscard]] std::optional<DelayedKey> decode_delayed_id_key(std::string_view key) noexcept;

/// The property message-id; empty when there is none.
[[nodiscard]] std::string_view message_id_of(const broker::Message& message) noexcept;

/// Overwrites `out`.
void encode_delayed(const DelayedRecord& record, std::string& out);
/// nullopt when the bytes are damaged, or are not those of that key.
[[nodiscard]] std::optional<DelayedRecord> decode_delayed(DelayedKey key, std::string_view bytes);

/// What a commit does to the numbers of a book.
void count_put(DelayedState& state, const DelayedRecord& record) noexcept;
void count_dropped(DelayedState& state, const DelayedRecord& record) noexcept;

/// "the message delayed until 1700000000000 (sequence 7)", for error texts.
[[nodiscard]] std::string describe(DelayedKey key);

}  // namespace mq::store
