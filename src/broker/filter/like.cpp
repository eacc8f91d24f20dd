// The first piece must begin the text and the last must end it; those between are looked for one behind the other, each as far in front as
// it is found. A piece of plain octets is found by memmem, which is linear; one with `_` by an automaton whose states are the bits of a
// word.
#include "broker/filter/like.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace mq::broker::filter {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

bool is_continuation(char octet) noexcept { return (static_cast<unsigned char>(octet) & 0xC0) == 0x80; }

}  // namespace

std::optional<LikePattern> LikePattern::make(std::string_view pattern, std::string_view escape, std::string_view& expected) {
  LikePattern made;
  if (!made.add(pattern, escape)) {
    expected = "'%', '_' or itself behind each escape character of the pattern";
    return std::nullopt;
  }
  for (std::size_t at = 1; at + 1 < made.pieces_.size(); ++at) {
    const Piece& piece = made.pieces_[at];
    if (!piece.has_any || piece.octets.size() <= kMaxOctetsWithAny) continue;
    expected = "a pattern with at most 64 octets between two '%' where there is a '_'";
    return std::nullopt;
  }
  return made;
}

bool LikePattern::add(std::string_view pattern, std::string_view escape) {
  pieces_.emplace_back();
  while (!pattern.empty()) {
    char first = pattern.front();
    if (!escape.empty() && pattern.starts_with(escape)) {
      pattern.remove_prefix(escape.size());
      std::size_t size = pattern.starts_with(escape) ? escape.size() : pattern.starts_with('%') || pattern.starts_with('_') ? 1 : 0;
      if (size == 0) return false;
      pieces_.back().octets += pattern.substr(0, size);
      pattern.remove_prefix(size);
      continue;
    }
    pattern.remove_prefix(1);
    if (first == '%') {
      if (pieces_.size() == 1 || !pieces_.back().octets.empty()) pieces_.emplace_back();  // several in a row are as one
    } else {
      pieces_.back().octets += first == '_' ? kAny : first;
      pieces_.back().has_any = pieces_.back().has_any || first == '_';
    }
  }
  return true;
}

bool LikePattern::matches(std::string_view text) const noexcept {
  for (char wanted : pieces_.front().octets) {
    if (text.empty() || (wanted == kAny ? is_continuation(text.front()) : text.front() != wanted)) return false;
    text.remove_prefix(1);
    while (wanted == kAny && !text.empty() && is_continuation(text.front())) text.remove_prefix(1);
  }
  if (pieces_.size() == 1) return text.empty();

  const std::string& back = pieces_.back().octets;
  for (auto wanted = back.rbegin(); wanted != back.rend(); ++wanted) {
    while (*wanted == kAny && !text.empty() && is_continuation(text.back())) text.remove_suffix(1);
    if (text.empty() || (*wanted != kAny && text.back() != *wanted)) return false;
    text.remove_suffix(1);
  }
  for (std::size_t at = 1; at + 1 < pieces_.size(); ++at) {
    std::size_t end = find_end(pieces_[at], text);
    if (end == kNowhere) return false;
    text.remove_prefix(end);
  }
  return true;
}

/// Where the first occurrence ends.
std::size_t LikePattern::find_end(const Piece& piece, std::string_view text) noexcept {
  if (piece.has_any) return find_end_with_any(piece.octets, text);
  if (text.empty()) return kNowhere;
  const void* found = ::memmem(text.data(), text.size(), piece.octets.data(), piece.octets.size());
  if (found == nullptr) return kNowhere;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + piece.octets.size();
}

/// Bit k says: what was read ends with the first k + 1 octets of the piece. A continuation octet belongs to the `_` before it.
std::size_t LikePattern::find_end_with_any(std::string_view piece, std::string_view text) noexcept {
  std::array<std::uint64_t, 256> literals{};
  std::uint64_t any = 0;
  for (std::size_t k = 0; k < piece.size(); ++k) {
    std::uint64_t bit = std::uint64_t{1} << k;
    if (piece[k] == kAny) any |= bit;
    else literals[static_cast<unsigned char>(piece[k])] |= bit;
  }
  const std::uint64_t last = std::uint64_t{1} << (piece.size() - 1);
  std::uint64_t states = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::uint64_t literal = literals[static_cast<unsigned char>(text[at])];
    const std::uint64_t next = (states << 1) | 1;
    states = is_continuation(text[at]) ? (next & literal) | (states & any) : next & (literal | any);
    if ((states & last) != 0) return at + 1;
  }
  return kNowhere;
}

std::string LikePattern::text(char escape) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    if (&piece != &pieces_.front()) text += '%';
    for (char octet : piece.octets) {
      if (octet == '%' || octet == '_' || octet == escape) text += escape;
      text += octet == kAny ? '_' : octet;
    }
  }
  return text;
}

}  // namespace mq::broker::filter
