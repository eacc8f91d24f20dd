// A binding table under test: bound with short words, asked what a key or a set of headers reaches.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker::test {

/// An encoded table, and the view of its body.
class Encoded {
 public:
  explicit Encoded(const amqp::Table& table) { encode_table(table, bytes_); }
  [[nodiscard]] amqp::TableView view() const { return amqp::TableView(std::string_view(bytes_).substr(4)); }

 private:
  std::string bytes_;
};

class ExchangeBench {
 public:
  explicit ExchangeBench(std::string_view type, const amqp::Table& arguments = {})
      : table_(find_exchange_type(type)->make_bindings(arguments)) {}

  /// Target N is a queue of the name qN, unless it is called otherwise.
  ExchangeBench& bind(TargetId target, const std::string& key, const amqp::Table& arguments = {}, const std::string& name = "") {
    const std::string called = name.empty() ? "q" + std::to_string(target) : name;
    table_->add({target, called, false}, key, arguments);
    return *this;
  }
  ExchangeBench& unbind(TargetId target, const std::string& key, const amqp::Table& arguments = {}) {
    table_->remove(target, key, arguments);
    return *this;
  }
  /// The targets reached, each once, ascending.
  [[nodiscard]] std::vector<TargetId> reached(std::string_view key, const amqp::Table& headers = {}) const {
    Encoded encoded(headers);
    std::vector<TargetId> out;
    table_->match({key, encoded.view(), nullptr}, out);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }
  [[nodiscard]] bool reaches(std::string_view key, const amqp::Table& headers = {}) const { return !reached(key, headers).empty(); }
  [[nodiscard]] BindingTable& table() const { return *table_; }

 private:
  std::unique_ptr<BindingTable> table_;
};

using Targets = std::vector<TargetId>;

}  // namespace mq::broker::test
