#include "broker/binding_index.hpp"

#include "broker/string_hash.hpp"
#include "broker/values.hpp"

namespace mq::broker {

namespace {

const amqp::Table kNoArguments;

// The same code keeps the list of a source and that of a destination: only the members differ.
using Link = BindingId BindingIndex::Binding::*;

void append(std::deque<BindingIndex::Binding>& bindings, BindingList& list, BindingId id, Link next, Link previous) {
  bindings[id].*next = kNoBinding;
  bindings[id].*previous = list.last;
  if (list.empty()) list.first = id;
  else bindings[list.last].*next = id;
  list.last = id;
}

void unlink(std::deque<BindingIndex::Binding>& bindings, BindingList& list, BindingId id, Link next, Link previous) {
  BindingId before = bindings[id].*previous;
  BindingId after = bindings[id].*next;
  (before == kNoBinding ? list.first : bindings[before].*next) = after;
  (after == kNoBinding ? list.last : bindings[after].*previous) = before;
}

}  // namespace

BindingIndex::BindingIndex() : known_(0, Hash{&bindings_}, Equal{&bindings_}) {}

const amqp::Table& BindingIndex::arguments_of(const Binding& binding) noexcept {
  return binding.arguments ? *binding.arguments : kNoArguments;
}

BindingIndex::Wanted BindingIndex::describe(TargetId source, TargetId destination, std::string_view routing_key,
                                            const amqp::Table& arguments) {
  StringHash hash_text;
  std::size_t hash = combine_hashes(combine_hashes(hash_text(routing_key), source), destination);
  if (!arguments.empty()) hash = combine_hashes(hash, hash_text(canonical_body(arguments)));
  return {source, destination, routing_key, &arguments, hash};
}

bool BindingIndex::Equal::operator()(const Wanted& wanted, BindingId id) const {
  const Binding& binding = (*bindings)[id];
  if (binding.hash != wanted.hash || binding.source != wanted.source || binding.destination != wanted.destination) return false;
  if (binding.routing_key != wanted.routing_key) return false;
  if (binding.arguments == nullptr || wanted.arguments->empty()) return binding.arguments == nullptr && wanted.arguments->empty();
  return canonical_body(*binding.arguments) == canonical_body(*wanted.arguments);
}

BindingId BindingIndex::find(const Wanted& wanted) const {
  auto found = known_.find(wanted);
  return found == known_.end() ? kNoBinding : *found;
}

BindingId BindingIndex::add(const Wanted& wanted, BindingList& from, BindingList& to) {
  BindingId id = static_cast<BindingId>(bindings_.size());
  if (free_.empty()) {
    bindings_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Binding& binding = bindings_[id];
  binding.source = wanted.source;
  binding.destination = wanted.destination;
  binding.routing_key = wanted.routing_key;
  if (!wanted.arguments->empty()) binding.arguments = std::make_unique<const amqp::Table>(*wanted.arguments);
  binding.hash = wanted.hash;
  append(bindings_, from, id, &Binding::next_from, &Binding::previous_from);
  append(bindings_, to, id, &Binding::next_to, &Binding::previous_to);
  known_.insert(id);
  return id;
}

void BindingIndex::remove(BindingId id, BindingList& from, BindingList& to) {
  known_.erase(id);
  unlink(bindings_, from, id, &Binding::next_from, &Binding::previous_from);
  unlink(bindings_, to, id, &Binding::next_to, &Binding::previous_to);
  bindings_[id] = Binding{};
  free_.push_back(id);
}

}  // namespace mq::broker
