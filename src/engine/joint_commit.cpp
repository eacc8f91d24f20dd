#include "engine/joint_commit.hpp"

#include <algorithm>

#include "engine/delayed.hpp"
#include "engine/queue_actor.hpp"

namespace mq::engine {

JointCommit::Part& JointCommit::part_of(const std::shared_ptr<QueueActor>& queue) {
  constexpr std::size_t kScanFew = 16;  // look through this many before using the index
  if (parts.size() <= kScanFew) {
    auto known = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.queue == queue; });
    if (known != parts.end()) return *known;
  } else {
    if (index_.empty())
      for (std::size_t part = 0; part < parts.size(); ++part) index_[parts[part].queue.get()] = part;
    auto known = index_.find(queue.get());
    if (known != index_.end()) return parts[known->second];
    index_[queue.get()] = parts.size();
  }
  parts.emplace_back().queue = queue;
  return parts.back();
}

void start_joint_commit(const JointCommitPtr& joint) {
  joint->asks_first = joint->asks_first && std::any_of(joint->parts.begin(), joint->parts.end(), [](const JointCommit::Part& part) {
                        return !part.publishes.empty() && part.queue->may_refuse();
                      });
  if (!joint->asks_first) return prepare_joint_commit(joint);
  joint->unprepared = joint->parts.size();
  for (std::size_t part = 0; part < joint->parts.size(); ++part) joint->parts[part].queue->put(AskPart{joint, part});
}

void prepare_joint_commit(const JointCommitPtr& joint) {
  joint->unprepared = joint->parts.size() + (joint->delayed.messages ? 1 : 0);
  for (std::size_t part = 0; part < joint->parts.size(); ++part) joint->parts[part].queue->put(PreparePart{joint, part});
  if (joint->delayed.messages) joint->delayed.messages->put(PrepareDelayed{joint});
}

void joint_finished(const JointCommitPtr& joint) {
  if (joint->unfinished.fetch_sub(1) == 1 && joint->done) joint->done();
}

void joint_part_prepared(const JointCommitPtr& joint, Committer& committer) {
  if (joint->unprepared.fetch_sub(1) != 1) return;
  std::vector<WriteSet> writes;
  auto take = [&](WriteSet& write) {
    write.needs_sync = !write.empty();
    writes.push_back(std::move(write));
  };
  for (JointCommit::Part& each : joint->parts) take(each.write);
  take(joint->delayed.write);
  take(joint->write);
  committer.submit(std::move(writes), [joint] {
    for (std::size_t index = 0; index < joint->parts.size(); ++index) joint->parts[index].queue->put(FinishPart{joint, index});
    if (joint->delayed.messages) joint->delayed.messages->put(FinishDelayed{joint});
    joint_finished(joint);
  });
}

}  // namespace mq::engine
