// The merge of marks: operands in any order and any grouping come to the same, and to what the marks all together come to. An operand that
// is damaged costs what it said and no more, and the merge says that something is lost.
#include "store/merge_marks.hpp"

#include <rocksdb/merge_operator.h>

#include <algorithm>
#include <deque>

#include "fuzz.hpp"
#include "store/value_codec.hpp"
#include "support/input.hpp"

using namespace mq;
using namespace mq::store;

namespace {

constexpr std::size_t kMostOperands = 6;
constexpr std::size_t kMostMarks = 12;

std::vector<Mark> make_marks(fuzz::Input& input) {
  std::vector<Mark> marks;
  for (std::size_t left = input.below(kMostMarks); left > 0; --left) {
    const std::uint8_t what = input.u8();
    Mark mark{static_cast<Offset>(what & 31), (what & 32) != 0 ? Mark::kSettled : std::uint32_t{input.u8()}, 0};
    if ((what & 64) != 0 && mark.value != Mark::kSettled) mark.until = static_cast<UnixMillis>(input.u16());
    marks.push_back(mark);
  }
  normalize_marks(marks);
  return marks;
}

std::vector<rocksdb::Slice> slices(const std::vector<std::string>& operands) { return {operands.begin(), operands.end()}; }

bool merge(const rocksdb::MergeOperator& merger, const rocksdb::Slice* existing, const std::vector<std::string>& operands,
           std::string& merged) {
  const std::vector<rocksdb::Slice> list = slices(operands);
  rocksdb::Slice unused;
  rocksdb::MergeOperator::MergeOperationOutput out(merged, unused);
  return merger.FullMergeV2(rocksdb::MergeOperator::MergeOperationInput("key", existing, list, nullptr), &out);
}

}  // namespace

FUZZ_TARGET(bytes) {
  static const auto merger = make_marks_merger();
  fuzz::Input input(bytes);
  std::vector<std::string> operands;
  std::vector<Mark> all;
  for (std::size_t left = 1 + input.below(kMostOperands); left > 0; --left) {
    const std::vector<Mark> marks = make_marks(input);
    operands.push_back(encode_marks(0, marks));
    all.insert(all.end(), marks.begin(), marks.end());
  }
  normalize_marks(all);
  const std::string expected = encode_marks(0, all);

  std::string merged;
  FUZZ_CLAIM(merge(*merger, nullptr, operands, merged) && merged == expected);
  std::reverse(operands.begin(), operands.end());
  std::rotate(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(input.below(operands.size())), operands.end());
  const rocksdb::Slice existing(operands.front());
  const std::vector<std::string> others(operands.begin() + 1, operands.end());
  FUZZ_CLAIM(merge(*merger, &existing, others, merged) && merged == expected);

  if (operands.size() > 2) {  // some of them first
    std::vector<std::string> grouped(operands.begin(), operands.begin() + 1);
    const std::vector<rocksdb::Slice> rest = slices(others);
    std::string partial;
    FUZZ_CLAIM(merger->PartialMergeMulti("key", std::deque<rocksdb::Slice>(rest.begin(), rest.end()), &partial, nullptr));
    grouped.push_back(partial);
    FUZZ_CLAIM(merge(*merger, nullptr, grouped, merged) && merged == expected);
  }

  const std::string odd(input.rest());
  const bool whole = decode_marks(0, odd, all);  // appends what is sure
  normalize_marks(all);
  operands.push_back(odd);
  std::vector<Mark> left;
  FUZZ_CLAIM(merge(*merger, nullptr, operands, merged));
  FUZZ_CLAIM(decode_marks(0, merged, left) == whole && left == all);
}
