// Reads a whole data directory and says what is wrong with it: the ground of `brokerctl store verify`. Changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "mq/ports/storage.hpp"

namespace mq::store {

struct VerifyFinding {
  QueueId queue = 0;
  Offset page_first = 0;             ///< 0 too when the finding is about the queue, or the directory
  std::string text;                  ///< one sentence
  std::uint64_t whole_messages = 0;  ///< of a damaged page, how many can still be read
  std::uint64_t lost_messages = 0;   ///< and how many cannot
};

struct VerifySummary {
  std::uint64_t metadata_records = 0;
  std::uint64_t queues = 0;
  std::uint64_t pages = 0;
  std::uint64_t messages = 0;    ///< whole ones, settled or not
  std::uint64_t body_bytes = 0;  ///< of those
  std::uint64_t marked_messages = 0;
  std::uint64_t delayed_messages = 0;  ///< whole ones
  std::uint64_t seen_ids = 0;          ///< of whole records
  std::uint64_t findings = 0;
};

/// Calls `report` for each thing found wrong, in order of queue and page within each of: index and pages, marks, states, delayed messages,
/// seen ids. One page is in memory at a time. Works beside a running broker, but then sees the moment of its start and may meet files that
/// broker removes; for a verdict stop it first. An error is returned only when the directory cannot be opened.
[[nodiscard]] StorageResult<VerifySummary> verify(const std::string& directory, const std::function<void(const VerifyFinding&)>& report);

}  // namespace mq::store
