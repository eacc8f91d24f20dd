#include "store/merge_marks.hpp"

#include <deque>
#include <string>
#include <vector>

#include "store/value_codec.hpp"

namespace mq::store {
namespace {

class MarksMerger final : public rocksdb::MergeOperator {
 public:
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    std::vector<Mark> marks;
    if (in.existing_value != nullptr && !add(*in.existing_value, marks)) return false;
    return merge(in.operand_list, std::move(marks), out->new_value);
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands, std::string* merged,
                         rocksdb::Logger*) const override {
    return merge(operands, {}, *merged);
  }

  // The name is part of the format: RocksDB compares it with the one a directory was made with.
  const char* Name() const override { return "brokerd.marks.1"; }

 private:
  static bool add(const rocksdb::Slice& operand, std::vector<Mark>& marks) {
    return decode_marks(0, {operand.data(), operand.size()}, marks);
  }

  template <class Operands>
  static bool merge(const Operands& operands, std::vector<Mark> marks, std::string& merged) {
    for (const rocksdb::Slice& operand : operands)
      if (!add(operand, marks)) return false;
    normalize_marks(marks);
    merged = encode_marks(0, marks);
    return true;
  }
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> make_marks_merger() { return std::make_shared<MarksMerger>(); }

}  // namespace mq::store
