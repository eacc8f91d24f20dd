#include "apps/brokerbench/proc.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace mq::bench {

namespace {

/// What stands after `name:` in a file of such lines, trimmed; empty when there is none.
std::string value_in(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    std::size_t at = line.find_first_not_of(" \t", line.find(':') + 1);
    return at == std::string::npos ? std::string() : line.substr(at);
  }
  return {};
}

std::uint64_t kib_in(const std::string& file, const std::string& name) {
  std::uint64_t kib = 0;
  std::istringstream(value_in(file, name)) >> kib;
  return kib * 1024;
}

}  // namespace

std::optional<ProcessUse> use_of_process(int pid) {
  if (pid <= 0) return std::nullopt;
  std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream in(folder + "/stat");
  std::string stat{std::istreambuf_iterator<char>(in), {}};
  std::size_t name_end = stat.rfind(')');  // a name may hold spaces and parentheses
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;  // proc(5): utime is field 14, stime 15
  double user_ticks = 0;
  double system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  ProcessUse use;
  use.cpu_s = (user_ticks + system_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  use.rss_bytes = kib_in(folder + "/status", "VmRSS");
  return use;
}

std::string machine_text() {
  std::string model = value_in("/proc/cpuinfo", "model name");
  utsname system{};
  ::uname(&system);
  unsigned cores = std::thread::hardware_concurrency();
  return fmt::format("{}, {} core{}, {} {}", model.empty() ? system.machine : model, cores, cores == 1 ? "" : "s", system.sysname,
                     system.release);
}

}  // namespace mq::bench
