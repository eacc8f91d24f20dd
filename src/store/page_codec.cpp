#include "store/page_codec.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "broker/message.hpp"
#include "mq/base/bytes.hpp"
#include "mq/base/check.hpp"
#include "store/checksum.hpp"
#include "store/record_codec.hpp"
#include "store/varint.hpp"

namespace mq::store {
namespace {

constexpr std::uint8_t kMagic = 'P';
constexpr std::uint8_t kTransientFlag = 1;
constexpr std::size_t kHeadBytes = 36;
constexpr std::size_t kTailEndBytes = 8;  // length of the tail, checksum of the tail

struct Head {
  std::uint8_t flags = 0;
  std::uint8_t priority_level = 0;
  std::uint32_t count = 0;
  PageKey key;
  UnixMillis base_time = 0;
};

/// A stretch of records that share their names; only those of two records or more are in the tail.
struct NamesRun {
  std::uint32_t begin = 0;
  std::uint32_t count = 0;
  Names names;
};

struct Tail {
  Head head;
  std::vector<std::size_t> record_bytes;
  std::vector<NamesRun> runs;
  std::size_t bytes = 0;
};

char* put_head(char* to, const Head& head) noexcept {
  to[0] = static_cast<char>(kMagic);
  to[1] = static_cast<char>(kPageFormat);
  to[2] = static_cast<char>(head.flags);
  to[3] = static_cast<char>(head.priority_level);
  store_big_endian(to + 4, head.count);
  store_big_endian(to + 8, head.key.queue);
  store_big_endian(to + 16, head.key.first);
  store_big_endian(to + 24, static_cast<std::uint64_t>(head.base_time));
  store_big_endian(to + 32, checksum({to, kHeadBytes - kChecksumBytes}));
  return to + kHeadBytes;
}

/// The form a page says it has, 0 when its head is damaged. Magic, form, and the head's length and checksum stay where they are in any
/// form.
std::uint8_t form_of(std::string_view page) {
  if (page.size() < kHeadBytes || page[0] != static_cast<char>(kMagic)) return 0;
  std::uint32_t expected = load_big_endian<std::uint32_t>(page.data() + kHeadBytes - kChecksumBytes);
  return expected == checksum(page.substr(0, kHeadBytes - kChecksumBytes)) ? static_cast<std::uint8_t>(page[1]) : std::uint8_t{0};
}

std::optional<Head> read_head(std::string_view bytes) {
  if (form_of(bytes) != kPageFormat) return std::nullopt;
  ByteReader in(bytes.substr(0, kHeadBytes));
  Head head;
  (void)in.bytes(2);  // magic and form
  head.flags = in.u8();
  head.priority_level = in.u8();
  head.count = in.u32();
  head.key.queue = in.u64();
  head.key.first = in.u64();
  head.base_time = static_cast<UnixMillis>(in.u64());
  return head;
}

/// The tail's bytes if its length and checksum hold, else empty.
std::string_view find_tail(std::string_view page) {
  if (page.size() < 2 * kHeadBytes + kTailEndBytes) return {};
  std::size_t length = load_big_endian<std::uint32_t>(page.data() + page.size() - kTailEndBytes);
  if (length > page.size() - kHeadBytes || length < kHeadBytes + kTailEndBytes) return {};
  std::string_view tail = page.substr(page.size() - length);
  std::size_t covered = length - kChecksumBytes;
  return load_big_endian<std::uint32_t>(tail.data() + covered) == checksum(tail.substr(0, covered)) ? tail : std::string_view{};
}

std::optional<Tail> read_tail(std::string_view page) {
  std::string_view bytes = find_tail(page);
  std::optional<Head> head = read_head(bytes);
  if (!head) return std::nullopt;
  Tail tail;
  tail.head = *head;
  tail.bytes = bytes.size();
  ByteReader in(bytes.substr(kHeadBytes, bytes.size() - kHeadBytes - kTailEndBytes));
  if (head->count > in.left()) return std::nullopt;
  tail.record_bytes.reserve(head->count);
  for (std::uint32_t i = 0; i < head->count; ++i) tail.record_bytes.push_back(read_varint(in));
  std::uint64_t runs = read_varint(in);
  for (std::uint64_t i = 0; i < runs && !in.failed(); ++i) {
    NamesRun& run = tail.runs.emplace_back();
    run.begin = static_cast<std::uint32_t>(read_varint(in));
    run.count = static_cast<std::uint32_t>(read_varint(in));
    run.names.exchange = in.shortstr();
    run.names.routing_key = in.shortstr();
  }
  return in.failed() || !in.empty() ? std::nullopt : std::optional(std::move(tail));
}

/// All stretches of records with the same names, single records too.
std::vector<NamesRun> find_runs(std::span<const PageRecord> records) {
  std::vector<NamesRun> runs;
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    Names names = names_of(records[i]);
    if (runs.empty() || runs.back().names != names) runs.push_back({i, 0, names});
    ++runs.back().count;
  }
  return runs;
}

std::size_t encoded_bytes(const NamesRun& run) {
  return varint_bytes(run.begin) + varint_bytes(run.count) + 2 + run.names.exchange.size() + run.names.routing_key.size();
}

std::size_t count_shared(const std::vector<NamesRun>& runs) {
  return static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), [](const NamesRun& run) { return run.count > 1; }));
}

