// What each exchange type means, said as plainly as possible and as slowly as need be: the rules the fast tables are compared with.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/values.hpp"
#include "mq/amqp/table.hpp"

namespace mq::broker::test {

inline std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  if (text.empty()) return words;
  words.emplace_back();
  for (char c : text) {
    if (c == '.') words.emplace_back();
    else words.back() += c;
  }
  return words;
}

/// Fills a table of (pattern words left, key words left), so that it is quick for the tests' longest patterns too.
inline bool topic_matches(std::string_view pattern, std::string_view key) {
  std::vector<std::string> p = words_of(pattern), k = words_of(key);
  std::vector<std::vector<char>> fits(p.size() + 1, std::vector<char>(k.size() + 1, 0));
  for (std::size_t i = p.size() + 1; i-- > 0;) {
    for (std::size_t j = k.size() + 1; j-- > 0;) {
      if (i == p.size()) fits[i][j] = j == k.size();
      else if (p[i] == "#") fits[i][j] = fits[i + 1][j] || (j < k.size() && fits[i][j + 1]);
      else fits[i][j] = j < k.size() && (p[i] == "*" || p[i] == k[j]) && fits[i + 1][j + 1];
    }
  }
  return fits[0][0];
}

/// The k-th entry of a name in the binding meets the k-th of that name among the headers.
inline bool headers_match(const amqp::Table& binding, const amqp::Table& headers) {
  const amqp::Value* how = binding.find("x-match");
  std::string mode = how != nullptr && how->string() != nullptr ? *how->string() : "all";
  bool all = mode.starts_with("all"), with_x = mode.ends_with("-with-x");
  std::map<std::string, std::size_t> occurrences;
  bool some = false, every = true;
  for (const auto& [name, value] : binding.entries()) {
    if (name == "x-match" || (!with_x && name.starts_with("x-"))) continue;
    std::size_t wanted = occurrences[name]++, seen = 0;
    bool hit = false;
    for (const auto& [header, sent] : headers.entries())
      if (header == name && seen++ == wanted) hit = value.tag() == 'V' || same_value(value, sent);
    some = some || hit;
    every = every && hit;
  }
  return all ? every : some;
}

/// Types that give a message to one of the targets that match.
inline bool type_chooses_one(std::string_view type) {
  return type == "x-consistent-hash" || type == "x-modulus-hash" || type == "x-random" || type == "x-local-random";
}

inline bool type_matches(std::string_view type, const std::string& key, const amqp::Table& arguments, std::string_view routing_key,
                         const amqp::Table& headers) {
  if (type == "fanout" || type == "x-recent-history" || type == "x-message-deduplication" || type_chooses_one(type)) return true;
  if (type == "direct" || type == "x-delayed-message") return key == routing_key;
  if (type == "topic") return topic_matches(key, routing_key);
  return headers_match(arguments, headers);
}

}  // namespace mq::broker::test
