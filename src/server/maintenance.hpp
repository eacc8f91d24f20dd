// What can be done to a data directory while no broker uses it: look whether it is whole, mend it, take a backup for it.
//
// The store knows numbers, metadata knows names: here they meet.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mq/base/clock.hpp"

namespace mq::server {

/// A message that is lost. Of what cannot be read nobody can be sure: what it still seems to say is a help to find it elsewhere.
struct DamagedMessage {
  std::uint64_t not_before = 0;  ///< its offset in the queue (of a delayed one, its sequence) is at least this
  std::uint64_t not_after = 0;   ///< and at most this; when that is less, nobody knows
  bool legible = false;          ///< the following is what it seems to say
  std::string exchange, routing_key, message_id;
  std::uint64_t size_bytes = 0;
  UnixMillis enqueued_at = 0;
  UnixMillis due = 0;    ///< of a delayed message; 0 of others
  std::string raw_file;  ///< where its octets were saved to; empty when they were not
};

struct Damage {
  std::string text;          ///< one sentence that names what it is about
  std::string vhost, queue;  ///< empty when it is about no queue, or its name is not known
  std::uint8_t priority = 0;
  std::uint64_t whole_messages = 0;  ///< of the damaged page
  std::uint64_t lost_messages = 0;
  std::uint64_t come_again = 0;  ///< messages that may have been settled, and will be delivered once more
  std::vector<DamagedMessage> messages;
};

struct StoreReport {
  std::string directory;
  std::vector<Damage> damage;
  std::uint64_t queues = 0, pages = 0, messages = 0, body_bytes = 0, delayed_messages = 0, seen_ids = 0,
                metadata_records = 0;  ///< whole ones
  std::uint64_t lost_messages = 0, come_again = 0;

  // --- of a repair ---
  bool changed = false;            ///< the directory was written anew
  std::string originals;           ///< where the old files are, unchanged
  std::vector<std::string> notes;  ///< what was done about metadata, a sentence each
};

struct MaintenanceError {
  enum class Kind : std::uint8_t { kInUse, kNotThere, kVersion, kOther };
  Kind kind = Kind::kOther;
  std::string text;
};
[[noreturn]] void throw_exception_from_error(const MaintenanceError& error, const boost::source_location& where);
template <class T>
using MaintenanceResult = boost::system::result<T, MaintenanceError>;

/// Reads everything; changes nothing (a directory that does not open is copied, by hard links, beside itself for a while).
[[nodiscard]] MaintenanceResult<StoreReport> verify_store(const std::string& directory);

struct RepairWishes {
  bool dry_run = false;     ///< tells what would be done
  std::string salvage_dir;  ///< where the octets of what cannot be read are saved, each in a file; made if it is not there. Empty: nowhere
};
/// Afterwards verify_store() finds nothing wrong. A directory in which nothing is wrong is left alone.
[[nodiscard]] MaintenanceResult<StoreReport> repair_store(const std::string& directory, const RepairWishes& wishes);

/// Copies a backup, which is verified first, to `directory`, which is not there or empty.
[[nodiscard]] MaintenanceResult<StoreReport> restore_store(const std::string& backup, const std::string& directory);

}  // namespace mq::server
