// brokerbench: load on an AMQP 0-9-1 broker. Exit codes: 0 done, 1 the broker refused or broke off, 2 wrong usage.
#include <cstdio>

#include "apps/brokerbench/load.hpp"
#include "apps/brokerbench/report.hpp"

int main(int argc, char** argv) {
  mq::bench::Options options;
  int exit_code = 0;
  if (!mq::bench::parse_options(argc, argv, options, exit_code)) return exit_code;
  options.connect.connection_name = "brokerbench";

  mq::bench::Summary summary = mq::bench::run_load(options);
  std::string report = options.json ? mq::bench::report_json(options, summary) : mq::bench::report_text(options, summary);
  bool has_begun = summary.published + summary.consumed != 0;
  if (options.json || has_begun || !summary.failure) std::fputs(report.c_str(), stdout);
  if (!summary.failure) return 0;
  std::fprintf(stderr, "brokerbench: %s\n", summary.failure->c_str());
  return 1;
}
