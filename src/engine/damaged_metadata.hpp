// What recovery does about metadata that is damaged: tells of it by name, makes anew what the key still says, and keeps what lies on disk
// under numbers that no whole record speaks of.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "broker/topology.hpp"
#include "mq/ports/storage.hpp"

namespace mq::engine::metadata {

/// Notes on what is kept aside; their keys name the number.
inline constexpr std::string_view kKeptAside = "A";
[[nodiscard]] std::string kept_aside_key(std::uint64_t number);

/// "queue 'orders' in vhost '/'".
[[nodiscard]] std::string describe_key(std::string_view key);

/// A binding as its key tells it: all that makes a binding stands there too.
[[nodiscard]] std::optional<broker::BindingInfo> binding_of_key(std::string_view key);

/// False when the value cannot be what lies under that key. True for kinds this does not know.
[[nodiscard]] bool is_whole(std::string_view key, std::string_view value);

/// A queue and its messages are dropped in one write, so what lies under a number that is nobody's is of a queue whose record is damaged,
/// unless no record is: then it is dropped. Otherwise it stays, with a note in metadata, so that it stays as well when the damaged record
/// is gone (somebody declares the queue anew). `brokerctl store repair` brings it back. Delayed messages are treated alike.
class KeptAside {
 public:
  explicit KeptAside(Storage& storage) : storage_(storage) {}

  /// Is what lies under `number`, which is nobody's, to stay? Notes it in `changes`, if it is. The first call looks through all metadata
  /// for notes and damage; a start that finds an owner for everything does not.
  [[nodiscard]] bool keep(std::uint64_t number, WriteSet& changes);
  /// Records that are damaged, or whose vhost is not there; 0 while nobody asked.
  [[nodiscard]] std::size_t damaged() const noexcept { return damaged_; }

 private:
  void look();

  Storage& storage_;
  bool looked_ = false;
  std::set<std::string, std::less<>> notes_;
  std::size_t damaged_ = 0;
};

}  // namespace mq::engine::metadata
