// Clients that know AMQP and mean no good, with an operator who changes things meanwhile: each octet or two is a step. What they say is
// made so that most of it is taken, which leads to where random bytes never get.
#include "broker/policy.hpp"
#include "fuzz.hpp"
#include "support/input.hpp"
#include "support/speech.hpp"
#include "support/values.hpp"
#include "support/world.hpp"

using namespace mq;
using namespace mq::fuzz;

namespace {

constexpr std::size_t kMostSteps = 300;
constexpr std::size_t kMostClients = 6;
constexpr Millis kTimes[] = {1, 10, 60, 1000, 5000, 70'000, 3'600'000};

class Dialogue {
 public:
  Dialogue(World& world, Input& input) : world_(world), input_(input) { peers_ = {&world.logs_in(), &world.logs_in()}; }

  void goes_on() {
    for (std::size_t steps = 0; steps < kMostSteps && !input_.empty(); ++steps) step();
    world_.broker().set_alarm(std::nullopt);
    world_.scheduler().hold("committer", false);
    world_.settles();
  }

 private:
  void step() {
    const std::uint8_t what = input_.u8();
    std::size_t which = what >> 6;
    Peer*& peer = peers_[which % peers_.size()];
    Speech speech(input_, peer->last_tag());
    std::string said;
    switch (what & 31) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6: speech.append_method(said); break;
      case 7:
      case 8:
      case 9:
      case 10:
      case 11: speech.append_publish(said); break;
      case 12:
      case 13:
      case 14: speech.append_settlement(said); break;
      case 15: said = input_.text(); break;
      case 16: peer->reads(); break;
      case 17: peer->leaves_room_for(input_.flip() ? 0 : 64 << 10); break;
      case 18: peer->arrives(1 + input_.below(40)); break;
      case 19: world_.runs(input_.below(32)); break;
      case 20: world_.passes(input_.pick(kTimes)); break;
      case 21: return vanishes(peer);
      case 22: return changes_policy(speech);
      case 23: return pauses(speech);
      case 24: world_.broker().set_alarm(input_.flip() ? std::optional<std::string>("memory") : std::nullopt); break;
      case 25: world_.scheduler().hold("committer", input_.flip()); break;
      default: world_.settles(); break;
    }
    peer->says(said);
    if ((what & 32) == 0) world_.settles();
  }

  void vanishes(Peer*& peer) {
    peer->vanishes();
    if (++clients_ < kMostClients) peer = &world_.logs_in();
  }

  void changes_policy(Speech& speech) {
    broker::Policy policy;
    policy.name = input_.flip() ? "p1" : "p2";
    policy.pattern = input_.flip() ? "^q" : ".*";
    const amqp::Table made = make_table(input_, argument_names(), 1);
    for (const auto& [name, value] : made.entries()) policy.definition.append(name.starts_with("x-") ? name.substr(2) : name, value);
    const auto kind = input_.flip() ? broker::PolicyKind::kPolicy : broker::PolicyKind::kOperatorPolicy;
    const auto vhost = world_.broker().find_vhost("/");
    if (input_.flip()) vhost->put(engine::ChangePolicy{kind, policy.name, std::nullopt, {}});
    else vhost->put(engine::ChangePolicy{kind, policy.name, policy, {}});
    if (input_.flip()) vhost->put(engine::ChangeArguments{std::string(speech.queue()), make_table(input_, argument_names(), 1), {}});
  }

  void pauses(Speech& speech) {
    const bool delivery = input_.flip(), publish = input_.flip(), paused = input_.flip();
    world_.broker().find_vhost("/")->put(engine::ChangePause{std::string(speech.queue()), delivery, publish, paused, {}});
  }

  World& world_;
  Input& input_;
  std::vector<Peer*> peers_;
  std::size_t clients_ = 2;
};

}  // namespace

FUZZ_TARGET(bytes) {
  Input input(bytes);
  World world(input.u8());
  Dialogue(world, input).goes_on();
  world.serves_the_neighbour();
  world.ends();
}
