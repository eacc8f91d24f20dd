// What every fuzz target needs: the input as bytes of exactly its size, and a claim that ends the run when it does not hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Unlike assert() this holds in every build.
#define FUZZ_CLAIM(condition) (static_cast<bool>(condition) ? static_cast<void>(0) : std::abort())

#define FUZZ_TARGET(input)                                                            \
  static void fuzz_one(std::string_view input);                                       \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_one(std::string_view(reinterpret_cast<const char*>(data), size));            \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_one(std::string_view input)
