// The seeded driver of the fuzz targets: runs the committed corpus, then mutations of it. What it finds can be repeated by one command.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "driver/dictionary.hpp"
#include "driver/mutator.hpp"
#include "driver/runner.hpp"

namespace mq::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostHexBytes = 4096;

struct Options {
  std::vector<std::string> names;
  std::uint64_t runs = 20'000;
  double seconds = 0;
  double input_seconds = 30;
  std::uint64_t seed = 1;
  std::size_t most_bytes = 16 * 1024;
  std::string corpus = BROKERD_FUZZ_DIR "/corpus";
  std::string input;
  std::string findings = "fuzz-findings";
  bool list = false;
};

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// In order of their names, so that the same seed makes the same inputs.
std::vector<std::string> read_corpus(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const fs::path& file : files) corpus.push_back(read_file(file));
  return corpus;
}

std::string to_hex(std::string_view bytes) {
  std::string hex;
  char digits[3];
  for (char c : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    hex += digits;
  }
  return hex;
}

std::string keep(const Options& options, std::string name, std::string_view input) {
  std::replace(name.begin(), name.end(), '/', '-');
  fs::create_directories(options.findings);
  const fs::path file = fs::absolute(options.findings) / (name + "-" + std::to_string(std::hash<std::string_view>{}(input)));
  std::ofstream(file, std::ios::binary) << input;
  return file.string();
}

void tell(const Options& options, const Target& target, const Finding& finding, const char* program) {
  const std::string file = keep(options, target.name, finding.input);
  std::printf("FOUND   %s: %s\n  input (%zu bytes): %s%s\n  again: %s %s --input %s\n", target.name, finding.what.c_str(),
              finding.input.size(), to_hex(std::string_view(finding.input).substr(0, kMostHexBytes)).c_str(),
              finding.input.size() > kMostHexBytes ? "..." : "", program, target.name, file.c_str());
}

bool run(const Options& options, const Target& target, const char* program) {
  const std::string name = target.name;
  const auto words = read_dictionary(fs::path(BROKERD_FUZZ_DIR) / "dictionaries" / (name.substr(0, name.find('/')) + ".dict"));
  if (!words) {
    std::printf("the dictionary of %s is malformed\n", target.name);
    return false;
  }
  const bool one = !options.input.empty();
  const std::vector<std::string> corpus = one ? std::vector{read_file(options.input)} : read_corpus(fs::path(options.corpus) / name);
  const Mutator mutator(corpus, *words, options.most_bytes);
  Random random(options.seed);
  const auto in_ms = [](double seconds) { return static_cast<std::uint64_t>(seconds * 1000); };
  const Limits limits{one ? 0 : options.runs, in_ms(options.seconds), in_ms(options.input_seconds)};
  const Outcome outcome = run_target(
      target, corpus, [&] { return mutator.make(random); }, limits);
  std::printf("%s %-24s seed %llu: %llu executions (%zu of the corpus) in %.1f s, the slowest %.2f s\n",
              outcome.finding ? "FAILED " : "passed ", target.name, static_cast<unsigned long long>(options.seed),
              static_cast<unsigned long long>(outcome.executions), corpus.size(), static_cast<double>(outcome.elapsed_ms) / 1000,
              static_cast<double>(outcome.slowest_ms) / 1000);
  if (outcome.finding) tell(options, target, *outcome.finding, program);
  std::fflush(stdout);
  return !outcome.finding;
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Runs fuzz targets over the committed corpus, and over inputs made of it from a seed.");
  app.add_option("targets", options.names, "which; all when none is named");
  app.add_option("--runs", options.runs, "inputs to make, besides the corpus")->capture_default_str();
  app.add_option("--seconds", options.seconds, "make no more of them after so long; 0 = no limit")->capture_default_str();
  app.add_option("--input-seconds", options.input_seconds, "an input that takes longer is a finding")->capture_default_str();
  app.add_option("--seed", options.seed, "what the inputs are made from")->capture_default_str();
  app.add_option("--max-bytes", options.most_bytes, "of an input made")->capture_default_str();
  app.add_option("--corpus", options.corpus, "folder of folders LAYER/NAME")->capture_default_str();
  app.add_option("--input", options.input, "run this file only")->check(CLI::ExistingFile);
  app.add_option("--findings", options.findings, "folder for inputs that failed")->capture_default_str();
  app.add_flag("--list", options.list, "name the targets");
  CLI11_PARSE(app, argc, argv);

  auto& all = targets();
  std::sort(all.begin(), all.end(), [](const Target& a, const Target& b) { return std::string_view(a.name) < b.name; });
  if (options.list) {
    for (const Target& target : all) std::puts(target.name);
    return 0;
  }
  for (const std::string& name : options.names) {
    if (std::any_of(all.begin(), all.end(), [&](const Target& target) { return name == target.name; })) continue;
    std::fprintf(stderr, "no target '%s'; --list names them\n", name.c_str());
    return 2;
  }
  bool good = true;
  for (const Target& target : all) {
    const bool wanted = options.names.empty() || std::find(options.names.begin(), options.names.end(), target.name) != options.names.end();
    if (wanted && !run(options, target, argv[0])) good = false;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace mq::fuzz

int main(int argc, char** argv) { return mq::fuzz::main(argc, argv); }
