// Walks through everything a data directory holds, compares what belongs together, and hands on what is whole.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/page_codec.hpp"
#include "store/verify.hpp"
#include "store/verify_source.hpp"

namespace mq::store {

class Walk {
 public:
  /// `keep`, if there is one, is given everything that is whole but metadata, as it is to be written.
  Walk(const Source& source, ReportFinding report, std::function<void(WriteSet::Operation)> keep = {})
      : source_(source), report_(std::move(report)), keep_(std::move(keep)) {}

  /// `problems` with the directory as a whole come first.
  void run(const std::vector<std::string>& problems);

  [[nodiscard]] VerifySummary& summary() noexcept { return summary_; }
  /// Records that cannot be read, the octets as they lie there.
  [[nodiscard]] const MetadataRecords& damaged_metadata() const noexcept { return damaged_metadata_; }

 private:
  void find(const VerifyFinding& finding);
  void each(Column column, const Source::Visit& visit);
  void each_of_page(Column column, const std::function<void(PageKey key, std::string_view value, bool checked)>& visit);

  void check_metadata(std::string_view key, std::string_view stored, bool checked);
  void check_page(PageKey key, const PageIndex* index, std::string_view damaged_index);
  void check_unindexed(PageKey key, bool checked);
  /// What the marks say of the page's whole messages.
  [[nodiscard]] std::vector<Mark> marks_of(PageKey key, const PageExamination& page);
  void keep_page(PageKey key, const PageExamination& page, std::string bytes, std::vector<Mark> marks);
  void check_marks(PageKey key, std::string_view value, bool checked);
  void check_state(std::string_view key, std::string_view value, bool checked);
  void keep_states();
  void check_delayed(std::string_view key, std::string_view value, bool checked);
  void check_delayed_count();
  void check_delayed_ids();
  void check_seen(PageKey key, std::string_view value, bool checked);

  const Source& source_;
  const ReportFinding report_;
  const std::function<void(WriteSet::Operation)> keep_;
  VerifySummary summary_;
  MetadataRecords damaged_metadata_;
  std::set<PageKey> indexed_;
  std::set<QueueId> queues_;
  std::map<QueueId, Offset> behind_;  // all pages, whole or not
  std::map<QueueId, QueueState> states_;
  bool states_lost_ = false;  // some cannot be read of which nobody knows whose they are
  std::set<QueueId> damaged_states_;
  DelayedBook book_ = 0;
  std::optional<DelayedState> expected_;  // of the book that is being read
  std::uint64_t counted_ = 0;
  std::uint64_t with_id_ = 0;  // delayed messages that can be found by their id
};

}  // namespace mq::store
