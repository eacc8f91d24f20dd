// Bindings with the same arguments share one Spec. Each Spec waits under the hash of a header it needs (`all`: one of them, `any`: each),
// so that a message looks only at Specs one of whose headers it carries.
//
// The pairing of names follows RabbitMQ: both sides are sorted by name, and the second entry of a name meets the second entry.
#include "broker/exchanges/headers.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "broker/exchanges/target_set.hpp"
#include "broker/string_hash.hpp"
#include "broker/values.hpp"

namespace mq::broker {

namespace {

using amqp::ValueView;

struct Header {
  std::string_view name;
  ValueView value;
};

struct Spec {
  std::string body;            // canonical arguments; `wanted` looks into them
  std::vector<Header> wanted;  // in order of names
  bool all = true;
  TargetSet targets;
  struct Place {
    std::size_t bucket = 0;
    std::uint32_t position = 0;
  };
  std::vector<Place> places;  // where it waits
};

/// A Spec waiting in a bucket; `place` is the index in its `places`, which must follow when the entry moves.
struct Waiting {
  Spec* spec = nullptr;
  std::uint32_t place = 0;
};

constexpr std::size_t kAlways = 0;       // the bucket of Specs that need no header
constexpr std::size_t kFewHeaders = 16;  // a message with more of them notes which Specs it has looked at

std::size_t bucket_of(std::string_view name, std::size_t value_hash) {
  std::size_t hash = combine_hashes(StringHash{}(name), value_hash);
  return hash == kAlways ? 1 : hash;
}
std::size_t bucket_of(const Header& header) { return bucket_of(header.name, hash_value(header.value)); }
std::size_t presence_bucket_of(std::string_view name) { return bucket_of(name, hash_value(ValueView{})); }

bool by_name(const Header& a, const Header& b) { return a.name < b.name; }

using HeaderIterator = std::vector<Header>::const_iterator;

/// The first at or behind `from` whose name is not before `name`: steps that double, so that a long list costs little.
HeaderIterator seek(HeaderIterator from, HeaderIterator end, std::string_view name) {
  if (from == end || from->name >= name) return from;
  std::ptrdiff_t step = 1;
  while (end - from > step && from[step].name < name) {
    from += step;
    step *= 2;
  }
  return std::lower_bound(from, end - from > step ? from + step + 1 : end, name,
                          [](const Header& header, std::string_view wanted) { return header.name < wanted; });
}

/// Both sides in order of their names.
bool matches(const Spec& spec, const std::vector<Header>& headers) {
  auto header = headers.begin();
  for (const Header& wanted : spec.wanted) {
    header = seek(header, headers.end(), wanted.name);
    bool hit = false;
    if (header != headers.end() && header->name == wanted.name) {
      hit = wanted.value.tag == 'V' || same_value(wanted.value, header->value);
      ++header;
    }
    if (hit != spec.all) return hit;
  }
  return spec.all;
}

class HeadersBindings final : public BindingTable {
 public:
  Result<> validate(std::string_view, const amqp::Table& arguments) const override {
    const amqp::Value* how = arguments.find("x-match");
    if (how == nullptr) return {};
    const std::string* text = how->string();
    if (text == nullptr)
      return fail(ReplyCode::kPreconditionFailed,
                  "Invalid x-match field type " + std::string(how->type_name()) + " (value " + value_text(*how) + "); expected longstr");
    if (*text == "all" || *text == "any" || *text == "all-with-x" || *text == "any-with-x") return {};
    return fail(ReplyCode::kPreconditionFailed,
                "Invalid x-match field value " + binary_text(*text) + "; expected all, any, all-with-x, or any-with-x");
  }

  void add(const Target& target, const std::string&, const amqp::Table& arguments) override {
    std::string body = canonical_body(arguments);
    auto found = specs_.find(std::string_view(body));
    if (found == specs_.end()) {
      auto spec = make_spec(std::move(body), arguments);
      wait_for_headers(*spec);
      std::string_view key = spec->body;
      found = specs_.emplace(key, std::move(spec)).first;
    }
    found->second->targets.add(target.id);
  }

