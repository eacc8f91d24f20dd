#include "broker/scrypt.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <charconv>

#include "mq/base/check.hpp"

namespace mq::broker::scrypt {
namespace {

constexpr std::string_view kHead = "$scrypt$ln=";
constexpr std::string_view kOtherParameters = ",r=8,p=1$";
constexpr std::uint64_t kBlocks = 8, kLanes = 1;  // r and p
constexpr std::size_t kSaltDigits = 22, kHashDigits = 43;
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

template <std::size_t Bytes>
void append_digits(std::string& text, const std::array<std::uint8_t, Bytes>& bytes) {
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (std::uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    held += 8;
    for (; held >= 6; held -= 6) text += kDigits[bits >> (held - 6) & 63];
  }
  if (held > 0) text += kDigits[bits << (6 - held) & 63];
}

template <std::size_t Bytes>
bool read_digits(std::string_view text, std::array<std::uint8_t, Bytes>& bytes) {
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t at = 0;
  for (char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[at++] = static_cast<std::uint8_t>(bits >> held);
  }
  return at == Bytes;
}

Digest digest_of(std::string_view password, const ScryptSalt& salt, unsigned cost) {
  const std::uint64_t n = std::uint64_t{1} << cost;
  const std::uint64_t memory_bytes = 128 * kBlocks * (n + kLanes) + (1 << 20);  // what it needs, and a little for the library
  Digest digest{};
  const int done = EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(), n, kBlocks, kLanes, memory_bytes,
                                  digest.data(), digest.size());
  MQ_CHECK(done == 1);  // parameters are within bounds; without memory for it there is no going on
  return digest;
}

}  // namespace

std::optional<Parts> read(std::string_view text) noexcept {
  if (!text.starts_with(kHead)) return std::nullopt;
  text.remove_prefix(kHead.size());
  Parts parts;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parts.cost);
  if (error != std::errc{} || parts.cost < kLowestScryptCost || parts.cost > kHighestScryptCost) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(kOtherParameters)) return std::nullopt;
  text.remove_prefix(kOtherParameters.size());
  if (text.size() != kSaltDigits + 1 + kHashDigits || text[kSaltDigits] != '$') return std::nullopt;
  if (!read_digits(text.substr(0, kSaltDigits), parts.salt) || !read_digits(text.substr(kSaltDigits + 1), parts.digest))
    return std::nullopt;
  return parts;
}

std::string hash(std::string_view password, const ScryptSalt& salt, unsigned cost) {
  MQ_CHECK(cost >= kLowestScryptCost && cost <= kHighestScryptCost);
  std::string text(kHead);
  text.append(std::to_string(cost)).append(kOtherParameters);
  append_digits(text, salt);
  text += '$';
  append_digits(text, digest_of(password, salt, cost));
  return text;
}

bool matches(std::string_view text, std::string_view password) {
  const auto parts = read(text);
  if (!parts) return false;
  const Digest digest = digest_of(password, parts->salt, parts->cost);
  return CRYPTO_memcmp(digest.data(), parts->digest.data(), digest.size()) == 0;
}

}  // namespace mq::broker::scrypt
