#include "http/call.hpp"

#include <algorithm>

namespace mq::http {

const std::string& Call::at(std::string_view variable) const { return request_.path_variables.at(std::string(variable)); }

const std::string* Call::query(std::string_view name) const {
  auto found = request_.query.find(std::string(name));
  return found == request_.query.end() ? nullptr : &found->second;
}

bool Call::has_tag(std::string_view tag) const {
  return broker_.with_access([&](const broker::Access& access) { return access.has_tag(user(), tag); });
}

bool Call::may_enter(const std::string& vhost) const {
  return is_administrator() ||
         broker_.with_access([&](const broker::Access& access) { return access.check_vhost(user(), vhost).has_value(); });
}

template <class Wanted>
std::vector<std::shared_ptr<engine::VHost>> Call::vhosts_if(Wanted&& wanted) const {
  if (has("vhost")) return {vhost()};  // the route has seen to the rest
  std::vector<std::shared_ptr<engine::VHost>> list = broker_.vhosts();
  std::erase_if(list, [&](const auto& each) { return !wanted(each->name()); });
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return list;
}

std::vector<std::shared_ptr<engine::VHost>> Call::vhosts() const {
  return vhosts_if([this](const std::string& name) { return may_enter(name); });
}

std::vector<std::shared_ptr<engine::VHost>> Call::visible_vhosts() const {
  return vhosts_if([this, all = is_monitor()](const std::string& name) { return all || may_enter(name); });
}

std::optional<json::object> Call::body(std::initializer_list<std::string_view> required) {
  auto value = request_.body.empty() ? json::value(json::object()) : parse_json(request_.body);
  if (!value || !value->is_object()) {
    answer(bad_request("not_json"));
    return std::nullopt;
  }
  json::object& object = value->get_object();
  std::string missing;
  for (std::string_view name : required)
    if (!object.contains({name.data(), name.size()}))
      missing.append(missing.empty() ? "" : ",").append("{key_missing,").append(name).append("}");
  if (missing.empty()) return std::move(object);
  answer(bad_request("[" + missing + "]"));
  return std::nullopt;
}

std::optional<amqp::Value> Call::body_value() {
  const auto object = body({"value"});
  if (!object) return std::nullopt;
  auto value = to_amqp(object->at("value"));
  if (!value) answer(bad_request("a member's name is longer than 255 bytes"));
  return value;
}

engine::ReplyTo Call::reply(std::function<Response(Result<engine::Answer>&)> then) {
  return engine::reply_to([self = shared_from_this(), then = std::move(then)](Result<engine::Answer> given) { self->answer(then(given)); });
}

engine::ReplyTo Call::reply(unsigned status) {
  return reply([status](Result<engine::Answer>& given) { return given ? empty_response(status) : response_of(given.error()); });
}

}  // namespace mq::http
