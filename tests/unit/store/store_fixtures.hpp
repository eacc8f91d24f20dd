// What the store's tests share: messages and pages in one line, and a directory that goes away.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/message.hpp"
#include "mq/ports/storage.hpp"
#include "store/page_codec.hpp"
#include "store/rocks_store.hpp"

namespace mq::store::test {

/// A directory of its own under the system's temporary one; removed with all in it at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "brokerd-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

inline broker::MessagePtr message(std::string_view body, std::string_view routing_key = "key", std::string_view exchange = "exchange") {
  return broker::make_message_encoded(exchange, routing_key, std::string_view("\x10\x00\x02", 3), body);  // delivery mode 2 alone
}

inline PageRecord record(Offset offset, std::string_view body, std::string_view routing_key = "key") {
  return {offset, message(body, routing_key), 1'700'000'000'000 + static_cast<UnixMillis>(offset), kNever};
}

/// Records at the given offsets, whose bodies name the offset.
inline std::vector<PageRecord> records(const std::vector<Offset>& offsets) {
  std::vector<PageRecord> made;
  for (Offset offset : offsets) made.push_back(record(offset, "body " + std::to_string(offset)));
  return made;
}

/// `count` records from `first` on.
inline std::vector<PageRecord> records_from(Offset first, std::size_t count) {
  std::vector<Offset> offsets;
  for (std::size_t i = 0; i < count; ++i) offsets.push_back(first + i);
  return records(offsets);
}

inline EncodedPage page(QueueId queue, const std::vector<PageRecord>& of, bool transient = false) {
  return encode_page(queue, of, 0, transient);
}

inline bool same(const PageRecord& a, const PageRecord& b) {
  return a.offset == b.offset && a.enqueued_at == b.enqueued_at && a.deadline == b.deadline && a.message->wire() == b.message->wire() &&
         a.message->exchange() == b.message->exchange() && a.message->routing_key() == b.message->routing_key();
}

inline ::testing::AssertionResult same_records(const std::vector<PageRecord>& got, const std::vector<PageRecord>& wanted) {
  if (got.size() != wanted.size()) return ::testing::AssertionFailure() << got.size() << " records instead of " << wanted.size();
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!same(got[i], wanted[i])) return ::testing::AssertionFailure() << "record " << i << " (offset " << got[i].offset << ") differs";
  return ::testing::AssertionSuccess();
}

inline std::vector<Offset> offsets_of(const std::vector<PageRecord>& records) {
  std::vector<Offset> offsets;
  for (const PageRecord& each : records) offsets.push_back(each.offset);
  return offsets;
}

/// One write set of these operations, synced.
template <class... Operations>
WriteSet set_of(Operations... operations) {
  WriteSet set;
  (set.operations.emplace_back(std::move(operations)), ...);
  set.needs_sync = true;
  return set;
}

template <class... Operations>
StorageResult<> commit(Storage& store, Operations... operations) {
  WriteSet set = set_of(std::move(operations)...);
  WriteSet* sets[] = {&set};
  return store.commit(sets);
}

/// Opens, and ends the test program when that fails.
inline std::unique_ptr<Storage> open(const std::string& directory) {
  RocksOptions options;
  options.directory = directory;
  StorageResult<std::unique_ptr<Storage>> opened = open_rocks_store(options);
  if (!opened) {
    ADD_FAILURE() << opened.error().text;
    std::abort();
  }
  return std::move(*opened);
}

inline StorageError::Kind open_error(const std::string& directory) {
  RocksOptions options;
  options.directory = directory;
  StorageResult<std::unique_ptr<Storage>> opened = open_rocks_store(options);
  EXPECT_FALSE(opened);
  return opened ? StorageError::Kind::kNotFound : opened.error().kind;
}

}  // namespace mq::store::test
