// The messages of one producer, encoded once and sent over and over: only the stamps in their bodies change. Sizes, routing keys and
// priorities that vary do so within the deck, in their due shares.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "apps/brokerbench/options.hpp"

namespace mq::bench {

/// How many bytes leave in one write, if there is more than one message.
inline constexpr std::size_t kBurstBytes = std::size_t{64} * 1024;

class Deck {
 public:
  struct Batch {
    std::string_view bytes;
    std::uint64_t messages = 0;
  };

  Deck() = default;
  /// `reply_to` is put into the properties unless it is empty.
  Deck(const Options& options, int producer, std::uint32_t frame_max, const std::string& reply_to = {});

  /// The next messages: at least one, at most `most`, about kBurstBytes in all. The body of the i-th begins with the eight bytes of
  /// `stamp_of(i)`, in the machine's order, if it is that long.
  template <class StampOf>
  [[nodiscard]] Batch next(std::uint64_t most, StampOf&& stamp_of) {
    std::size_t first = at_;
    std::size_t begin = letters_[first].begin;
    std::size_t last = first;
    do {
      const Letter& letter = letters_[last];
      std::uint64_t stamp = stamp_of(last - first);
      if (letter.stamp != kNoStamp) std::memcpy(bytes_.data() + letter.stamp, &stamp, sizeof stamp);
      ++last;
    } while (last - first < most && last < letters_.size() && letters_[last].end - begin <= kBurstBytes);
    at_ = are_alike_ || last == letters_.size() ? 0 : last;
    return {std::string_view(bytes_).substr(begin, letters_[last - 1].end - begin), last - first};
  }

  /// How many messages fill a burst, about.
  [[nodiscard]] std::uint64_t burst_messages() const noexcept { return burst_messages_; }
  [[nodiscard]] std::size_t size() const noexcept { return letters_.size(); }

 private:
  static constexpr std::size_t kNoStamp = ~std::size_t{0};

  struct Letter {
    std::size_t begin = 0;  // of its first frame in bytes_
    std::size_t stamp = kNoStamp;
    std::size_t end = 0;
  };

  void append_period(const Options& options, int producer, const std::vector<std::string>& keys, std::size_t count, std::size_t number,
                     std::uint32_t frame_max, const std::string& reply_to);

  std::string bytes_;
  std::vector<Letter> letters_;
  bool are_alike_ = true;  // so that every batch may begin at the first, and none is cut short by the end
  std::size_t at_ = 0;
  std::uint64_t burst_messages_ = 1;
};

}  // namespace mq::bench
