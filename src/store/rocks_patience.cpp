#include "store/rocks_patience.hpp"

#include <chrono>
#include <utility>

#include "store/rocks_errors.hpp"

namespace mq::store {
namespace {

constexpr std::chrono::milliseconds kTryAgain{100};

/// Calls `attempt` until it does not lack space, or nobody is patient any more.
template <class Attempt>
rocksdb::IOStatus insist(Patience& patience, Attempt&& attempt) {
  rocksdb::IOStatus status = attempt();
  if (status.ok() || !lacks_space(status) || !patience.begin_waiting(status)) return status;
  while (!status.ok() && lacks_space(status) && patience.waits()) status = attempt();
  patience.end_waiting();
  return status;
}

/// Writes at places, not at the file's end: what a write that failed left there is written over by the next attempt.
class PatientFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  PatientFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<Patience> patience)
      : FSWritableFileOwnerWrapper(std::move(file)), patience_(std::move(patience)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (patience_->ended()) return rocksdb::IOStatus::OK();
    rocksdb::IOStatus status = insist(*patience_, [&] { return target()->PositionedAppend(data, end_, options, debug); });
    if (status.ok()) end_ += data.size();
    if (status.ok() || !lacks_space(status) || !patience_->given_up()) return status;
    patience_->end_writing();
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options, const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  rocksdb::IOStatus Truncate(uint64_t size, const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->Truncate(size, options, debug);
    if (status.ok()) end_ = size;
    return status;
  }

  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return patience_->ended() ? nothing_is_written() : target()->Sync(options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return patience_->ended() ? nothing_is_written() : target()->Fsync(options, debug);
  }

 private:
  static rocksdb::IOStatus nothing_is_written() { return rocksdb::IOStatus::IOError("the disk was full when the process was to end"); }

  std::shared_ptr<Patience> patience_;
  uint64_t end_ = 0;
};

/// RocksDB's own log of events; it is written while others wait for locks, and nobody misses a line of it.
bool is_event_log(const std::string& path) { return path.substr(path.rfind('/') + 1).starts_with("LOG"); }

class PatientFiles final : public rocksdb::FileSystemWrapper {
 public:
  PatientFiles(std::shared_ptr<Patience> patience, const std::shared_ptr<rocksdb::FileSystem>& below)
      : FileSystemWrapper(below), patience_(std::move(patience)) {}

  const char* Name() const override { return "PatientFiles"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) override {
    if (is_event_log(path)) return target()->NewWritableFile(path, options, file, debug);
    rocksdb::IOStatus status = insist(*patience_, [&] { return target()->NewWritableFile(path, options, file, debug); });
    if (status.ok()) *file = std::make_unique<PatientFile>(std::move(*file), patience_);
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    return insist(*patience_, [&] { return target()->RenameFile(from, to, options, debug); });
  }

 private:
  std::shared_ptr<Patience> patience_;
};

class ErrorListener final : public rocksdb::EventListener {
 public:
  explicit ErrorListener(std::shared_ptr<Patience> patience) : patience_(std::move(patience)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    if (error->severity() >= rocksdb::Status::kHardError) patience_->broken(*error);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* goes_ahead) override { *goes_ahead = false; }

 private:
  std::shared_ptr<Patience> patience_;
};

}  // namespace

void Patience::begin(std::function<bool()> first_aid) {
  std::lock_guard lock(mutex_);
  first_aid_ = std::move(first_aid);
  begun_ = patient_ = true;
}

void Patience::give_up() {
  {
    std::lock_guard lock(mutex_);
    patient_ = false;
  }
  given_up_.notify_all();
}

bool Patience::given_up() const {
  std::lock_guard lock(mutex_);
  return begun_ && !patient_;
}

bool Patience::begin_waiting(const rocksdb::Status& why) {
  std::lock_guard lock(mutex_);
  if (!patient_) return false;
  ++waiting_;
  why_ = why.ToString();
  return true;
}

bool Patience::waits() {
  std::unique_lock lock(mutex_);
  if (!patient_ || (first_aid_ && first_aid_())) return patient_;
  given_up_.wait_for(lock, kTryAgain, [this] { return !patient_; });
  return patient_;
}

void Patience::end_waiting() {
  std::lock_guard lock(mutex_);
  --waiting_;
}

void Patience::broken(const rocksdb::Status& why) {
  std::lock_guard lock(mutex_);
  if (!broken_) broken_ = StorageError{StorageError::Kind::kIo, why.ToString()};
}

std::optional<StorageError> Patience::trouble() const {
  std::lock_guard lock(mutex_);
  if (broken_) return broken_;
  if (waiting_ != 0) return StorageError{StorageError::Kind::kNoSpace, why_};
  return std::nullopt;
}

std::unique_ptr<rocksdb::Env> make_patient_environment(const std::shared_ptr<Patience>& patience,
                                                       const std::shared_ptr<rocksdb::FileSystem>& below) {
  return rocksdb::NewCompositeEnv(std::make_shared<PatientFiles>(patience, below));
}

std::shared_ptr<rocksdb::EventListener> make_error_listener(const std::shared_ptr<Patience>& patience) {
  return std::make_shared<ErrorListener>(patience);
}

}  // namespace mq::store
