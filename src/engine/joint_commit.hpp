// An atomic commit in which several queues take part: a transaction, or a dead letter's move from one queue to others.
//
// Every part is prepared by its queue on that queue's strand; who prepares last hands all writes to the committer as one; when they
// are on disk every queue is told, and then the initiator. Until then the messages are invisible where they come from and where they
// go to.
//
// A transaction into queues that refuse publishes when they are full asks all of them first, so that there is never anything to undo.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "broker/message.hpp"
#include "broker/queue/consumers.hpp"
#include "mq/ports/storage.hpp"

namespace mq::engine {

class QueueActor;

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
  std::vector<Part> parts;
  std::atomic<std::size_t> unprepared{0};
  bool asks_first = false;           ///< whether every queue takes its publishes; set where one of them may refuse
  std::atomic<bool> refused{false};  ///< one did not: nothing was done
  std::function<void()> done;        ///< after the commit, or the refusal; called on any strand
};
using JointCommitPtr = std::shared_ptr<JointCommit>;

/// Sends each part to its queue. `joint->parts` must not change afterwards.
void start_joint_commit(const JointCommitPtr& joint);
/// The round before the first, where a commit asks.
void prepare_joint_commit(const JointCommitPtr& joint);

}  // namespace mq::engine
