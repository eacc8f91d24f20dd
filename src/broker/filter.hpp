// Which messages a consumer wants: the language of its argument `x-filter`. Pure.
//
// A table asks for headers by value, as a headers binding with x-match `all` does. A text is a condition in the SQL that JMS made usual for
// selectors, e.g. `color = 'red' AND size > 3`; docs/semantics.md has its grammar. Logic has three values: what a message does not carry is
// unknown, and only a condition that is true matches.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "broker/message.hpp"
#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

namespace filter {
struct Program;
}

inline constexpr std::size_t kMaxFilterBytes = 4096;  ///< of the text, or of the encoded table
inline constexpr std::size_t kMaxFilterTerms = 256;   ///< names, literals and operators; a chain of ANDs or ORs is one, a list is none
inline constexpr std::size_t kMaxFilterDepth = 32;    ///< parentheses, NOTs and signs within one another
inline constexpr std::size_t kMaxFilterList = 100;    ///< values of an IN

/// Immutable, so any thread may ask it. What it says of a message never changes: it looks at what was published, not at deliveries.
class Filter {
 public:
  explicit Filter(std::unique_ptr<const filter::Program> program);
  ~Filter();
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  /// Allocates nothing. Headers are walked at most once, and not at all when the answer does not need them.
  [[nodiscard]] bool matches(const Message& message) const noexcept;

  /// The same for filters that differ in nothing but spelling: blanks, case of keywords, needless parentheses, order in ANDs, ORs and
  /// lists, which side of a comparison stands left, width of integers in a table. Of a condition it is a condition that means the same.
  [[nodiscard]] const std::string& normal_form() const noexcept { return normal_form_; }
  [[nodiscard]] bool same_as(const Filter& other) const noexcept { return normal_form_ == other.normal_form_; }

 private:
  std::unique_ptr<const filter::Program> program_;
  std::string normal_form_;
};

/// The filter that `x-filter` asks for: a table or a longstr. Errors: 406 `invalid arg 'x-filter' for consumer: expected ')' at 17`, the
/// position in characters from 1.
[[nodiscard]] Result<std::shared_ptr<const Filter>> make_filter(const amqp::Value& value);

}  // namespace mq::broker
