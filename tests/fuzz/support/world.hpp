// A whole broker on one thread, its hostile clients, and a well-behaved neighbour in a vhost of its own who must not notice them.
//
// Used for one input. Whatever the clients do, these hold, or the run ends:
//   - the broker says frames in their right order, none larger than agreed and every content whole;
//   - what waits for a client that does not read stays bounded;
//   - the neighbour can log in, publish a persistent message, see it confirmed, get it back and acknowledge it;
//   - once all clients are gone their sessions end, nothing is kept of them, and the broker can stop and start again on what it stored.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/broker.hpp"
#include "session/session.hpp"
#include "sim/wire.hpp"
#include "store/memory_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::fuzz {

class World;

/// A client without manners. It hears the broker as a client would, frame by frame.
class Peer final : public sim::Ear {
 public:
  Peer(World& world, std::string name);

  /// On its way to the broker.
  void says(std::string_view bytes) {
    if (first_.size() < amqp::kProtocolHeaderBytes) first_ += bytes.substr(0, amqp::kProtocolHeaderBytes - first_.size());
    wire_.write(bytes);
  }
  /// So many bytes of that arrive, if the session wants any.
  void arrives(std::size_t bytes) { wire_.carry(bytes); }
  /// Reads all there is to read.
  void reads();
  void vanishes() { wire_.vanish(); }
  /// While it does not read, the sockets in between hold this much.
  void leaves_room_for(std::size_t bytes) { wire_.set_room(bytes); }
  [[nodiscard]] sim::Wire& wire() noexcept { return wire_; }
  /// Of the last delivery or get-ok that left the broker, on any channel.
  [[nodiscard]] std::uint64_t last_tag() const noexcept { return last_tag_; }
  [[nodiscard]] std::uint64_t heard() const noexcept { return heard_; }

  void left_the_broker(sim::Event& event) override;
  void went_dead() override {}
  void heard_nonsense(const std::string& what) override;

 private:
  sim::Wire wire_;
  std::string first_;  // of what it said
  std::uint64_t last_tag_ = 0;
  std::uint64_t heard_ = 0;
};

class World {
 public:
  /// `seed` of the order in which strands run; 0 = that of posting.
  explicit World(std::uint64_t seed = 0);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// A client that has only just reached the port.
  Peer& connects();
  /// One that has logged in as guest, has opened vhost `/`, and channels 1 and 2.
  Peer& logs_in();
  /// Everything that was said arrives, as far as sessions want it, and all that follows from it happens.
  void settles();
  void runs(std::size_t tasks);
  void passes(Millis ms);

  /// The neighbour does what it always does.
  void serves_the_neighbour();
  /// All clients vanish, and the broker stops. Nothing is done with the world afterwards.
  void ends();

  [[nodiscard]] engine::Broker& broker() noexcept { return *broker_; }
  [[nodiscard]] test::ManualScheduler& scheduler() noexcept { return scheduler_; }
  [[nodiscard]] const std::shared_ptr<session::SessionOptions>& options() const noexcept { return options_; }

 private:
  void starts();
  void looks_around();

  test::ManualScheduler scheduler_;
  store::MemoryStore store_;
  std::shared_ptr<session::SessionOptions> options_;
  std::unique_ptr<engine::Broker> broker_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

/// What a client sends until it has two channels in vhost `/`.
[[nodiscard]] std::string login_bytes(std::string_view user, std::string_view vhost);

}  // namespace mq::fuzz
