// Brings records of metadata into order again after some were lost: what `brokerctl store repair` does beside the messages.
#pragma once

#include <string>
#include <vector>

#include "store/verify.hpp"

namespace mq::server {

/// Sorts out what is whole by RocksDB's account but is no record of its kind: those move to `damaged`.
void sort_out(store::MetadataRecords& whole, store::MetadataRecords& damaged);

/// What lies under numbers that no record speaks of.
[[nodiscard]] store::StoredNumbers numbers_of_nobody(const store::MetadataRecords& whole, const store::StoredNumbers& numbers);

/// Makes anew what can be told from keys and numbers, leaves out the rest, gives messages without a queue one. See RepairOptions::mend.
[[nodiscard]] std::vector<std::string> mend_metadata(store::MetadataRecords& whole, const store::MetadataRecords& damaged,
                                                     const store::StoredNumbers& numbers);

}  // namespace mq::server
