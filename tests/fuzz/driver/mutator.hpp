// Makes inputs of inputs: flips bits, moves and repeats stretches, crosses two of them, turns numbers into those that are easily got wrong,
// puts words of the dictionary in. The same seed makes the same ones.
#pragma once

#include <string>
#include <vector>

#include "driver/random.hpp"

namespace mq::fuzz {

class Mutator {
 public:
  /// An empty input is always among the ones to begin with.
  Mutator(std::vector<std::string> corpus, std::vector<std::string> words, std::size_t most_bytes);

  /// A new input.
  std::string make(Random& random) const;

 private:
  void change(std::string& input, Random& random) const;

  std::vector<std::string> corpus_;
  std::vector<std::string> words_;
  std::size_t most_bytes_;
};

}  // namespace mq::fuzz
