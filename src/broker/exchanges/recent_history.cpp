#include "broker/exchanges/recent_history.hpp"

#include "broker/exchanges/target_set.hpp"
#include "broker/values.hpp"

namespace mq::broker {

namespace {

constexpr std::string_view kLength = "x-recent-history-length";
constexpr std::int64_t kDefaultLength = 20;

class RecentHistoryBindings final : public BindingTable {
 public:
  Result<> validate(std::string_view, const amqp::Table&) const override { return {}; }
  void add(const Target& target, const std::string&, const amqp::Table&) override { targets_.add(target.id); }
  void remove(TargetId target, const std::string&, const amqp::Table&) override { targets_.remove(target); }
  void match(const RoutingInput&, std::vector<TargetId>& out) const override { targets_.append_to(out); }
  bool depends_on_key_only() const noexcept override { return false; }  // every message is wanted, not every key

 private:
  TargetSet targets_;
};

}  // namespace

std::unique_ptr<BindingTable> make_recent_history_bindings(const amqp::Table&) { return std::make_unique<RecentHistoryBindings>(); }

Result<> check_history_arguments(const amqp::Table& exchange_arguments) {
  const amqp::Value* length = exchange_arguments.find(kLength);
  if (length == nullptr || length->integer().value_or(0) > 0) return {};
  return fail(ReplyCode::kPreconditionFailed,
              "Invalid argument " + term_text(*length) + ", 'x-recent-history-length' must be a positive integer");
}

std::uint64_t history_length(const amqp::Table& exchange_arguments) {
  const amqp::Value* length = exchange_arguments.find(kLength);
  return static_cast<std::uint64_t>(length == nullptr ? kDefaultLength : length->integer().value_or(kDefaultLength));
}

}  // namespace mq::broker
