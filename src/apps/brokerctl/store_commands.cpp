#include "apps/brokerctl/store_commands.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "mq/config.hpp"
#include "server/maintenance.hpp"

namespace mq::brokerctl {
namespace {

namespace json = boost::json;
using server::Damage;
using server::DamagedMessage;
using server::StoreReport;

struct Given {
  std::string data_dir;
  std::string backup;
  server::RepairWishes wishes;
  bool as_json = false;
};

std::string default_data_dir() {
  const char* state = std::getenv("STATE_DIRECTORY");
  return state != nullptr && *state != '\0' ? state : Config().data_dir;
}

// --- as text ---

/// Octets that do not show well, and those in `too`, are told by their numbers: what is left of a damaged message may hold any.
std::string shown(std::string_view text, std::string_view too) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool plain = octet >= 0x20 && octet != 0x7F && too.find(c) == std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("\\x{:02x}", octet);
  }
  return out;
}

/// Between quotes.
std::string in_quotes(std::string_view text) { return "'" + shown(text, "'\\") + "'"; }

std::string moment(UnixMillis at) {
  if (at < 0 || at > 253'402'300'799'000) return fmt::format("{} ms", at);  // no year of four digits
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(at / 1000)), at % 1000);
}

std::string place(const DamagedMessage& message) {
  if (message.not_after < message.not_before) return fmt::format("offset {} or more", message.not_before);
  if (message.not_after == message.not_before) return fmt::format("offset {}", message.not_before);
  return fmt::format("offset {} to {}", message.not_before, message.not_after);
}

void print(const DamagedMessage& message) {
  std::string line = "    lost: " + place(message);
  if (message.due != 0) line += ", due " + moment(message.due);
  if (message.legible)
    line += fmt::format(", seems to be: exchange {}, routing key {}, message-id {}, {} octets, enqueued {}", in_quotes(message.exchange),
                        in_quotes(message.routing_key), in_quotes(message.message_id), message.size_bytes, moment(message.enqueued_at));
  if (!message.raw_file.empty()) line += ", octets in " + message.raw_file;
  fmt::print("{}\n", line);
}

void print(const StoreReport& report) {
  for (const Damage& damage : report.damage) {
    fmt::print("{}\n", shown(damage.text, ""));
    if (damage.lost_messages != 0 || damage.whole_messages != 0)
      fmt::print("    {} messages of the page are whole, {} are lost\n", damage.whole_messages, damage.lost_messages);
    if (damage.come_again != 0) fmt::print("    up to {} messages that were settled come again\n", damage.come_again);
    for (const DamagedMessage& message : damage.messages) print(message);
  }
  for (const std::string& note : report.notes) fmt::print("{}\n", note);
  fmt::print("{}: {} queues, {} pages, {} messages ({} octets), {} delayed messages, {} records of metadata are whole\n", report.directory,
             report.queues, report.pages, report.messages, report.body_bytes, report.delayed_messages, report.metadata_records);
  if (report.damage.empty()) return;
  fmt::print("{} things are damaged; {} messages are lost, up to {} come again\n", report.damage.size(), report.lost_messages,
             report.come_again);
}

// --- as JSON ---

/// Texts may hold octets that are no UTF-8.
std::string utf8(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += static_cast<unsigned char>(c) < 0x80 ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out;
}

json::object as_json(const DamagedMessage& message) {
  json::object out{{"offset_min", message.not_before}, {"legible", message.legible}};
  if (message.not_after >= message.not_before) out["offset_max"] = message.not_after;
  if (message.due != 0) out["due"] = message.due;
  if (message.legible) {
    out["exchange"] = utf8(message.exchange);
    out["routing_key"] = utf8(message.routing_key);
    out["message_id"] = utf8(message.message_id);
    out["size"] = message.size_bytes;
    out["enqueued_at"] = message.enqueued_at;
  }
  if (!message.raw_file.empty()) out["raw_file"] = message.raw_file;
  return out;
}

