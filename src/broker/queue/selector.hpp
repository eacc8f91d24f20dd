// Who may have a message, in queues where not everybody may: the part that message groups and consumer filters fill in. The queue asks for
// each message once when it is about to be given, and puts it into a lot when nobody who may have it has room.
//
// Used on the queue's strand only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "broker/message.hpp"
#include "broker/queue/lots.hpp"

namespace mq::broker {

class Selector {
 public:
  virtual ~Selector() = default;

  [[nodiscard]] virtual LotKey key_of(const Message& message) = 0;
  /// Whose turn it is among those who may have such a message now; null = nobody's.
  [[nodiscard]] virtual Consumer* choose(LotKey key, Consumers& consumers) = 0;
  /// May basic.get have such a message now?
  [[nodiscard]] virtual bool open_to_get(LotKey key) const = 0;
  /// It went out, to a consumer or to basic.get (UINT32_MAX).
  virtual void given(LotKey key, std::uint32_t slot) = 0;
  /// It left for good without having been out.
  virtual void left(const Message& message) { static_cast<void>(message); }
  /// One that was given is no longer out.
  virtual void settled(const Message& message) = 0;
  /// One waits before it is tried again; its wait ended, or it left meanwhile. Positions that were never told may be named.
  virtual void waits(Position position, const Message& message) = 0;
  virtual void wait_ended(Position position) = 0;
  /// All that waited is gone.
  virtual void purged() = 0;
  /// Puts into `calls`, which has those that were not answered yet, the lots of which a message should be brought back. `next`: what
  /// would go to somebody otherwise.
  virtual void call(const Lots& lots, const Consumers& consumers, std::optional<Position> next, std::vector<LotKey>& calls) = 0;
  /// The same for basic.get.
  virtual void call_for_get(const Lots& lots, std::optional<Position> next, std::vector<LotKey>& calls) = 0;
  /// Does everybody wait while what was called is read back?
  [[nodiscard]] virtual bool calls_come_first() const = 0;
};

}  // namespace mq::broker
