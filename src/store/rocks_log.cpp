#include "store/rocks_log.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "mq/base/bytes.hpp"
#include "store/checksum.hpp"
#include "store/little_endian.hpp"

namespace mq::store {
namespace {

namespace fs = std::filesystem;

// The form of the log, as RocksDB writes it when logs are neither recycled nor compressed: blocks of 32 KiB; in them fragments, each with
// a masked CRC-32C of type and content, its length and its type. Little-endian.
constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kFragmentHeadBytes = 7;
enum Type : std::uint8_t { kNothing = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
constexpr std::size_t kBatchHeadBytes = 12;  // sequence, count

constexpr char kSyncedWord = 'S';

/// Finds what note_synced() put into a batch.
class SyncedReader final : public rocksdb::WriteBatch::Handler {
 public:
  using Slice = rocksdb::Slice;
  using Status = rocksdb::Status;
  Status PutCF(std::uint32_t, const Slice&, const Slice&) override { return {}; }
  Status DeleteCF(std::uint32_t, const Slice&) override { return {}; }
  Status SingleDeleteCF(std::uint32_t, const Slice&) override { return {}; }
  Status DeleteRangeCF(std::uint32_t, const Slice&, const Slice&) override { return {}; }
  Status MergeCF(std::uint32_t, const Slice&, const Slice&) override { return {}; }
  Status PutBlobIndexCF(std::uint32_t, const Slice&, const Slice&) override { return {}; }
  void LogData(const Slice& blob) override {
    if (blob.size() == 9 && blob[0] == kSyncedWord) up_to = std::max(up_to, load_big_endian<std::uint64_t>(blob.data() + 1));
  }
  std::uint64_t up_to = 0;
};

class LogReader {
 public:
  /// `keep`, if given, receives the whole writes.
  explicit LogReader(std::vector<std::string>* keep = nullptr) : keep_(keep) {}

  /// Takes the fragments of one more file; false when it is of another form.
  bool read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    block_.resize(kBlockBytes);
    record_.reset();
    for (std::uint64_t at = 0; in; at += kBlockBytes) {
      in.read(block_.data(), static_cast<std::streamsize>(kBlockBytes));
      if (!read_block(path, at, {block_.data(), static_cast<std::size_t>(in.gcount())})) return false;
    }
    return true;
  }
  [[nodiscard]] std::optional<LogDamage> damage() const {
    if (!damage_ || damage_->writes_behind == 0) return std::nullopt;
    LogDamage found = *damage_;
    found.was_synced = synced_ != 0 && synced_ >= (next_ != 0 ? next_ : first_behind_ - 1);
    return found;
  }

 private:
  bool read_block(const fs::path& path, std::uint64_t block_at, std::string_view block) {
    std::size_t at = 0;
    while (block.size() - at >= kFragmentHeadBytes) {
      const std::string_view covered = fragment_at(block, at);
      if (!covered.empty() && static_cast<std::uint8_t>(covered[0]) > kLast) return false;
      if (covered.empty() || !take(static_cast<Type>(covered[0]), covered.substr(1))) {
        if (!damage_) damage_ = LogDamage{path.string(), block_at + at};
        record_.reset();
      }
      // Behind what is no fragment the next one begins wherever the checksum says that it does.
      if (!covered.empty()) {
        at += kFragmentHeadBytes - 1 + covered.size();
      } else {
        ++at;
        while (at < block.size() && (!may_begin_at(block, at) || fragment_at(block, at).empty())) ++at;
      }
    }
    return true;
  }

  /// Whether a fragment could be there at all: without this, garbage would cost a checksum over half a block for every octet.
  static bool may_begin_at(std::string_view block, std::size_t at) {
    if (block.size() - at < kFragmentHeadBytes) return false;
    const char type = block[at + 6];
    const std::size_t end = at + kFragmentHeadBytes + load_little_endian<std::uint16_t>(block.substr(at + 4));
    if (type == kFirst || type == kMiddle) return end == block.size();  // what does not fit goes on in the next block
    return (type == kFull || type == kLast) && end <= block.size();
  }

