// All explicit bindings of a vhost: found by what they are, and listed by either end. Adding and removing take constant time.
//
// A binding costs about a hundred bytes; its number (BindingId) is taken again after it is gone.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mq/amqp/table.hpp"
#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

using BindingId = std::uint32_t;
inline constexpr BindingId kNoBinding = 0xFFFFFFFF;

/// Both ends of the list of bindings at one exchange or queue, oldest first.
struct BindingList {
  BindingId first = kNoBinding;
  BindingId last = kNoBinding;
  [[nodiscard]] bool empty() const noexcept { return first == kNoBinding; }
};

class BindingIndex {
 public:
  struct Binding {
    TargetId source = 0;
    TargetId destination = 0;
    std::string routing_key;
    std::unique_ptr<const amqp::Table> arguments;  // null = none
    std::size_t hash = 0;
    BindingId next_from = kNoBinding, previous_from = kNoBinding;  // beside it at its source
    BindingId next_to = kNoBinding, previous_to = kNoBinding;      // beside it at its destination
  };

  BindingIndex();

  /// What there is to know of a binding before it exists.
  struct Wanted {
    TargetId source = 0;
    TargetId destination = 0;
    std::string_view routing_key;
    const amqp::Table* arguments = nullptr;
    std::size_t hash = 0;
  };
  [[nodiscard]] static Wanted describe(TargetId source, TargetId destination, std::string_view routing_key, const amqp::Table& arguments);

  /// The binding that is equal in all, or kNoBinding.
  [[nodiscard]] BindingId find(const Wanted& wanted) const;
  /// Adds one that is not there yet to the end of both lists.
  BindingId add(const Wanted& wanted, BindingList& from, BindingList& to);
  /// Takes it out of both lists and forgets it.
  void remove(BindingId id, BindingList& from, BindingList& to);

  [[nodiscard]] const Binding& operator[](BindingId id) const noexcept { return bindings_[id]; }
  [[nodiscard]] static const amqp::Table& arguments_of(const Binding& binding) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    const std::deque<Binding>* bindings;
    std::size_t operator()(BindingId id) const noexcept { return (*bindings)[id].hash; }
    std::size_t operator()(const Wanted& wanted) const noexcept { return wanted.hash; }
  };
  struct Equal {
    using is_transparent = void;
    const std::deque<Binding>* bindings;
    bool operator()(BindingId a, BindingId b) const noexcept { return a == b; }
    bool operator()(const Wanted& wanted, BindingId id) const;
    bool operator()(BindingId id, const Wanted& wanted) const { return (*this)(wanted, id); }
  };

  std::deque<Binding> bindings_;
  std::vector<BindingId> free_;
  boost::unordered_flat_set<BindingId, Hash, Equal> known_;
};

}  // namespace mq::broker
