#include "sim/trial.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "sim/world.hpp"

namespace mq::sim {
namespace {

constexpr rlim_t kTooLong_cpu_s = 60;  // of its own: the machine may be busy
constexpr unsigned kTooLong_s = 600;   // whatever it does then, it does not work
constexpr std::size_t kTextBytes = 1000;

// What a child tells through a pipe; trivially copied.
struct Report {
  bool done = false;
  std::uint64_t fingerprint = 0;
  Tally tally;
  char violation[kTextBytes] = {};
};

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM)) return "took too long";
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with {}", WEXITSTATUS(status));
}

// A violation without its numbers and names: another one of the same kind is as good.
std::string kind_of(const std::string& violation) {
  std::string kind;
  bool quoted = false;
  for (const char each : violation) {
    if (each == '\'') quoted = !quoted;
    else if (!quoted && (each < '0' || each > '9')) kind += each;
  }
  return kind;
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  static_assert(sizeof(Tally) % sizeof(std::uint64_t) == 0);
  auto* to = reinterpret_cast<std::uint64_t*>(this);
  const auto* from = reinterpret_cast<const std::uint64_t*>(&other);
  for (std::size_t at = 0; at < sizeof(Tally) / sizeof(std::uint64_t); ++at) to[at] += from[at];
  return *this;
}

Outcome live(const Trial& trial, bool traces) {
  World world(trial.seed, traces ? [](const std::string& what) { std::puts(what.c_str()); } : std::function<void(const std::string&)>());
  const LifeResult life = world.lives(trial.steps, trial.left_out);
  Outcome outcome{life.violation, life.fingerprint, {}};
  Tally& tally = outcome.tally;
  tally.published = life.counts.published;
  tally.confirmed = life.counts.confirmed;
  tally.delivered = life.counts.delivered;
  tally.redelivered = life.counts.redelivered;
  tally.acked = life.counts.acked;
  tally.dead_lettered = life.counts.dead_lettered;
  tally.transactions = life.counts.transactions;
  tally.drained = life.counts.drained;
  tally.crashes = life.crashes;
  tally.restarts = life.restarts;
  tally.vanished = life.vanished;
  tally.stalls = life.stalls;
  tally.lost_writes = life.disk.lost_writes;
  tally.failed_commits = life.disk.failed_commits;
  tally.failed_reads = life.disk.failed_reads;
  tally.damaged_pages = life.disk.damaged_pages;
  tally.damaged_messages = life.counts.damaged;
  tally.full_disks = life.full_disks;
  tally.commits_without_space = life.disk.commits_without_space;
  tally.shortages = life.shortages;
  tally.rates = life.rates;
  return outcome;
}

Outcome live_apart(const Trial& trial) {
  Nursery nursery(1);
  nursery.begin(trial);
  return nursery.next().second;
}

Nursery::~Nursery() {
  for (const Life& life : lives_) {
    ::kill(life.child, SIGKILL);
    ::waitpid(life.child, nullptr, 0);
    ::close(life.pipe);
  }
}

void Nursery::begin(const Trial& trial) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "a pipe");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const rlimit most{kTooLong_cpu_s, kTooLong_cpu_s + 1};
    ::setrlimit(RLIMIT_CPU, &most);
    ::alarm(kTooLong_s);
    const Outcome outcome = live(trial, false);
    Report report{true, outcome.fingerprint, outcome.tally, {}};
    std::strncpy(report.violation, outcome.violation.c_str(), kTextBytes - 1);
    const bool told = ::write(ends[1], &report, sizeof report) == static_cast<ssize_t>(sizeof report);
    ::_exit(told ? 0 : 1);  // what the crashes of the life left behind is left there
  }
  ::close(ends[1]);
  lives_.push_back({trial, child, ends[0]});
}

std::pair<Trial, Outcome> Nursery::next() {
  std::vector<pollfd> ends;
  for (const Life& life : lives_) ends.push_back({life.pipe, POLLIN, 0});
  while (::poll(ends.data(), ends.size(), -1) < 0 && errno == EINTR) {}
  const auto told = std::find_if(ends.begin(), ends.end(), [](const pollfd& end) { return end.revents != 0; });
  const auto ended = lives_.begin() + (told - ends.begin());
  const Life life = std::move(*ended);
  lives_.erase(ended);

  Report report;
  std::size_t got = 0;
  for (ssize_t bytes = 1; bytes > 0 && got < sizeof report; got += static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)))
    bytes = ::read(life.pipe, reinterpret_cast<char*>(&report) + got, sizeof report - got);
  ::close(life.pipe);
  int status = 0;
  ::waitpid(life.child, &status, 0);
  if (got != sizeof report) return {life.trial, {how_it_ended(status), 0, {}}};
  return {life.trial, {report.violation, report.fingerprint, report.tally}};
}

// Leaves out ever smaller stretches of steps, as long as what remains fails too.
Trial shrink(Trial failing) {
  const std::string kind = kind_of(live_apart(failing).violation);
  const auto still_fails = [&](const Trial& trial) { return kind_of(live_apart(trial).violation) == kind; };
  // The steps behind the failure are the easiest to be without.
  for (std::uint64_t length = failing.steps; length > 0; length /= 2) {
    while (failing.steps > length) {
      Trial shorter = failing;
      shorter.steps -= length;
      if (!still_fails(shorter)) break;
      failing = shorter;
    }
  }
  for (std::uint64_t length = std::max<std::uint64_t>(failing.steps / 2, 1);; length /= 2) {
    for (std::uint64_t from = 0; from < failing.steps; from += length) {
      Trial fewer = failing;
      for (std::uint64_t step = from; step < std::min(from + length, failing.steps); ++step) fewer.left_out.insert(step);
      if (fewer.left_out.size() > failing.left_out.size() && still_fails(fewer)) failing = fewer;
    }
    if (length <= 1) return failing;
  }
}

std::string ranges_of(const std::set<std::uint64_t>& numbers) {
  std::string text;
  for (auto at = numbers.begin(); at != numbers.end();) {
    const std::uint64_t first = *at;
    std::uint64_t last = first;
    for (++at; at != numbers.end() && *at == last + 1; ++at) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(first) + (last == first ? "" : "-" + std::to_string(last));
  }
  return text;
}

std::set<std::uint64_t> numbers_in(const std::string& ranges) {
  std::set<std::uint64_t> numbers;
  const char* at = ranges.data();
  const char* const end = at + ranges.size();
  while (at < end) {
    std::uint64_t first = 0;
    at = std::from_chars(at, end, first).ptr;
    std::uint64_t last = first;
    if (at < end && *at == '-') at = std::from_chars(at + 1, end, last).ptr;
    for (std::uint64_t number = first; number <= last; ++number) numbers.insert(number);
    if (at < end && *at != ',') break;
    ++at;
  }
  return numbers;
}

}  // namespace mq::sim
