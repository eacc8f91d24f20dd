#include "session_world.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "mq/base/check.hpp"

namespace mq::bench {

namespace {

engine::BrokerOptions options() {
  engine::BrokerOptions options;
  options.logins.password_cost = broker::kLowestScryptCost;
  return options;
}

}  // namespace

World::World() : broker(scheduler, store, options(), [](const StorageError&) { MQ_CHECK(false); }) {
  log::set_level(log::Level::kOff);
  MQ_CHECK(broker.recover().has_value());
}

World::~World() { scheduler.drop_everything(); }

Link::Link(World& world) : world_(world), inbox_(world.broker.open_inbox(world.scheduler.make_strand())) {
  session_ = std::make_unique<session::Session>(world.broker, inbox_, std::make_shared<session::SessionOptions>(),
                                                session::PeerAddress{"a client", true});
  inbox_->on_wake([this] {
    session_->process_inbox();
    after_turn();
  });
  send(amqp::kProtocolHeader);
  const amqp::TableBytes properties(amqp::Table{});
  say(amqp::ConnectionStartOk{properties, "PLAIN", std::string_view("\0guest\0guest", 12), "en_US"}, 0);
  say(amqp::ConnectionTuneOk{2047, amqp::kDefaultFrameMax, 0}, 0);
  say(amqp::ConnectionOpen{"/"}, 0);
  say(amqp::ChannelOpen{});
  world_.run();  // the login is checked
}

Link::~Link() {
  inbox_->on_wake(nullptr);
  world_.scheduler.drop_everything();
}

void Link::send(std::string_view bytes) {
  if (session_->leftover().empty()) session_->received(bytes);
  else session_->received(std::string(session_->leftover()).append(bytes));
  after_turn();
}

void Link::after_turn() {
  while (session_->outbox().waiting_bytes() != 0) {
    session_->outbox().take(sending_);
    received_bytes_ += sending_.bytes;
    if (beginning_.size() < kKeptBytes) {
      for (const session::Outgoing::Piece& piece : sending_.pieces)
        beginning_.append(sending_.view(piece).substr(0, kKeptBytes - std::min(kKeptBytes, beginning_.size())));
    }
    sending_.clear(256 * 1024);
    session_->sent(0);
  }
}

std::size_t delivery_bytes(std::string_view consumer_tag, const broker::Message& message) {
  return amqp::encoded_size(amqp::BasicDeliver{consumer_tag, 1, false, message.exchange(), message.routing_key()}) +
         amqp::kFrameOverheadBytes + message.wire_bytes();
}

}  // namespace mq::bench
