#include "mq/amqp/properties.hpp"

#include "mq/base/bytes.hpp"

namespace mq::amqp {

namespace {

/// Bit 0 says another flags word follows, bit 1 has no property; neither occurs in class 60.
constexpr std::uint16_t kReservedFlags = 0x0003;

struct StringField {
  PropertyFlag flag;
  std::string_view PropertiesView::*view;
  std::optional<std::string> Properties::*owned;
};
// Each run of string properties, in wire order; headers, delivery mode, priority and timestamp stand between the runs.
constexpr StringField kBeforeHeaders[] = {
    {kContentType, &PropertiesView::content_type, &Properties::content_type},
    {kContentEncoding, &PropertiesView::content_encoding, &Properties::content_encoding},
};
constexpr StringField kBeforeTimestamp[] = {
    {kCorrelationId, &PropertiesView::correlation_id, &Properties::correlation_id},
    {kReplyTo, &PropertiesView::reply_to, &Properties::reply_to},
    {kExpiration, &PropertiesView::expiration, &Properties::expiration},
    {kMessageId, &PropertiesView::message_id, &Properties::message_id},
};
constexpr StringField kAfterTimestamp[] = {
    {kType, &PropertiesView::type, &Properties::type},
    {kUserId, &PropertiesView::user_id, &Properties::user_id},
    {kAppId, &PropertiesView::app_id, &Properties::app_id},
    {kClusterId, &PropertiesView::cluster_id, &Properties::cluster_id},
};

/// Field by field, each from the same constant: of `view = {}`, and of chained assignments, the compiler makes code that costs more than
/// all else a plain message needs.
inline void clear(PropertiesView& view) noexcept {
  constexpr std::string_view kNone;
  view.flags = 0;
  view.delivery_mode = 0;
  view.priority = 0;
  view.timestamp = 0;
  view.content_type = kNone;
  view.content_encoding = kNone;
  view.correlation_id = kNone;
  view.reply_to = kNone;
  view.expiration = kNone;
  view.message_id = kNone;
  view.type = kNone;
  view.user_id = kNone;
  view.app_id = kNone;
  view.cluster_id = kNone;
  view.headers = TableView();
}

template <std::size_t N>
inline void scan_strings(ByteReader& in, const StringField (&fields)[N], PropertiesView& out) noexcept {
  for (const StringField& field : fields)
    if (out.has(field.flag)) out.*field.view = in.shortstr();
}

bool scan_fields(ByteReader in, PropertiesView& out) noexcept {
  scan_strings(in, kBeforeHeaders, out);
  if (out.has(kHeaders)) {
    out.headers = TableView(in.longstr());
    if (!is_valid_table(out.headers.body())) return false;
  }
  if (out.has(kDeliveryMode)) out.delivery_mode = in.u8();
  if (out.has(kPriority)) out.priority = in.u8();
  scan_strings(in, kBeforeTimestamp, out);
  if (out.has(kTimestamp)) out.timestamp = in.u64();
  scan_strings(in, kAfterTimestamp, out);
  return !in.failed() && in.empty();
}

template <std::size_t N>
void copy_strings(const PropertiesView& from, const StringField (&fields)[N], Properties& to) {
  for (const StringField& field : fields)
    if (from.has(field.flag)) to.*field.owned = std::string(from.*field.view);
}

template <std::size_t N>
void write_strings(const Properties& from, const StringField (&fields)[N], std::uint16_t& flags, ByteWriter& out) {
  for (const StringField& field : fields) {
    const std::optional<std::string>& value = from.*field.owned;
    if (!value) continue;
    flags |= field.flag;
    out.shortstr(*value);
  }
}

}  // namespace

bool scan_properties(std::string_view encoded, PropertiesView& out) noexcept {
  clear(out);
  if (encoded.size() < 2) return false;
  out.flags = load_big_endian<std::uint16_t>(encoded.data());
  // Most messages carry nothing, or the delivery mode alone: these leave before the walk over fourteen flags.
  if (out.flags == 0) return encoded.size() == 2;
  if (out.flags == kDeliveryMode) {
    if (encoded.size() != 3) return false;
    out.delivery_mode = static_cast<std::uint8_t>(encoded[2]);
    return true;
  }
  if ((out.flags & kReservedFlags) != 0) return false;
  return scan_fields(ByteReader(encoded.substr(2)), out);
}

std::optional<Properties> decode_properties(std::string_view encoded) {
  PropertiesView view;
  if (!scan_properties(encoded, view)) return std::nullopt;
  Properties properties;
  copy_strings(view, kBeforeHeaders, properties);
  if (view.has(kHeaders)) properties.headers = view.headers.decode();
  if (view.has(kDeliveryMode)) properties.delivery_mode = view.delivery_mode;
  if (view.has(kPriority)) properties.priority = view.priority;
  copy_strings(view, kBeforeTimestamp, properties);
  if (view.has(kTimestamp)) properties.timestamp = view.timestamp;
  copy_strings(view, kAfterTimestamp, properties);
  return properties;
}

void encode_properties(const Properties& properties, std::string& out) {
  std::size_t flags_at = out.size();
  std::uint16_t flags = 0;
  ByteWriter writer(out);
  writer.u16(0);
  write_strings(properties, kBeforeHeaders, flags, writer);
  if (properties.headers) {
    flags |= kHeaders;
    encode_table(*properties.headers, out);
  }
  if (properties.delivery_mode) {
    flags |= kDeliveryMode;
    writer.u8(*properties.delivery_mode);
  }
  if (properties.priority) {
    flags |= kPriority;
    writer.u8(*properties.priority);
  }
  write_strings(properties, kBeforeTimestamp, flags, writer);
  if (properties.timestamp) {
    flags |= kTimestamp;
    writer.u64(*properties.timestamp);
  }
  write_strings(properties, kAfterTimestamp, flags, writer);
  store_big_endian(out.data() + flags_at, flags);
}

}  // namespace mq::amqp
