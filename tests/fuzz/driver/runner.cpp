#include "driver/runner.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>

#include "mq/base/check.hpp"

namespace mq::fuzz {
namespace {

constexpr std::uint64_t kMostMemoryBytes = 4ULL << 30;
constexpr useconds_t kLookEveryUs = 5000;

/// What the two processes share: the child writes, the parent looks.
struct Board {
  std::atomic<std::uint64_t> executions{0};
  std::atomic<std::uint64_t> began_ms{0};  // the input under way; 0 = none
  std::atomic<std::uint64_t> slowest_ms{0};
  std::atomic<std::uint64_t> input_bytes{0};
  char input[kLongestInputBytes];
};

std::uint64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

struct Unmap {
  void operator()(Board* board) const { ::munmap(board, sizeof(Board)); }
};

std::unique_ptr<Board, Unmap> make_board() {
  void* at = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  MQ_CHECK(at != MAP_FAILED);
  return std::unique_ptr<Board, Unmap>(new (at) Board);
}

void run_one(const Target& target, Board& board, std::string_view input) {
  input = input.substr(0, kLongestInputBytes);
  std::memcpy(board.input, input.data(), input.size());
  board.input_bytes = input.size();
  const std::uint64_t began = now_ms();
  board.began_ms = began;
  {
    // Of exactly its size and by itself, so that a sanitizer sees every read beyond it.
    const std::unique_ptr<char[]> exact(new char[input.size()]);
    std::memcpy(exact.get(), input.data(), input.size());
    target.run({exact.get(), input.size()});
  }
  board.began_ms = 0;
  ++board.executions;
  board.slowest_ms = std::max<std::uint64_t>(board.slowest_ms, now_ms() - began);
}

[[noreturn]] void live(const Target& target, Board& board, const std::vector<std::string>& corpus, const std::function<std::string()>& make,
                       const Limits& limits) {
  if (std::string_view(BROKERD_SANITIZED).empty()) {  // sanitizers need all of the addresses
    const rlimit memory{kMostMemoryBytes, kMostMemoryBytes};
    ::setrlimit(RLIMIT_AS, &memory);
  }
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const std::uint64_t until = limits.total_ms == 0 ? UINT64_MAX : now_ms() + limits.total_ms;
  for (const std::string& input : corpus) run_one(target, board, input);
  for (std::uint64_t made = 0; made < limits.runs && now_ms() < until; ++made) run_one(target, board, make());
  std::exit(0);  // and not _exit(): what leaked is told now
}

}  // namespace

Outcome run_target(const Target& target, const std::vector<std::string>& corpus, const std::function<std::string()>& make,
                   const Limits& limits) {
  const auto board = make_board();
  const std::uint64_t began = now_ms();
  std::fflush(nullptr);
  const pid_t child = ::fork();
  MQ_CHECK(child >= 0);
  if (child == 0) live(target, *board, corpus, make, limits);

  std::string what;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    ::usleep(kLookEveryUs);
    const std::uint64_t input_began = board->began_ms;
    if (input_began == 0 || now_ms() < input_began + limits.input_ms) continue;
    what = "no end after " + std::to_string(limits.input_ms / 1000) + " s";
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    break;
  }
  if (what.empty() && WIFSIGNALED(status)) what = "killed by signal " + std::to_string(WTERMSIG(status));
  if (what.empty() && WEXITSTATUS(status) != 0) what = "ended with " + std::to_string(WEXITSTATUS(status));

  Outcome outcome{board->executions, now_ms() - began, board->slowest_ms, std::nullopt};
  if (!what.empty()) {
    if (board->began_ms == 0) what += " behind the last input (a leak?)";
    outcome.finding = Finding{std::string(board->input, board->input_bytes), what};
  }
  return outcome;
}

}  // namespace mq::fuzz