  void remove(TargetId target, const std::string&, const amqp::Table& arguments) override {
    auto found = specs_.find(std::string_view(canonical_body(arguments)));
    MQ_CHECK(found != specs_.end());
    Spec& spec = *found->second;
    spec.targets.remove(target);
    if (!spec.targets.empty()) return;
    for (const Spec::Place& place : spec.places) leave(place);
    specs_.erase(found);
  }

  void match(const RoutingInput& input, std::vector<TargetId>& out) const override {
    if (specs_.empty()) return;
    static thread_local std::vector<Header> headers;
    headers.clear();
    input.headers.for_each([&](std::string_view name, const ValueView& value) {
      headers.push_back({name, value});
      return true;
    });
    if (!std::is_sorted(headers.begin(), headers.end(), by_name)) std::stable_sort(headers.begin(), headers.end(), by_name);
    // Many headers can lead to one Spec again and again, and each time it would look at all of them.
    static thread_local boost::unordered_flat_set<const Spec*> judged;
    judged.clear();
    boost::unordered_flat_set<const Spec*>* once = headers.size() > kFewHeaders ? &judged : nullptr;
    match_bucket(kAlways, headers, once, out);
    for (const Header& header : headers) {
      match_bucket(presence_bucket_of(header.name), headers, once, out);
      if (header.value.tag != 'V') match_bucket(bucket_of(header), headers, once, out);
    }
  }

  bool depends_on_key_only() const noexcept override { return false; }

 private:
  static std::unique_ptr<Spec> make_spec(std::string body, const amqp::Table& arguments) {
    auto spec = std::make_unique<Spec>();
    spec->body = std::move(body);
    const amqp::Value* how = arguments.find("x-match");
    std::string_view text = how != nullptr && how->string() != nullptr ? std::string_view(*how->string()) : "all";
    spec->all = !text.starts_with("any");
    bool with_x = text.ends_with("-with-x");
    amqp::TableView(spec->body).for_each([&](std::string_view name, const ValueView& value) {
      bool counts = name != "x-match" && (with_x || !name.starts_with("x-"));
      if (counts) spec->wanted.push_back({name, value});
      return true;
    });
    return spec;
  }

  void wait_for_headers(Spec& spec) {
    if (!spec.all) {
      for (const Header& wanted : spec.wanted) wait(spec, bucket_of(wanted));
      return;
    }
    std::size_t best = kAlways;
    std::size_t fewest = SIZE_MAX;
    for (const Header& wanted : spec.wanted) {  // the header fewest others wait for tells most
      auto bucket = buckets_.find(bucket_of(wanted));
      std::size_t waiting = bucket == buckets_.end() ? 0 : bucket->second.size();
      if (waiting >= fewest) continue;
      fewest = waiting;
      best = bucket_of(wanted);
    }
    wait(spec, best);
  }

  void wait(Spec& spec, std::size_t hash) {
    std::vector<Waiting>& bucket = buckets_[hash];
    spec.places.push_back({hash, static_cast<std::uint32_t>(bucket.size())});
    bucket.push_back({&spec, static_cast<std::uint32_t>(spec.places.size() - 1)});
  }

  void leave(const Spec::Place& place) {
    auto found = buckets_.find(place.bucket);
    MQ_CHECK(found != buckets_.end());
    std::vector<Waiting>& bucket = found->second;
    std::uint32_t position = place.position;
    Waiting last = bucket.back();
    bucket[position] = last;
    last.spec->places[last.place].position = position;
    bucket.pop_back();
    if (bucket.empty()) buckets_.erase(found);
  }

  void match_bucket(std::size_t hash, const std::vector<Header>& headers, boost::unordered_flat_set<const Spec*>* once,
                    std::vector<TargetId>& out) const {
    auto found = buckets_.find(hash);
    if (found == buckets_.end()) return;
    for (const Waiting& waiting : found->second)
      if ((once == nullptr || once->insert(waiting.spec).second) && matches(*waiting.spec, headers)) waiting.spec->targets.append_to(out);
  }

  boost::unordered_flat_map<std::string_view, std::unique_ptr<Spec>, StringHash, std::equal_to<>> specs_;  // by their canonical arguments
  boost::unordered_flat_map<std::size_t, std::vector<Waiting>> buckets_;
};

}  // namespace

std::unique_ptr<BindingTable> make_headers_bindings(const amqp::Table&) { return std::make_unique<HeadersBindings>(); }

}  // namespace mq::broker
