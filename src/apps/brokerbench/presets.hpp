// Scenarios worth measuring, by name.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mq::bench {

struct Preset {
  const char* name;
  const char* sentence;  ///< what happens, for reports
  const char* options;   ///< as one would type them; no quoting, so no value has a space in it
};

[[nodiscard]] std::span<const Preset> presets();
/// nullptr when there is none of that name.
[[nodiscard]] const Preset* find_preset(std::string_view name);
/// Names, sentences and options, for people.
[[nodiscard]] std::string presets_text();

}  // namespace mq::bench
