#include "session/publish_allowance.hpp"

namespace mq::session {
namespace {

// A share where there is no limit: it is asked again when there may be one.
constexpr engine::PublishRate::Share kMost{65536, 1 << 24};

}  // namespace

void PublishAllowance::settle(Millis now) noexcept {
  settled_revision_ = revision();
  until_ = 0;
  share_ = kMost;
  for (const auto& rate : rates_) {
    if (!rate) continue;
    until_ = std::max(until_, rate->spend(messages_, bytes_, now));
    const engine::PublishRate::Share share = rate->share();
    share_ = {std::min(share_.messages, share.messages), std::min(share_.bytes, share.bytes)};
  }
  messages_ = bytes_ = 0;
}

}  // namespace mq::session
