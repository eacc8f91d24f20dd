// What every fuzz target needs: the input as bytes of exactly its size, and a claim that ends the run when it does not hold.
//
// One file is one target, tests/fuzz/LAYER/NAME_fuzz.cpp is LAYER/NAME. With clang each becomes a libFuzzer program; in every other build
// all of them stand in the table of one program, the seeded driver (driver/).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace mq::fuzz {

using Run = void (*)(std::string_view input);

struct Target {
  const char* name;  ///< `amqp/table`
  Run run;
};

/// All targets of the driver, filled before main().
inline std::vector<Target>& targets() {
  static std::vector<Target> table;
  return table;
}

struct Registered {
  Registered(const char* name, Run run) { targets().push_back({name, run}); }
};

[[noreturn]] inline void claim_failed(const char* claim, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, claim);
  std::abort();
}

}  // namespace mq::fuzz

/// Unlike assert() this holds in every build.
#define FUZZ_CLAIM(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::mq::fuzz::claim_failed(#condition, __FILE__, __LINE__))

// FUZZ_NAME comes from the build.
#ifdef BROKERD_LIBFUZZER
#define FUZZ_TARGET(input)                                                            \
  static void fuzz_one(std::string_view input);                                       \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_one(std::string_view(reinterpret_cast<const char*>(data), size));            \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_one(std::string_view input)
#else
#define FUZZ_TARGET(input)                                              \
  static void fuzz_one(std::string_view input);                         \
  static const ::mq::fuzz::Registered registered(FUZZ_NAME, &fuzz_one); \
  static void fuzz_one(std::string_view input)
#endif
