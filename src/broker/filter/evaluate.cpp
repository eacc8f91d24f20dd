#include "broker/filter/evaluate.hpp"

#include <algorithm>
#include <optional>

#include "broker/filter.hpp"
#include "broker/values.hpp"
#include "mq/base/bytes.hpp"

namespace mq::broker::filter {
namespace {

/// The headers alone, past the two properties before them: locating all fourteen would also check the headers' bytes once more.
amqp::TableView headers_of(const Message& message) noexcept {
  ByteReader in(message.encoded_properties());
  const std::uint16_t flags = in.u16();
  if ((flags & amqp::kContentType) != 0) static_cast<void>(in.shortstr());
  if ((flags & amqp::kContentEncoding) != 0) static_cast<void>(in.shortstr());
  return amqp::TableView(in.longstr());
}

/// One message looked at; headers and properties are located when the first of them is asked for.
class Evaluation {
 public:
  Evaluation(const Program& program, const Message& message) : program_(program), message_(message) {}

  Truth truth(NodeId id) noexcept {
    const Node& node = program_.nodes[id];
    switch (node.op) {
      case Op::kCompare: return compare(static_cast<Comparison>(node.detail), value(node.a), value(node.b));
      case Op::kBetween: return between(node);
      case Op::kIn: return among(node);
      case Op::kLike: return like(node);
      case Op::kIsNull: return truth_of(value(node.a).kind == Kind::kNull);
      case Op::kNot: return !truth(node.a);
      case Op::kAnd: return all(node);
      case Op::kOr: return any(node);
      case Op::kHeaderIs: return header_is(node);
      default: break;
    }
    const Scalar scalar = value(id);
    return scalar.kind == Kind::kBoolean ? truth_of(scalar.boolean) : Truth::kUnknown;
  }

 private:
  Scalar value(NodeId id) noexcept {
    const Node& node = program_.nodes[id];
    switch (node.op) {
      case Op::kConstant: return program_.constants[node.a];
      case Op::kHeader: {
        const FoundHeader& found = header(node.a);
        return found.tag == FoundHeader::kMissing ? null_scalar() : scalar_of(found.value());
      }
      case Op::kProperty: return property(properties()[node.a]);
      case Op::kRoutingKey: return text_scalar(message_.routing_key());
      case Op::kExchange: return text_scalar(message_.exchange());
      case Op::kPlus: {
        const Scalar number = value(node.a);
        return number.is_number() ? number : null_scalar();
      }
      case Op::kMinus: return negate(value(node.a));
      case Op::kCalculate: return calculate(static_cast<Arithmetic>(node.detail), value(node.a), value(node.b));
      default: break;
    }
    const Truth condition = truth(id);
    return condition == Truth::kUnknown ? null_scalar() : boolean_scalar(condition == Truth::kTrue);
  }

  Truth all(const Node& node) noexcept {
    Truth least = Truth::kTrue;
    for (NodeId child : program_.children_of(node)) {
      least = std::min(least, truth(child));
      if (least == Truth::kFalse) break;
    }
    return least;
  }

  Truth any(const Node& node) noexcept {
    Truth greatest = Truth::kFalse;
    for (NodeId child : program_.children_of(node)) {
      greatest = std::max(greatest, truth(child));
      if (greatest == Truth::kTrue) break;
    }
    return greatest;
  }

  Truth between(const Node& node) noexcept {
    const Scalar tested = value(node.a);
    const Truth from = compare(Comparison::kGreaterOrEqual, tested, value(node.b));
    return from == Truth::kFalse ? from : std::min(from, compare(Comparison::kLessOrEqual, tested, value(node.c)));
  }

  Truth among(const Node& node) noexcept {
    const Scalar tested = value(node.a);
    Truth greatest = Truth::kFalse;
    for (const Scalar& listed : program_.list_of(node)) {
      greatest = std::max(greatest, compare(Comparison::kEqual, tested, listed));
      if (greatest == Truth::kTrue) break;
    }
    return greatest;
  }

  Truth like(const Node& node) noexcept {
    const Scalar tested = value(node.a);
    return tested.kind == Kind::kText ? truth_of(program_.patterns[node.b].matches(tested.text)) : Truth::kUnknown;
  }

  Truth header_is(const Node& node) noexcept {
    const FoundHeader& found = header(node.a);
    const amqp::ValueView& wanted = program_.wanted[node.b];
    if (found.tag == FoundHeader::kMissing) return Truth::kFalse;
    return truth_of(wanted.tag == 'V' || same_value(wanted, found.value()));
  }

  const FoundHeader& header(std::uint16_t number) noexcept {
    if (!headers_found_) find_headers(program_, message_.has_headers() ? headers_of(message_) : amqp::TableView(), headers_);
    headers_found_ = true;
    return headers_[number];
  }

  Scalar property(const PropertyRow& row) noexcept {
    if (!properties_) properties_ = message_.properties();
    if (!properties_->has(row.flag)) return null_scalar();
    return row.text != nullptr ? text_scalar((*properties_).*row.text) : row.number(*properties_);
  }

  const Program& program_;
  const Message& message_;
  std::optional<amqp::PropertiesView> properties_;
  bool headers_found_ = false;
  FoundHeader headers_[kMaxFilterTerms];  // as many as the program names are set
};

}  // namespace

Truth evaluate(const Program& program, const Message& message) noexcept { return Evaluation(program, message).truth(program.root); }

}  // namespace mq::broker::filter
