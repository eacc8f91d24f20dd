// A trie of pattern words, walked with the routing key one word at a time: the set of nodes reached so far moves on together, so that
// the cost is (words of the key) x (nodes that can be reached), whatever the patterns. Backtracking would be exponential for `#.a.#.a`.
//
// Patterns are put in a normal form first: in a run of wildcards, the `*` come first and one `#` stands for all (`#.*.#` = `*.#`). So
// nothing but plain words ever follows a `#` directly.
#include "broker/exchanges/topic.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "broker/exchanges/target_set.hpp"
#include "broker/string_hash.hpp"

namespace mq::broker {

namespace {

using NodeId = std::uint32_t;
using WordId = std::uint32_t;
constexpr NodeId kRoot = 0;
constexpr NodeId kNone = 0xFFFFFFFF;

// Words that are not ids of plain ones.
constexpr WordId kStar = 0xFFFFFFFE;
constexpr WordId kHash = 0xFFFFFFFD;
constexpr WordId kUnknown = 0xFFFFFFFC;

/// Calls `visit(word)` for each word; the empty text has none, "." has two empty ones.
template <class Visit>
void for_each_word(std::string_view text, Visit&& visit) {
  if (text.empty()) return;
  for (;;) {
    std::size_t dot = text.find('.');
    visit(text.substr(0, dot));
    if (dot == std::string_view::npos) return;
    text.remove_prefix(dot + 1);
  }
}

/// The words of a pattern in normal form.
std::vector<std::string_view> normal_form(std::string_view pattern) {
  std::vector<std::string_view> words;
  bool hash_pending = false;
  for_each_word(pattern, [&](std::string_view word) {
    if (word == "#") {
      hash_pending = true;
      return;
    }
    if (hash_pending && word != "*") {
      words.push_back("#");
      hash_pending = false;
    }
    words.push_back(word);
  });
  if (hash_pending) words.push_back("#");
  return words;
}

/// Where a match keeps its way; one per thread, so that matching allocates nothing once it has warmed up.
struct Way {
  std::vector<NodeId> current;  // reached by the words so far
  std::vector<NodeId> next;
  std::vector<NodeId> hashes;          // `#` nodes reached: they stay reached
  std::vector<std::uint32_t> entered;  // per node: the last match that put it into `hashes`
  std::uint32_t match = 0;

  void start(std::size_t nodes) {
    current.clear();
    hashes.clear();
    if (entered.size() < nodes) entered.resize(nodes, 0);
    if (++match == 0) {
      std::fill(entered.begin(), entered.end(), 0);
      match = 1;
    }
  }
  void enter_hash(NodeId node) {
    if (node == kNone || entered[node] == match) return;
    entered[node] = match;
    hashes.push_back(node);
  }
};

class TopicBindings final : public BindingTable {
 public:
  TopicBindings() { nodes_.emplace_back(); }

  Result<> validate(std::string_view, const amqp::Table&) const override { return {}; }

  void add(const Target& target, const std::string& routing_key, const amqp::Table&) override {
    NodeId node = kRoot;
    for (std::string_view word : normal_form(routing_key)) {
      NodeId next = child(node, find_word(word));
      node = next == kNone ? add_child(node, word) : next;
    }
    nodes_[node].targets.add(target.id);
  }

  void remove(TargetId target, const std::string& routing_key, const amqp::Table&) override {
    std::vector<std::string_view> words = normal_form(routing_key);
    NodeId node = kRoot;
    for (std::string_view word : words) {
      node = child(node, find_word(word));
      MQ_CHECK(node != kNone);
    }
    nodes_[node].targets.remove(target);
    for (std::size_t depth = words.size(); depth > 0 && nodes_[node].targets.empty() && nodes_[node].children == 0; --depth)
      node = remove_leaf(node, words[depth - 1]);
  }

  void match(const RoutingInput& input, std::vector<TargetId>& out) const override {
    static thread_local Way way;
    way.start(nodes_.size());
    way.current.push_back(kRoot);
    way.enter_hash(nodes_[kRoot].hash);
    for_each_word(input.routing_key, [&](std::string_view word) { advance(way, word); });
    for (NodeId node : way.current) nodes_[node].targets.append_to(out);
    for (NodeId node : way.hashes) nodes_[node].targets.append_to(out);
  }

