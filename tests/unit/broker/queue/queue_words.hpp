// Words the tests of the queue rules speak in: small messages, and write sets as lines of text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/message.hpp"
#include "mq/ports/storage.hpp"
#include "store/memory_store.hpp"

namespace mq::broker::test {

using Words = std::vector<std::string>;

struct Text {
  std::string body;
  bool persistent = true;
  std::optional<std::uint8_t> priority = std::nullopt;
  std::optional<std::string> expiration = std::nullopt;
  std::optional<amqp::Value> id = std::nullopt;      ///< in x-deduplication-header
  std::optional<amqp::Value> id_ttl = std::nullopt;  ///< in x-cache-ttl
  std::string type = {};
};

inline MessagePtr message(const Text& text) {
  amqp::Properties properties;
  properties.delivery_mode = text.persistent ? 2 : 1;
  properties.priority = text.priority;
  properties.expiration = text.expiration;
  if (text.id || text.id_ttl) properties.headers.emplace();
  if (text.id) properties.headers->append("x-deduplication-header", *text.id);
  if (text.id_ttl) properties.headers->append("x-cache-ttl", *text.id_ttl);
  if (!text.type.empty()) properties.type = text.type;
  return make_message("", "q", properties, text.body);
}

struct OperationWords {
  static std::string range(const PageIndex& index) {
    std::string words = std::to_string(index.first);
    if (index.last != index.first) words += "-" + std::to_string(index.last);
    if (index.count != index.last - index.first + 1) words += " (" + std::to_string(index.count) + ")";
    return words;
  }
  std::string operator()(const EncodedPage& page) const { return (page.index.transient ? "spill " : "page ") + range(page.index); }
  std::string operator()(const WriteSet::AddMarks& added) const {
    std::string words = "marks of " + std::to_string(added.page_first) + ":";
    for (const Mark& mark : added.marks)
      words += " " + std::to_string(mark.offset) + (mark.value == Mark::kSettled ? " settled" : " returned " + std::to_string(mark.value)) +
               (mark.until != 0 ? " waits until " + std::to_string(mark.until) : "");
    return words;
  }
  std::string operator()(const WriteSet::DropPage& drop) const {
    return "drop " + std::to_string(drop.page_first) + (drop.had_marks ? " with marks" : "");
  }
  std::string operator()(const WriteSet::PutQueueState& put) const {
    return "delivered below " + std::to_string(put.state.delivered_below);
  }
  std::string operator()(const WriteSet::PutMetadata&) const { return "metadata"; }
  std::string operator()(const WriteSet::DeleteMetadata&) const { return "no metadata"; }
  std::string operator()(const WriteSet::DropQueue&) const { return "drop queue"; }
  std::string operator()(const WriteSet::PutSeen& put) const {
    std::string words = "ids";
    for (const SeenId& id : put.ids) words += " " + std::to_string(id.sequence);
    return words;
  }
  std::string operator()(const WriteSet::DropSeen& drop) const { return "drop ids from " + std::to_string(drop.first); }
  std::string operator()(const WriteSet::DropSeenWindow&) const { return "drop all ids"; }
  template <class Other>
  std::string operator()(const Other&) const {
    return "something that is no queue's";
  }
};

/// What a write set would do, a line for each operation.
inline Words words_of(const WriteSet& set) {
  Words words;
  for (const WriteSet::Operation& operation : set.operations) words.push_back(std::visit(OperationWords{}, operation));
  return words;
}

inline void commit(store::MemoryStore& disk, WriteSet& set) {
  WriteSet* sets[] = {&set};
  disk.commit(sets).value();
}

inline std::vector<PageRecord> read(store::MemoryStore& disk, QueueId log, const std::vector<Offset>& pages) {
  std::vector<PageRecord> records;
  for (Offset first : pages)
    for (PageRecord& record : disk.read_page(log, first).value()) records.push_back(std::move(record));
  return records;
}

inline std::vector<Mark> read_marks(store::MemoryStore& disk, QueueId log, const std::vector<Offset>& pages) {
  std::vector<Mark> marks;
  for (Offset first : pages)
    for (const Mark& mark : disk.read_marks(log, first).value()) marks.push_back(mark);
  return marks;
}

/// Makes `fresh` what the next run finds of a log: all but the transient pages.
inline void carry_over(store::MemoryStore& from, store::MemoryStore& fresh, QueueId log) {
  const RecoveredQueue recovered = from.recover_queue(log).value();
  WriteSet all;
  for (const RecoveredPage& page : recovered.pages) {
    all.operations.emplace_back(fresh.encode_page(log, read(from, log, {page.index.first}), page.index.priority_level, false));
    all.operations.emplace_back(WriteSet::AddMarks{log, page.index.first, page.marks});
  }
  all.operations.emplace_back(WriteSet::PutQueueState{log, recovered.state});
  commit(fresh, all);
}

}  // namespace mq::broker::test