  /// Type and content of the fragment there; empty when there is none.
  static std::string_view fragment_at(std::string_view block, std::size_t at) {
    if (block.size() - at < kFragmentHeadBytes) return {};
    const std::string_view head = block.substr(at, kFragmentHeadBytes);
    const auto length = load_little_endian<std::uint16_t>(head.substr(4));
    const std::string_view covered = block.substr(at + 6, std::size_t{1} + length);
    if (covered.size() != std::size_t{1} + length || covered[0] == kNothing) return {};
    return masked_crc32c(covered) == load_little_endian<std::uint32_t>(head) ? covered : std::string_view();
  }

  bool take(Type type, std::string_view content) {
    const bool begins = type == kFull || type == kFirst;
    if (begins) record_ = std::string();
    else if (!record_) return damage_.has_value();  // its beginning was damaged; otherwise this is the damage
    record_->append(content);
    if (type == kFull || type == kLast) take_record();
    return true;
  }

  void take_record() {
    const std::string record = std::move(*record_);
    record_.reset();
    if (record.size() < kBatchHeadBytes) return;
    if (keep_ != nullptr) keep_->push_back(record);
    const auto sequence = load_little_endian<std::uint64_t>(record);
    if (!damage_) {
      next_ = sequence + load_little_endian<std::uint32_t>(std::string_view(record).substr(8));
      return;
    }
    if (damage_->writes_behind++ == 0) first_behind_ = sequence;
    damage_->bytes_behind += record.size();
    SyncedReader reader;
    (void)rocksdb::WriteBatch(record).Iterate(&reader);
    synced_ = std::max(synced_, reader.up_to);
  }

  std::vector<std::string>* const keep_;
  std::string block_;
  std::optional<std::string> record_;  // of which fragments came
  std::optional<LogDamage> damage_;
  std::uint64_t next_ = 0;          // the number behind the last whole record before the damage
  std::uint64_t first_behind_ = 0;  // that of the first one behind it
  std::uint64_t synced_ = 0;        // what those behind say
};

std::vector<fs::path> logs_in(const std::string& directory) {
  std::vector<fs::path> logs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.path().extension() == ".log" && entry.is_regular_file(error)) logs.push_back(entry.path());
  std::sort(logs.begin(), logs.end(), [](const fs::path& a, const fs::path& b) {  // they are numbered
    const std::string x = a.stem().string();
    const std::string y = b.stem().string();
    return x.size() != y.size() ? x.size() < y.size() : x < y;
  });
  return logs;
}

/// Appends a record in the form of the log.
void append_record(std::string& log, std::string_view record) {
  for (bool first = true; first || !record.empty(); first = false) {
    std::size_t left = kBlockBytes - log.size() % kBlockBytes;
    if (left < kFragmentHeadBytes) {
      log.append(left, '\0');
      left = kBlockBytes;
    }
    const std::string_view content = record.substr(0, left - kFragmentHeadBytes);
    record.remove_prefix(content.size());
    const Type type = first ? record.empty() ? kFull : kFirst : record.empty() ? kLast : kMiddle;
    std::string covered(1, static_cast<char>(type));
    covered += content;
    const std::uint32_t sum = masked_crc32c(covered);
    for (unsigned shift = 0; shift < 32; shift += 8) log += static_cast<char>(sum >> shift & 0xFF);
    log += static_cast<char>(content.size() & 0xFF);
    log += static_cast<char>(content.size() >> 8);
    log += covered;
  }
}

}  // namespace

void note_synced(rocksdb::WriteBatch& batch, std::uint64_t up_to) {
  if (up_to == 0) return;
  char note[9] = {kSyncedWord};
  store_big_endian(note + 1, up_to);
  (void)batch.PutLogData(rocksdb::Slice(note, sizeof note));
}

std::string LogDamage::describe() const {
  return "the log " + file + " is damaged at octet " + std::to_string(at) + ", and " + std::to_string(writes_behind) + " whole writes (" +
         std::to_string(bytes_behind) + " octets) lie behind";
}

void leave_out_damaged_writes(const std::string& directory) {
  for (const fs::path& path : logs_in(directory)) {
    std::vector<std::string> records;
    LogReader reader(&records);
    if (!reader.read(path) || !reader.damage()) continue;
    std::string log;
    for (const std::string& record : records) append_record(log, record);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << log;
  }
}

std::optional<LogDamage> find_log_damage(const std::string& directory) {
  LogReader reader;
  for (const fs::path& log : logs_in(directory))
    if (!reader.read(log)) return std::nullopt;
  return reader.damage();
}

}  // namespace mq::store
