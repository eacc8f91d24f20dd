// The pattern of a LIKE: `%` stands for any text, `_` for one character, all else for itself. Linear in the text, whatever the pattern.
// Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mq::broker::filter {

/// A character is a UTF-8 one: an octet and the continuation octets behind it.
class LikePattern {
 public:
  /// Between two `%`, when there is a `_` among them.
  static constexpr std::size_t kMaxOctetsWithAny = 64;

  /// `pattern` and `escape` are UTF-8; behind the character `escape` (empty = there is none) stands `%`, `_` or itself, and means itself.
  /// On a mistake nothing, and `expected` says what should have been there.
  [[nodiscard]] static std::optional<LikePattern> make(std::string_view pattern, std::string_view escape, std::string_view& expected);

  [[nodiscard]] bool matches(std::string_view text) const noexcept;

  /// The pattern as a client may write it, with `escape` in front of every `%`, `_` and `escape` that means itself.
  [[nodiscard]] std::string text(char escape) const;

 private:
  /// What stands between two `%`, before the first or behind the last.
  struct Piece {
    std::string octets;  // kAny where any character fits
    bool has_any = false;
  };
  static constexpr char kAny = '\xFF';  // occurs in no UTF-8

  static std::size_t find_end(const Piece& piece, std::string_view text) noexcept;
  static std::size_t find_end_with_any(std::string_view piece, std::string_view text) noexcept;
  [[nodiscard]] bool add(std::string_view pattern, std::string_view escape);

  std::vector<Piece> pieces_;  // at least one; one alone: there is no %
};

}  // namespace mq::broker::filter
