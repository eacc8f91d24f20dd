// brokerbench: load on an AMQP 0-9-1 broker. Exit codes: 0 done, 1 the broker refused or broke off, 2 wrong usage, 130 a comparison was
// interrupted.
#include <cstdio>
#include <string>
#include <vector>

#include "apps/brokerbench/command_line.hpp"
#include "apps/brokerbench/commands.hpp"

int main(int argc, char** argv) {
  mq::bench::CommandLine line = mq::bench::parse_command_line(std::vector<std::string>(argv + 1, argv + argc));
  if (line.command) return mq::bench::carry_out(*line.command);
  std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
  return line.exit_code;
}
