#include "server/process_memory.hpp"

#include <malloc.h>
#include <mimalloc.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

// brokerd is linked with mimalloc, other programs and the builds with sanitizers are not.
#pragma weak mi_collect
#pragma weak mi_option_set
#pragma weak mi_option_get

namespace mq::server {
namespace {

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size_pages = 0, resident_pages = 0;
  statm >> size_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Of the calling thread, where each has memory of its own.
void give_back_what_is_free() {
  if (mi_collect != nullptr) mi_collect(true);
  else ::malloc_trim(0);
}

// Free pages of a block that is in use otherwise are not collected: they go back when something near them is freed after this delay.
void give_back_at_once(bool on) {
  if (mi_option_set == nullptr || mi_option_get == nullptr) return;
  static const long usual_delay_ms = mi_option_get(mi_option_decommit_delay);
  mi_option_set(mi_option_decommit_delay, on ? 0 : usual_delay_ms);
}

}  // namespace

std::uint64_t total_memory_bytes() {
  struct sysinfo info {};
  std::uint64_t total = ::sysinfo(&info) == 0 ? std::uint64_t{info.totalram} * info.mem_unit : std::uint64_t{1} << 30;
  std::uint64_t group = 0;
  if (std::ifstream limit("/sys/fs/cgroup/memory.max"); limit >> group && group != 0) total = std::min(total, group);
  return total;
}

ProcessMemory process_memory(engine::AsioScheduler& scheduler) {
  return {resident_bytes, [&scheduler, was_short = false](bool is_short) mutable {
            if (std::exchange(was_short, is_short) != is_short) give_back_at_once(is_short);
            if (is_short) scheduler.on_every_thread(give_back_what_is_free);
          }};
}

}  // namespace mq::server
