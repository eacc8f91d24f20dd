#include "broker/deduplication.hpp"

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "mq/base/bytes.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {
namespace {

constexpr std::string_view kTtlHeader = "x-cache-ttl";
constexpr Millis kMostTtlMs = 315'360'000'000;  // ten years

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// The value as bytes with its kind in front; empty when it is no id.
std::string_view id_bytes(const amqp::ValueView& value, std::string& scratch) {
  if (const auto number = value.integer()) return scratch = "#" + std::to_string(*number);
  switch (value.tag) {
    case 'V':
    case 'F':
    case 'A': return {};
    case 'f':
    case 'd': {
      const auto decoded = value.decode();
      if (!decoded) return {};
      const auto* single = std::get_if<float>(&decoded->of);
      const double number = single != nullptr ? static_cast<double>(*single) : std::get<double>(decoded->of);
      return scratch.assign("d").append(reinterpret_cast<const char*>(&number), sizeof number);
    }
    default: return scratch.assign(1, value.tag).append(value.bytes);
  }
}

}  // namespace

IdHash hash_id(std::string_view bytes) noexcept {
  // Looked up and made ready once per thread: that costs more than the hash.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  unsigned char digest[32];
  const bool done = algorithm != nullptr && context && EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest, nullptr) == 1;
  MQ_CHECK(done);
  const char* at = reinterpret_cast<const char*>(digest);
  return {load_big_endian<std::uint64_t>(at), load_big_endian<std::uint64_t>(at + 8)};
}

std::optional<IdHash> id_of(const DeduplicationSettings& settings, const Message& message) {
  if (settings.by_message_id) {
    const std::string_view id = message.properties().message_id;
    return id.empty() ? std::nullopt : std::optional(hash_id(id));
  }
  if (!message.has_headers()) return std::nullopt;
  const auto value = message.properties().headers.find(settings.header);
  if (!value) return std::nullopt;
  thread_local std::string scratch;
  const std::string_view bytes = id_bytes(*value, scratch);
  return bytes.empty() ? std::nullopt : std::optional(hash_id(bytes));
}

UnixMillis remembered_until(const DeduplicationSettings& settings, const Message& message, UnixMillis now) {
  if (message.has_headers()) {
    const auto own = message.properties().headers.find(kTtlHeader);
    const auto ttl_ms = own ? own->integer() : std::nullopt;
    if (ttl_ms && *ttl_ms > 0) return now + std::min<Millis>(*ttl_ms, kMostTtlMs);
  }
  return settings.cache_ttl_ms ? now + *settings.cache_ttl_ms : kNever;
}

}  // namespace mq::broker