  bool depends_on_key_only() const noexcept override { return true; }

 private:
  struct Node {
    NodeId parent = kNone;
    NodeId star = kNone;
    NodeId hash = kNone;
    std::uint32_t children = 0;  // of every kind
    TargetSet targets;
  };
  struct Word {
    WordId id = 0;
    std::uint32_t uses = 0;
  };

  static std::uint64_t edge(NodeId parent, WordId word) noexcept { return (std::uint64_t{parent} << 32) | word; }

  void advance(Way& way, std::string_view text) const {
    if (way.current.empty() && way.hashes.empty()) return;
    way.next.clear();
    auto word = words_.find(text);
    WordId id = word == words_.end() ? kUnknown : word->second.id;
    auto follow = [&](NodeId node) {
      if (id == kUnknown) return;
      auto found = edges_.find(edge(node, id));
      if (found != edges_.end()) way.next.push_back(found->second);
    };
    for (NodeId node : way.current) {
      follow(node);
      if (nodes_[node].star != kNone) way.next.push_back(nodes_[node].star);
    }
    for (NodeId node : way.hashes) follow(node);
    for (NodeId node : way.next) way.enter_hash(nodes_[node].hash);
    std::swap(way.current, way.next);
  }

  /// The id behind a pattern's word, wildcards included.
  WordId find_word(std::string_view word) const {
    if (word == "*") return kStar;
    if (word == "#") return kHash;
    auto found = words_.find(word);
    return found == words_.end() ? kUnknown : found->second.id;
  }

  NodeId child(NodeId node, WordId word) const {
    if (word == kStar) return nodes_[node].star;
    if (word == kHash) return nodes_[node].hash;
    if (word == kUnknown) return kNone;
    auto found = edges_.find(edge(node, word));
    return found == edges_.end() ? kNone : found->second;
  }

  NodeId add_child(NodeId parent, std::string_view word) {
    NodeId node = static_cast<NodeId>(nodes_.size());
    if (free_nodes_.empty()) {
      nodes_.emplace_back();
    } else {
      node = free_nodes_.back();
      free_nodes_.pop_back();
    }
    nodes_[node].parent = parent;
    ++nodes_[parent].children;
    if (word == "*") nodes_[parent].star = node;
    else if (word == "#") nodes_[parent].hash = node;
    else edges_.emplace(edge(parent, use_word(word)), node);
    return node;
  }

  /// Takes away a node without targets and children; gives its parent.
  NodeId remove_leaf(NodeId node, std::string_view word) {
    NodeId parent = nodes_[node].parent;
    --nodes_[parent].children;
    if (word == "*") nodes_[parent].star = kNone;
    else if (word == "#") nodes_[parent].hash = kNone;
    else edges_.erase(edge(parent, release_word(word)));
    nodes_[node] = Node{};
    free_nodes_.push_back(node);
    return parent;
  }

  WordId use_word(std::string_view text) {
    auto found = words_.find(text);
    if (found == words_.end()) {
      WordId id = next_word_;
      if (free_words_.empty()) {
        ++next_word_;
      } else {
        id = free_words_.back();
        free_words_.pop_back();
      }
      found = words_.emplace(std::string(text), Word{id, 0}).first;
    }
    ++found->second.uses;
    return found->second.id;
  }

  WordId release_word(std::string_view text) {
    auto found = words_.find(text);
    MQ_CHECK(found != words_.end());
    WordId id = found->second.id;
    if (--found->second.uses == 0) {
      free_words_.push_back(id);
      words_.erase(found);
    }
    return id;
  }

  std::vector<Node> nodes_;
  std::vector<NodeId> free_nodes_;
  boost::unordered_flat_map<std::uint64_t, NodeId> edges_;  // (parent, word) -> child
  boost::unordered_flat_map<std::string, Word, StringHash, std::equal_to<>> words_;
  std::vector<WordId> free_words_;
  WordId next_word_ = 0;
};

}  // namespace

std::unique_ptr<BindingTable> make_topic_bindings(const amqp::Table&) { return std::make_unique<TopicBindings>(); }

}  // namespace mq::broker
