// Words that a random byte would hardly ever make, in the form that libFuzzer reads too: `name="text"`, `"\x00text"`, `# remarks`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mq::fuzz {

/// The words of a file; none when there is no such file. Nullopt when a line is not understood.
[[nodiscard]] std::optional<std::vector<std::string>> read_dictionary(const std::filesystem::path& file);
/// The word of one line, empty for a remark or a blank one; nullopt when it is not understood.
[[nodiscard]] std::optional<std::string> read_word(std::string_view line);

}  // namespace mq::fuzz
