// What a hostile broker says on a channel, frame after frame: the client's channel takes it or gives up, and what it answers is AMQP.
#include "client/channel_state.hpp"
#include "fuzz.hpp"

using namespace mq;
using namespace mq::client;

namespace {

bool is_amqp(std::string_view bytes) {
  while (!bytes.empty()) {
    const amqp::FrameParse parse = amqp::FrameParser::next(bytes, amqp::kDefaultFrameMax);
    if (parse.status != amqp::FrameParse::Status::kFrame) return false;
    bytes.remove_prefix(parse.consumed);
  }
  return true;
}

}  // namespace

FUZZ_TARGET(input) {
  ChannelState channel(1);
  channel.is_open = true;
  channel.confirm_mode = true;
  for (int publishes = 0; publishes < 20; ++publishes) static_cast<void>(channel.window.add());
  for (std::string_view left = input; !left.empty();) {
    const amqp::FrameParse parse = amqp::FrameParser::next(left, amqp::kDefaultFrameMax);
    if (parse.status != amqp::FrameParse::Status::kFrame) break;
    left.remove_prefix(parse.consumed);
    std::string answer;
    const Outcome<> taken = channel.take(parse.frame, answer);
    FUZZ_CLAIM(is_amqp(answer));
    if (taken.has_error()) break;
    if (channel.reply) channel.reply.reset();  // somebody takes it
  }
  FUZZ_CLAIM(channel.confirms.acked + channel.confirms.nacked + channel.window.unsettled() == 20);
  std::size_t bytes = 0;
  for (const Delivery& delivery : channel.deliveries) bytes += delivery.message.body.size();
  for (const Returned& returned : channel.returned) bytes += returned.message.body.size();
  FUZZ_CLAIM(bytes <= input.size());
}
