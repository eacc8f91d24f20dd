// Who may have a message, in queues where not everybody may: the part that message groups and filters fill in. The queue asks for each
// message once when it is about to be given, and puts it into a lot when nobody who may have it has room.
//
// Used on the queue's strand only.
#pragma once

#include <cstdint>
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
  /// One that was given is no longer out.
  virtual void settled(LotKey key) = 0;
  /// One waits before it is tried again; its wait ended, or it left meanwhile. Positions that were never told may be named.
  virtual void waits(Position position, LotKey key) = 0;
  virtual void wait_ended(Position position) = 0;
  /// All that waited is gone.
  virtual void purged() = 0;
  /// Appends the lots of which a message could go now, or could since the last call.
  virtual void take_calls(const Lots& lots, const Consumers& consumers, std::vector<LotKey>& out) = 0;
  /// The same for basic.get.
  virtual void calls_for_get(const Lots& lots, std::vector<LotKey>& out) = 0;
};

}  // namespace mq::broker
