// Works that are about connections and not about messages.
#pragma once

#include <memory>
#include <vector>

#include "apps/brokerbench/options.hpp"
#include "apps/brokerbench/shared.hpp"

namespace mq::bench {

/// Opens a connection with a channel, closes both, and begins again. Its latency is that of opening: TCP, login, channel.
class Churner {
 public:
  Churner(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int)
      : options_(options), shared_(shared), counters_(counters), result_(result) {}
  void run();

 private:
  const Options& options_;
  Shared& shared_;
  Counters& counters_;
  WorkerResult& result_;
};

/// Opens all connections of a run, one after the other, and holds them until told to stop.
class Holder {
 public:
  Holder(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int)
      : options_(options), shared_(shared), counters_(counters), result_(result) {}
  void run();

 private:
  [[nodiscard]] client::Outcome<> open_all();

  const Options& options_;
  Shared& shared_;
  Counters& counters_;
  WorkerResult& result_;
  std::vector<std::unique_ptr<client::Connection>> held_;
};

}  // namespace mq::bench
