#include "broker/access_pattern.hpp"

#include <re2/re2.h>

namespace mq::broker {

struct AccessPattern::Compiled {
  explicit Compiled(std::string_view text, const RE2::Options& options) : regex(re2::StringPiece(text.data(), text.size()), options) {}
  RE2 regex;
};

AccessPattern::AccessPattern() = default;
AccessPattern::~AccessPattern() = default;
AccessPattern::AccessPattern(AccessPattern&&) noexcept = default;
AccessPattern& AccessPattern::operator=(AccessPattern&&) noexcept = default;

Result<AccessPattern> AccessPattern::compile(std::string_view text) {
  AccessPattern pattern;
  if (text.empty()) return pattern;
  if (text == ".*") {
    pattern.everything_ = true;
    return pattern;
  }
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);  // names are bytes, not always UTF-8
  options.set_dot_nl(true);
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto compiled = std::make_unique<const Compiled>(text, options);
  if (!compiled->regex.ok())
    return fail(ReplyCode::kPreconditionFailed, "invalid regular expression '" + std::string(text) + "': " + compiled->regex.error());
  pattern.compiled_ = std::move(compiled);
  return pattern;
}

bool AccessPattern::matches(std::string_view name) const noexcept {
  if (everything_) return true;
  if (compiled_ == nullptr) return name.empty();
  return RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), compiled_->regex);
}

std::string AccessPattern::quote(std::string_view text) { return RE2::QuoteMeta(re2::StringPiece(text.data(), text.size())); }

}  // namespace mq::broker
