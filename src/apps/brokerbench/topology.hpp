// The queues, the exchanges and the bindings of a run.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/brokerbench/options.hpp"

namespace mq::bench {

/// Declares what a run needs and takes away what it made. What was there before is used and left.
class Topology {
 public:
  explicit Topology(const Options& options) : options_(options) {}

  /// Nothing for works that need no queues; the broker is asked who it is all the same.
  [[nodiscard]] client::Outcome<> declare();
  /// Deletes what declare() made, messages included, unless it shall be kept.
  [[nodiscard]] client::Outcome<> remove();
  /// How many messages wait in the queues of this run, those not counted that consumers have already.
  [[nodiscard]] client::Outcome<std::uint64_t> ready_messages();
  /// Product and version of the broker, once declare() has connected.
  [[nodiscard]] const std::string& broker() const noexcept { return broker_; }

 private:
  /// Makes sure that there is an open channel: the broker closes it when something asked for is not there.
  [[nodiscard]] client::Outcome<> need_channel();
  [[nodiscard]] client::Outcome<> declare_exchange(const std::string& exchange);
  [[nodiscard]] client::Outcome<> declare_queue(const std::string& queue);
  [[nodiscard]] client::Outcome<> bind_all();

  const Options& options_;
  std::unique_ptr<client::Connection> connection_;
  std::optional<client::Channel> channel_;
  std::vector<std::string> made_queues_;
  std::vector<std::string> made_exchanges_;
  std::string broker_;
};

}  // namespace mq::bench
