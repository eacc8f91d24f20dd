// A store that holds one of everything, what can be read of one, and ways to damage it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/access.hpp"
#include "engine/metadata.hpp"
#include "store/delayed_codec.hpp"
#include "store/rocks_columns.hpp"
#include "store/verify.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store::test {

inline constexpr QueueId kOrders = 256;     // three pages; the first has marks
inline constexpr QueueId kTasks = 512;      // priority levels 0 and 2
inline constexpr QueueId kNeighbour = 768;  // nothing of it is ever damaged
inline constexpr DelayedBook kFullBook = 1024;
inline constexpr SeenWindow kExchangeWindow = 1280;

inline broker::QueueInfo queue_info(std::string name, QueueId id) {
  broker::QueueInfo queue;
  queue.name = std::move(name);
  queue.id = id;
  queue.durable = true;
  if (id == kTasks) queue.arguments.append("x-max-priority", std::int64_t{5});
  return queue;
}

inline WriteSet::PutMetadata put_queue(const broker::QueueInfo& queue) {
  return {engine::metadata::queue_key("/", queue.name), engine::metadata::encode(queue)};
}

/// Records with bodies of `bytes`; those of 2 KiB and more make pages that lie in blob files once they are flushed.
inline std::vector<PageRecord> sized_records(Offset first, std::size_t count, std::size_t bytes) {
  std::vector<PageRecord> made;
  for (std::size_t i = 0; i < count; ++i) {
    const Offset offset = first + i;
    std::string body = "body " + std::to_string(offset) + " ";
    body.resize(std::max(bytes, body.size()), static_cast<char>('a' + offset % 26));
    made.push_back(record(offset, body, i % 3 == 2 ? "other" : "key"));
  }
  return made;
}

inline std::vector<DelayedRecord> delayed_records(std::uint64_t first, std::size_t count, std::size_t bytes) {
  std::vector<DelayedRecord> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back({{1'800'000'000'000 + static_cast<UnixMillis>(first + i), first + i},
                    broker::make_message("exchange", "key", {.message_id = "id-" + std::to_string(first + i)}, std::string(bytes, 'd')),
                    1'700'000'000'000});
  return made;
}

inline void put_metadata(Storage& store) {
  namespace metadata = engine::metadata;
  const broker::BindingInfo binding{"exchange", broker::BindTo::kQueue, "orders", "key", {}};
  broker::User user;
  user.name = "guest";
  user.tags = {"administrator"};
  ASSERT_TRUE(commit(store, WriteSet::PutMetadata{metadata::vhost_key("/"), metadata::encode_record({{"name", "/"}})},
                     WriteSet::PutMetadata{metadata::user_key("guest"), metadata::encode_record(broker::encode(user))},
                     WriteSet::PutMetadata{metadata::exchange_key("/", "exchange"),
                                           metadata::encode(broker::ExchangeInfo{"exchange", "direct", true, false, false, {}})},
                     WriteSet::PutMetadata{metadata::binding_key("/", binding), metadata::encode(binding)},
                     put_queue(queue_info("orders", kOrders)), put_queue(queue_info("tasks", kTasks)),
                     put_queue(queue_info("neighbour", kNeighbour)),
                     WriteSet::PutMetadata{metadata::delayed_key("/"), metadata::encode_delayed_book(kFullBook)},
                     WriteSet::PutMetadata{metadata::seen_window_key("/", "exchange"), metadata::encode_delayed_book(kExchangeWindow)},
                     WriteSet::PutMetadata{std::string(metadata::kNextQueueId), std::string("\0\0\0\0\0\0\x06\0", 8)}));
}

inline void put_messages(Storage& store, std::size_t body_bytes) {
  auto in_level = [](QueueId log, std::uint8_t level, const std::vector<PageRecord>& of) { return encode_page(log, of, level, false); };
  ASSERT_TRUE(commit(store, page(kOrders, sized_records(0, 6, body_bytes)), page(kOrders, sized_records(6, 3, 40)),
                     page(kOrders, sized_records(9, 4, body_bytes)), WriteSet::AddMarks{kOrders, 0, {{1, Mark::kSettled}, {2, 3}}},
                     WriteSet::PutQueueState{kOrders, {13, 7}}, in_level(kTasks, 0, sized_records(0, 4, body_bytes)),
                     in_level(kTasks + 2, 2, sized_records(0, 5, 50)), WriteSet::PutQueueState{kTasks, {4, 1}},
                     WriteSet::AddMarks{kTasks + 2, 0, {{0, Mark::kSettled}, {4, 1, 1'800'000'000'000}}},
                     page(kNeighbour, sized_records(0, 4, body_bytes)), page(kNeighbour, sized_records(4, 4, 60)),
                     WriteSet::AddMarks{kNeighbour, 4, {{5, Mark::kSettled}}}, WriteSet::PutQueueState{kNeighbour, {8, 6}}));
  ASSERT_TRUE(commit(store,
                     WriteSet::PutDelayed{kFullBook, std::make_shared<const std::vector<DelayedRecord>>(delayed_records(0, 3, body_bytes))},
                     WriteSet::PutSeen{kOrders, {{0, {1, 2}}, {1, {3, 4}}}}, WriteSet::PutSeen{kExchangeWindow, {{0, {5, 6}}}}));
}

