#include "driver/dictionary.hpp"

#include <charconv>
#include <fstream>

namespace mq::fuzz {

std::optional<std::string> read_word(std::string_view line) {
  if (line.empty() || line.front() == '#') return std::string();
  const std::size_t begin = line.find('"');
  const std::size_t end = line.rfind('"');
  if (begin == std::string_view::npos || end <= begin) return std::nullopt;
  std::string word;
  for (std::size_t at = begin + 1; at < end; ++at) {
    if (line[at] != '\\') {
      word += line[at];
      continue;
    }
    if (line[at + 1] == '\\' || line[at + 1] == '"') {
      word += line[++at];
      continue;
    }
    unsigned code = 0;
    if (line[at + 1] != 'x' || at + 3 >= end) return std::nullopt;
    const char* digits = line.data() + at + 2;
    if (std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2) return std::nullopt;
    word += static_cast<char>(code);
    at += 3;
  }
  return word;
}

std::optional<std::vector<std::string>> read_dictionary(const std::filesystem::path& file) {
  std::vector<std::string> words;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::optional<std::string> word = read_word(line);
    if (!word) return std::nullopt;
    if (!word->empty()) words.push_back(std::move(*word));
  }
  return words;
}

}  // namespace mq::fuzz
