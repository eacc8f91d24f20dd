#include "mq/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace mq {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "brokerd: broken invariant at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace mq
