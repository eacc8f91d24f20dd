// What a Topology holds, for its own files only: records with numbers, found by name.
//
// A TargetId is the number of a queue, or that of an exchange with the top bit set. Numbers are taken again once their owner is gone;
// that is safe because every binding to it went first.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/binding_index.hpp"
#include "broker/recent_history.hpp"
#include "broker/string_hash.hpp"
#include "broker/topology.hpp"

namespace mq::broker {

inline constexpr TargetId kExchangeBit = 0x80000000;
[[nodiscard]] inline TargetId exchange_target(std::uint32_t number) noexcept { return number | kExchangeBit; }
[[nodiscard]] inline TargetId queue_target(std::uint32_t number) noexcept { return number; }
[[nodiscard]] inline bool is_exchange(TargetId target) noexcept { return (target & kExchangeBit) != 0; }
[[nodiscard]] inline std::uint32_t number_of(TargetId target) noexcept { return target & ~kExchangeBit; }

struct Topology::Exchange {
  ExchangeInfo info;
  std::uint32_t number = 0;
  bool used = false;
  bool removing = false;
  std::unique_ptr<BindingTable> bindings;
  std::unique_ptr<RecentHistory> history;  // null unless its type keeps one
  ExchangeDeduplicationPtr deduplication;  // null unless it lets each id in once
  std::string alternate;                   // empty = none; the default exchange as an alternate routes nowhere
  BindingList from, to;
};

struct Topology::Queue {
  QueueInfo info;
  std::uint32_t number = 0;
  bool used = false;
  DestinationPtr destination;
  BindingList to;
};

/// Records that keep their address and number while they live; the number of a removed one is the next to be given.
template <class Record>
class NamedRecords {
 public:
  [[nodiscard]] Record* find(std::string_view name) const noexcept {
    auto found = numbers_.find(name);
    return found == numbers_.end() ? nullptr : &records_[found->second];
  }
  /// A record with its info and number; the caller fills in the rest and leaves `info.name` as it is.
  template <class Info>
  Record& add(const Info& info) {
    std::uint32_t number = static_cast<std::uint32_t>(records_.size());
    if (free_.empty()) {
      records_.emplace_back();
    } else {
      number = free_.back();
      free_.pop_back();
    }
    Record& record = records_[number];
    record.info = info;
    record.number = number;
    record.used = true;
    numbers_.emplace(std::string_view(record.info.name), number);
    return record;
  }
  void remove(Record& record) {
    numbers_.erase(numbers_.find(std::string_view(record.info.name)));
    std::uint32_t number = record.number;
    record = Record{};
    free_.push_back(number);
  }
  [[nodiscard]] Record& operator[](std::uint32_t number) const noexcept { return records_[number]; }
  [[nodiscard]] std::size_t size() const noexcept { return numbers_.size(); }
  /// How many numbers were ever in use at once.
  [[nodiscard]] std::size_t numbers() const noexcept { return records_.size(); }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Record& record : records_)
      if (record.used) visit(record);
  }

 private:
  mutable std::deque<Record> records_;
  std::vector<std::uint32_t> free_;
  boost::unordered_flat_map<std::string_view, std::uint32_t, StringHash, std::equal_to<>> numbers_;  // the names in records_
};

struct Topology::Parts {
  NamedRecords<Exchange> exchanges;
  NamedRecords<Queue> queues;
  BindingIndex bindings;
  std::vector<std::uint32_t> unbound;  // auto-delete exchanges that lost their last binding, to be removed

  /// What a binding leads to: its target and the list of bindings there.
  struct End {
    TargetId target = 0;
    BindingList* bindings = nullptr;
  };
  [[nodiscard]] std::optional<End> find_end(BindTo to, std::string_view name) const {
    if (to == BindTo::kQueue) {
      Queue* queue = queues.find(name);
      return queue == nullptr ? std::nullopt : std::optional(End{queue_target(queue->number), &queue->to});
    }
    Exchange* exchange = exchanges.find(name);
    return exchange == nullptr ? std::nullopt : std::optional(End{exchange_target(exchange->number), &exchange->to});
  }
};

}  // namespace mq::broker
