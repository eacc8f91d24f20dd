#include "server/backup.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "store/rocks_store.hpp"

namespace mq::server {
namespace {

namespace fs = std::filesystem;

class Task final : public Runnable {
 public:
  explicit Task(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }

 private:
  const std::function<void()> work_;
};

http::BackupResult refusal(std::string text) { return {.error = std::move(text), .refused = true}; }

}  // namespace

/// Why no backup can be made there; empty when one can.
std::string Backups::objection(const std::string& directory) const {
  const fs::path path = fs::path(directory).lexically_normal();
  std::error_code error;
  if (!path.is_absolute() || !path.has_filename()) return "the directory should be an absolute path, without a slash at its end";
  if (fs::exists(fs::symlink_status(path, error))) return directory + " exists already";
  if (!fs::is_directory(path.parent_path(), error)) return "there is no directory " + path.parent_path().string();
  const fs::path inside = fs::relative(fs::canonical(path.parent_path(), error), fs::canonical(data_dir_, error), error);
  if (!error && !inside.empty() && *inside.begin() != "..") return "a backup cannot lie inside of the data directory " + data_dir_;
  return {};
}

void Backups::make(const std::string& directory, std::function<void(http::BackupResult)> done) {
  std::call_once(begun_, [this] { strand_ = scheduler_.make_blocking_strand("backup"); });
  strand_->post(std::make_shared<Task>([self = shared_from_this(), directory, done = std::move(done)] {
    if (std::string wrong = self->objection(directory); !wrong.empty()) return done(refusal(std::move(wrong)));
    const auto began = std::chrono::steady_clock::now();
    const auto made = store::checkpoint(self->storage_, fs::path(directory).lexically_normal().string());
    if (!made) {
      log::error("no backup was made to {}: {}", directory, made.error().text);
      if (made.error().kind == StorageError::Kind::kNotFound) return done(refusal(made.error().text));
      return done(http::BackupResult{.error = made.error().text});
    }
    const auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    log::info("a backup was made to {}: {} files, {} octets, in {} ms", directory, made->files, made->bytes, taken.count());
    done({.files = made->files, .bytes = made->bytes, .took_ms = static_cast<std::uint64_t>(taken.count())});
  }));
}

}  // namespace mq::server
