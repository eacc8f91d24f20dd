#include "session/outbox.hpp"

#include <algorithm>
#include <new>

namespace mq::session {

void Arena::grow(std::size_t bytes) {
  const std::size_t wanted = std::max({size_ + bytes, capacity_ * 2, std::size_t{512}});
  void* block = std::realloc(data_, wanted);
  if (block == nullptr) throw std::bad_alloc();
  data_ = static_cast<char*>(block);
  capacity_ = wanted;
}

void Arena::reset(std::size_t keep_bytes) noexcept {
  size_ = 0;
  if (capacity_ <= keep_bytes) return;
  std::free(data_);
  data_ = nullptr;
  capacity_ = 0;
}

void Outgoing::clear(std::size_t keep_bytes) noexcept {
  arena.reset(keep_bytes);
  if (pieces.capacity() > 256) std::vector<Piece>().swap(pieces);
  else pieces.clear();
  bytes = 0;
}

void Outbox::commit(std::size_t bytes) {
  if (bytes == 0) return;
  if (filling_.pieces.empty() || filling_.pieces.back().message) filling_.pieces.push_back({filling_.arena.size(), 0, nullptr, nullptr});
  filling_.pieces.back().bytes += bytes;
  filling_.bytes += bytes;
  filling_.arena.commit(bytes);
}

void Outbox::append(std::string_view bytes) {
  std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

void Outbox::append_reference(broker::MessagePtr message, std::string_view bytes) {
  filling_.pieces.push_back({0, bytes.size(), bytes.data(), std::move(message)});
  filling_.bytes += bytes.size();
}

}  // namespace mq::session
