// A copy of everything, made while the broker runs. RabbitMQ's API has none.
#include "http/api/handlers.hpp"

namespace mq::http::api {

void make_backup(const CallPtr& call) {
  const auto body = call->body({"directory"});
  if (!body) return;
  const json::value& directory = body->at("directory");
  if (!directory.is_string()) return call->answer(bad_request("directory should be a string"));
  if (!call->site().backup) return call->answer(bad_request("this broker makes no backups"));
  const std::string path(directory.get_string());
  call->site().backup(path, [call, path](const BackupResult& result) {
    if (result.refused) return call->answer(bad_request(result.error));
    if (!result.error.empty()) return call->answer(error_response(500, "internal_error", result.error));
    call->answer(json_response(
        json::object{{"directory", path}, {"files", result.files}, {"bytes", result.bytes}, {"milliseconds", result.took_ms}}, 201));
  });
}

}  // namespace mq::http::api
