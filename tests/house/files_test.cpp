// Rules for the files of the repository themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "house/layers.hpp"

namespace mq::house {
namespace {

namespace fs = std::filesystem;

constexpr long kMostLines = 500;

/// Files that are one table from top to bottom, and so may be longer.
const std::map<std::string, std::string>& long_tables() {
  static const std::map<std::string, std::string> table{};
  return table;
}

std::string in_tree(const std::string& file) { return read_text(fs::path(BROKERD_SOURCE_DIR) / file); }

long line_count(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

/// The package names of each section of scripts/packages.txt.
std::map<std::string, std::vector<std::string>> package_sections() {
  std::map<std::string, std::vector<std::string>> sections;
  std::istringstream text(in_tree("scripts/packages.txt"));
  std::string line, section;
  while (std::getline(text, line)) {
    line = line.substr(0, line.find('#'));
    std::istringstream words(line);
    std::string word;
    if (!(words >> word)) continue;
    if (word.front() == '[') section = word.substr(1, word.size() - 2);
    else sections[section].push_back(word);
  }
  return sections;
}

/// The commands of a Dockerfile: continued lines joined.
std::vector<std::string> docker_commands() {
  std::string text = std::regex_replace(in_tree("docker/Dockerfile"), std::regex("\\\\\n"), " ");
  std::istringstream lines(text);
  std::vector<std::string> commands;
  for (std::string line; std::getline(lines, line);) commands.push_back(line);
  return commands;
}

TEST(SourceFiles, AreShort) {
  for (const std::string folder : {"include", "src", "tests", "bench"}) {
    for (const auto& file : files_below(BROKERD_SOURCE_DIR, folder, {".hpp", ".cpp"})) {
      long lines = line_count(read_text(fs::path(BROKERD_SOURCE_DIR) / file));
      bool is_table = long_tables().contains(file.generic_string());
      EXPECT_TRUE(lines <= kMostLines || is_table) << file.generic_string() << " has " << lines << " lines, more than " << kMostLines;
    }
  }
}

TEST(LongTables, AreStillThere) {
  for (const auto& [file, why] : long_tables()) EXPECT_FALSE(in_tree(file).empty()) << file << " (" << why << ") is gone; remove its row";
}

TEST(Headers, AreGuarded) {
  for (const std::string folder : {"include", "src", "tests"}) {
    for (const auto& file : files_below(BROKERD_SOURCE_DIR, folder, {".hpp"})) {
      EXPECT_NE(read_text(fs::path(BROKERD_SOURCE_DIR) / file).find("#pragma once"), std::string::npos) << file.generic_string();
    }
  }
}

TEST(Dockerfile, InstallsOnlyWhatThePackageListNames) {
  auto sections = package_sections();
  std::regex from_list(R"(apt-get install [^;&|]*\$\(/?[a-z/]*packages ([a-z ]+)\)\s*(;|&&|\||$))");
  int installs = 0;
  for (const std::string& command : docker_commands()) {
    if (command.find("apt-get install") == std::string::npos) continue;
    ++installs;
    std::smatch match;
    ASSERT_TRUE(std::regex_search(command, match, from_list)) << "names packages itself: " << command;
    std::istringstream names(match[1]);
    for (std::string section; names >> section;) EXPECT_TRUE(sections.contains(section)) << "no section [" << section << "]";
  }
  EXPECT_EQ(installs, 2) << "one for each stage";
}

TEST(Dockerfile, PutsTheRuntimePackagesIntoTheLastStage) {
  auto commands = docker_commands();
  auto last_stage = std::find_if(commands.rbegin(), commands.rend(), [](const std::string& c) { return c.starts_with("FROM "); }).base();
  bool found =
      std::any_of(last_stage, commands.end(), [](const std::string& c) { return c.find("packages runtime)") != std::string::npos; });
  EXPECT_TRUE(found);
}

TEST(PackageList, NamesAPackageOnce) {
  std::map<std::string, std::string> seen;
  for (const auto& [section, names] : package_sections()) {
    for (const std::string& name : names)
      EXPECT_TRUE(seen.emplace(name, section).second) << name << " is in [" << seen[name] << "] and [" << section << "]";
  }
}

TEST(Documents, LinkToFilesThatAreThere) {
  auto documents = files_below(BROKERD_SOURCE_DIR, "docs", {".md"});
  documents.insert(documents.end(), {"README.md", "CONTRIBUTING.md"});
  const std::regex link(R"(\]\(([^)#: ]+)[^):]*\))");  // of this repository: no scheme
  for (const auto& document : documents) {
    std::string text = in_tree(document.string());
    for (std::sregex_iterator at(text.begin(), text.end(), link), end; at != end; ++at) {
      fs::path target = fs::path(BROKERD_SOURCE_DIR) / document.parent_path() / (*at)[1].str();
      EXPECT_TRUE(fs::exists(target)) << document << " links to " << (*at)[1];
    }
  }
}

TEST(Scripts, AreGoodBash) {
  auto files = files_below(BROKERD_SOURCE_DIR, "scripts", {});
  files.push_back(".ci/run");
  for (const auto& file : files) {
    fs::path path = fs::path(BROKERD_SOURCE_DIR) / file;
    if (read_text(path).rfind("#!", 0) != 0 || read_text(path).substr(0, 30).find("sh\n") == std::string::npos) continue;
    std::string command = "bash -n '" + path.string() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << file.generic_string();
  }
}

TEST(Scripts, CanBeRun) {
  for (const char* file :
       {"scripts/run", "scripts/test", "scripts/setup", "scripts/packages", "scripts/fuzz", "scripts/format", "scripts/lint", ".ci/run"}) {
    auto permissions = fs::status(fs::path(BROKERD_SOURCE_DIR) / file).permissions();
    EXPECT_NE(permissions & fs::perms::owner_exec, fs::perms::none) << file;
  }
}

}  // namespace
}  // namespace mq::house
