#include "server/maintenance.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "broker/queue/queue.hpp"
#include "engine/damaged_metadata.hpp"
#include "engine/metadata.hpp"
#include "server/mend_metadata.hpp"
#include "store/verify.hpp"

namespace mq::server {
namespace {

namespace fs = std::filesystem;
namespace metadata = engine::metadata;
using Kind = MaintenanceError::Kind;

MaintenanceError error_of(const StorageError& error) {
  switch (error.kind) {
    case StorageError::Kind::kLocked: return {Kind::kInUse, error.text};
    case StorageError::Kind::kNotFound: return {Kind::kNotThere, error.text};
    case StorageError::Kind::kVersion: return {Kind::kVersion, error.text};
    default: return {Kind::kOther, error.text};
  }
}

std::optional<MaintenanceError> who_uses(const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return MaintenanceError{Kind::kNotThere, "there is no directory " + directory};
  const auto user = store::user_of(directory);
  if (!user) return std::nullopt;
  return MaintenanceError{Kind::kInUse, "a broker has " + directory + " open (process " + std::to_string(*user) + "): stop it first"};
}

/// What numbers are called.
class Names {
 public:
  explicit Names(const store::MetadataRecords& records) {
    for (const auto& [key, value] : records) {
      const std::vector<std::string> parts = key.empty() ? std::vector<std::string>() : metadata::key_parts(key);
      if (key.starts_with(metadata::kQueues) && !parts.empty()) {
        if (const auto queue = metadata::decode_queue(value)) queues_[queue->id] = {parts[0], queue->name};
      } else if (key.starts_with(metadata::kDelayedBooks) && !parts.empty()) {
        if (const auto book = metadata::decode_delayed_book(value)) books_[*book] = parts[0];
      }
    }
  }

  /// Puts the names into what was found, in front of its text too.
  void tell(const store::VerifyFinding& finding, Damage& damage) const {
    if (!finding.metadata_key.empty()) {
      damage.text = "the record of the " + metadata::describe_key(finding.metadata_key) + " is damaged";
    } else if (finding.queue != 0) {
      damage.priority = static_cast<std::uint8_t>(finding.queue % broker::kLogsPerQueue);
      const auto found = queues_.find(finding.queue - damage.priority);
      if (found == queues_.end()) return;
      damage.vhost = found->second.first;
      damage.queue = found->second.second;
      damage.text = "queue '" + damage.queue + "' in vhost '" + damage.vhost + "'" +
                    (damage.priority != 0 ? ", priority " + std::to_string(damage.priority) : std::string()) + ": " + damage.text;
    } else if (finding.book != 0) {
      const auto found = books_.find(finding.book);
      if (found == books_.end()) return;
      damage.vhost = found->second;
      damage.text = "delayed messages of vhost '" + damage.vhost + "': " + damage.text;
    }
  }

 private:
  std::map<QueueId, std::pair<std::string, std::string>> queues_;  // vhost, name
  std::map<DelayedBook, std::string> books_;
};

/// Saves octets of what cannot be read, each to a file of its own.
class Salvage {
 public:
  explicit Salvage(std::string directory) : directory_(std::move(directory)) {}
  std::optional<MaintenanceError> begin() {
    if (directory_.empty()) return std::nullopt;
    std::error_code error;
    fs::create_directories(directory_, error);
    if (!error && !fs::is_empty(directory_, error))
      return MaintenanceError{Kind::kOther, directory_ + " is not empty: name another directory for what is salvaged"};
    if (!error) fs::permissions(directory_, fs::perms::owner_all, error);
    if (error) return MaintenanceError{Kind::kOther, "making " + directory_ + ": " + error.message()};
    return std::nullopt;
  }
  /// The file's path; empty when there is nothing to save, or nowhere.
  std::string save(const std::string& what, const std::string& octets) {
    if (directory_.empty() || octets.empty()) return {};
    std::string path = directory_ + "/" + std::to_string(++files_) + "-" + what + ".raw";
    std::ofstream(path, std::ios::binary) << octets;
    return path;
  }