json::object as_json(const StoreReport& report) {
  json::array damage;
  for (const Damage& each : report.damage) {
    json::array messages;
    for (const DamagedMessage& message : each.messages) messages.push_back(as_json(message));
    json::object out{{"text", utf8(each.text)},
                     {"whole_messages", each.whole_messages},
                     {"lost_messages", each.lost_messages},
                     {"come_again", each.come_again},
                     {"messages", std::move(messages)}};
    if (!each.vhost.empty()) out["vhost"] = utf8(each.vhost);
    if (!each.queue.empty()) out["queue"] = utf8(each.queue), out["priority"] = each.priority;
    damage.push_back(std::move(out));
  }
  json::array notes;
  for (const std::string& note : report.notes) notes.emplace_back(utf8(note));
  return {{"directory", report.directory},
          {"damage", std::move(damage)},
          {"notes", std::move(notes)},
          {"changed", report.changed},
          {"originals", report.originals},
          {"lost_messages", report.lost_messages},
          {"come_again", report.come_again},
          {"whole",
           {{"queues", report.queues},
            {"pages", report.pages},
            {"messages", report.messages},
            {"body_bytes", report.body_bytes},
            {"delayed_messages", report.delayed_messages},
            {"seen_ids", report.seen_ids},
            {"metadata_records", report.metadata_records}}}};
}

// --- the commands ---

int cannot_tell(const server::MaintenanceError& error) {
  fmt::print(stderr, "Error:\n{}\n", error.text);
  return kStoreUnknown;
}

void tell(const Given& given, const StoreReport& report) {
  if (given.as_json) fmt::print("{}\n", json::serialize(as_json(report)));
  else print(report);
}

int verify(const Given& given) {
  const auto report = server::verify_store(given.data_dir);
  if (!report) return cannot_tell(report.error());
  tell(given, *report);
  if (!given.as_json && report->damage.empty()) fmt::print("nothing is damaged\n");
  return report->damage.empty() ? kStoreFine : kStoreDamaged;
}

int repair(const Given& given) {
  const auto report = server::repair_store(given.data_dir, given.wishes);
  if (!report) return cannot_tell(report.error());
  tell(given, *report);
  const bool damaged = !report->damage.empty();
  if (!given.as_json) {
    if (report->changed)
      fmt::print(
          "{} was written anew with all that can be read; the old files are in {}, unchanged: remove them when they are not needed\n",
          report->directory, report->originals);
    else fmt::print("{}\n", damaged ? "nothing was changed" : "nothing is damaged, nothing was changed");
  }
  return damaged && !report->changed ? kStoreDamaged : kStoreFine;
}

int restore(const Given& given) {
  const auto report = server::restore_store(given.backup, given.data_dir);
  if (!report) return cannot_tell(report.error());
  tell(given, *report);
  return kStoreFine;
}

CLI::App* add(CLI::App& store, std::function<int()>& chosen, const std::shared_ptr<Given>& given, const std::string& name,
              const std::string& help, int (*run)(const Given&)) {
  CLI::App* sub = store.add_subcommand(name, help);
  sub->add_option("--data-dir", given->data_dir, "the broker's data directory")->capture_default_str();
  sub->add_flag("--json", given->as_json, "the report as JSON, on one line");
  sub->callback([&chosen, given, run] { chosen = [given, run] { return run(*given); }; });
  return sub;
}

}  // namespace

void add_store_commands(CLI::App& app, std::function<int()>& chosen) {
  auto given = std::make_shared<Given>();
  given->data_dir = default_data_dir();
  CLI::App* store = app.add_subcommand("store", "looks at, mends or restores a data directory that no broker uses");
  store->require_subcommand(1);
  add(*store, chosen, given, "verify", "reads everything and lists what is damaged; changes nothing", verify);
  CLI::App* mend =
      add(*store, chosen, given, "repair", "writes what can be read into a new directory and puts it in place of the old one", repair);
  mend->add_flag("--dry-run", given->wishes.dry_run, "only tells what it would do");
  mend->add_option("--salvage", given->wishes.salvage_dir, "an empty or new directory for the octets of what cannot be read");
  CLI::App* back =
      add(*store, chosen, given, "restore", "verifies a backup and copies it to a data directory that is new or empty", restore);
  back->add_option("backup", given->backup, "the backup's directory")->required();
}

}  // namespace mq::brokerctl
