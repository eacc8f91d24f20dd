// Bytes in network order: a bounds-checked reader over memory somebody else owns, and a writer that appends to a string.
//
// A ByteReader never throws and never reads past its end: the first short read makes it `failed()`, and every read after that
// yields zeros and empty views. So a decoder reads all its fields and asks once at the end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace mq {

/// The value of the big-endian integer at `from`; the caller vouches for its length.
template <class Int>
[[nodiscard]] inline Int load_big_endian(const char* from) noexcept {
  Int value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(Int) == 1) return value;
  else if constexpr (sizeof(Int) == 2) return static_cast<Int>(__builtin_bswap16(value));
  else if constexpr (sizeof(Int) == 4) return static_cast<Int>(__builtin_bswap32(value));
  else return static_cast<Int>(__builtin_bswap64(value));
}

/// Writes `value` in network order at `to`, which has room for it.
template <class Int>
inline void store_big_endian(char* to, Int value) noexcept {
  if constexpr (sizeof(Int) == 2) value = static_cast<Int>(__builtin_bswap16(value));
  else if constexpr (sizeof(Int) == 4) value = static_cast<Int>(__builtin_bswap32(value));
  else if constexpr (sizeof(Int) == 8) value = static_cast<Int>(__builtin_bswap64(value));
  std::memcpy(to, &value, sizeof value);
}

/// Reads fields in order from bytes it does not own. Views it returns live as long as those bytes.
class ByteReader {
 public:
  ByteReader() = default;
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] std::uint8_t u8() noexcept { return integer<std::uint8_t>(); }
  [[nodiscard]] std::uint16_t u16() noexcept { return integer<std::uint16_t>(); }
  [[nodiscard]] std::uint32_t u32() noexcept { return integer<std::uint32_t>(); }
  [[nodiscard]] std::uint64_t u64() noexcept { return integer<std::uint64_t>(); }

  /// The next `size` bytes.
  [[nodiscard]] std::string_view bytes(std::size_t size) noexcept {
    if (size > left()) return fail(), std::string_view{};
    std::string_view view(at_, size);
    at_ += size;
    return view;
  }
  /// AMQP shortstr: one length octet, then the bytes.
  [[nodiscard]] std::string_view shortstr() noexcept { return bytes(u8()); }
  /// AMQP longstr: four length octets, then the bytes.
  [[nodiscard]] std::string_view longstr() noexcept { return bytes(u32()); }
  /// All that is left.
  [[nodiscard]] std::string_view rest() noexcept { return bytes(left()); }

  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] bool empty() const noexcept { return at_ == end_; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] const char* position() const noexcept { return at_; }
  void fail() noexcept {
    failed_ = true;
    at_ = end_;
  }

 private:
  template <class Int>
  Int integer() noexcept {
    if (sizeof(Int) > left()) return fail(), Int{0};
    Int value = load_big_endian<Int>(at_);
    at_ += sizeof(Int);
    return value;
  }

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool failed_ = false;
};

/// Appends fields in order to a string.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  ByteWriter& u8(std::uint8_t value) { return integer(value); }
  ByteWriter& u16(std::uint16_t value) { return integer(value); }
  ByteWriter& u32(std::uint32_t value) { return integer(value); }
  ByteWriter& u64(std::uint64_t value) { return integer(value); }
  ByteWriter& bytes(std::string_view view) {
    out_.append(view);
    return *this;
  }
  /// Cut to 255 bytes, the most a shortstr holds.
  ByteWriter& shortstr(std::string_view view) {
    view = view.substr(0, 255);
    return u8(static_cast<std::uint8_t>(view.size())).bytes(view);
  }
  ByteWriter& longstr(std::string_view view) { return u32(static_cast<std::uint32_t>(view.size())).bytes(view); }

  [[nodiscard]] std::size_t position() const noexcept { return out_.size(); }
  /// Overwrites four bytes at `position` with `value`: for lengths known only afterwards.
  void patch_u32(std::size_t position, std::uint32_t value) { store_big_endian(out_.data() + position, value); }
  [[nodiscard]] std::string& out() noexcept { return out_; }

 private:
  template <class Int>
  ByteWriter& integer(Int value) {
    char raw[sizeof(Int)];
    store_big_endian(raw, value);
    out_.append(raw, sizeof raw);
    return *this;
  }

  std::string& out_;
};

}  // namespace mq
