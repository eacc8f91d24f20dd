// Broken invariants end the process, in release builds too: a broker that no longer knows what it holds must not confirm anything.
#pragma once

namespace mq {
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;
}

#define MQ_CHECK(condition) (static_cast<bool>(condition) ? static_cast<void>(0) : ::mq::check_failed(#condition, __FILE__, __LINE__))
