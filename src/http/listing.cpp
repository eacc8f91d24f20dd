#include "http/listing.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace mq::http {
namespace {

constexpr std::int64_t kDefaultPageSize = 100;
constexpr std::int64_t kMaxPageSize = 500;

json::string_view key(std::string_view text) { return {text.data(), text.size()}; }

/// The member at a path such as `messages_details.rate`; null when there is none.
const json::value* member(const json::object& object, std::string_view path) {
  const json::object* at = &object;
  for (;;) {
    const std::size_t dot = path.find('.');
    const json::value* found = at->if_contains(key(path.substr(0, dot)));
    if (found == nullptr || dot == std::string_view::npos) return found;
    at = found->if_object();
    if (at == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

void put_member(json::object& object, std::string_view path, const json::value& value) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) {
    object[key(path)] = value;
    return;
  }
  json::value& inner = object[key(path.substr(0, dot))];
  if (!inner.is_object()) inner = json::object();
  put_member(inner.get_object(), path.substr(dot + 1), value);
}

json::object only(const json::object& object, std::string_view columns) {
  json::object chosen;
  while (!columns.empty()) {
    const std::size_t comma = columns.find(',');
    const std::string_view column = columns.substr(0, comma);
    if (const json::value* value = member(object, column)) put_member(chosen, column, *value);
    columns.remove_prefix(comma == std::string_view::npos ? columns.size() : comma + 1);
  }
  return chosen;
}

// Numbers before texts before everything else; what is missing comes first.
int rank(const json::value* value) {
  return value == nullptr || value->is_null() ? 0 : value->is_number() ? 1 : value->is_string() ? 2 : 3;
}

bool less(const json::value* a, const json::value* b) {
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  if (rank(a) == 1) return a->to_number<double>() < b->to_number<double>();
  if (rank(a) == 2) return a->get_string() < b->get_string();
  return rank(a) == 3 && a->is_bool() && b->is_bool() && a->get_bool() < b->get_bool();
}

void sort(const Call& call, json::array& items) {
  const std::string* by = call.query("sort");
  if (by == nullptr || by->empty()) return;
  const std::string* reverse = call.query("sort_reverse");
  const bool down = reverse != nullptr && *reverse == "true";
  std::stable_sort(items.begin(), items.end(), [&](const json::value& a, const json::value& b) {
    const json::value* first = member(a.get_object(), *by);
    const json::value* second = member(b.get_object(), *by);
    return down ? less(second, first) : less(first, second);
  });
}

/// Leaves the objects with such a name; false when the pattern is none.
bool filter(const Call& call, json::array& items) {
  const std::string* wanted = call.query("name");
  if (wanted == nullptr || wanted->empty()) return true;
  const std::string* use_regex = call.query("use_regex");
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  options.set_literal(use_regex == nullptr || *use_regex != "true");
  options.set_case_sensitive(!options.literal());
  const RE2 pattern(re2::StringPiece(*wanted), options);
  if (!pattern.ok()) return false;
  auto unwanted = [&](const json::value& item) {
    const json::value* name = item.get_object().if_contains("name");
    return name == nullptr || !name->is_string() ||
           !RE2::PartialMatch(re2::StringPiece(name->get_string().data(), name->get_string().size()), pattern);
  };
  items.erase(std::remove_if(items.begin(), items.end(), unwanted), items.end());
  return true;
}

void choose_columns(const Call& call, json::array& items) {
  const std::string* columns = call.query("columns");
  if (columns == nullptr || columns->empty()) return;
  for (json::value& item : items) item = only(item.get_object(), *columns);
}

std::int64_t number(const std::string* text, std::int64_t otherwise) {
  if (text == nullptr) return otherwise;
  std::int64_t value = -1;
  const char* end = text->data() + text->size();
  const auto [stopped, failure] = std::from_chars(text->data(), end, value);
  return failure == std::errc() && stopped == end ? value : -1;
}

Response page_response(const Call& call, json::array items, std::size_t total) {
  const std::int64_t page = number(call.query("page"), 1);
  const std::int64_t size = number(call.query("page_size"), kDefaultPageSize);
  if (page < 1 || size < 1 || size > kMaxPageSize || page > kMaxPageSize * 1'000'000)
    return error_response(400, "invalid_pagination_parameters",
                          "Invalid pagination parameters: page number " + std::to_string(page) + ", page size " + std::to_string(size));
  const auto count = static_cast<std::int64_t>(items.size());
  const std::int64_t first = (page - 1) * size;
  if (page > 1 && first >= count)
    return error_response(
        400, "page_out_of_range",
        "Page out of range, page: " + std::to_string(page) + " page size: " + std::to_string(size) + ", len: " + std::to_string(count));
  json::array part(items.begin() + first, items.begin() + std::min(first + size, count));
  choose_columns(call, part);
  const auto shown = static_cast<std::int64_t>(part.size());
  return json_response(json::object{{"filtered_count", count},
                                    {"item_count", shown},
                                    {"items", std::move(part)},
                                    {"page", page},
                                    {"page_count", std::max<std::int64_t>(1, (count + size - 1) / size)},
                                    {"page_size", size},
                                    {"total_count", total}});
}

}  // namespace

Response list_response(const Call& call, json::array items) {
  const std::size_t total = items.size();
  if (!filter(call, items)) return bad_request("the name is no regular expression");
  sort(call, items);
  if (call.query("page") != nullptr) return page_response(call, std::move(items), total);
  choose_columns(call, items);
  return json_response(std::move(items));
}

Response object_response(const Call& call, json::object object) {
  const std::string* columns = call.query("columns");
  if (columns != nullptr && !columns->empty()) object = only(object, *columns);
  return json_response(std::move(object));
}

}  // namespace mq::http
