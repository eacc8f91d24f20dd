// A filter as it is evaluated: nodes that name one another by number. The parser makes it, then nothing changes it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/filter/like.hpp"
#include "broker/filter/scalar.hpp"
#include "mq/amqp/properties.hpp"
#include "mq/amqp/table.hpp"

namespace mq::broker::filter {

using NodeId = std::uint16_t;
inline constexpr NodeId kNoNode = 0xFFFF;

enum class Op : std::uint8_t {
  // Values. `a` is an index, or a node.
  kConstant,    ///< constants[a]
  kHeader,      ///< the header names[a]
  kProperty,    ///< the row a of properties()
  kRoutingKey,  ///< nothing
  kExchange,    ///< nothing
  kPlus,        ///< a, if it is a number
  kMinus,       ///< a
  kCalculate,   ///< a and b, `detail` an Arithmetic
  // Conditions
  kCompare,   ///< a and b, `detail` a Comparison
  kBetween,   ///< a between b and c
  kIn,        ///< a among the c constants from b
  kLike,      ///< a like patterns[b]
  kIsNull,    ///< a
  kNot,       ///< a
  kAnd,       ///< the c children from b
  kOr,        ///< the c children from b
  kHeaderIs,  ///< the header names[a] has the value wanted[b], by the rule of the headers exchange; a void one: is there
};

struct Node {
  Op op = Op::kConstant;
  std::uint8_t detail = 0;
  std::uint16_t a = 0;
  std::uint16_t b = 0;
  std::uint16_t c = 0;
};

/// A property that filters can name.
struct PropertyRow {
  std::string_view name;  ///< as filters spell it: `properties.type`
  amqp::PropertyFlag flag;
  std::string_view amqp::PropertiesView::*text = nullptr;
  Scalar (*number)(const amqp::PropertiesView& properties) = nullptr;  ///< of a property that is no text
};
[[nodiscard]] std::span<const PropertyRow> properties() noexcept;

struct Program {
  std::vector<Node> nodes;
  NodeId root = 0;
  std::vector<Scalar> constants;  // texts lie in `texts`
  std::vector<LikePattern> patterns;
  std::vector<NodeId> children;
  std::vector<amqp::ValueView> wanted;  // bytes lie in `texts`
  std::vector<std::string_view> names;  // of headers, each once, in order of appearance; lie in `texts`
  std::deque<std::string> texts;        // a deque: what is in it stays where it is

  // For finding the headers of a message: the names in order of (size, octets), and a bit for each size (modulo 64) that occurs.
  struct Name {
    std::string_view text;
    std::uint16_t number = 0;  // in `names`
  };
  std::vector<Name> names_by_size;
  std::uint64_t sizes = 0;

  [[nodiscard]] std::span<const NodeId> children_of(const Node& node) const { return std::span(children).subspan(node.b, node.c); }
  [[nodiscard]] std::span<const Scalar> list_of(const Node& node) const { return std::span(constants).subspan(node.b, node.c); }

  /// A text of the program's own.
  std::string_view keep(std::string text);
  /// The number of that header name; `names` grows when it is new.
  std::uint16_t header(std::string_view name);
  /// Called when `names` is complete.
  void index_names();
};

/// A header found, or not: then `tag` is kMissing. Left uninitialized until it is known how many are needed.
struct FoundHeader {
  static constexpr char kMissing = '\0';  // no value has this tag
  char tag;
  const char* data;
  std::size_t size;
  [[nodiscard]] amqp::ValueView value() const noexcept { return {tag, {data, size}}; }
};

/// Fills found[0..names.size()) with the first header of each name, in one walk.
void find_headers(const Program& program, amqp::TableView headers, FoundHeader* found) noexcept;

}  // namespace mq::broker::filter
