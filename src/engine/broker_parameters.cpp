// What operators set for the whole broker, limits of users among it, and who is let in under them.
#include "base/log.hpp"
#include "broker/parameters.hpp"
#include "engine/broker.hpp"
#include "engine/damaged_metadata.hpp"
#include "engine/metadata.hpp"

namespace mq::engine {

// --- recovery ---

StorageResult<> Broker::recover_parameters() {
  auto scan = [&](std::string_view kind, auto&& use) {
    return storage_.scan_metadata(kind, [&](std::string_view key, std::string_view value) {
      const std::vector<std::string> parts = metadata::key_parts(key);
      const auto record = metadata::decode_record(value);
      if (parts.empty() || !record || !use(parts.front(), *record))
        log::error("the record of the {} is passed over: it is damaged, or its vhost is not there", metadata::describe_key(key));
    });
  };
  auto policies_of = [&](broker::PolicyKind kind) {
    return [this, kind](const std::string& vhost_name, const amqp::Table& record) {
      auto policy = broker::decode_policy(record);
      auto vhost = find_vhost(vhost_name);
      return policy && vhost && vhost->restore_policy(kind, std::move(*policy));
    };
  };
  if (auto read = scan(metadata::kPolicies, policies_of(broker::PolicyKind::kPolicy)); !read) return read;
  if (auto read = scan(metadata::kOperatorPolicies, policies_of(broker::PolicyKind::kOperatorPolicy)); !read) return read;
  auto parameters = scan(metadata::kParameters, [&](const std::string& vhost_name, const amqp::Table& record) {
    auto parameter = broker::decode_parameter(record);
    auto vhost = find_vhost(vhost_name);
    if (!parameter || !vhost) return false;
    vhost->restore_parameter(std::move(*parameter));
    return true;
  });
  if (!parameters) return parameters;
  auto globals = scan(metadata::kGlobalParameters, [&](const std::string& name, const amqp::Table& record) {
    const amqp::Value* value = record.find("value");
    if (value != nullptr) global_parameters_[name] = *value;
    return value != nullptr;
  });
  return globals;
}

// --- who is let in ---

Result<Admission> Broker::admit(const std::string& user, const std::string& vhost_name) {
  auto vhost = find_vhost(vhost_name);
  if (!vhost) return fail(ReplyCode::kNotAllowed, "vhost " + vhost_name + " not found");
  const std::int64_t most = vhost->limits().max_connections;
  auto place = usage_->enter(user, vhost_name, [&](const Usage::Counts& of_user, const Usage::Counts& of_vhost) -> Result<> {
    if (most >= 0 && of_vhost.connections >= most) return broker::too_many_connections(vhost_name, user, most);
    return with_access([&](const broker::Access& access) -> Result<> {
      if (auto allowed = access.check_vhost(user, vhost_name); !allowed) return allowed;
      return access.check_connection_limit(user, of_user.connections);
    });
  });
  if (!place) return place.error();
  PublishRatePtr vhost_rate = vhost->publish_rate();
  return Admission{std::move(vhost), std::move(*place), rate_of_user(user), std::move(vhost_rate)};
}

// Found under the lock under which limits are changed: whoever comes while one changes gets what holds from then on.
PublishRatePtr Broker::rate_of_user(const std::string& name) {
  std::unique_lock lock(access_mutex_);
  if (auto known = user_rates_.find(name); known != user_rates_.end())
    if (PublishRatePtr rate = known->second.lock()) return rate;
  boost::unordered::erase_if(user_rates_, [](const auto& entry) { return entry.second.expired(); });
  auto rate = std::make_shared<PublishRate>();
  if (const broker::User* user = access_.find_user(name)) rate->set(user->max_publish_rate, user->max_publish_byte_rate);
  user_rates_[name] = rate;
  return rate;
}

Result<> Broker::admit_channel(const std::string& user, Usage::Place& place) {
  return place.open_channel([&](const Usage::Counts& of_user, const Usage::Counts& total) -> Result<> {
    if (const std::uint64_t most = max_channels_; most != 0 && static_cast<std::uint64_t>(total.channels) >= most)
      return fail(ReplyCode::kNotAllowed, "number of channels opened on node '" + options_.node +
                                              "' has reached the maximum allowed limit of (" + std::to_string(most) + ")");
    return with_access([&](const broker::Access& access) { return access.check_channel_limit(user, of_user.channels); });
  });
}

// --- changes ---
// What is asked for is in force when it is on its way to the disk, in the order in which it was asked; the answer comes once it is there.

void Broker::change_user_limits(const std::string& name, const amqp::Value& value, const ReplyTo& reply) {
  WriteSet write;
  write.needs_sync = true;
  std::unique_lock lock(access_mutex_);
  const broker::User* found = access_.find_user(name);
  broker::UserLimits limits;
  Result<> changed;
  if (found == nullptr) {
    changed = fail(ReplyCode::kNotFound, "no user '" + name + "'");
  } else {
    broker::User user = *found;
    limits = broker::limits_of(user);
    changed = broker::set_user_limits(limits, value);
    broker::set_limits(user, limits);
    write.operations.emplace_back(WriteSet::PutMetadata{metadata::user_key(name), metadata::encode_record(broker::encode(user))});
    if (changed) changed = access_.put_user(std::move(user));
  }
  if (changed) {
    access_revision_ = access_.revision();
    if (auto rate = user_rates_.find(name); rate != user_rates_.end())
      if (const PublishRatePtr known = rate->second.lock()) known->set(limits.max_publish_rate, limits.max_publish_byte_rate);
    return committer_->submit(std::move(write), [reply] { reply.send(Answer{Done{}}); });
  }
  lock.unlock();
  reply.send(changed.error());
}

void Broker::replace_password_hash(const std::string& name, const std::string& old_hash, std::string better_hash) {
  WriteSet write;
  std::unique_lock lock(access_mutex_);
  const broker::User* found = access_.find_user(name);
  if (found == nullptr || found->password_hash != old_hash) return;  // it was changed meanwhile
  broker::User user = *found;
  user.password_hash = std::move(better_hash);
  user.hashing = broker::PasswordHashing::kScrypt;
  write.operations.emplace_back(WriteSet::PutMetadata{metadata::user_key(name), metadata::encode_record(broker::encode(user))});
  if (!access_.put_user(std::move(user))) return;
  access_revision_ = access_.revision();
  committer_->submit(std::move(write), [] {});
}

void Broker::change_global_parameter(const std::string& name, const std::optional<amqp::Value>& value, const ReplyTo& reply) {
  constexpr std::size_t kMaxNameBytes = 255;  // names are parts of keys in the store
  if (name.empty() || name.size() > kMaxNameBytes)
    return reply.send(fail(ReplyCode::kPreconditionFailed, "a parameter's name has 1 to 255 bytes"));
  WriteSet write;
  write.needs_sync = true;
  std::unique_lock lock(parameters_mutex_);
  if (value) {
    global_parameters_[name] = *value;
    write.operations.emplace_back(
        WriteSet::PutMetadata{metadata::global_parameter_key(name), metadata::encode_record({{"name", name}, {"value", *value}})});
  } else if (global_parameters_.erase(name) != 0) {
    write.operations.emplace_back(WriteSet::DeleteMetadata{metadata::global_parameter_key(name)});
  } else {
    lock.unlock();
    return reply.send(fail(ReplyCode::kNotFound, "no global parameter '" + name + "'"));
  }
  committer_->submit(std::move(write), [reply] { reply.send(Answer{Done{}}); });
}

std::map<std::string, amqp::Value> Broker::global_parameters() const {
  std::lock_guard lock(parameters_mutex_);
  return global_parameters_;
}

}  // namespace mq::engine
