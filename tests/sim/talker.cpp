#include "sim/talker.hpp"

namespace mq::sim {

using namespace amqp;

Talker::Talker(engine::Broker& broker, test::ManualScheduler& scheduler, std::shared_ptr<const session::SessionOptions> options,
               std::function<void()> run)
    : scheduler_(scheduler), run_(std::move(run)), wire_(broker, scheduler, std::move(options), "the operator", *this) {
  wire_.write(kProtocolHeader);
  (void)waits();
  (void)asks(ConnectionStartOk{{}, "PLAIN", std::string("\0guest\0guest", 12), "en_US"}, 0);
  tells(ConnectionTuneOk{2047, 131072, 0}, 0);
  (void)asks(ConnectionOpen{"/"}, 0);
  (void)asks(ChannelOpen{});
}

Talker::~Talker() {
  wire_.vanish();
  run_();
}

Event Talker::waits() {
  for (int patience = 0; patience < 1000 && !wire_.has_event() && wire_.open(); ++patience) {
    wire_.carry(SIZE_MAX);
    run_();
    if (!wire_.has_event()) scheduler_.advance(10);  // writing may wait for consumers, a few milliseconds
  }
  if (wire_.has_event()) return wire_.read();
  trouble_ = wire_.open() ? "the broker does not answer" : "the broker hung up";
  return {};
}

}  // namespace mq::sim
