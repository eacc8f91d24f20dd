// The merge operator of the marks column: the larger mark of each offset stays, so operands may come in any order and any grouping.
// An operand that cannot be read costs itself: the others are merged, and the result says that some are lost. To fail instead would end
// RocksDB's compactions, and with them all writing.
#pragma once

#include <rocksdb/merge_operator.h>

#include <memory>

namespace mq::store {

/// Operands and result are encode_marks(0, ...): offsets counted from the page's first one, which the operator need not know.
[[nodiscard]] std::shared_ptr<rocksdb::MergeOperator> make_marks_merger();

}  // namespace mq::store
