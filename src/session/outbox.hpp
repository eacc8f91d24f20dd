// What a session has to send: small pieces copied one behind the other, large bodies by reference to their messages. The transport
// takes a filled Outgoing, writes its pieces with as few system calls as it can, and gives the empty one back for reuse.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/message.hpp"

namespace mq::session {

/// A byte buffer that grows without clearing what it grows into.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), capacity_(std::exchange(other.capacity_, 0)) {}
  Arena& operator=(Arena&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Arena() { std::free(data_); }

  /// Room for `bytes` more at the end; what is written there counts after commit().
  char* reserve(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return data_ + size_;
  }
  void commit(std::size_t bytes) noexcept { size_ += bytes; }
  [[nodiscard]] const char* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Empties it; a buffer that grew large is let go, so that idle connections cost little.
  void reset(std::size_t keep_bytes) noexcept;

 private:
  void grow(std::size_t bytes);
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// A sequence of bytes to send.
struct Outgoing {
  struct Piece {
    std::size_t begin = 0, bytes = 0;  ///< within the arena when `message` is null
    const char* at = nullptr;          ///< within the message otherwise
    broker::MessagePtr message;
  };
  Arena arena;
  std::vector<Piece> pieces;
  std::size_t bytes = 0;

  [[nodiscard]] bool empty() const noexcept { return bytes == 0; }
  [[nodiscard]] std::string_view view(const Piece& piece) const noexcept {
    return {piece.message ? piece.at : arena.data() + piece.begin, piece.bytes};
  }
  void clear(std::size_t keep_bytes) noexcept;
};

class Outbox {
 public:
  /// Room for up to `bytes`; commit() says how many were written.
  char* reserve(std::size_t bytes) { return filling_.arena.reserve(bytes); }
  void commit(std::size_t bytes);
  void append(std::string_view bytes);
  /// Bytes inside `message`, kept alive until they are sent.
  void append_reference(broker::MessagePtr message, std::string_view bytes);

  /// Bytes not handed to the transport yet.
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return filling_.bytes; }
  /// Swaps what waits into `sending`, which must be empty.
  void take(Outgoing& sending) noexcept { std::swap(filling_, sending); }

 private:
  Outgoing filling_;
};

}  // namespace mq::session
