// What somebody outside includes compiles by itself, and drags neither sockets nor the database in.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "house/layers.hpp"

namespace mq::house {
namespace {

struct Outcome {
  int status = 0;
  std::string output;
};

Outcome run(const std::string& command) {
  Outcome result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::array<char, 4096> piece;
  while (std::size_t size = std::fread(piece.data(), 1, piece.size(), pipe)) result.output.append(piece.data(), size);
  result.status = ::pclose(pipe);
  return result;
}

/// Compiles a header alone, as an outsider would; the output is the list of all files it reaches.
Outcome compile_alone(const std::string& header) {
  return run("cd '" BROKERD_SOURCE_DIR "' && '" BROKERD_CXX_COMPILER
             "' -std=c++20 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude -x c++ -H "
             "-include " +
             header + " /dev/null");
}

std::string first_error(const std::string& output) {
  std::size_t at = output.find("error:");
  if (at == std::string::npos) return output.substr(0, 500);
  std::size_t line_start = output.rfind('\n', at) + 1;
  return output.substr(line_start, output.find('\n', at) - line_start);
}

TEST(PublicHeaders, CompileAloneWithoutAsioAndRocksDb) {
  auto headers = files_below(BROKERD_SOURCE_DIR, "include/mq", {".hpp"});
  ASSERT_FALSE(headers.empty());
  for (const auto& header : headers) {
    Outcome compiled = compile_alone(header.generic_string());
    EXPECT_EQ(compiled.status, 0) << header << ": " << first_error(compiled.output);
    for (const char* heavy : {"boost/asio", "rocksdb/", "spdlog/", "openssl/"}) {
      EXPECT_EQ(compiled.output.find(heavy), std::string::npos) << header << " drags " << heavy << " in";
    }
  }
}

TEST(PublicHeaders, IncludePublicHeadersOnly) {
  for (const auto& header : files_below(BROKERD_SOURCE_DIR, "include/mq", {".hpp"})) {
    std::string text = read_text(std::filesystem::path(BROKERD_SOURCE_DIR) / header);
    for (std::size_t at = text.find("#include \""); at != std::string::npos; at = text.find("#include \"", at + 1)) {
      EXPECT_EQ(text.substr(at, 13), "#include \"mq/") << header << " includes a header that is not installed";
    }
  }
}

}  // namespace
}  // namespace mq::house
