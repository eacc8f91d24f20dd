#include "apps/brokerctl/api_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <optional>

#include "apps/brokerctl/api_lists.hpp"
#include "apps/brokerctl/commands.hpp"

namespace mq::brokerctl {
namespace {

namespace json = boost::json;

// --- texts ---

/// The text with words in the place of `{name}`.
template <class Encode>
std::string filled(std::string_view text, const Words& words, Encode&& encode) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    auto word = words.find(text.substr(open + 1, close - open - 1));
    if (word != words.end()) out.append(encode(word->second));
    text.remove_prefix(close + 1);
  }
  return out;
}

std::string path_of(std::string_view path, const Words& words) { return filled(path, words, encode_part); }

const std::string& word(const Words& words, std::string_view name) { return words.find(name)->second; }

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

std::optional<json::value> read_json(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) return std::nullopt;
  return value;
}

// --- answers ---

int complain(const std::string& text, int code) {
  fmt::print(stderr, "Error:\n{}\n", text);
  return code;
}

/// What the broker has against it, as it would stand on a console.
std::string reason_of(const HttpReply& reply) {
  const auto body = read_json(reply.body);
  const json::value* reason = body && body->is_object() ? body->get_object().if_contains("reason") : nullptr;
  if (reason == nullptr) return fmt::format("the broker answered {}", reply.status);
  std::string text = text_of(*reason);
  replace_all(text, "&lt;", "<");
  replace_all(text, "&gt;", ">");
  replace_all(text, "&amp;", "&");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// kDone for 2xx; otherwise says what is wrong.
int judge(const HttpReply& reply, const ApiTarget& target, const std::string& path) {
  if (reply.status >= 200 && reply.status < 300) return kDone;
  if (reply.status == 0) return complain(target.url + ": " + reply.body, kNoAnswer);
  if (reply.status == 401) return complain(reply.body.empty() ? "Login failed" : reason_of(reply), kRefused);
  const std::string reason = reason_of(reply);
  if (reason == "vhost_not_found") return complain("the virtual host does not exist", kFailed);
  if (reply.status == 404) return complain("not found: " + path, kFailed);
  return complain(reason, kFailed);
}

int send(const ApiTarget& target, std::string_view verb, const std::string& path, const json::value& body = nullptr) {
  return judge(call_api(target, verb, path, body.is_null() ? "" : json::serialize(body)), target, path);
}

// --- what commands do ---

int put_policy(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  const auto definition = read_json(word(words, "definition"));
  if (!definition) return complain("the definition is no JSON", kUsage);
  return send(target, "PUT", path_of(command.path, words),
              json::object{{"pattern", word(words, "pattern")},
                           {"definition", *definition},
                           {"priority", std::stoll(word(words, "priority"))},
                           {"apply-to", word(words, "apply-to")}});
}

int put_value(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  const auto value = read_json(word(words, "value"));
  if (!value) return complain("the value is no JSON", kUsage);
  return send(target, "PUT", path_of(command.path, words), json::object{{"value", *value}});
}

/// The word is the body.
int put_json(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  const auto value = read_json(word(words, "value"));
  if (!value || !value->is_object()) return complain("the value is no JSON object", kUsage);
  return send(target, "PUT", path_of(command.path, words), *value);
}

int put_redeclare(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  return send(target, "PUT", path_of(command.path, words), json::object{{"redeclare", word(words, "value")}});
}

int pause(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  return send(target, "PUT", path_of(command.path, words), json::object{{"what", word(words, "what")}});
}

int back_up(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner) {
  const std::string path = path_of(command.path, words);
  const HttpReply reply = call_api(target, "POST", path, json::serialize(json::object{{"directory", word(words, "directory")}}));
  if (int code = judge(reply, target, path); code != kDone) return code;
  const auto made = read_json(reply.body);
  if (made && made->is_object() && !manner.quiet)
    fmt::print("{} files, {} octets, {} ms\n", text_of(made->at("files")), text_of(made->at("bytes")), text_of(made->at("milliseconds")));
  return kDone;
}

int clear(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  return send(target, "DELETE", path_of(command.path, words));
}

/// Each member of the definition is a limit of its own.
int set_user_limits(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  const auto limits = read_json(word(words, "value"));
  if (!limits || !limits->is_object()) return complain("the limits are no JSON object", kUsage);
  for (const auto& [name, value] : limits->get_object()) {
    const std::string path = path_of(command.path, words) + encode_part({name.data(), name.size()});
    if (int code = send(target, "PUT", path, json::object{{"value", value}}); code != kDone) return code;
  }
  return kDone;
}

int clear_user_limits(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  const std::string& limit = word(words, "limit");
  const std::string path = path_of(command.path, words);
  if (limit != "all") return send(target, "DELETE", path + encode_part(limit));
  for (const char* each : {"max-connections", "max-channels", "max-publish-rate", "max-publish-byte-rate"})
    if (int code = send(target, "DELETE", path + each); code != kDone) return code;
  return kDone;
}

/// The list at the path; only objects of the vhost, if they say theirs.
std::optional<json::array> fetch(const std::string& path, const ApiTarget& target, const Words& words, int& code) {
  const HttpReply reply = call_api(target, "GET", path);
  code = judge(reply, target, path);
  if (code != kDone) return std::nullopt;
  auto value = read_json(reply.body);
  if (!value || !value->is_array()) {
    code = complain("what answers is no management API", kNoAnswer);
    return std::nullopt;
  }
  json::array& list = value->get_array();
  auto elsewhere = [&](const json::value& each) {
    const json::value* vhost = each.is_object() ? each.get_object().if_contains("vhost") : nullptr;
    return !each.is_object() || (words.contains("vhost") && vhost != nullptr && text_of(*vhost) != word(words, "vhost"));
  };
  list.erase(std::remove_if(list.begin(), list.end(), elsewhere), list.end());
  return std::move(list);
}

int list(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner) {
  int code = kDone;
  if (auto found = fetch(path_of(command.path, words), target, words, code)) print_list(command.columns, *found, manner);
  return code;
}

/// All pages of what is listed page after page: `items`, and where to go on as `next`.
int list_pages(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner) {
  const std::string path = path_of(command.path, words);
  json::array found;
  for (std::string from;;) {
    const HttpReply reply = call_api(target, "GET", path + "?count=1000" + (from.empty() ? "" : "&from=" + encode_part(from)));
    if (const int code = judge(reply, target, path); code != kDone) return code;
    const auto page = read_json(reply.body);
    const json::value* items = page && page->is_object() ? page->get_object().if_contains("items") : nullptr;
    if (items == nullptr || !items->is_array()) return complain("what answers is no management API", kNoAnswer);
    for (const json::value& each : items->get_array())
      if (each.is_object()) found.push_back(each);
    const json::value next = member(page->get_object(), "next");
    if (!next.is_string() || next.get_string().empty()) break;
    from = text_of(next);
  }
  print_list(command.columns, found, manner);
  return kDone;
}

/// Says how many there were.
int cancel(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner&) {
  const std::string path = path_of(command.path, words);
  const HttpReply reply = call_api(target, "DELETE", path);
  if (const int code = judge(reply, target, path); code != kDone) return code;
  const auto answer = read_json(reply.body);
  if (answer && answer->is_object()) fmt::print("{}\n", text_of(member(answer->get_object(), "cancelled")));
  return kDone;
}

/// Fine, or what the broker says is not.
int check(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner) {
  const std::string path = path_of(command.path, words);
  const HttpReply reply = call_api(target, "GET", path);
  if (const int code = judge(reply, target, path); code != kDone) return code;
  if (!manner.quiet) fmt::print("no alarms\n");
  return kDone;
}

/// With --global a table of all; otherwise the limits of the one as JSON.
int list_limits(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner) {
  const bool all = words.contains("global");
  const std::string path = path_of(command.path, words);
  int code = kDone;
  auto found = fetch(all ? path.substr(0, path.find('/')) : path, target, all ? Words{} : words, code);
  if (!found) return code;
  if (!all) {
    fmt::print("{}\n", found->empty() ? "{}" : json::serialize(member(found->front().get_object(), "value")));
    return code;
  }
  for (json::value& each : *found) each.get_object()["limits"] = member(each.get_object(), "value");
  print_list(command.columns, *found, manner);
  return code;
}

// --- the table ---

const Positional kName{"name", "its name"};
const Positional kPattern{"pattern", "a regular expression on names"};
const Positional kDefinition{"definition", "its settings, a JSON object"};
const Positional kComponent{"component", "the component it is for"};
const Positional kValue{"value", "its value, in JSON"};
const Positional kUser{"subject", "the user's name"};
const Positional kLimits{"value", "a JSON object such as {\"max-connections\": 10}"};

const Positional kQueue{"name", "the queue's name"};

const std::vector<std::string_view> kPolicyColumns = {"vhost", "name", "pattern", "apply-to", "definition", "priority"};

const std::vector<ApiCommand>& table() {
  static const std::vector<ApiCommand> rows = {
      {"set_policy",
       "sets or replaces a policy",
       {kName, kPattern, kDefinition},
       kTakesVHost | kTakesPolicy,
       "Setting policy \"{name}\" for pattern \"{pattern}\" to \"{definition}\" with priority \"{priority}\" for vhost \"{vhost}\" ...",
       put_policy,
       "policies/{vhost}/{name}"},
      {"clear_policy",
       "removes a policy",
       {kName},
       kTakesVHost,
       "Clearing policy \"{name}\" on vhost \"{vhost}\" ...",
       clear,
       "policies/{vhost}/{name}"},
      {"list_policies",
       "lists the policies of a virtual host",
       {},
       kTakesVHost | kLists,
       "Listing policies for vhost \"{vhost}\" ...",
       list,
       "policies/{vhost}",
       kPolicyColumns},
      {"set_operator_policy",
       "sets or replaces a policy that bounds others",
       {kName, kPattern, kDefinition},
       kTakesVHost | kTakesPolicy,
       "Setting operator policy override \"{name}\" for pattern \"{pattern}\" to \"{definition}\" with priority \"{priority}\" for vhost "
       "\"{vhost}\" ...",
       put_policy,
       "operator-policies/{vhost}/{name}"},
      {"clear_operator_policy",
       "removes an operator policy",
       {kName},
       kTakesVHost,
       "Clearing operator policy \"{name}\" on vhost \"{vhost}\" ...",
       clear,
       "operator-policies/{vhost}/{name}"},
      {"list_operator_policies",
       "lists the operator policies of a virtual host",
       {},
       kTakesVHost | kLists,
       "Listing operator policy overrides for vhost \"{vhost}\" ...",
       list,
       "operator-policies/{vhost}",
       kPolicyColumns},

      {"set_parameter",
       "sets a runtime parameter",
       {kComponent, kName, kValue},
       kTakesVHost,
       "Setting runtime parameter \"{name}\" for component \"{component}\" to \"{value}\" in vhost \"{vhost}\" ...",
       put_value,
       "parameters/{component}/{vhost}/{name}"},
      {"clear_parameter",
       "removes a runtime parameter",
       {kComponent, kName},
       kTakesVHost,
       "Clearing runtime parameter \"{name}\" for component \"{component}\" on vhost \"{vhost}\" ...",
       clear,
       "parameters/{component}/{vhost}/{name}"},
      {"list_parameters",
       "lists the runtime parameters of a virtual host",
       {},
       kTakesVHost | kLists,
       "Listing runtime parameters for vhost \"{vhost}\" ...",
       list,
       "parameters",
       {"component", "name", "value"}},
      {"set_global_parameter",
       "sets a runtime parameter of the whole broker",
       {kName, kValue},
       kNoFlags,
       "Setting global runtime parameter \"{name}\" to \"{value}\" ...",
       put_value,
       "global-parameters/{name}"},
      {"clear_global_parameter",
       "removes a runtime parameter of the whole broker",
       {kName},
       kNoFlags,
       "Clearing global runtime parameter \"{name}\" ...",
       clear,
       "global-parameters/{name}"},
      {"list_global_parameters",
       "lists the runtime parameters of the whole broker",
       {},
       kLists,
       "Listing global runtime parameters ...",
       list,
       "global-parameters",
       {"name", "value"}},

      {"set_vhost_limits",
       "sets the limits of a virtual host: max-connections, max-queues, max-publish-rate, max-publish-byte-rate",
       {kLimits},
       kTakesVHost,
       "Setting vhost limits to \"{value}\" for vhost \"{vhost}\" ...",
       put_value,
       "parameters/vhost-limits/{vhost}/limits"},
      {"clear_vhost_limits",
       "lifts the limits of a virtual host",
       {},
       kTakesVHost,
       "Clearing vhost \"{vhost}\" limits ...",
       clear,
       "parameters/vhost-limits/{vhost}/limits"},
      {"list_vhost_limits",
       "shows the limits of a virtual host, or of all",
       {},
       kTakesVHost | kTakesGlobal | kLists,
       "Listing limits for vhost \"{vhost}\" ...",
       list_limits,
       "vhost-limits/{vhost}",
       {"vhost", "limits"},
       "Listing limits for all vhosts ..."},
      {"set_user_limits",
       "sets limits of a user: max-connections, max-channels, max-publish-rate, max-publish-byte-rate",
       {kUser, kLimits},
       kNoFlags,
       "Setting user limits to \"{value}\" for user \"{subject}\" ...",
       set_user_limits,
       "user-limits/{subject}/"},
      {"clear_user_limits",
       "lifts one limit of a user, or all",
       {kUser, {"limit", "max-connections, max-channels, max-publish-rate, max-publish-byte-rate or all"}},
       kNoFlags,
       "Clearing \"{limit}\" limit for user \"{subject}\" ...",
       clear_user_limits,
       "user-limits/{subject}/"},
      {"list_user_limits",
       "shows the limits of a user, or of all",
       {},
       kTakesSubject | kTakesGlobal | kLists,
       "Listing limits for user \"{subject}\" ...",
       list_limits,
       "user-limits/{subject}",
       {"user", "limits"},
       "Listing limits for all users ..."},

      {"set_vhost_redeclare",
       "says whether queues and exchanges may be declared again with other arguments",
       {{"value", "strict: no; relaxed: yes, and they keep those they have"}},
       kTakesVHost,
       "Setting redeclare of vhost \"{vhost}\" to \"{value}\" ...",
       put_redeclare,
       "vhosts/{vhost}"},
      {"set_queue_arguments",
       "changes arguments of a queue that is in use",
       {kQueue, {"value", "a JSON object such as {\"x-max-length\": 1000, \"x-expires\": null}; null takes one away"}},
       kTakesVHost,
       "Setting arguments of queue \"{name}\" in vhost \"{vhost}\" to \"{value}\" ...",
       put_json,
       "queues/{vhost}/{name}/arguments"},
      {"list_delayed",
       "lists the messages that wait for their time, those due next first",
       {},
       kTakesVHost | kLists,
       "Listing delayed messages in vhost \"{vhost}\" ...",
       list_pages,
       "delayed/{vhost}",
       {"message_id", "exchange", "routing_key", "due", "size", "key"}},
      {"cancel_delayed",
       "takes delayed messages away before they are delivered",
       {{"name", "the message-id of one or more"}},
       kTakesVHost,
       "Cancelling delayed messages \"{name}\" in vhost \"{vhost}\" ...",
       cancel,
       "delayed/{vhost}/{name}"},
      {"alarms",
       "shows how memory, disk and store of the node are, and which alarms are in effect",
       {},
       kLists,
       "Alarms, memory, disk and store of each node ...",
       list,
       "nodes",
       {"name", "mem_alarm", "mem_used", "mem_limit", "disk_free_alarm", "disk_free", "disk_free_limit", "store_state", "store_reason"}},
      {"check_local_alarms",
       "fails if an alarm is in effect",
       {},
       kNoFlags,
       "Asking whether any alarm is in effect ...",
       check,
       "health/checks/local-alarms"},
      {"pause_queue",
       "stops a queue from delivering messages, taking them in, or both",
       {kQueue},
       kTakesVHost | kTakesPause,
       "Pausing queue \"{name}\" in vhost \"{vhost}\" ({what}) ...",
       pause,
       "queues/{vhost}/{name}/pause"},
      {"resume_queue",
       "lets a paused queue go on",
       {kQueue},
       kTakesVHost | kTakesPause,
       "Resuming queue \"{name}\" in vhost \"{vhost}\" ({what}) ...",
       pause,
       "queues/{vhost}/{name}/resume"},
      {"backup",
       "copies all that is stored into a new directory of the broker's machine, while the broker runs",
       {{"directory", "absolute path; must not be there yet"}},
       kNoFlags,
       "Making a backup to {directory} ...",
       back_up,
       "backup"},
  };
  return rows;
}

}  // namespace

std::span<const ApiCommand> api_commands() { return table(); }

int run_api_command(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner) {
  if (!manner.quiet && !manner.json) {
    const std::string_view heading = words.contains("global") ? command.heading_of_all : command.heading;
    fmt::print("{}\n", filled(heading, words, [](const std::string& text) { return text; }));
    std::fflush(stdout);
  }
  return command.run(command, target, words, manner);
}

}  // namespace mq::brokerctl
