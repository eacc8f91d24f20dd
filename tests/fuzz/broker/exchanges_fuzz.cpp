// Bindings come and go, messages are matched: each type of exchange beside the plain and slow statement of what it means.
#include <map>

#include "broker/values.hpp"
#include "fuzz.hpp"
#include "mq/ports/exchange_type.hpp"
#include "support/values.hpp"
#include "unit/broker/exchange_models.hpp"

using namespace mq;
using namespace mq::amqp;
using namespace mq::broker;

namespace {

constexpr std::size_t kMostSteps = 60;
constexpr std::string_view kWords[] = {"a", "b", "#", "*", "", "a.b", "x"};

struct Bound {
  std::string key;
  Table arguments;
};

std::string make_key(fuzz::Input& input) {
  std::string key(input.pick(kWords));
  for (std::size_t more = input.below(6); more > 0; --more) key.append(".").append(input.pick(kWords));
  return (input.u8() & 15) == 0 ? std::string(input.text()) : key;
}

class Exchange {
 public:
  explicit Exchange(const ExchangeType& type) : type_(type), bindings_(type.make_bindings({})) {}

  void step(fuzz::Input& input) {
    switch (input.below(4)) {
      case 0:
      case 1: return add(input);
      case 2: return remove(input);
      default: return match(input);
    }
  }

 private:
  void add(fuzz::Input& input) {
    Bound bound{make_key(input), fuzz::make_table(input, fuzz::argument_names(), 1)};
    if (!bindings_->validate(bound.key, bound.arguments)) return;
    const TargetId id = next_++;
    names_[id] = "q" + std::to_string(id);
    bindings_->add({id, names_[id], false}, bound.key, bound.arguments);
    bound_.emplace(id, std::move(bound));
  }
  void remove(fuzz::Input& input) {
    if (bound_.empty()) return;
    const auto gone = std::next(bound_.begin(), static_cast<std::ptrdiff_t>(input.below(bound_.size())));
    bindings_->remove(gone->first, gone->second.key, gone->second.arguments);
    bound_.erase(gone);
  }
  void match(fuzz::Input& input) const {
    const std::string key = make_key(input).substr(0, 255);
    const Table headers = fuzz::make_table(input, fuzz::argument_names(), 1);
    std::string encoded;
    encode_table(headers, encoded);
    std::vector<TargetId> found;
    bindings_->match({key, TableView(std::string_view(encoded).substr(4)), nullptr}, found);
    std::size_t expected = 0;
    for (const auto& [id, bound] : bound_) {
      const bool fits = test::type_matches(type_.name, bound.key, bound.arguments, key, headers);
      const bool hit = std::find(found.begin(), found.end(), id) != found.end();
      expected += fits ? 1 : 0;
      if (hit) FUZZ_CLAIM(fits);
      if (fits && !test::type_chooses_one(type_.name)) FUZZ_CLAIM(hit);
    }
    if (test::type_chooses_one(type_.name)) FUZZ_CLAIM(found.size() <= 1 && (found.empty() || expected > 0));
  }

  const ExchangeType& type_;
  std::unique_ptr<BindingTable> bindings_;
  std::map<TargetId, Bound> bound_;
  std::map<TargetId, std::string> names_;
  TargetId next_ = 1;
};

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const ExchangeType& type = input.pick(exchange_types());
  const Table arguments = fuzz::make_table(input, fuzz::argument_names(), 1);
  if (type.validate_arguments != nullptr) static_cast<void>(type.validate_arguments(arguments));
  if (type.history_length != nullptr) static_cast<void>(type.history_length(arguments));
  Exchange table(type);
  for (std::size_t steps = 0; steps < kMostSteps && !input.empty(); ++steps) table.step(input);
}
