// How strands talk: each actor has a mailbox that any thread may put items into; the actor's strand empties it in batches.
//
// Putting is lock-free (one compare-and-swap on a list head) and wakes the reader only when the mailbox was empty: a burst of items
// costs one wake-up. Items are read in the order in which they were put.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "mq/ports/scheduler.hpp"

namespace mq::engine {

template <class Item>
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    Node* node = head_.load(std::memory_order_acquire);
    while (is_item(node)) delete std::exchange(node, node->next);
  }

  /// Any thread. True when the mailbox was empty and its reader not at work: whoever gets true must see to it that the reader runs.
  bool put(Item item) {
    Node* newest = head_.load(std::memory_order_relaxed);
    Node* node = new Node{std::move(item), newest};
    while (!head_.compare_exchange_weak(newest, node, std::memory_order_acq_rel, std::memory_order_relaxed)) node->next = newest;
    return newest == nullptr;  // not node->next: the reader may have the node already
  }

  /// The reader only: hands every item that is there to `handle`, oldest first. Returns whether there was any.
  template <class Handle>
  bool drain(Handle&& handle) {
    return take(nullptr, handle);
  }

  /// The reader only: like drain(), and until rest() nobody is told to wake the reader.
  template <class Handle>
  bool drain_awake(Handle&& handle) {
    return take(awake(), handle);
  }
  /// After drain_awake(): true if nothing came meanwhile, so that the next put wakes the reader. Otherwise the reader has to run again.
  [[nodiscard]] bool rest() noexcept {
    Node* nothing_new = awake();
    return head_.compare_exchange_strong(nothing_new, nullptr, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

 private:
  struct Node {
    Item item;
    Node* next;
  };
  // Stands at the end of the list, in the place of a null pointer, while the reader is at work.
  static Node* awake() noexcept { return reinterpret_cast<Node*>(alignof(Node)); }  // NOLINT(performance-no-int-to-ptr)
  static bool is_item(const Node* node) noexcept { return node != nullptr && node != awake(); }

  template <class Handle>
  bool take(Node* leave, Handle& handle) {
    Node* newest = head_.exchange(leave, std::memory_order_acq_rel);
    if (!is_item(newest)) return false;
    Node* oldest = nullptr;
    while (is_item(newest)) {
      Node* next = newest->next;
      newest->next = oldest;
      oldest = std::exchange(newest, next);
    }
    while (oldest != nullptr) {
      std::unique_ptr<Node> node(std::exchange(oldest, oldest->next));
      handle(node->item);
    }
    return true;
  }

  std::atomic<Node*> head_{nullptr};
};

/// An object with one strand and one mailbox. Owned by shared_ptr; alive while it has something to do. At any time at most one task of
/// its is posted or running, so between two turns it can move to where it has most to talk.
template <class Item>
class Actor : public Runnable, public std::enable_shared_from_this<Actor<Item>> {
 public:
  explicit Actor(std::shared_ptr<Strand> strand) : strand_(std::move(strand)) {}

  /// Any thread.
  void put(Item item) {
    if (!mailbox_.put(std::move(item))) return;
    if (roams_.load(std::memory_order_relaxed)) strand_->move_here();
    strand_->post(this->shared_from_this());
  }

  void run() final {
    begin_of_turn();
    mailbox_.drain_awake([this](Item& item) { handle(item); });
    end_of_turn();
    if (company_) strand_->move_to(*std::exchange(company_, nullptr));
    const std::shared_ptr<Strand> strand = strand_;  // once at rest, this may run elsewhere
    if (!mailbox_.rest()) strand->post(this->shared_from_this());
  }

 protected:
  virtual void begin_of_turn() {}
  virtual void handle(Item& item) = 0;
  virtual void end_of_turn() = 0;
  [[nodiscard]] const std::shared_ptr<Strand>& strand() const noexcept { return strand_; }
  /// During a turn: from the next one on, run where `company` does.
  void move_to(std::shared_ptr<Strand> company) {
    roam(false);
    company_ = std::move(company);
  }
  /// Whether to run on the thread that wakes it: what wakes it most is there, or waits there for its answer.
  void roam(bool on) noexcept { roams_.store(on, std::memory_order_relaxed); }

 private:
  Mailbox<Item> mailbox_;
  std::shared_ptr<Strand> strand_;
  std::shared_ptr<Strand> company_;
  std::atomic<bool> roams_{false};
};

}  // namespace mq::engine
