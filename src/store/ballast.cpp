#include "store/ballast.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <limits>
#include <utility>

namespace mq::store {
namespace {

constexpr std::uint64_t kShareOfFree = 16;  // one part in so many

}  // namespace

std::uint64_t free_space(const std::string& path) noexcept {
  struct statvfs about {};
  if (::statvfs(path.c_str(), &about) != 0) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{about.f_bavail} * about.f_frsize;
}

Ballast::Ballast(std::string directory, std::uint64_t bytes) : path_(std::move(directory) + "/ballast"), bytes_(bytes) {
  struct stat about {};
  there_ = ::stat(path_.c_str(), &about) == 0;
}

void Ballast::take(std::uint64_t free_bytes) {
  if (bytes_ == 0 || free_bytes / kShareOfFree < bytes_) return;
  std::lock_guard lock(mutex_);
  if (there_) return;
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return;
  there_ = ::fallocate(file, 0, 0, static_cast<off_t>(bytes_)) == 0;
  ::close(file);
  if (!there_) ::unlink(path_.c_str());
}

bool Ballast::drop() {
  std::lock_guard lock(mutex_);
  if (!there_) return false;
  there_ = false;
  return ::unlink(path_.c_str()) == 0;
}

}  // namespace mq::store
