// Making the data directory so that it is still there after a power failure.
#pragma once

#include <string>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// Makes the directory and whatever is missing above it, with rights for the owner only, and syncs the names of all that into the
/// directories above them. Does the latter for a directory that is there too: whoever made it may have been stopped before. Errors:
/// kNoSpace, kIo.
[[nodiscard]] StorageResult<> make_directory(const std::string& path);

}  // namespace mq::store
