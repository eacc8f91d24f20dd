// What operators do to single queues: pausing them, changing their arguments.
#include "http/api/handlers.hpp"

namespace mq::http::api {
namespace {

struct PauseWord {
  std::string_view what;
  bool delivery;
  bool publish;
};
constexpr PauseWord kPauseWords[] = {{"delivery", true, false}, {"publish", false, true}, {"all", true, true}};

/// The body's member, or the query's; delivery where neither says. Answers 400 itself when it is none.
const PauseWord* read_what(Call& call) {
  const auto body = call.body();
  if (!body) return nullptr;
  std::string what(kPauseWords[0].what);
  if (const std::string* said = call.query("what")) what = *said;
  if (const json::value* said = body->if_contains("what")) {
    if (said->is_string()) what.assign(said->get_string().data(), said->get_string().size());
    else what.clear();
  }
  for (const PauseWord& word : kPauseWords)
    if (word.what == what) return &word;
  call.answer(bad_request("what should be delivery, publish or all"));
  return nullptr;
}

void change_pause(const CallPtr& call, bool paused) {
  if (const PauseWord* word = read_what(*call))
    call->vhost()->put(engine::ChangePause{call->at("name"), word->delivery, word->publish, paused, call->reply(204)});
}

}  // namespace

void put_queue_arguments(const CallPtr& call) {
  const auto body = call->body();
  if (!body) return;
  auto changes = to_amqp(*body);
  if (!changes) return call->answer(bad_request("a member's name is longer than 255 bytes"));
  call->vhost()->put(engine::ChangeArguments{call->at("name"), *changes->table(), call->reply(204)});
}

void pause_queue(const CallPtr& call) { change_pause(call, true); }
void resume_queue(const CallPtr& call) { change_pause(call, false); }

}  // namespace mq::http::api