std::size_t page_bytes(std::span<const PageRecord> records, const std::vector<NamesRun>& runs, const RecordBase& base) {
  std::size_t bytes = 2 * kHeadBytes + kTailEndBytes + varint_bytes(count_shared(runs));
  for (const NamesRun& run : runs) {
    if (run.count > 1) bytes += encoded_bytes(run);
    for (std::uint32_t i = run.begin; i < run.begin + run.count; ++i) {
      std::size_t size = record_bytes(records[i], base, i == run.begin);
      bytes += size + varint_bytes(size);
    }
  }
  return bytes;
}

char* put_shortstr(char* to, std::string_view bytes) noexcept {
  *to++ = static_cast<char>(bytes.size());
  std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

char* put_tail(char* to, const Head& head, const char* first_record, const std::vector<NamesRun>& runs) {
  char* at = put_head(to, head);
  for (const char* record = first_record; record != to;) {
    std::size_t size = kRecordFrameBytes + load_big_endian<std::uint32_t>(record + kChecksumBytes);
    at = put_varint(at, size);
    record += size;
  }
  at = put_varint(at, count_shared(runs));
  for (const NamesRun& run : runs) {
    if (run.count == 1) continue;
    at = put_varint(put_varint(at, run.begin), run.count);
    at = put_shortstr(put_shortstr(at, run.names.exchange), run.names.routing_key);
  }
  store_big_endian(at, static_cast<std::uint32_t>(at - to + static_cast<std::ptrdiff_t>(kTailEndBytes)));
  at += 4;
  store_big_endian(at, checksum({to, static_cast<std::size_t>(at - to)}));
  return at + kChecksumBytes;
}

/// Reads records in order and gathers them; knows the names that records leave out as long as no record was missed.
class RecordSink {
 public:
  RecordSink(const Head& head, std::size_t page_bytes) : base_{head.key.first, head.base_time} {
    records_.reserve(std::min<std::size_t>(head.count, page_bytes / kMinRecordBytes));
  }

  /// False when the record is not whole, or not behind the one before.
  bool add(std::string_view framed) {
    RecordView view;
    if (!parse_record(framed, base_, view)) return false;
    if (view.names) names_ = view.names;
    if (!names_ || (!records_.empty() && view.offset <= records_.back().offset)) return false;
    broker::MessagePtr message = build_message(view, *names_);
    if (!message) return false;
    records_.push_back({view.offset, std::move(message), view.enqueued_at, view.deadline});
    return true;
  }
  void set_names(std::optional<Names> names) { names_ = names; }
  [[nodiscard]] std::vector<PageRecord>& records() noexcept { return records_; }

 private:
  RecordBase base_;
  std::optional<Names> names_;
  std::vector<PageRecord> records_;
};

/// The way of every undamaged page: record after record, ending exactly where the tail begins.
bool read_whole(const Head& head, std::string_view page, RecordSink& sink) {
  std::string_view tail = find_tail(page);
  if (tail.empty() || tail.substr(0, kHeadBytes) != page.substr(0, kHeadBytes)) return false;
  std::string_view left = page.substr(kHeadBytes, page.size() - kHeadBytes - tail.size());
  for (std::uint32_t i = 0; i < head.count; ++i) {
    std::size_t size = framed_bytes(left);
    if (size == 0 || !sink.add(left.substr(0, size))) return false;
    left.remove_prefix(size);
  }
  return left.empty();
}

/// Takes records one after the other, whole or not; knows what became of those that are not.
class Salvage {
 public:
  Salvage(const Head& head, std::string_view page) : head_(head), sink_(head, page.size()), left_(page.substr(kHeadBytes)) {}

  void limit(std::size_t bytes) { left_ = left_.substr(0, bytes); }
  void set_names(std::optional<Names> names) { names_ = names, sink_.set_names(names); }
  [[nodiscard]] std::string_view left() const noexcept { return left_; }

  /// The next record, by somebody's account of its size; false when it is lost.
  bool take(std::size_t size) {
    const std::string_view framed = left_.substr(0, size);
    left_.remove_prefix(framed.size());
    if (sink_.add(framed)) return true;
    lose(framed);
    return false;
  }
  /// All that are missing: what is left holds them, nobody knows where.
  void lose_rest() {
    while (sink_.records().size() + lost_.size() < head_.count && lost_.size() < kMostToldOf) lose(std::exchange(left_, {}));
  }
  PageExamination finish() && {
    PageExamination found{.known = true,
                          .priority_level = head_.priority_level,
                          .transient = (head_.flags & kTransientFlag) != 0,
                          .count = head_.count,
                          .whole = std::move(sink_.records()),
                          .lost = std::move(lost_)};
    for (std::size_t i = 0; i < found.lost.size(); ++i) {
      const std::size_t next = wholes_before_[i];
      found.lost[i].not_before = next == 0 ? head_.key.first : found.whole[next - 1].offset + 1;
      if (next < found.whole.size()) found.lost[i].not_after = found.whole[next].offset - 1;
    }
    return found;
  }

 private:
  static constexpr std::size_t kMostToldOf = std::size_t{1} << 16;  // a damaged head or tail never gets here, but a made up one might

  void lose(std::string_view raw) {
    LostRecord& lost = lost_.emplace_back();
    wholes_before_.push_back(sink_.records().size());
    lost.raw = raw;
    RecordView view;
    if (!guess_record(raw, {head_.key.first, head_.base_time}, view)) return;
    const std::optional<Names> names = view.names ? view.names : names_;
    lost.guess = {view.offset, build_message(view, names.value_or(Names{})), view.enqueued_at, view.deadline};
    lost.names_known = names.has_value();
  }

  Head head_;
  RecordSink sink_;
  std::string_view left_;
  std::optional<Names> names_;
  std::vector<LostRecord> lost_;
  std::vector<std::size_t> wholes_before_;  // each of them
};

/// With a whole tail each record's place and names are known, whatever happened to the others.
PageExamination salvage_by_tail(const Tail& tail, std::string_view page) {
  Salvage salvage(tail.head, page);
  salvage.limit(page.size() - kHeadBytes - tail.bytes);
  auto run = tail.runs.begin();
  for (std::uint32_t i = 0; i < tail.head.count; ++i) {
    while (run != tail.runs.end() && i >= std::uint64_t{run->begin} + run->count) ++run;
    bool shared = run != tail.runs.end() && i >= run->begin;
    salvage.set_names(shared ? std::optional(run->names) : std::nullopt);
    if (tail.record_bytes[i] > salvage.left().size()) break;
    (void)salvage.take(tail.record_bytes[i]);
  }
  salvage.lose_rest();
  return std::move(salvage).finish();
}

/// Without a tail: as far as each record tells where the next one starts. A record that is damaged in its content is stepped over; one
/// whose length is wrong ends it, because what follows would then fail too.
PageExamination salvage_in_order(const Head& head, std::string_view page) {
  Salvage salvage(head, page);
  for (std::uint32_t i = 0; i < head.count; ++i) {
    std::size_t size = framed_bytes(salvage.left());
    if (size == 0) break;
    if (!salvage.take(size)) salvage.set_names(std::nullopt);
  }
  salvage.lose_rest();
  return std::move(salvage).finish();
}

StorageError corrupt(PageKey key, std::string_view what) {
  return {StorageError::Kind::kCorrupt, describe(key) + " is damaged: " + std::string(what)};
}

}  // namespace

