// Message groups: messages that share a value (of a header, a property or the routing key) are handled in order, those of different
// groups at the same time. While a message of a group is out, the group's next ones go to the same consumer only, if it has room; while
// one waits to be tried again, nobody gets the others. What has no value is in no group.
//
// Memory: only groups that have messages out or waiting are known. Used on the queue's strand only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>

#include "broker/queue/selector.hpp"
#include "broker/queue_settings.hpp"

namespace mq::broker {

class GroupSelector final : public Selector {
 public:
  /// `looks_again`: there may be a lot of messages that were passed over for other reasons (kLookAgain).
  explicit GroupSelector(GroupBy by, bool looks_again = false) : by_(std::move(by)), looks_again_(looks_again) {}

  [[nodiscard]] LotKey key_of(const Message& message) override;
  [[nodiscard]] Consumer* choose(LotKey key, Consumers& consumers) override;
  [[nodiscard]] bool open_to_get(LotKey key) const override { return key == 0 || !groups_.contains(key); }
  void given(LotKey key, std::uint32_t slot) override;
  void left(const Message& message) override;
  void settled(const Message& message) override;
  void waits(Position position, const Message& message) override;
  void wait_ended(Position position) override;
  void purged() override;
  void call(const Lots& lots, const Consumers& consumers, std::optional<Position> next, std::vector<LotKey>& calls) override;
  void call_for_get(const Lots& lots, std::optional<Position> next, std::vector<LotKey>& calls) override;
  [[nodiscard]] bool calls_come_first() const override { return looks_again_; }  // otherwise other groups can go on

  [[nodiscard]] std::size_t size() const noexcept { return groups_.size(); }

 private:
  struct Group {
    std::uint32_t holder = UINT32_MAX;  // slot of the consumer its messages are out with
    std::uint32_t out = 0;
    std::uint32_t waiting = 0;
  };
  void end_wait(LotKey key);

  const GroupBy by_;
  bool looks_again_;
  boost::unordered_flat_map<LotKey, Group> groups_;
  boost::unordered_flat_map<Position, LotKey> waiting_;
  std::vector<LotKey> calls_;
};

}  // namespace mq::broker
