// What a process of this machine uses, and what machine this is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mq::bench {

struct ProcessUse {
  double cpu_s = 0;             ///< of all its threads since it began
  std::uint64_t rss_bytes = 0;  ///< resident memory now
};

/// nullopt when there is no such process, or when `pid` is 0.
[[nodiscard]] std::optional<ProcessUse> use_of_process(int pid);

/// `AMD EPYC, 2 cores, Linux 6.1.0`.
[[nodiscard]] std::string machine_text();

}  // namespace mq::bench