 private:
  const std::string directory_;
  unsigned files_ = 0;
};

Damage damage_of(const store::VerifyFinding& finding, const Names& names, Salvage& salvage) {
  Damage damage{.text = finding.text,
                .whole_messages = finding.whole_messages,
                .lost_messages = finding.lost_messages,
                .come_again = finding.come_again};
  names.tell(finding, damage);
  const std::string place = finding.metadata_key.empty()
                                ? finding.book != 0 ? "book-" + std::to_string(finding.book)
                                                    : "log-" + std::to_string(finding.queue) + "-page-" + std::to_string(finding.page_first)
                                : std::string("metadata");
  (void)salvage.save(place, finding.raw);
  for (const store::LostMessage& lost : finding.messages)
    damage.messages.push_back({lost.not_before, lost.not_after, lost.legible, lost.exchange, lost.routing_key, lost.message_id,
                               lost.body_bytes, lost.enqueued_at, lost.due, salvage.save(place + "-message", lost.raw)});
  return damage;
}

void count(const store::VerifySummary& summary, StoreReport& report) {
  report.queues = summary.queues;
  report.pages = summary.pages;
  report.messages = summary.messages;
  report.body_bytes = summary.body_bytes;
  report.delayed_messages = summary.delayed_messages;
  report.seen_ids = summary.seen_ids;
  report.metadata_records = summary.metadata_records;
}

/// What is wrong with metadata that the store takes for whole, and with what belongs to nobody.
void look_at_metadata(store::VerifySummary summary, StoreReport& report) {
  store::MetadataRecords damaged;
  sort_out(summary.metadata, damaged);
  for (const auto& [key, value] : damaged)
    report.damage.push_back({.text = "the record of the " + metadata::describe_key(key) + " is damaged"});
  const store::StoredNumbers nobodys = numbers_of_nobody(summary.metadata, summary.numbers);
  for (QueueId log : nobodys.logs)
    report.damage.push_back({.text = "the messages of queue number " + std::to_string(log - log % broker::kLogsPerQueue) + " (log " +
                                     std::to_string(log) + ") belong to no queue that has a name"});
  for (DelayedBook book : nobodys.books)
    report.damage.push_back({.text = "the delayed messages of book " + std::to_string(book) + " belong to no vhost"});
  for (auto at = summary.metadata.lower_bound(metadata::kKeptAside);
       at != summary.metadata.end() && at->first.starts_with(metadata::kKeptAside); ++at)
    report.damage.push_back({.text = "there is a " + metadata::describe_key(at->first)});
}

void add_up(StoreReport& report) {
  for (const Damage& damage : report.damage) {
    report.lost_messages += damage.lost_messages;
    report.come_again += damage.come_again;
  }
}

}  // namespace

void throw_exception_from_error(const MaintenanceError& error, const boost::source_location&) { throw std::runtime_error(error.text); }

MaintenanceResult<StoreReport> verify_store(const std::string& directory) {
  if (auto used = who_uses(directory)) return *used;
  std::vector<store::VerifyFinding> findings;
  auto summary = store::verify(directory, [&](const store::VerifyFinding& finding) { findings.push_back(finding); });
  if (!summary) return error_of(summary.error());
  StoreReport report;
  report.directory = directory;
  const Names names(summary->metadata);
  Salvage nowhere("");
  for (const store::VerifyFinding& finding : findings) report.damage.push_back(damage_of(finding, names, nowhere));
  count(*summary, report);
  look_at_metadata(std::move(*summary), report);
  add_up(report);
  return report;
}

MaintenanceResult<StoreReport> repair_store(const std::string& directory, const RepairWishes& wishes) {
  if (auto used = who_uses(directory)) return *used;
  Salvage salvage(wishes.salvage_dir);
  if (auto failed = salvage.begin()) return *failed;
  std::vector<store::VerifyFinding> findings;
  StoreReport report;
  report.directory = directory;
  store::RepairOptions options;
  options.directory = directory;
  options.dry_run = wishes.dry_run;
  std::optional<Names> names;
  options.mend = [&](store::MetadataRecords& whole, store::MetadataRecords damaged, const store::StoredNumbers& numbers) {
    names.emplace(whole);
    store::VerifySummary seen;
    seen.metadata = whole;
    seen.numbers = numbers;
    look_at_metadata(std::move(seen), report);
    sort_out(whole, damaged);
    return mend_metadata(whole, damaged, numbers);
  };
  auto done = store::repair(options, [&](const store::VerifyFinding& finding) { findings.push_back(finding); });
  if (!done) return error_of(done.error());
  std::vector<Damage> of_metadata = std::exchange(report.damage, {});
  for (const store::VerifyFinding& finding : findings) report.damage.push_back(damage_of(finding, *names, salvage));
  std::move(of_metadata.begin(), of_metadata.end(), std::back_inserter(report.damage));
  count(done->kept, report);
  add_up(report);
  report.changed = done->changed;
  report.originals = done->originals;
  report.notes = std::move(done->notes);
  return report;
}

MaintenanceResult<StoreReport> restore_store(const std::string& backup, const std::string& directory) {
  std::error_code error;
  if (fs::exists(directory, error) && (!fs::is_directory(directory, error) || !fs::is_empty(directory, error)))
    return MaintenanceError{Kind::kOther, directory + " is there and not empty: a backup is restored to a new directory"};
  auto verified = verify_store(backup);
  if (!verified) return verified.error();
  if (!verified->damage.empty())
    return MaintenanceError{Kind::kOther, "the backup " + backup + " is damaged (" + verified->damage.front().text +
                                              "); `brokerctl store repair --data-dir " + backup + "` keeps what can be read of it"};
  const std::string partial = fs::path(directory).lexically_normal().string() + ".partial";
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (!error) fs::permissions(partial, fs::perms::owner_all, error);
  for (const auto& entry : fs::directory_iterator(backup, error)) {
    if (error) break;
    if (entry.is_regular_file(error) && entry.path().filename() != "LOCK")
      fs::copy_file(entry.path(), fs::path(partial) / entry.path().filename(), error);
  }
  if (!error) fs::remove(directory, error);  // an empty one
  if (!error) fs::rename(partial, directory, error);
  if (error) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    return MaintenanceError{Kind::kOther, "copying " + backup + " to " + directory + ": " + error.message()};
  }
  verified->directory = directory;
  return verified;
}

}  // namespace mq::server
