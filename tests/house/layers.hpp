// The layers of the house as a table, and what checks a source tree against it: who may include whom, and who may touch which library.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mq::house {

/// An include that must not be there.
struct Offence {
  std::string file;  ///< relative to the tree
  int line = 0;
  std::string text;
  /// `file:line: text`
  [[nodiscard]] std::string to_string() const;
};

/// Everything in `include/mq` and `src` of the tree that breaks the table, in order of file and line.
[[nodiscard]] std::vector<Offence> layering_offences(const std::filesystem::path& tree);

/// All files below `tree/folder` that end in one of these, sorted; none when there is no such folder.
[[nodiscard]] std::vector<std::filesystem::path> files_below(const std::filesystem::path& tree, const std::string& folder,
                                                             const std::vector<std::string>& endings);
[[nodiscard]] std::string read_text(const std::filesystem::path& file);

}  // namespace mq::house
