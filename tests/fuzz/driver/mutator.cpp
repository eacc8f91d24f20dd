#include "driver/mutator.hpp"

#include <algorithm>
#include <iterator>

#include "mq/base/bytes.hpp"

namespace mq::fuzz {
namespace {

constexpr std::size_t kMostChanges = 6;
constexpr std::size_t kLongestStretch = 128;
constexpr std::size_t kMostFreshBytes = 512;

constexpr std::uint64_t kTelling[] = {0,        1,    2,       7,          8,          15,        16,         63,         64,
                                      127,      128,  254,     255,        256,        511,       4095,       4096,       4097,
                                      8191,     8192, 32767,   32768,      65535,      65536,     131064,     131072,     0x7FFFFFFF,
                                      1u << 31, ~0u,  ~0u - 7, 1ULL << 32, 1ULL << 53, INT64_MAX, 1ULL << 63, UINT64_MAX, UINT64_MAX - 7};

void flip_bit(std::string& input, Random& random) {
  if (input.empty()) return;
  const std::size_t at = random.below(input.size());
  input[at] = static_cast<char>(input[at] ^ (1 << random.below(8)));
}

void set_byte(std::string& input, Random& random) {
  if (!input.empty()) input[random.below(input.size())] = static_cast<char>(random.bits());
}

void insert_bytes(std::string& input, Random& random) {
  const std::size_t count = 1 + random.below(8);
  std::string bytes(count, static_cast<char>(random.bits()));
  if (random.one_in(2)) std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random.bits()); });
  input.insert(random.below(input.size() + 1), bytes);
}

void erase_stretch(std::string& input, Random& random) {
  const std::size_t at = random.below(input.size());
  input.erase(at, 1 + random.below(std::min(input.size(), kLongestStretch)));
}

void repeat_stretch(std::string& input, Random& random) {
  const std::string stretch = input.substr(random.below(input.size()), 1 + random.below(kLongestStretch));
  const std::size_t at = random.below(input.size() + 1);
  for (std::size_t times = 1 + random.below(random.one_in(8) ? 64 : 3); times > 0; --times) input.insert(at, stretch);
}

void move_stretch(std::string& input, Random& random) {
  const std::size_t from = random.below(input.size());
  const std::string stretch = input.substr(from, 1 + random.below(kLongestStretch));
  input.erase(from, stretch.size());
  input.insert(random.below(input.size() + 1), stretch);
}

void cut_short(std::string& input, Random& random) { input.resize(random.below(input.size() + 1)); }

/// A number of 1, 2, 4 or 8 bytes becomes one that is easily got wrong, or its own neighbour. Lengths are such numbers.
void change_number(std::string& input, Random& random) {
  const std::size_t width = std::size_t{1} << random.below(4);
  if (input.size() < width) return;
  char* at = input.data() + random.below(input.size() - width + 1);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  switch (random.below(4)) {
    case 0: value += 1; break;
    case 1: value -= 1; break;
    case 2: value += random.below(64) - 32; break;
    default: value = kTelling[random.below(std::size(kTelling))];
  }
  for (std::size_t i = width; i-- > 0; value >>= 8) at[i] = static_cast<char>(value);
}

}  // namespace

Mutator::Mutator(std::vector<std::string> corpus, std::vector<std::string> words, std::size_t most_bytes)
    : corpus_(std::move(corpus)), words_(std::move(words)), most_bytes_(most_bytes) {
  corpus_.emplace_back();
}

std::string Mutator::make(Random& random) const {
  std::string input = corpus_[random.below(corpus_.size())];
  if (input.empty() && random.one_in(2)) {  // out of nothing
    input.resize(random.below(std::size_t{2} << random.below(9)) % kMostFreshBytes);
    std::generate(input.begin(), input.end(), [&] { return static_cast<char>(random.bits()); });
  }
  for (std::size_t left = 1 + random.below(kMostChanges); left > 0; --left) change(input, random);
  if (input.size() > most_bytes_) input.resize(most_bytes_);
  return input;
}

void Mutator::change(std::string& input, Random& random) const {
  if (input.empty()) return insert_bytes(input, random);
  switch (random.below(12)) {
    case 0:
    case 1: return flip_bit(input, random);
    case 2: return set_byte(input, random);
    case 3: return insert_bytes(input, random);
    case 4: return erase_stretch(input, random);
    case 5: return repeat_stretch(input, random);
    case 6: return move_stretch(input, random);
    case 7: return cut_short(input, random);
    case 8:
    case 9: return change_number(input, random);
    case 10: {  // the end of another one behind the beginning of this one
      const std::string& other = corpus_[random.below(corpus_.size())];
      input.resize(random.below(input.size() + 1));
      input.append(other, random.below(other.size() + 1));
      return;
    }
    default: {
      if (words_.empty()) return flip_bit(input, random);
      const std::string& word = words_[random.below(words_.size())];
      const std::size_t at = random.below(input.size() + 1);
      input.replace(at, random.one_in(2) ? word.size() : 0, word);
    }
  }
}

}  // namespace mq::fuzz
