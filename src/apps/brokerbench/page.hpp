// The frame of an HTML page: one file, its style inside, nothing loaded from anywhere.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mq::bench {

/// The whole page; `body` is HTML.
[[nodiscard]] std::string page(const std::string& title, const std::string& body);
/// A plot, or anything else, in a box of its own.
[[nodiscard]] std::string card(const std::string& content);
/// Names and values in two columns; texts, not HTML.
[[nodiscard]] std::string name_table(const std::string& title, const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace mq::bench
