// A permission's regular expression. It matches anywhere in a name unless it is anchored; the empty one matches the empty name only, which
// denies everything. RE2 syntax: linear in time whatever the pattern, hence without look-around and back-references. Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mq/base/result.hpp"

namespace mq::broker {

class AccessPattern {
 public:
  AccessPattern();  ///< denies everything
  ~AccessPattern();
  AccessPattern(AccessPattern&&) noexcept;
  AccessPattern& operator=(AccessPattern&&) noexcept;

  /// Error: 406, with the text of the pattern and what is wrong with it.
  [[nodiscard]] static Result<AccessPattern> compile(std::string_view text);

  [[nodiscard]] bool matches(std::string_view name) const noexcept;

  /// `text` with quotation marks before whatever a pattern would take for syntax.
  [[nodiscard]] static std::string quote(std::string_view text);

 private:
  struct Compiled;
  bool everything_ = false;  // `.*`, by far the most common one, asks no machine
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace mq::broker
