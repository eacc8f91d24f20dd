// The consumers of one queue, and whose turn it is: round robin among those of the highest priority that have credit.
//
// Credit has four limits: the consumer's own prefetch, the channel's shared prefetch (basic.qos global), the bytes on their way
// to a socket that does not take them, and what all consumers of its connection have been given. Used on the queue's strand only, but
// for what is shared: ChannelPrefetch, DeliveryWindow.
#pragma once

#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/message.hpp"
#include "mq/base/deque.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

/// What all consumers of a peer together may have been given, whatever queues they read: bytes that its socket has not taken, messages
/// that it has not settled. Queues look before each batch, so it is overdrawn by a batch each at most. Shared by the session and the
/// queues' strands, hence atomic.
class DeliveryWindow {
 public:
  void set_limits(std::int64_t bytes, std::int64_t unsettled) noexcept {
    most_bytes_.store(bytes, std::memory_order_relaxed);
    most_unsettled_.store(unsettled, std::memory_order_relaxed);
  }
  [[nodiscard]] bool open() const noexcept {
    return bytes_.load() < most_bytes_.load(std::memory_order_relaxed) &&
           unsettled_.load() < most_unsettled_.load(std::memory_order_relaxed);
  }
  void take(std::uint64_t bytes, std::uint64_t unsettled) noexcept {
    bytes_.fetch_add(static_cast<std::int64_t>(bytes));
    if (unsettled != 0) unsettled_.fetch_add(static_cast<std::int64_t>(unsettled));
  }
  void give_back(std::uint64_t bytes, std::uint64_t unsettled) noexcept {
    if (bytes != 0) bytes_.fetch_sub(static_cast<std::int64_t>(bytes));
    if (unsettled != 0) unsettled_.fetch_sub(static_cast<std::int64_t>(unsettled));
  }
  /// Set by a queue that found it closed; the session that gives back takes it and wakes its consumers' queues.
  void want() noexcept { wanted_.store(true); }
  [[nodiscard]] bool take_want() noexcept { return wanted_.load() && open() && wanted_.exchange(false); }

 private:
  std::atomic<std::int64_t> most_bytes_{INT64_MAX}, most_unsettled_{INT64_MAX};
  std::atomic<std::int64_t> bytes_{0}, unsettled_{0};
  std::atomic<bool> wanted_{false};
};

/// The other side of a queue's conversation: the engine's session inbox derives from this.
class Peer {
 public:
  virtual ~Peer() = default;
  DeliveryWindow deliveries;
};
using PeerPtr = std::shared_ptr<Peer>;

/// basic.qos with global=true: one limit for all consumers of a channel, whatever queues they read. Shared by the session and the
/// queues' strands, hence atomic.
class ChannelPrefetch {
 public:
  void set_limit(std::uint32_t limit) noexcept { limit_.store(limit); }
  [[nodiscard]] std::uint32_t limit() const noexcept { return limit_.load(); }
  /// Takes one of the places; false when there is none. 0 = no limit.
  [[nodiscard]] bool try_acquire() noexcept {
    std::uint32_t used = used_.load();
    do {
      const std::uint32_t limit = limit_.load();
      if (limit != 0 && used >= limit) return false;
    } while (!used_.compare_exchange_weak(used, used + 1));
    return true;
  }
  void release(std::uint32_t count) noexcept { used_.fetch_sub(count); }
  /// Set by a queue that found no place; the session that releases places takes it and wakes the channel's queues.
  void want() noexcept { wanted_.store(true); }
  [[nodiscard]] bool take_want() noexcept { return wanted_.load() && wanted_.exchange(false); }

 private:
  std::atomic<std::uint32_t> limit_{0};
  std::atomic<std::uint32_t> used_{0};
  std::atomic<bool> wanted_{false};
};

class Filter;

/// Level and offset in one number: how a message of a queue is named outside the queue.
using Position = std::uint64_t;

/// One message on its way to a consumer.
struct Delivery {
  MessagePtr message;
  Position position = 0;
  std::uint16_t returns = 0;  ///< how often it came back, where the queue tells (x-delivery-count); otherwise 0
  bool redelivered = false;
  bool counted = false;  ///< takes a place in the channel's shared prefetch
};

struct ConsumerSpec {
  PeerPtr peer;
  std::uint32_t number = 0;  ///< names the consumer within its peer
  std::string tag;
  bool no_ack = false;
  bool exclusive = false;
  std::uint32_t prefetch = 0;  ///< 0 = no limit
  std::int32_t priority = 0;
  std::uint64_t window_bytes = 1 << 20;               ///< how much may be on its way to the socket
  std::shared_ptr<ChannelPrefetch> channel_prefetch;  ///< null = no shared limit
  std::shared_ptr<const Filter> filter;               ///< null = it takes every message
  std::uint8_t want = 0;                              ///< names the filter within its queue, below 64; set by the queue
};

