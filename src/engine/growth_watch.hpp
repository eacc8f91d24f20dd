// Who is to blame while memory gets short: the queues whose backlog grew since the last look, or the vhosts that have many such. Their
// publishers are held back first, before everybody is (the alarm); who publishes elsewhere, to queues that are emptied as fast as they
// are filled, goes on.
//
// A queue holds its publishers back from the second look on, while memory is short and until half of its backlog is gone; then it may be
// found growing again. Sessions notice at the end of a read that they published into such a queue, and are blocked as by an alarm. So
// nothing is looked at per message, and nothing at all while there is enough memory. Any thread.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/session_inbox.hpp"
#include "mq/ports/storage.hpp"

namespace mq::engine {

class QueueActor;
class VHost;

class GrowthWatch {
 public:
  GrowthWatch();
  ~GrowthWatch();

  /// A look at all queues of these vhosts. Without shortage nobody is held back any more.
  void look(bool memory_is_short, const std::vector<std::shared_ptr<VHost>>& vhosts);
  /// Why publishers of that queue are held back; the inbox is put a HoldLifted when that ends. nullopt: they are not.
  [[nodiscard]] std::optional<std::string> hold_back(const InboxPtr& inbox, QueueId queue);

 private:
  struct Growing;
  struct Hold {
    std::shared_ptr<QueueActor> queue;
    std::uint64_t backlog_bytes = 0;  // when it began
    std::string reason;
    std::vector<std::weak_ptr<SessionInbox>> waiting;
  };
  [[nodiscard]] std::vector<Growing> find_growing(const std::vector<std::shared_ptr<VHost>>& vhosts);
  void lift_drained();
  void lift(Hold& hold);
  void hold(const Growing& growing, std::string reason);

  std::mutex mutex_;
  boost::unordered_flat_map<QueueId, std::uint64_t> backlogs_;  // at the last look; only while memory is short
  boost::unordered_flat_map<QueueId, Hold> holds_;
};

}  // namespace mq::engine
