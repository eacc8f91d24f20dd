// brokersim: lives of a broker, drawn from seeds. `brokersim --seed 7` repeats one exactly; `brokersim --seeds 1000` looks for one that
// breaks a promise, and says with how few steps.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <thread>
#include <vector>

#include "sim/plan.hpp"
#include "sim/trial.hpp"

namespace mq::sim {
namespace {

struct Options {
  std::uint64_t seed = 0;
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 100;
  std::uint64_t steps = 2000;
  std::string leave_out;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  bool traces = false;
  bool shrinks = true;
  bool twice = false;
};

void print(const Tally& tally) {
  fmt::print(
      "published {}, confirmed {}, delivered {} ({} again), acked {}, dead-lettered {}, transactions {}, drained {}\n"
      "crashes {} (writes lost {}), restarts {}, connections broken {}, disk stalls {}, failed commits {}, failed reads {}, "
      "damaged pages {} (messages {}), full disks {} (commits that did not fit {}), shortages of memory {}, rates {}\n",
      tally.published, tally.confirmed, tally.delivered, tally.redelivered, tally.acked, tally.dead_lettered, tally.transactions,
      tally.drained, tally.crashes, tally.lost_writes, tally.restarts, tally.vanished, tally.stalls, tally.failed_commits,
      tally.failed_reads, tally.damaged_pages, tally.damaged_messages, tally.full_disks, tally.commits_without_space, tally.shortages,
      tally.rates);
}

void report(const Trial& trial, const std::string& violation, bool shrinks) {
  fmt::print("seed {} FAILED: {}\n", trial.seed, violation);
  if (!shrinks) return;
  const Trial least = shrink(trial);
  const std::string left_out = least.left_out.empty() ? "" : " --leave-out " + ranges_of(least.left_out);
  fmt::print("the least that fails: {} steps; again: brokersim --seed {} --steps {}{} --trace\n", least.steps - least.left_out.size(),
             least.seed, least.steps, left_out);
  const Outcome again = live(least, true);
  fmt::print("VIOLATION: {}\n", again.violation);
}

int run_one(const Options& options) {
  const Trial trial{options.seed, options.steps, numbers_in(options.leave_out)};
  if (options.traces) fmt::print("{}", Plan(options.seed).to_string());
  const Outcome outcome = options.traces ? live(trial, true) : live_apart(trial);
  print(outcome.tally);
  fmt::print("fingerprint {:016x}\n", outcome.fingerprint);
  if (outcome.violation.empty()) return 0;
  if (options.traces) fmt::print("VIOLATION: {}\n", outcome.violation);
  else report(trial, outcome.violation, options.shrinks);
  return 1;
}

int run_many(const Options& options) {
  Nursery nursery(std::max(1u, options.jobs));
  std::uint64_t next = options.first_seed;
  const std::uint64_t end = options.first_seed + options.seeds;
  std::map<std::uint64_t, std::uint64_t> first_times;  // fingerprints by seed
  Tally tally;
  std::vector<std::pair<Trial, std::string>> failed;
  while (true) {
    while (next < end && failed.empty() && !nursery.full())
      nursery.begin({next++, options.steps, {}});  // one failure is enough to go on with
    if (nursery.empty()) break;
    auto [trial, outcome] = nursery.next();
    const auto first_time = first_times.find(trial.seed);
    if (first_time != first_times.end()) {
      if (outcome.violation.empty() && outcome.fingerprint != first_time->second) outcome.violation = "it went another way the second time";
    } else {
      tally += outcome.tally;
      if (options.twice && outcome.violation.empty()) {
        first_times[trial.seed] = outcome.fingerprint;
        nursery.begin(trial);
      }
    }
    if (!outcome.violation.empty()) failed.emplace_back(trial, outcome.violation);
  }
  if (failed.empty()) fmt::print("{} seeds from {}, {} steps each: nothing found\n", options.seeds, options.first_seed, options.steps);
  print(tally);
  if (failed.empty()) return 0;
  report(failed.front().first, failed.front().second, options.shrinks);
  return 1;
}

}  // namespace
}  // namespace mq::sim

int main(int argc, char** argv) {
  mq::sim::Options options;
  CLI::App app{"Simulated lives of a broker: its own code on one thread, with a clock, a disk and clients drawn from a seed."};
  app.add_option("--seed", options.seed, "live this one");
  app.add_option("--seeds", options.seeds, "live so many, until one fails")->capture_default_str();
  app.add_option("--first-seed", options.first_seed, "of those")->capture_default_str();
  app.add_option("--steps", options.steps, "of each")->capture_default_str();
  app.add_option("--leave-out", options.leave_out, "steps of the one that are not taken: 3-17,40");
  app.add_option("--jobs", options.jobs, "at the same time")->capture_default_str();
  app.add_flag("--trace", options.traces, "tell what happens");
  app.add_flag("!--no-shrink", options.shrinks, "do not look for the least that fails");
  app.add_flag("--twice", options.twice, "live each twice, and fail if they differ");
  CLI11_PARSE(app, argc, argv);
  return options.seed != 0 ? mq::sim::run_one(options) : mq::sim::run_many(options);
}
