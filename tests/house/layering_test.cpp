#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "house/layers.hpp"

namespace mq::house {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A source tree of its own, gone afterwards.
class PlantedTree : public ::testing::Test {
 protected:
  PlantedTree() : tree_(std::filesystem::temp_directory_path() / ("brokerd-house-test-" + std::to_string(::getpid()))) {
    put("include/mq/base/bytes.hpp", "#include <string>\n");
    put("src/engine/actor.hpp", "#include \"mq/base/bytes.hpp\"\n");
  }
  ~PlantedTree() override { std::filesystem::remove_all(tree_); }

  void put(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((tree_ / file).parent_path());
    std::ofstream(tree_ / file) << text;
  }
  [[nodiscard]] std::vector<std::string> offences() const {
    std::vector<std::string> texts;
    for (const Offence& offence : layering_offences(tree_)) texts.push_back(offence.to_string());
    return texts;
  }

  std::filesystem::path tree_;
};

TEST(Layering, PointsDown) {
  for (const Offence& offence : layering_offences(BROKERD_SOURCE_DIR)) ADD_FAILURE() << offence.to_string();
}

TEST_F(PlantedTree, IsCleanWithoutAnOffence) { EXPECT_THAT(offences(), IsEmpty()); }

TEST_F(PlantedTree, IsCaughtIncludingUpwards) {
  put("src/broker/queue.cpp", "#include <vector>\n\n#include \"engine/actor.hpp\"\n");
  EXPECT_THAT(offences(), ElementsAre("src/broker/queue.cpp:3: broker may not include src/engine/actor.hpp"));
}

TEST_F(PlantedTree, IsCaughtIncludingUpwardsFromAPublicHeader) {
  put("include/mq/ports/storage.hpp", "#include \"engine/actor.hpp\"\n");
  EXPECT_THAT(offences(), ElementsAre("include/mq/ports/storage.hpp:1: ports may not include src/engine/actor.hpp"));
}

TEST_F(PlantedTree, IsCaughtReachingPastThePartASiblingShows) {
  put("src/broker/message.hpp", "");
  put("src/broker/queue.hpp", "");
  put("src/store/rocks_store.cpp", "#include \"broker/message.hpp\"\n#include \"broker/queue.hpp\"\n");
  EXPECT_THAT(offences(), ElementsAre("src/store/rocks_store.cpp:2: store may not include src/broker/queue.hpp"));
}

TEST_F(PlantedTree, IsCaughtTouchingAsioOutsideOfItsRooms) {
  put("src/session/session.cpp", "#include <boost/asio/ip/tcp.hpp>\n");
  EXPECT_THAT(offences(), ElementsAre("src/session/session.cpp:1: may not touch <boost/asio/ip/tcp.hpp>"));
}

TEST_F(PlantedTree, MayTouchAsioInTheScheduler) {
  put("src/engine/asio_scheduler.cpp", "#include <boost/asio/strand.hpp>\n");
  EXPECT_THAT(offences(), IsEmpty());
}

TEST_F(PlantedTree, IsCaughtStartingAThreadAmongTheRules) {
  put("src/broker/queue.cpp", "#include <thread>\n");
  EXPECT_THAT(offences(), ElementsAre("src/broker/queue.cpp:1: may not touch <thread>"));
}

TEST_F(PlantedTree, IsCaughtIncludingWhatIsNowhere) {
  put("src/broker/queue.cpp", "#include \"broker/gone.hpp\"\n");
  EXPECT_THAT(offences(), ElementsAre("src/broker/queue.cpp:1: includes \"broker/gone.hpp\", which is nowhere in the tree"));
}

TEST_F(PlantedTree, IsCaughtWithAFileInNoLayer) {
  put("src/misc/helpers.cpp", "#include \"mq/base/bytes.hpp\"\n");
  EXPECT_THAT(offences(), ElementsAre("src/misc/helpers.cpp:1: lies in no layer of the table"));
}

TEST_F(PlantedTree, IsCaughtSharingCodeBetweenPrograms) {
  put("src/apps/brokerctl/table.hpp", "");
  put("src/apps/brokerd/main.cpp", "#include \"apps/brokerctl/table.hpp\"\n");
  EXPECT_THAT(offences(), ElementsAre("src/apps/brokerd/main.cpp:1: includes src/apps/brokerctl/table.hpp of another program"));
}

}  // namespace
}  // namespace mq::house
