// Users and permissions as tables, for storage.
#include "broker/access.hpp"

namespace mq::broker {

using amqp::Table;

namespace {

/// Reads fields one after the other; `ok` tells in the end whether all were there.
class Reader {
 public:
  explicit Reader(const Table& record) : record_(record) {}

  std::string string(std::string_view name) {
    const amqp::Value* value = record_.find(name);
    if (value != nullptr && value->string() != nullptr) return *value->string();
    ok_ = false;
    return {};
  }
  std::int64_t integer(std::string_view name) {
    const amqp::Value* value = record_.find(name);
    if (value != nullptr && value->integer()) return *value->integer();
    ok_ = false;
    return 0;
  }
  /// One that records of earlier versions do not have.
  std::int64_t integer_or(std::string_view name, std::int64_t otherwise) {
    return record_.find(name) == nullptr ? otherwise : integer(name);
  }
  std::vector<std::string> strings(std::string_view name) {
    std::vector<std::string> list;
    const amqp::Value* value = record_.find(name);
    const amqp::Array* array = value == nullptr ? nullptr : value->array();
    ok_ = ok_ && array != nullptr;
    if (array == nullptr) return list;
    for (const amqp::Value& each : *array) {
      ok_ = ok_ && each.string() != nullptr;
      if (each.string() != nullptr) list.push_back(*each.string());
    }
    return list;
  }
  template <class Record>
  std::optional<Record> done(Record record) const {
    return ok_ ? std::optional(std::move(record)) : std::nullopt;
  }
  void fail() { ok_ = false; }

 private:
  const Table& record_;
  bool ok_ = true;
};

}  // namespace

Table encode(const User& user) {
  amqp::Array tags(user.tags.begin(), user.tags.end());
  return {{"name", user.name},
          {"password_hash", user.password_hash},
          {"hashing_algorithm", password_hashing_name(user.hashing)},
          {"tags", std::move(tags)},
          {"max_connections", user.max_connections},
          {"max_channels", user.max_channels},
          {"max_publish_rate", user.max_publish_rate},
          {"max_publish_byte_rate", user.max_publish_byte_rate}};
}

Table encode(const Permission& permission) {
  return {{"user", permission.user},
          {"vhost", permission.vhost},
          {"configure", permission.configure},
          {"write", permission.write},
          {"read", permission.read}};
}

Table encode(const TopicPermission& permission) {
  return {{"user", permission.user},
          {"vhost", permission.vhost},
          {"exchange", permission.exchange},
          {"write", permission.write},
          {"read", permission.read}};
}

std::optional<User> decode_user(const Table& record) {
  Reader in(record);
  User user;
  user.name = in.string("name");
  user.password_hash = in.string("password_hash");
  auto hashing = find_password_hashing(in.string("hashing_algorithm"));
  if (!hashing) in.fail();
  user.hashing = hashing.value_or(PasswordHashing::kSha256);
  user.tags = in.strings("tags");
  user.max_connections = in.integer("max_connections");
  user.max_channels = in.integer("max_channels");
  user.max_publish_rate = in.integer_or("max_publish_rate", -1);
  user.max_publish_byte_rate = in.integer_or("max_publish_byte_rate", -1);
  return in.done(std::move(user));
}

std::optional<Permission> decode_permission(const Table& record) {
  Reader in(record);
  Permission permission;
  permission.user = in.string("user");
  permission.vhost = in.string("vhost");
  permission.configure = in.string("configure");
  permission.write = in.string("write");
  permission.read = in.string("read");
  return in.done(std::move(permission));
}

std::optional<TopicPermission> decode_topic_permission(const Table& record) {
  Reader in(record);
  TopicPermission permission;
  permission.user = in.string("user");
  permission.vhost = in.string("vhost");
  permission.exchange = in.string("exchange");
  permission.write = in.string("write");
  permission.read = in.string("read");
  return in.done(std::move(permission));
}

}  // namespace mq::broker
