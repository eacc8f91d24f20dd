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
    Marks marks;
    if (in.existing_value != nullptr) marks.add(*in.existing_value);
    out->new_value = std::move(marks).merged_with(in.operand_list);
    return true;
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands, std::string* merged,
                         rocksdb::Logger*) const override {
    *merged = Marks().merged_with(operands);
    return true;
  }

  // The name is part of the format: RocksDB compares it with the one a directory was made with.
  const char* Name() const override { return "brokerd.marks.1"; }

 private:
  struct Marks {
    std::vector<Mark> known;
    bool some_lost = false;

    void add(const rocksdb::Slice& operand) { some_lost |= !decode_marks(0, {operand.data(), operand.size()}, known); }

    template <class Operands>
    std::string merged_with(const Operands& operands) && {
      for (const rocksdb::Slice& operand : operands) add(operand);
      normalize_marks(known);
      return encode_marks(0, known, some_lost);
    }
  };
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> make_marks_merger() { return std::make_shared<MarksMerger>(); }

}  // namespace mq::store
