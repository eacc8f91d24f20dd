#include "broker/access.hpp"

#include <algorithm>

#include "broker/access_pattern.hpp"
#include "broker/names.hpp"

namespace mq::broker {

struct Access::TopicRights {
  TopicPermission permission;
  AccessPattern write, read;
};

struct Access::VhostRights {
  std::optional<Permission> permission;
  AccessPattern configure, write, read;
  std::map<std::string, TopicRights, std::less<>> topics;  // by exchange
  [[nodiscard]] bool empty() const noexcept { return !permission && topics.empty(); }
};

struct Access::Account {
  User user;
  std::map<std::string, VhostRights, std::less<>> vhosts;
};

namespace {

std::string_view right_name(Right right) noexcept {
  switch (right) {
    case Right::kConfigure: return "configure";
    case Right::kWrite: return "write";
    case Right::kRead: return "read";
  }
  return "";
}

Error refused(Right right, std::string_view what, std::string_view user) {
  std::string text(right_name(right));
  text.append(" access to ").append(what).append(" refused for user '").append(user).append("'");
  return fail(ReplyCode::kAccessRefused, std::move(text));
}

Error no_user(std::string_view name) { return fail(ReplyCode::kNotFound, "no user '" + std::string(name) + "'"); }

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

/// A topic pattern for one user and vhost. Their names are quoted: a user called `.*` gains nothing by it.
Result<AccessPattern> compile_topic_pattern(std::string text, const TopicPermission& permission) {
  replace_all(text, "{username}", AccessPattern::quote(permission.user));
  replace_all(text, "{vhost}", AccessPattern::quote(permission.vhost));
  return AccessPattern::compile(text);
}

}  // namespace

Access::Access() : loopback_users_{"guest"} {}
Access::~Access() = default;

// --- changes ---

Result<> Access::put_user(User user) {
  if (user.name.empty()) return fail(ReplyCode::kPreconditionFailed, "user name must not be empty");
  if (!user.password_hash.empty() && !is_password_hash(user.password_hash, user.hashing))
    return fail(ReplyCode::kPreconditionFailed, "invalid password hash for user '" + user.name + "'");
  std::unique_ptr<Account>& account = accounts_[user.name];
  if (account == nullptr) account = std::make_unique<Account>();
  account->user = std::move(user);
  ++revision_;
  return {};
}

bool Access::remove_user(std::string_view name) {
  auto found = accounts_.find(name);
  if (found == accounts_.end()) return false;
  accounts_.erase(found);
  ++revision_;
  return true;
}

Access::VhostRights& Access::rights_to_change(Account& account, const std::string& vhost) {
  ++revision_;
  return account.vhosts[vhost];
}

Result<> Access::put_permission(Permission permission) {
  auto account = accounts_.find(permission.user);
  if (account == accounts_.end()) return no_user(permission.user);
  auto configure = AccessPattern::compile(permission.configure);
  auto write = AccessPattern::compile(permission.write);
  auto read = AccessPattern::compile(permission.read);
  for (const auto* pattern : {&configure, &write, &read})
    if (!*pattern) return pattern->error();
  VhostRights& rights = rights_to_change(*account->second, permission.vhost);
  rights.configure = std::move(*configure);
  rights.write = std::move(*write);
  rights.read = std::move(*read);
  rights.permission = std::move(permission);
  return {};
}

bool Access::remove_permission(std::string_view user, std::string_view vhost) {
  auto account = accounts_.find(user);
  if (account == accounts_.end()) return false;
  auto& vhosts = account->second->vhosts;
  auto rights = vhosts.find(vhost);
  if (rights == vhosts.end() || !rights->second.permission) return false;
  rights->second.permission.reset();
  if (rights->second.empty()) vhosts.erase(rights);
  ++revision_;
  return true;
}

Result<> Access::put_topic_permission(TopicPermission permission) {
  auto account = accounts_.find(permission.user);
  if (account == accounts_.end()) return no_user(permission.user);
  auto write = compile_topic_pattern(permission.write, permission);
  if (!write) return write.error();
  auto read = compile_topic_pattern(permission.read, permission);
  if (!read) return read.error();
  TopicRights& rights = rights_to_change(*account->second, permission.vhost).topics[permission.exchange];
  rights.write = std::move(*write);
  rights.read = std::move(*read);
  rights.permission = std::move(permission);
  return {};
}

bool Access::remove_topic_permissions(std::string_view user, std::string_view vhost, std::string_view exchange) {
  auto account = accounts_.find(user);
  if (account == accounts_.end()) return false;
  auto& vhosts = account->second->vhosts;
  auto rights = vhosts.find(vhost);
  if (rights == vhosts.end()) return false;
  auto& topics = rights->second.topics;
  std::size_t removed = std::erase_if(topics, [&](const auto& entry) { return exchange.empty() || entry.first == exchange; });
  if (rights->second.empty()) vhosts.erase(rights);
  if (removed > 0) ++revision_;
  return removed > 0;
}

void Access::remove_vhost(std::string_view vhost) {
  for (auto& [name, account] : accounts_) {
    auto rights = account->vhosts.find(vhost);
    if (rights != account->vhosts.end()) account->vhosts.erase(rights);
  }
  ++revision_;
}

void Access::set_loopback_users(std::vector<std::string> names) {
  loopback_users_ = std::move(names);
  ++revision_;
}

// --- questions ---

const Access::Account* Access::account(std::string_view user) const noexcept {
  auto found = accounts_.find(user);
  return found == accounts_.end() ? nullptr : found->second.get();
}

const Access::VhostRights* Access::rights(std::string_view user, std::string_view vhost) const noexcept {
  const Account* owner = account(user);
  if (owner == nullptr) return nullptr;
  auto found = owner->vhosts.find(vhost);
  return found == owner->vhosts.end() ? nullptr : &found->second;
}

const User* Access::find_user(std::string_view name) const noexcept {
  const Account* found = account(name);
  return found == nullptr ? nullptr : &found->user;
}

bool Access::has_tag(std::string_view user, std::string_view tag) const noexcept {
  const User* found = find_user(user);
  return found != nullptr && std::find(found->tags.begin(), found->tags.end(), tag) != found->tags.end();
}

bool Access::is_loopback_only(std::string_view user) const noexcept {
  return std::find(loopback_users_.begin(), loopback_users_.end(), user) != loopback_users_.end();
}

LoginRecord Access::login_record(std::string_view user, bool from_loopback) const {
  const User* found = find_user(user);
  if (found == nullptr) return {};
  return {found->password_hash, found->hashing, from_loopback || !is_loopback_only(user)};
}

Result<> Access::check_vhost(std::string_view user, std::string_view vhost) const {
  const VhostRights* found = rights(user, vhost);
  if (found != nullptr && found->permission) return {};
  return fail(ReplyCode::kNotAllowed, "access to vhost '" + std::string(vhost) + "' refused for user '" + std::string(user) + "'");
}

Result<> Access::check_resource(std::string_view user, std::string_view vhost, std::string_view kind, std::string_view name,
                                Right right) const {
  const VhostRights* found = rights(user, vhost);
  if (found != nullptr && found->permission) {
    const AccessPattern& pattern = right == Right::kConfigure ? found->configure : right == Right::kWrite ? found->write : found->read;
    if (pattern.matches(name)) return {};
  }
  return refused(right, resource_text(kind, name, vhost), user);
}

Result<> Access::check_exchange(std::string_view user, std::string_view vhost, std::string_view exchange, Right right) const {
  return check_resource(user, vhost, "exchange", exchange.empty() ? kDefaultExchangeAlias : exchange, right);
}

Result<> Access::check_queue(std::string_view user, std::string_view vhost, std::string_view queue, Right right) const {
  return check_resource(user, vhost, "queue", queue, right);
}

Result<> Access::check_topic(std::string_view user, std::string_view vhost, std::string_view exchange, std::string_view routing_key,
                             Right right) const {
  const VhostRights* found = rights(user, vhost);
  if (found == nullptr || right == Right::kConfigure) return {};
  auto topic = found->topics.find(exchange);
  if (topic == found->topics.end()) return {};
  const AccessPattern& pattern = right == Right::kWrite ? topic->second.write : topic->second.read;
  if (pattern.matches(routing_key)) return {};
  return refused(right, "topic '" + std::string(routing_key) + "' in " + resource_text("exchange", exchange, vhost), user);
}

Result<> Access::check_connection_limit(std::string_view user, std::int64_t open) const {
  const User* found = find_user(user);
  if (found == nullptr || found->max_connections < 0 || open < found->max_connections) return {};
  return fail(ReplyCode::kNotAllowed, "connection refused for user '" + std::string(user) + "': user connection limit (" +
                                          std::to_string(found->max_connections) + ") is reached");
}

Result<> Access::check_channel_limit(std::string_view user, std::int64_t open) const {
  const User* found = find_user(user);
  if (found == nullptr || found->max_channels < 0 || open < found->max_channels) return {};
  return fail(ReplyCode::kNotAllowed, "number of channels opened for user '" + std::string(user) +
                                          "' has reached the maximum allowed user limit of (" + std::to_string(found->max_channels) + ")");
}

// --- listings ---

std::vector<User> Access::users() const {
  std::vector<User> list;
  for (const auto& [name, account] : accounts_) list.push_back(account->user);
  return list;
}

std::vector<Permission> Access::permissions() const {
  std::vector<Permission> list;
  for (const auto& [name, account] : accounts_)
    for (const auto& [vhost, rights] : account->vhosts)
      if (rights.permission) list.push_back(*rights.permission);
  return list;
}

std::vector<TopicPermission> Access::topic_permissions() const {
  std::vector<TopicPermission> list;
  for (const auto& [name, account] : accounts_)
    for (const auto& [vhost, rights] : account->vhosts)
      for (const auto& [exchange, topic] : rights.topics) list.push_back(topic.permission);
  return list;
}

}  // namespace mq::broker
