#include "apps/brokerbench/command_line.hpp"

#include <algorithm>
#include <sstream>

#include "apps/brokerbench/option_rows.hpp"
#include "apps/brokerbench/presets.hpp"
#include "apps/brokerbench/uri.hpp"

namespace mq::bench {

namespace {

constexpr const char* kFooter =
    "Commands:\n"
    "  brokerbench [run] OPTIONS            one run (run may be left out)\n"
    "  brokerbench compare A B OPTIONS      the same on two brokers in turns; A and B are [NAME=]URI\n"
    "  brokerbench presets                  the scenarios that --preset knows\n"
    "\nExit codes: 0 done, 1 the broker refused or broke off, 2 wrong usage.";

/// Combinations that make no sense, and why.
struct Rule {
  bool (*is_broken)(const Options&);
  const char* sentence;
};

constexpr Rule kRules[] = {
    {[](const Options& o) { return o.work == Work::kLoad && o.producers == 0 && o.consumers == 0; },
     "nothing to do without producers and consumers"},
    {[](const Options& o) { return o.work == Work::kRpc && (o.producers == 0 || o.consumers == 0); },
     "--work rpc needs producers, who ask, and consumers, who reply"},
    {[](const Options& o) { return o.work == Work::kChurn && o.producers == 0; }, "--work churn needs --producers"},
    {[](const Options& o) { return o.work == Work::kRpc && o.size.smallest_bytes() < 8; }, "--work rpc needs bodies of 8 bytes or more"},
    {[](const Options& o) { return o.work == Work::kRpc && !o.exchange.empty(); },
     "--work rpc sends requests to queues, not to an --exchange"},
    {[](const Options& o) { return o.work == Work::kRpc && (o.confirm_window != 0 || o.tx_publishes != 0 || o.fill_first); },
     "--work rpc takes replies for an answer: neither --confirm nor --tx, nor --fill-first"},
    {[](const Options& o) { return o.confirm_window != 0 && o.tx_publishes != 0; },
     "--confirm and --tx exclude each other: AMQP allows a channel one of them"},
    {[](const Options& o) { return o.prefetch == 0 && (o.ack_each || o.ack_every != 0 || o.tx_acks != 0); },
     "there is nothing to ack with automatic acks: give a --prefetch"},
    {[](const Options& o) { return o.ack_each && o.ack_every > 1; }, "--ack-each and --ack-every exclude each other"},
    {[](const Options& o) { return std::max(o.ack_every, o.tx_acks) > o.prefetch; },
     "--ack-every and --tx-acks must not exceed --prefetch: the broker would wait for acks that wait for messages"},
    {[](const Options& o) { return o.warmup_s > 0 && o.seconds == 0 && o.count != 0; },
     "--warmup leaves seconds out: give --seconds, too, or no --count"},
    {[](const Options& o) { return o.fill_first && (o.producers == 0 || o.consumers == 0 || (o.seconds == 0 && o.count == 0)); },
     "--fill-first needs producers, consumers, and an end of publishing"},
    {[](const Options& o) { return o.rates.size() > 1 && std::ranges::find(o.rates, 0.0) != o.rates.end(); },
     "each of several rates must be above 0"},
    {[](const Options& o) { return o.rates.size() > 1 && o.step_s == 0 && o.seconds == 0; }, "several rates need --step or --seconds"},
    {[](const Options& o) { return static_cast<double>(o.size.period()) * o.size.mean_bytes() > double(1 << 30); },
     "this mix of sizes takes more than 1 GiB per producer"},
};

/// What the parser fills.
struct Parse {
  Options options;
  std::string save;
  std::vector<std::string> presets;
  std::vector<std::string> targets;
  Command command;
};

void add_options(CLI::App& app, Parse& parse) {
  bool is_compare = parse.command.kind == Command::Kind::kCompare;
  app.set_version_flag("--version", std::string("brokerbench ") + BROKERD_VERSION);
  app.footer(kFooter);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option(
         "--preset", parse.presets,
         is_compare ? "Scenarios by name, with commas, or all; see brokerbench presets" : "A scenario by name; see brokerbench presets")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  add_run_options(app, parse.options, parse.save);
  if (!is_compare) return;
  const char* group = "Compare";
  app.add_option("brokers", parse.targets, "The two brokers, as [NAME=]URI")->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--rounds", parse.command.rounds, "How often each broker gets its turn")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--markdown-file", parse.command.markdown_file, "Write the table for a document")->group(group);
  app.add_option("--svg-file", parse.command.svg_file, "Write the ratios as a picture")->group(group);
}

std::vector<std::string> words_of(const char* text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// The preset's options with the user's after them, which so override. Rates are a list and would grow: the user's take their place.
std::vector<std::string> joined(const Preset* preset, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = preset == nullptr ? std::vector<std::string>{} : words_of(preset->options);
  bool has_rate = std::ranges::any_of(arguments, [](const std::string& word) { return word == "--rate" || word.starts_with("--rate="); });
  if (auto at = std::ranges::find(words, "--rate"); has_rate && at != words.end()) words.erase(at, at + 2);
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

std::optional<CommandLine> wrong(const std::string& sentence) { return CommandLine{std::nullopt, 2, "brokerbench: " + sentence + "\n"}; }

/// Parses one scenario; returns how to end when the words make none.
std::optional<CommandLine> parse_scenario(const Preset* preset, const std::vector<std::string>& arguments, Parse& parse) {
  CLI::App app("Puts load on an AMQP 0-9-1 broker and tells how it did", "brokerbench");
  add_options(app, parse);
  std::vector<std::string> words = joined(preset, arguments);
  std::ranges::reverse(words);  // CLI11 takes them from the back
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    bool is_help = app.exit(error, out, out) == 0;
    return CommandLine{std::nullopt, is_help ? 0 : 2, out.str()};
  }
  Options& o = parse.options;
  if (o.count != 0 && app.get_option("--seconds")->count() == 0) o.seconds = 0;
  if (o.rates == std::vector<double>{0}) o.rates.clear();
  if (o.fill_first || o.work == Work::kIdle) o.warmup_s = 0;  // of them all counts
  if (preset != nullptr) {
    o.preset = preset->name;
    if (o.title.empty()) o.title = preset->sentence;
  }
  if (!parse.save.empty()) {
    if (o.json_file.empty()) o.json_file = parse.save + ".json";
    if (o.csv_file.empty()) o.csv_file = parse.save + ".csv";
    if (o.html_file.empty()) o.html_file = parse.save + ".html";
  }
  return std::nullopt;
}

std::optional<CommandLine> check(const Options& options) {
  for (const Rule& rule : kRules)
    if (rule.is_broken(options)) return wrong(rule.sentence);
  return std::nullopt;
}

/// The presets that are asked for; one nullptr for none. False when there is one we do not know.
bool find_presets(const std::vector<std::string>& names, std::vector<const Preset*>& found, std::string& unknown) {
  for (const std::string& name : names) {
    if (name == "all") {
      for (const Preset& preset : presets()) found.push_back(&preset);
      continue;
    }
    found.push_back(find_preset(name));
    if (found.back() != nullptr) continue;
    unknown = name;
    return false;
  }
  if (found.empty()) found.push_back(nullptr);
  return true;
}

/// `NAME=URI`, or a bare URI, whose address then is its name.
Target target_of(const std::string& text) {
  std::size_t equals = text.find('=');
  std::size_t scheme = text.find("://");
  if (equals != std::string::npos && (scheme == std::string::npos || equals < scheme))
    return {text.substr(0, equals), text.substr(equals + 1)};
  client::ConnectOptions address;
  return {apply_uri(text, address).empty() ? address_text(address) : text, text};
}

std::optional<CommandLine> take_targets(Parse& parse) {
  if (parse.targets.size() != 2) return wrong("compare takes two brokers, each as [NAME=]URI");
  for (const std::string& text : parse.targets) {
    parse.command.targets.push_back(target_of(text));
    client::ConnectOptions address;
    if (std::string problem = apply_uri(parse.command.targets.back().uri, address); !problem.empty()) return wrong(problem);
  }
  Target &a = parse.command.targets[0], &b = parse.command.targets[1];
  if (a.name == b.name) {  // the same broker twice: shows how much chance there is
    a.name += " (A)";
    b.name += " (B)";
  }
  return std::nullopt;
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& given) {
  std::vector<std::string> arguments = given;
  Parse first;  // without a preset, to learn which are meant
  if (!arguments.empty() && arguments[0] == "presets") return {Command{.kind = Command::Kind::kPresets}};
  if (!arguments.empty() && arguments[0] == "compare") first.command.kind = Command::Kind::kCompare;
  if (!arguments.empty() && (arguments[0] == "compare" || arguments[0] == "run")) arguments.erase(arguments.begin());
  bool is_compare = first.command.kind == Command::Kind::kCompare;
  if (std::optional<CommandLine> ending = parse_scenario(nullptr, arguments, first)) return *ending;

  std::vector<const Preset*> found;
  std::string unknown;
  if (!find_presets(first.presets, found, unknown)) return *wrong("there is no preset '" + unknown + "'; `brokerbench presets` lists them");
  if (!is_compare && found.size() > 1) return *wrong("one run takes one --preset; `brokerbench compare` takes several");
  if (is_compare)
    if (std::optional<CommandLine> ending = take_targets(first)) return *ending;
  std::size_t pids = first.options.broker_pids.size();
  if (is_compare ? pids != 0 && pids != 2 : pids > 1) return *wrong("give one --pid for each broker, or none");
  for (const Preset* preset : found) {
    Parse parse;
    parse.command.kind = first.command.kind;
    if (std::optional<CommandLine> ending = parse_scenario(preset, arguments, parse)) return *ending;
    if (std::optional<CommandLine> ending = check(parse.options)) return *ending;
    first.command.scenarios.push_back(std::move(parse.options));
  }
  return {std::move(first.command)};
}

}  // namespace mq::bench
