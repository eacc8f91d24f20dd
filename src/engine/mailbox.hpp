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
    while (node != nullptr) delete std::exchange(node, node->next);
  }

  /// Any thread. True when the mailbox was empty: whoever gets true must see to it that the reader runs.
  bool put(Item item) {
    Node* newest = head_.load(std::memory_order_relaxed);
    Node* node = new Node{std::move(item), newest};
    while (!head_.compare_exchange_weak(newest, node, std::memory_order_release, std::memory_order_relaxed)) node->next = newest;
    return newest == nullptr;  // not node->next: the reader may have the node already
  }

  /// The reader only: hands every item that is there to `handle`, oldest first. Returns whether there was any.
  template <class Handle>
  bool drain(Handle&& handle) {
    Node* newest = head_.exchange(nullptr, std::memory_order_acquire);
    if (newest == nullptr) return false;
    Node* oldest = nullptr;
    while (newest != nullptr) {
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

 private:
  struct Node {
    Item item;
    Node* next;
  };
  std::atomic<Node*> head_{nullptr};
};

/// An object with one strand and one mailbox. Owned by shared_ptr; alive while it has something to do.
template <class Item>
class Actor : public Runnable, public std::enable_shared_from_this<Actor<Item>> {
 public:
  explicit Actor(std::shared_ptr<Strand> strand) : strand_(std::move(strand)) {}

  /// Any thread.
  void put(Item item) {
    if (mailbox_.put(std::move(item))) strand_->post(this->shared_from_this());
  }

  void run() final {
    begin_of_turn();
    mailbox_.drain([this](Item& item) { handle(item); });
    end_of_turn();
  }

 protected:
  virtual void begin_of_turn() {}
  virtual void handle(Item& item) = 0;
  virtual void end_of_turn() = 0;
  [[nodiscard]] const std::shared_ptr<Strand>& strand() const noexcept { return strand_; }

 private:
  Mailbox<Item> mailbox_;
  std::shared_ptr<Strand> strand_;
};

}  // namespace mq::engine
