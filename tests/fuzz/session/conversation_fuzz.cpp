// Bytes of clients, as they may come over the wire: no handshake is done for them. The first octet says how many clients there are and how
// their bytes are cut; a client's bytes end where another one's begin, behind the mark.
#include "fuzz.hpp"
#include "support/input.hpp"
#include "support/world.hpp"

using namespace mq::fuzz;

namespace {

constexpr std::string_view kMark = "\xFE\xFE\xFE\xFE";
constexpr std::size_t kMostClients = 3;

/// Whole, or in pieces with a few steps of the broker in between.
void speaks(World& world, Peer& peer, std::string_view bytes, std::size_t piece) {
  peer.says(bytes);
  if (piece != 0)
    while (peer.wire().has_to_carry() && peer.wire().carry(piece)) world.runs(3);
  world.settles();
}

}  // namespace

FUZZ_TARGET(bytes) {
  Input input(bytes);
  const std::uint8_t way = input.u8();
  constexpr std::size_t kPieces[] = {0, 1, 7, 300};
  const std::size_t piece = bytes.size() > 2000 ? 0 : kPieces[way & 3];
  World world((way & 4) != 0 ? way : 0);
  std::string_view left = input.rest();
  for (std::size_t clients = 0; clients < kMostClients && (clients == 0 || !left.empty()); ++clients) {
    const std::size_t end = left.find(kMark);
    Peer& peer = world.connects();
    if ((way & 8) != 0) peer.leaves_room_for(0);
    speaks(world, peer, left.substr(0, end), piece);
    if ((way & 16) != 0) peer.reads();
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + kMark.size());
  }
  if ((way & 32) != 0) world.passes(70'000);
  world.serves_the_neighbour();
  world.ends();
}
