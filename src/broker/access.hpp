// Who may do what: users, their passwords and tags, and their permissions in each vhost. Pure and not thread-safe: the engine guards it.
//
// Decisions may be cached by whoever asks until revision() changes. Error texts are RabbitMQ's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/login.hpp"
#include "broker/parameters.hpp"
#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

struct User {
  std::string name;
  std::string password_hash;  ///< empty = cannot log in with a password
  PasswordHashing hashing = PasswordHashing::kSha256;
  std::vector<std::string> tags;      ///< administrator, monitoring, policymaker, management, impersonator
  std::int64_t max_connections = -1;  ///< negative = no limit
  std::int64_t max_channels = -1;
  std::int64_t max_publish_rate = -1;       ///< messages per second
  std::int64_t max_publish_byte_rate = -1;  ///< bytes per second
  bool operator==(const User&) const = default;
};

[[nodiscard]] inline UserLimits limits_of(const User& user) noexcept {
  return {user.max_connections, user.max_channels, user.max_publish_rate, user.max_publish_byte_rate};
}
inline void set_limits(User& user, const UserLimits& limits) noexcept {
  user.max_connections = limits.max_connections;
  user.max_channels = limits.max_channels;
  user.max_publish_rate = limits.max_publish_rate;
  user.max_publish_byte_rate = limits.max_publish_byte_rate;
}

/// Regular expressions on names of queues and exchanges; empty = nothing.
struct Permission {
  std::string user, vhost;
  std::string configure, write, read;
  bool operator==(const Permission&) const = default;
};

/// Regular expressions on routing keys at one topic exchange; `{username}` and `{vhost}` in them stand for the user's and vhost's names.
struct TopicPermission {
  std::string user, vhost, exchange;
  std::string write, read;
  bool operator==(const TopicPermission&) const = default;
};

enum class Right : std::uint8_t { kConfigure, kWrite, kRead };

class Access {
 public:
  Access();
  ~Access();
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  /// Grows with every change.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

  // --- changes ---
  /// Adds or replaces; permissions stay. Error: 406 for an empty name or an ill-formed password hash.
  [[nodiscard]] Result<> put_user(User user);
  /// Takes the permissions along. False = there was none.
  bool remove_user(std::string_view name);
  /// Adds or replaces. Errors: 404 `no user 'u'`, 406 for a pattern that does not compile.
  [[nodiscard]] Result<> put_permission(Permission permission);
  bool remove_permission(std::string_view user, std::string_view vhost);
  /// Errors as put_permission().
  [[nodiscard]] Result<> put_topic_permission(TopicPermission permission);
  /// An empty `exchange` removes those for every exchange of the vhost.
  bool remove_topic_permissions(std::string_view user, std::string_view vhost, std::string_view exchange);
  /// Forgets every permission in a vhost that is gone.
  void remove_vhost(std::string_view vhost);
  /// Users who may log in only from this machine; at first `guest`.
  void set_loopback_users(std::vector<std::string> names);

  // --- questions ---
  [[nodiscard]] const User* find_user(std::string_view name) const noexcept;
  [[nodiscard]] bool has_tag(std::string_view user, std::string_view tag) const noexcept;
  [[nodiscard]] bool is_loopback_only(std::string_view user) const noexcept;
  /// What a login under that name is held against; check_login() does so.
  [[nodiscard]] LoginRecord login_record(std::string_view user, bool from_loopback) const;
  /// 530 `access to vhost 'v' refused for user 'u'` without a permission there.
  [[nodiscard]] Result<> check_vhost(std::string_view user, std::string_view vhost) const;
  /// 403 `write access to exchange 'x' in vhost '/' refused for user 'u'`. The default exchange counts as `amq.default`.
  [[nodiscard]] Result<> check_exchange(std::string_view user, std::string_view vhost, std::string_view exchange, Right right) const;
  [[nodiscard]] Result<> check_queue(std::string_view user, std::string_view vhost, std::string_view queue, Right right) const;
  /// For topic exchanges: 403 `write access to topic 'a.b' in exchange 'x' in vhost '/' refused for user 'u'`. Without a topic permission
  /// for that exchange every key is allowed. kConfigure is never limited.
  [[nodiscard]] Result<> check_topic(std::string_view user, std::string_view vhost, std::string_view exchange, std::string_view routing_key,
                                     Right right) const;
  /// May the user open one more, having `open` already? 530 with the limit in the text.
  [[nodiscard]] Result<> check_connection_limit(std::string_view user, std::int64_t open) const;
  [[nodiscard]] Result<> check_channel_limit(std::string_view user, std::int64_t open) const;

  // --- listings, in order of names ---
  [[nodiscard]] std::vector<User> users() const;
  [[nodiscard]] std::vector<Permission> permissions() const;
  [[nodiscard]] std::vector<TopicPermission> topic_permissions() const;

 private:
  struct Account;
  struct VhostRights;
  struct TopicRights;

  const Account* account(std::string_view user) const noexcept;
  const VhostRights* rights(std::string_view user, std::string_view vhost) const noexcept;
  VhostRights& rights_to_change(Account& account, const std::string& vhost);
  Result<> check_resource(std::string_view user, std::string_view vhost, std::string_view kind, std::string_view name, Right right) const;

  std::uint64_t revision_ = 1;
  std::map<std::string, std::unique_ptr<Account>, std::less<>> accounts_;
  std::vector<std::string> loopback_users_;
};

// --- records, as they are stored ---
[[nodiscard]] amqp::Table encode(const User& user);
[[nodiscard]] amqp::Table encode(const Permission& permission);
[[nodiscard]] amqp::Table encode(const TopicPermission& permission);
/// nullopt when a field is missing or of another type. Fields not known are passed over.
[[nodiscard]] std::optional<User> decode_user(const amqp::Table& record);
[[nodiscard]] std::optional<Permission> decode_permission(const amqp::Table& record);
[[nodiscard]] std::optional<TopicPermission> decode_topic_permission(const amqp::Table& record);

}  // namespace mq::broker
