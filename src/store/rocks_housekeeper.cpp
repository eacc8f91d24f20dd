#include "store/rocks_housekeeper.hpp"

#include <chrono>
#include <utility>

#include "store/ballast.hpp"

namespace mq::store {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kReferencesBytes = 32 * kMiB;  // a tree up to this size is compacted whole: it holds references, not pages
constexpr std::chrono::seconds kRest{2};               // between two rounds, so that a busy queue beside a backlog causes few flushes

}  // namespace

Housekeeper::Housekeeper(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* pages, std::uint64_t reclaim_bytes,
                         std::vector<rocksdb::ColumnFamilyHandle*> beside)
    : db_(db), pages_(pages), reclaim_bytes_(reclaim_bytes), beside_(std::move(beside)), thread_([this] { run(); }) {}

Housekeeper::~Housekeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Housekeeper::dropped(std::uint64_t pages) {
  if (pages != 0) tell({pages, false, false});
}

void Housekeeper::dropped_range() { tell({0, true, false}); }

void Housekeeper::hurry() { tell({0, false, true}); }

void Housekeeper::tell(const Dropped& news) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    news_.pages += news.pages;
    news_.range = news_.range || news.range;
    news_.hurry = news_.hurry || news.hurry;
    wake = std::exchange(waiting_, false);
  }
  if (wake) wake_.notify_one();
}

std::uint64_t Housekeeper::property(const std::string& name) const {
  std::uint64_t value = 0;
  return db_.GetIntProperty(pages_, name, &value) ? value : 0;
}

void Housekeeper::run() {
  Dropped pending;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    while (!stopping_ && !news_.range && !news_.hurry && news_.pages == 0) {
      waiting_ = true;
      wake_.wait(lock);
    }
    waiting_ = false;
    pending.pages += news_.pages;
    pending.range = pending.range || news_.range;
    pending.hurry = news_.hurry;
    news_ = {};
    if (stopping_) return;
    lock.unlock();
    if (pending.hurry) look_in_a_hurry();
    if (look(pending)) pending = {};
    lock.lock();
    wake_.wait_for(lock, kRest, [this] { return stopping_.load(); });
  }
}

bool Housekeeper::look(const Dropped& pending) {
  std::uint64_t file_bytes = property(rocksdb::DB::Properties::kLiveBlobFileSize) + property(rocksdb::DB::Properties::kLiveSstFilesSize);
  if (file_bytes < reclaim_bytes_) return true;
  // Nobody counts the bytes of dropped pages; their share of the files is near enough.
  std::uint64_t known_pages = property(rocksdb::DB::Properties::kEstimateNumKeys) + pending.pages;
  std::uint64_t dropped_bytes = pending.range || known_pages == 0 ? file_bytes : file_bytes / known_pages * pending.pages;
  if (dropped_bytes < reclaim_bytes_) return false;
  bring_notes_home();
  if (!stopping_) collect_garbage();
  return true;
}

// All write buffers are flushed, so that the log goes, and what is dropped is looked for among few pages as well as among many.
void Housekeeper::look_in_a_hurry() {
  const std::uint64_t sequence = db_.GetLatestSequenceNumber();
  if (sequence == std::exchange(hurried_at_, sequence)) return;
  rocksdb::FlushOptions flush;
  flush.allow_write_stall = true;
  if (!beside_.empty()) (void)db_.Flush(flush, beside_);
  if (!stopping_) bring_notes_home();
  // What is wanted is there twice for a while.
  const std::uint64_t garbage = property(rocksdb::DB::Properties::kLiveBlobFileGarbageSize);
  const std::uint64_t wanted = property(rocksdb::DB::Properties::kLiveBlobFileSize) - garbage;
  if (!stopping_ && garbage != 0 && wanted <= free_space(db_.GetName()) / 2) rewrite_what_is_wanted();
}

// Errors are not looked at: one that matters stops the next commit too.
void Housekeeper::bring_notes_home() {
  rocksdb::FlushOptions flush;
  flush.allow_write_stall = true;  // its opposite waits for a calm that a busy broker does not have
  (void)db_.Flush(flush, pages_);
  if (stopping_ || property(rocksdb::DB::Properties::kLiveSstFilesSize) > kReferencesBytes) return;
  rocksdb::CompactRangeOptions compact;
  compact.exclusive_manual_compaction = false;
  compact.allow_write_stall = true;
  compact.canceled = &stopping_;
  (void)db_.CompactRange(compact, pages_, nullptr, nullptr);
}

void Housekeeper::collect_garbage() {
  std::uint64_t garbage = property(rocksdb::DB::Properties::kLiveBlobFileGarbageSize);
  if (garbage < 2 * reclaim_bytes_ || garbage * 2 < property(rocksdb::DB::Properties::kLiveBlobFileSize)) return;
  rewrite_what_is_wanted();
}

void Housekeeper::rewrite_what_is_wanted() {
  rocksdb::CompactRangeOptions compact;
  compact.exclusive_manual_compaction = false;
  compact.allow_write_stall = true;
  compact.canceled = &stopping_;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  compact.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  compact.blob_garbage_collection_age_cutoff = 1.0;
  (void)db_.CompactRange(compact, pages_, nullptr, nullptr);
}

}  // namespace mq::store