PageIndex summarize(std::span<const PageRecord> records, std::uint8_t priority_level, bool transient) {
  MQ_CHECK(!records.empty() && records.size() <= 0xFFFFFFFF);
  PageIndex index;
  index.first = records.front().offset;
  index.last = records.back().offset;
  index.count = static_cast<std::uint32_t>(records.size());
  index.first_enqueued_at = records.front().enqueued_at;
  index.priority_level = priority_level;
  index.transient = transient;
  for (const PageRecord& record : records) {
    index.body_bytes += record.message->body_bytes();
    index.earliest_deadline = std::min(index.earliest_deadline, record.deadline);
  }
  return index;
}

EncodedPage encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t priority_level, bool transient) {
  EncodedPage page;
  page.queue = queue;
  page.index = summarize(records, priority_level, transient);
  Head head{transient ? kTransientFlag : std::uint8_t{0},
            priority_level,
            page.index.count,
            {queue, page.index.first},
            page.index.first_enqueued_at};
  RecordBase base{page.index.first, head.base_time};

  std::vector<NamesRun> runs = find_runs(records);
  page.bytes.resize(page_bytes(records, runs, base));
  char* const begin = page.bytes.data();
  char* const end = begin + page.bytes.size();
  char* at = put_head(begin, head);
  for (const NamesRun& run : runs) {
    for (std::uint32_t i = run.begin; i < run.begin + run.count; ++i) {
      MQ_CHECK(i == 0 || records[i].offset > records[i - 1].offset);
      at = put_record(at, records[i], base, i == run.begin);
    }
  }
  at = put_tail(at, head, begin + kHeadBytes, runs);
  MQ_CHECK(at == end);
  return page;
}

