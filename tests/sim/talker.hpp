// A client without a will of its own: says what it is told and waits for the answer. For what a life begins and ends with.
#pragma once

#include <functional>
#include <string>

#include "sim/wire.hpp"

namespace mq::sim {

class Talker final : public Ear {
 public:
  /// `run` lets the world go on until nothing is left to do.
  Talker(engine::Broker& broker, test::ManualScheduler& scheduler, std::shared_ptr<const session::SessionOptions> options,
         std::function<void()> run);
  ~Talker() override;

  /// The answer, whatever it is; one without a method when none came.
  template <amqp::Method M>
  Event asks(const M& method, std::uint16_t channel = 1) {
    tells(method, channel);
    return waits();
  }
  template <amqp::Method M>
  void tells(const M& method, std::uint16_t channel = 1) {
    std::string frame;
    amqp::append_method_frame(frame, channel, method);
    wire_.write(frame);
  }
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

  void left_the_broker(Event&) override {}
  void went_dead() override {}
  void heard_nonsense(const std::string& what) override { trouble_ = what; }

 private:
  Event waits();

  test::ManualScheduler& scheduler_;
  std::function<void()> run_;
  Wire wire_;
  std::string trouble_;
};

}  // namespace mq::sim