inline void fill_store(const std::string& directory, std::size_t body_bytes = 100) {
  auto store = open(directory);
  put_metadata(*store);
  put_messages(*store, body_bytes);
}

// --- what can be read ---

struct StoreContents {
  std::map<std::pair<QueueId, Offset>, std::string> messages;
  std::map<QueueId, QueueState> states;
  std::map<DelayedKey, std::string> delayed;
  std::set<std::pair<SeenWindow, std::uint64_t>> seen;
  std::map<std::string, std::string> metadata;

  [[nodiscard]] std::map<Offset, std::string> of(QueueId log) const {
    std::map<Offset, std::string> found;
    for (const auto& [key, text] : messages)
      if (key.first == log) found[key.second] = text;
    return found;
  }
};

inline std::string text_of(const broker::Message& message) {
  return std::string(message.exchange()) + "|" + std::string(message.routing_key()) + "|" + std::string(message.body());
}

/// As a start of the broker and its consumers would read it; the first error that keeps a start from going on.
inline StorageResult<StoreContents> read_contents(Storage& store) {
  StoreContents contents;
  auto scanned = store.scan_metadata("", [&](std::string_view key, std::string_view value) { contents.metadata.emplace(key, value); });
  if (!scanned) return scanned.error();
  auto logs = store.stored_queues();
  if (!logs) return logs.error();
  for (QueueId log : *logs) {
    auto recovered = store.recover_queue(log);
    if (!recovered) return recovered.error();
    contents.states[log] = recovered->state;
    for (const RecoveredPage& page : recovered->pages) {
      std::vector<PageRecord> salvaged;
      auto records = store.read_page(log, page.index.first, &salvaged);
      (void)store.read_marks(log, page.index.first);
      for (const PageRecord& each : records ? *records : salvaged) contents.messages[{log, each.offset}] = text_of(*each.message);
    }
  }
  auto books = store.stored_delayed_books();
  if (!books) return books.error();
  for (DelayedBook book : *books) {
    if (auto state = store.recover_delayed(book); !state) return state.error();
    auto scan = store.read_delayed(book, {}, 1000, 1 << 30);
    if (!scan) return scan.error();
    for (const DelayedRecord& each : scan->records) contents.delayed[each.key] = text_of(*each.message);
  }
  auto windows = store.stored_seen_windows();
  if (!windows) return windows.error();
  for (SeenWindow window : *windows) {
    auto seen = store.recover_seen(window);
    if (!seen) return seen.error();
    for (const auto& ids : seen->records)
      for (const SeenId& id : ids) contents.seen.emplace(window, id.sequence);
  }
  return contents;
}

inline StorageResult<StoreContents> read_contents(const std::string& directory, std::vector<RecoveryDamage>* damage = nullptr) {
  RocksOptions options;
  options.directory = directory;
  if (damage != nullptr) options.on_damage = [damage](const RecoveryDamage& found) { damage->push_back(found); };
  auto store = open_rocks_store(options);
  if (!store) return store.error();
  return read_contents(**store);
}

/// Nothing is in `found` that was not in `original`.
inline ::testing::AssertionResult invents_nothing(const StoreContents& found, const StoreContents& original) {
  for (const auto& [key, text] : found.messages) {
    const auto known = original.messages.find(key);
    if (known == original.messages.end() || known->second != text)
      return ::testing::AssertionFailure() << "offset " << key.second << " of log " << key.first << " was never stored like that";
  }
  for (const auto& [key, text] : found.delayed) {
    const auto known = original.delayed.find(key);
    if (known == original.delayed.end() || known->second != text)
      return ::testing::AssertionFailure() << "delayed message " << key.sequence << " was never stored like that";
  }
  return ::testing::AssertionSuccess();
}

// --- damaging ---

/// Opens the directory as RocksDB sees it, with the store's columns.
inline void with_database(const std::string& directory, const std::function<void(Database&)>& change) {
  RocksOptions options;
  options.directory = directory;
  auto database = Database::open(options, Database::Mode::kWrite);
  ASSERT_TRUE(database) << database.error().text;
  change(*database);
}

/// What is in memory goes to files; the log is empty afterwards.
inline void flush_everything(const std::string& directory) {
  with_database(directory, [](Database& database) {
    for (std::size_t i = 0; i < kColumns; ++i) ASSERT_TRUE(database.db().Flush({}, database[static_cast<Column>(i)]).ok());
  });
}

/// But for what any start makes anew.
inline void copy_directory(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::directory_iterator(from))
    if (entry.path().filename() != "ballast" && entry.path().filename() != "LOCK")
      std::filesystem::copy(entry.path(), to + "/" + entry.path().filename().string());
}

inline std::string file_contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
inline void write_file(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

}  // namespace mq::store::test
