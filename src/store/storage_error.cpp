// What happens when somebody asks a failed StorageResult for its value: that is a bug of ours, told like one.
#include <stdexcept>

#include "mq/ports/storage.hpp"

namespace mq {

void throw_exception_from_error(const StorageError& error, const boost::source_location&) {
  throw std::logic_error("value() of a storage error: " + error.text);
}

}  // namespace mq
