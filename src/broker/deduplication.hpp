// What makes a message the duplicate of another: its id, taken from a header or from the property message-id, stands for it. Shared by
// queues and exchanges (docs/semantics.md, "Deduplication"). Pure.
#pragma once

#include <optional>

#include "broker/message.hpp"
#include "broker/queue_settings.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

/// 128 bits of SHA-256: whoever sends ids cannot make two that are taken for one.
[[nodiscard]] IdHash hash_id(std::string_view bytes) noexcept;

/// What stands for the message's id; nullopt when it has none. A header may be of any type but void, table and array; the same number is
/// the same id whatever its width.
[[nodiscard]] std::optional<IdHash> id_of(const DeduplicationSettings& settings, const Message& message);

/// When an id that enters now is to be forgotten at the latest: after the time in the message's header `x-cache-ttl` (a positive number of
/// milliseconds), or else in the settings; kNever.
[[nodiscard]] UnixMillis remembered_until(const DeduplicationSettings& settings, const Message& message, UnixMillis now);

}  // namespace mq::broker
