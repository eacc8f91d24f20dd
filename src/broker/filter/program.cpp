#include "broker/filter/program.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mq::broker::filter {
namespace {

using amqp::PropertiesView;

constexpr PropertyRow kProperties[] = {
    {"properties.content_type", amqp::kContentType, &PropertiesView::content_type},
    {"properties.content_encoding", amqp::kContentEncoding, &PropertiesView::content_encoding},
    {"properties.delivery_mode", amqp::kDeliveryMode, nullptr, [](const PropertiesView& all) { return integer_scalar(all.delivery_mode); }},
    {"properties.priority", amqp::kPriority, nullptr, [](const PropertiesView& all) { return integer_scalar(all.priority); }},
    {"properties.correlation_id", amqp::kCorrelationId, &PropertiesView::correlation_id},
    {"properties.reply_to", amqp::kReplyTo, &PropertiesView::reply_to},
    {"properties.expiration", amqp::kExpiration, &PropertiesView::expiration},
    {"properties.message_id", amqp::kMessageId, &PropertiesView::message_id},
    {"properties.timestamp", amqp::kTimestamp, nullptr, [](const PropertiesView& all) { return seconds_scalar(all.timestamp); }},
    {"properties.type", amqp::kType, &PropertiesView::type},
    {"properties.user_id", amqp::kUserId, &PropertiesView::user_id},
    {"properties.app_id", amqp::kAppId, &PropertiesView::app_id},
    {"properties.cluster_id", amqp::kClusterId, &PropertiesView::cluster_id},
};

std::uint64_t size_bit(std::string_view name) noexcept { return std::uint64_t{1} << (name.size() % 64); }

/// Below 0, 0 or above, in order of (size, octets).
int order(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return std::memcmp(a.data(), b.data(), a.size());
}

const Program::Name* find_name(const Program& program, std::string_view sought) noexcept {
  const Program::Name* from = program.names_by_size.data();
  std::size_t left = program.names_by_size.size();
  while (left > 0) {
    const Program::Name* middle = from + left / 2;
    const int side = order(sought, middle->text);
    if (side == 0) return middle;
    left = side < 0 ? left / 2 : left - left / 2 - 1;
    if (side > 0) from = middle + 1;
  }
  return nullptr;
}

}  // namespace

std::span<const PropertyRow> properties() noexcept { return kProperties; }

std::string_view Program::keep(std::string text) { return texts.emplace_back(std::move(text)); }

std::uint16_t Program::header(std::string_view name) {
  auto found = std::find(names.begin(), names.end(), name);
  auto number = static_cast<std::uint16_t>(found - names.begin());
  if (found == names.end()) names.push_back(keep(std::string(name)));
  return number;
}

void Program::index_names() {
  for (std::string_view name : names) {
    names_by_size.push_back({name, static_cast<std::uint16_t>(names_by_size.size())});
    sizes |= size_bit(name);
  }
  std::sort(names_by_size.begin(), names_by_size.end(), [](const Name& a, const Name& b) { return order(a.text, b.text) < 0; });
}

void find_headers(const Program& program, amqp::TableView headers, FoundHeader* found) noexcept {
  std::size_t left = program.names.size();
  for (std::size_t number = 0; number < left; ++number) found[number].tag = FoundHeader::kMissing;
  headers.for_each([&](std::string_view name, const amqp::ValueView& value) {
    if ((program.sizes & size_bit(name)) == 0) return true;  // most headers are nobody's and leave here
    const Program::Name* wanted = find_name(program, name);
    if (wanted == nullptr || found[wanted->number].tag != FoundHeader::kMissing) return true;
    found[wanted->number] = {value.tag, value.bytes.data(), value.bytes.size()};
    return --left != 0;
  });
}

}  // namespace mq::broker::filter
