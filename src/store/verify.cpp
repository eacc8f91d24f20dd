#include "store/verify.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "store/verify_source.hpp"
#include "store/verify_walk.hpp"

namespace mq::store {

StorageResult<VerifySummary> verify(const std::string& directory, const ReportFinding& report) {
  std::vector<std::string> problems;
  StorageResult<Source> source = Source::open(directory, problems);
  if (!source) return source.error();
  Walk walk(*source, report);
  walk.run(problems);
  return std::move(walk.summary());
}

std::optional<std::int64_t> user_of(const std::string& directory) {
  const int file = ::open((directory + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool asked = ::fcntl(file, F_GETLK, &lock) == 0;
  ::close(file);
  return asked && lock.l_type != F_UNLCK ? std::optional<std::int64_t>(lock.l_pid) : std::nullopt;
}

}  // namespace mq::store
