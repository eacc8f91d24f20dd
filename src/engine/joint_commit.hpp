// An atomic commit in which several queues take part: a transaction, a dead letter's move from one queue to others, or that of delayed
// messages that are due.
//
// Every part is prepared by its queue on that queue's strand, that of the vhost's delayed messages on theirs; who prepares last hands
// all writes to the committer as one; when they are on disk everybody is told, and then the initiator. Until then the messages are
// invisible where they come from and where they go to.
//
// A transaction into queues that refuse publishes when they are full asks all of them first, so that there is never anything to undo.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "broker/message.hpp"
#include "broker/queue/consumers.hpp"
#include "mq/ports/storage.hpp"

namespace mq::engine {

class Committer;
class DelayedMessages;
class QueueActor;

/// A publish that is to wait.
struct DelayedPublish {
  broker::MessagePtr message;  ///< as it will be delivered
  UnixMillis due = 0;
  std::uint64_t sequence = 0;  ///< the publisher's number for its confirm; 0 = it does not want one
};

struct JointCommit {
  struct Part {
    std::shared_ptr<QueueActor> queue;
    std::vector<broker::MessagePtr> publishes;
    std::vector<broker::Position> acks;        ///< outstanding messages settled by it
    std::vector<broker::Position> departures;  ///< messages already held that leave by it
    std::vector<broker::Position> entered;     ///< where the publishes are; filled when prepared
    WriteSet write;
    bool refused = false;  ///< the queue was gone
  };
  struct DelayedPart {
    std::shared_ptr<DelayedMessages> messages;  ///< null = it has no such part
    std::vector<DelayedPublish> publishes;
    DelayedRecords departures;  ///< that leave by it; null = none
    DelayedRecords entered;     ///< the publishes; filled when prepared
    WriteSet write;
  };
  std::vector<Part> parts;
  DelayedPart delayed;
  WriteSet write;  ///< what else becomes true with it; whoever starts it puts it there
  std::atomic<std::size_t> unprepared{0};
  std::atomic<std::size_t> unfinished{1};  ///< the commit, and those it waits for before it is told as done
  bool asks_first = false;                 ///< whether every queue takes its publishes; set where one of them may refuse
  std::atomic<bool> refused{false};        ///< one did not: nothing was done
  std::function<void()> done;              ///< after the commit, or the refusal; called on any strand

  [[nodiscard]] bool empty() const noexcept { return parts.empty() && !delayed.messages; }
  /// The part of a queue, made if it has none. Good until the next call.
  Part& part_of(const std::shared_ptr<QueueActor>& queue);

 private:
  boost::unordered_flat_map<QueueActor*, std::size_t> index_;  // of the parts, once they are many
};
using JointCommitPtr = std::shared_ptr<JointCommit>;

/// Sends each part to its queue. `joint->parts` must not change afterwards.
void start_joint_commit(const JointCommitPtr& joint);
/// One of what it waits for has happened.
void joint_finished(const JointCommitPtr& joint);
/// For whoever has prepared a part.
void joint_part_prepared(const JointCommitPtr& joint, Committer& committer);
/// The round before the first, where a commit asks.
void prepare_joint_commit(const JointCommitPtr& joint);

}  // namespace mq::engine
