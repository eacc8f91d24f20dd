// Runtime parameters of vhosts, and those of the whole broker.
#include "broker/parameters.hpp"
#include "http/api/handlers.hpp"
#include "http/listing.hpp"

namespace mq::http::api {
namespace {

constexpr std::string_view kPolicyComponent = "policy";  // in RabbitMQ policies are parameters inside, and have routes of their own

json::object parameter_object(const engine::VHost& vhost, const broker::Parameter& parameter) {
  return {{"vhost", to_json_string(vhost.name())},
          {"component", to_json_string(parameter.component)},
          {"name", to_json_string(parameter.name)},
          {"value", to_json(parameter.value)}};
}

json::object global_object(const std::string& name, const amqp::Value& value) {
  return {{"name", to_json_string(name)}, {"value", to_json(value)}};
}

std::optional<broker::Parameter> find_parameter(const Call& call) {
  for (broker::Parameter& each : call.vhost()->parameters())
    if (each.component == call.at("component") && each.name == call.at("name")) return std::move(each);
  return std::nullopt;
}

}  // namespace

void list_parameters(const CallPtr& call) {
  json::array list;
  for (const auto& vhost : call->vhosts())
    for (const broker::Parameter& each : vhost->parameters())
      if (!call->has("component") || each.component == call->at("component")) list.push_back(parameter_object(*vhost, each));
  call->answer(list_response(*call, std::move(list)));
}

void get_parameter(const CallPtr& call) {
  const auto found = find_parameter(*call);
  call->answer(found ? object_response(*call, parameter_object(*call->vhost(), *found)) : not_found());
}

void put_parameter(const CallPtr& call) {
  if (call->at("component") == kPolicyComponent) return call->answer(bad_request("policies may not be set using this method"));
  auto value = call->body_value();
  if (!value) return;
  auto then = [status = find_parameter(*call) ? 204u : 201u](Result<engine::Answer>& given) {
    return given ? empty_response(status) : bad_request(escape_html(given.error().text));
  };
  call->vhost()->put(engine::ChangeParameter{call->at("component"), call->at("name"), std::move(value), call->reply(std::move(then))});
}

void delete_parameter(const CallPtr& call) {
  call->vhost()->put(engine::ChangeParameter{call->at("component"), call->at("name"), std::nullopt, call->reply(204)});
}

void list_global_parameters(const CallPtr& call) {
  json::array list;
  for (const auto& [name, value] : call->broker().global_parameters()) list.push_back(global_object(name, value));
  call->answer(list_response(*call, std::move(list)));
}

void get_global_parameter(const CallPtr& call) {
  const auto all = call->broker().global_parameters();
  const auto found = all.find(call->at("name"));
  call->answer(found == all.end() ? not_found() : object_response(*call, global_object(found->first, found->second)));
}

void put_global_parameter(const CallPtr& call) {
  const auto value = call->body_value();
  if (!value) return;
  const unsigned status = call->broker().global_parameters().contains(call->at("name")) ? 204 : 201;
  call->broker().change_global_parameter(call->at("name"), value, call->reply(status));
}

void delete_global_parameter(const CallPtr& call) {
  call->broker().change_global_parameter(call->at("name"), std::nullopt, call->reply(204));
}

}  // namespace mq::http::api