class Consumer {
 public:
  Consumer(ConsumerSpec spec, std::uint32_t slot) : spec_(std::move(spec)), slot_(slot) {}

  [[nodiscard]] const ConsumerSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] std::uint32_t unacked() const noexcept { return unacked_; }
  /// How many messages it could take now, as far as its own prefetch goes.
  [[nodiscard]] std::uint32_t room() const noexcept {
    if (spec_.no_ack || spec_.prefetch == 0) return UINT32_MAX;
    return spec_.prefetch > unacked_ ? spec_.prefetch - unacked_ : 0;
  }
  /// Has credit, and is not passed by as the queue's inactive consumers are.
  [[nodiscard]] bool in_line() const noexcept { return waiting_; }
  [[nodiscard]] bool has_credit() const noexcept { return room() > 0 && in_transit_bytes_ < spec_.window_bytes; }

  std::vector<Delivery> batch;    ///< what this turn gives it; the engine takes it away
  std::uint64_t batch_bytes = 0;  ///< of these messages; taken away with them

 private:
  friend class Consumers;
  friend class Queue;
  ConsumerSpec spec_;
  std::uint32_t slot_;
  std::uint32_t unacked_ = 0;
  std::uint64_t in_transit_bytes_ = 0;
  bool waiting_ = false;      // stands in the line of those with credit
  bool cancelled_ = false;    // gone, but for messages that are still out
  bool giving_back_ = false;  // and they are on their way back
};

class Consumers {
 public:
  /// With single_active only one consumer at a time is served: the oldest (semantics.md A4, x-single-active-consumer).
  void set_single_active(bool on);

  Consumer& add(ConsumerSpec spec);
  /// False when unknown. Messages it has out stay out; its slot is kept until they are settled. With `gives_back` nobody is served until
  /// then: what a consumer that is gone leaves behind comes before what is younger.
  bool remove(const Peer* peer, std::uint32_t number, bool gives_back = false);
  [[nodiscard]] Consumer* find(const Peer* peer, std::uint32_t number) noexcept;
  /// The consumer in that slot, cancelled or not.
  [[nodiscard]] Consumer* by_slot(std::uint32_t slot) noexcept { return slot < slots_.size() ? slots_[slot].get() : nullptr; }
  /// One message that was out with the consumer in that slot is no longer.
  void settled(std::uint32_t slot);

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] bool has_exclusive() const noexcept { return exclusive_; }

  /// Whose turn it is, or null. It stays in front until served() or refused().
  [[nodiscard]] Consumer* next() noexcept;
  /// From now on next_of() and wants_in_line() may be asked; or no longer.
  void tell_wants(bool on);
  /// next() among consumers with these wants, a bit each.
  [[nodiscard]] Consumer* next_of(std::uint64_t wants) noexcept;
  /// The wants of those in line.
  [[nodiscard]] std::uint64_t wants_in_line() const noexcept { return giving_back_ > 0 ? 0 : wants_->any_in_line; }
  /// It got a message: to the back of the line, or out of it when its credit is used up.
  void served(Consumer& consumer);
  /// It cannot take one now (shared prefetch, its connection's window): out of the line until credit_changed().
  void refused(Consumer& consumer);
  /// Its credit may have grown.
  void credit_changed(Consumer& consumer);
  /// How many messages could go out at once, at most `enough`.
  [[nodiscard]] std::uint64_t total_room(std::uint64_t enough) const noexcept;

  template <class Visit>
  void for_each(Visit&& visit) {
    for (auto& consumer : slots_)
      if (consumer && !consumer->cancelled_) visit(*consumer);
  }
  [[nodiscard]] const Consumer* active() const noexcept { return single_active_ ? active_ : nullptr; }

 private:
  void enter_line(Consumer& consumer);
  void leave_line(Consumer& consumer);
  void count_want(const Consumer& consumer);
  void choose_active();
  void free_slot(std::uint32_t slot);

  boost::unordered_flat_map<std::pair<const Peer*, std::uint32_t>, std::uint32_t> by_name_;
  std::vector<std::unique_ptr<Consumer>> slots_;
  std::vector<std::uint32_t> free_slots_;
  Deque<std::uint32_t> arrival_;  // slots in order of arrival
  std::map<std::int32_t, Deque<Consumer*>, std::greater<>> line_;
  /// How many are in line, by what they want; in queues with filters only.
  struct Wants {
    std::array<std::uint32_t, 64> in_line{};
    std::uint64_t any_in_line = 0;  // a bit each
  };
  std::unique_ptr<Wants> wants_;
  std::size_t count_ = 0;
  std::size_t giving_back_ = 0;  // how many are
  bool exclusive_ = false;
  bool single_active_ = false;
  Consumer* active_ = nullptr;
};

}  // namespace mq::broker
