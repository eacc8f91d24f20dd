// The state of one AMQP channel and of one consumer on it. Plain data with a few rules; the session and the method handlers act on it.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/message.hpp"
#include "broker/queue/consumers.hpp"
#include "session/confirm_ledger.hpp"
#include "session/delivery_ledger.hpp"

namespace mq::engine {
class QueueActor;
}

namespace mq::session {

struct Channel;

struct Consumer {
  Channel* channel = nullptr;
  std::uint32_t number = 0;  ///< names it within the session
  std::string tag;
  std::string head;                           ///< what every basic.deliver to it starts with: class, method and tag, encoded
  std::shared_ptr<engine::QueueActor> queue;  ///< null for direct replies
  bool no_ack = false;
  bool cancelling = false;
  bool told_late = false;                ///< the log knows that it settles too late
  std::optional<Millis> ack_timeout_ms;  ///< its own, from x-consumer-timeout; 0 = none
  std::uint64_t owed_window_bytes = 0;   ///< delivered, not yet returned to the queue's window
};

/// basic.publish waits for its content.
struct PublishHead {
  std::string fields;  ///< as they came, what stands below was decoded from them; empty = nothing
  std::string exchange;
  std::string routing_key;
  bool mandatory = false;
};

/// A publish inside a transaction.
struct TxPublish {
  broker::MessagePtr message;
  bool mandatory = false;
};
struct TxSettle {
  std::vector<Unsettled> deliveries;
  broker::Settlement how = broker::Settlement::kAck;
  std::vector<std::uint64_t> late;  ///< tags that came too late and mean nothing
};

struct Channel {
  enum class State : std::uint8_t {
    kOpen,
    kClosing,  ///< the client asked; channel.close-ok comes when the engine has let go
    kFailed,   ///< we sent channel.close; everything but channel.close-ok is ignored
    kDying,    ///< towards the client it is gone
  };
  enum class Expects : std::uint8_t { kMethod, kContentHeader, kContentBody };

  std::uint16_t number = 0;
  std::uint32_t key = 0;  ///< unique within the session; numbers are used again
  State state = State::kOpen;
  Expects expects = Expects::kMethod;
  PublishHead publish;
  broker::MessageBuilder builder;

  bool waiting = false;  ///< a request is under way; frames are held
  bool stalled = false;  ///< it published while an alarm is on; what is not an acknowledgement is held
  std::string held;      ///< whole frames

  bool confirm = false;
  bool transactional = false;
  bool has_due_confirms = false;
  ConfirmLedger confirms;
  DeliveryLedger ledger;
  std::vector<TxPublish> tx_publishes;
  std::vector<TxSettle> tx_settles;
  std::uint64_t tx_bytes = 0;  ///< of both
  void clear_transaction() {
    tx_publishes.clear();
    tx_settles.clear();
    tx_bytes = 0;
  }

  std::uint32_t prefetch = 0;                                   ///< for consumers made from now on
  std::shared_ptr<broker::ChannelPrefetch> shared_prefetch;     ///< basic.qos global=true; null until first asked for
  std::string reply_name;                                       ///< the direct reply-to consumer's name; empty = it has none
  Millis last_ack_timeout_ms = 0;                               ///< of the last delivery
  std::string last_queue;                                       ///< what an empty queue name means
  boost::unordered_flat_map<std::string, Consumer*> consumers;  ///< by tag
};

}  // namespace mq::session