StorageResult<std::vector<PageRecord>> decode_page(PageKey key, std::string_view bytes, std::vector<PageRecord>* salvaged) {
  if (salvaged != nullptr) salvaged->clear();
  if (std::uint8_t form = form_of(bytes); form > kPageFormat)
    return StorageError{StorageError::Kind::kVersion,
                        describe(key) + " is written in form " + std::to_string(form) + ", which is newer than this broker"};
  std::optional<Head> head = read_head(bytes);
  if (head && head->key == key) {
    RecordSink sink(*head, bytes.size());
    if (read_whole(*head, bytes, sink)) return std::move(sink.records());
  }

  PageExamination found = examine_page(key, bytes);
  if (salvaged != nullptr) *salvaged = std::move(found.whole);
  return StorageError{StorageError::Kind::kCorrupt, std::move(found.wrong)};
}

PageExamination examine_page(PageKey key, std::string_view bytes) {
  auto unknown = [key](std::string_view what) { return PageExamination{.wrong = corrupt(key, what).text}; };
  std::optional<Head> head = read_head(bytes);
  std::optional<Tail> tail = read_tail(bytes);
  if (!head && !tail) return unknown("neither its head nor its tail can be read");
  if ((head && head->key != key) || (!head && tail->head.key != key)) return unknown("it is another page");
  if (head) {
    RecordSink sink(*head, bytes.size());
    if (read_whole(*head, bytes, sink))
      return {.known = true,
              .priority_level = head->priority_level,
              .transient = (head->flags & kTransientFlag) != 0,
              .count = head->count,
              .whole = std::move(sink.records())};
  }
  PageExamination found = tail && tail->head.key == key ? salvage_by_tail(*tail, bytes) : salvage_in_order(*head, bytes);
  found.wrong = corrupt(key, std::to_string(found.whole.size()) + " of " + std::to_string(found.count) + " messages are whole").text;
  return found;
}

}  // namespace mq::store
