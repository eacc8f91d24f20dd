// A simulated client: speaks AMQP in bytes, does what comes to its mind, and tells the oracle what it said and what it heard.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/oracle.hpp"
#include "sim/wire.hpp"

namespace mq::sim {

class Client final : public Ear {
 public:
  static constexpr std::uint16_t kChannelMax = 2047;

  Client(std::string name, const Plan& plan, Oracle& oracle) : name_(std::move(name)), plan_(plan), oracle_(oracle) {}

  /// Takes hold of a new connection, whose Ear it is, and presents itself.
  void connects(Wire& wire, Random& random);
  /// Does one thing, as far as it is in a state to do any. Returns what, for traces.
  std::string acts(Random& random);
  /// Reads what came first, and answers if an answer is due.
  void reads(Random& random);
  /// Asks something on every channel, so that what it was suspected of is decided by the answers.
  void checks_in();
  /// A channel on which something was asked and not answered yet; empty = none.
  [[nodiscard]] std::string unanswered() const;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool connected() const noexcept { return wire_ != nullptr; }
  [[nodiscard]] Wire* wire() const noexcept { return wire_; }
  /// Of a connection that is open.
  [[nodiscard]] std::uint16_t heartbeat_s() const noexcept { return running_ ? heartbeat_s_ : std::uint16_t{0}; }
  /// Queues that only its connections may use: gone when they are.
  [[nodiscard]] const std::vector<std::string>& own_queues() const noexcept { return own_queues_; }
  /// A consumer that could be given something: it is there for sure, takes everything and has room. Of queues that give to everybody.
  [[nodiscard]] bool waits_for(QueueIndex queue) const;
  /// When what it hears next was given out at the earliest.
  void heard_all_until(UnixMillis when) { silent_since_ = when; }

  // --- Ear ---
  void left_the_broker(Event& event) override;
  void went_dead() override;
  void heard_nonsense(const std::string& what) override;

 private:
  enum class Mode : std::uint8_t { kPlain, kConfirm, kTx };
  struct Request {
    amqp::MethodId reply;
    std::uint64_t index = 0;
    QueueIndex queue = 0;  ///< basic.get
    bool no_ack = false;
    std::string consumer;  ///< basic.cancel
  };
  struct Channel {
    LifePtr life;
    std::uint16_t number = 0;
    Mode mode = Mode::kPlain;
    bool open = false;     ///< as far as the client knows
    bool closing = false;  ///< it asked for it
    bool recovering = false;
    bool may_fail = false;  ///< it made a mistake on purpose
    std::uint64_t published = 0;
    std::uint32_t prefetch = 0;
    std::deque<Request> requests;
    std::deque<std::shared_ptr<Transaction>> asked;  ///< transactions that are being committed
    std::vector<std::uint64_t> held;                 ///< deliveries it has read and not settled
    std::vector<std::uint64_t> acked_in_tx;
    std::vector<std::string> consumers;
  };

  template <amqp::Method M>
  void says(std::uint16_t channel, const M& method, std::function<void()> then = {}) {
    std::string frame;
    amqp::append_method_frame(frame, channel, method);
    wire_->write(frame, std::move(then));
  }
  template <amqp::Method Reply, amqp::Method M>
  void asks(Channel& channel, const M& method, Request request = {}, std::function<void()> then = {}) {
    request.reply = Reply::kId;
    request.index = channel.life->next_index++;
    ++channel.life->unanswered;
    // What is said behind the broker's close is not heard any more.
    if (!channel.life->dead || Reply::kId == amqp::ChannelCloseOk::kId) channel.requests.push_back(std::move(request));
    says(channel.number, method, std::move(then));
  }
  void opens_channel(Random& random);
  void opens_many_channels(Random& random);
  std::string acts_on(Channel& channel, Random& random);
  std::string publishes(Channel& channel, Random& random);
  std::string consumes(Channel& channel, Random& random);
  std::string settles(Channel& channel, Random& random);
  std::string ends_transaction(Channel& channel, Random& random);
  std::string churns(Channel& channel, Random& random);
  std::string has_queues_of_its_own(Channel& channel, Random& random);
  void publishes_unheeded(Channel& channel, const std::string& queue);
  void consumes_unheeded(Channel& channel, const std::string& queue);
  std::string makes_a_mistake(Channel& channel, Random& random);

  void hears_answer(Channel& channel, const Event& event);
  void hears_delivery(Channel& channel, const Event& event);
  void hears_on_connection(const Event& event);
  void reads_on_connection(const Event& event, Random& random);
  void all_die();

  const std::string name_;
  const Plan& plan_;
  Oracle& oracle_;
  Wire* wire_ = nullptr;
  bool running_ = false;
  bool may_fail_ = false;
  std::map<std::uint16_t, Channel> channels_;
  std::uint64_t lives_ = 0;
  std::uint64_t consumers_ = 0;
  std::uint16_t heartbeat_s_ = 0;
  std::vector<std::string> own_queues_;
  UnixMillis silent_since_ = 0;
};

}  // namespace mq::sim
