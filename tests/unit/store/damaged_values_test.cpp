// Every value of every column, damaged in every way: a start costs only what is damaged and says so, verify finds it, repair mends it.
#include <gtest/gtest.h>

#include "server/maintenance.hpp"
#include "store/value_codec.hpp"
#include "unit/store/full_store.hpp"

namespace mq::store {
namespace {

using namespace test;
namespace metadata = engine::metadata;

struct Structure {
  const char* name;
  Column column;
  std::string key;
  QueueId log;                 ///< whose it is; 0 = of no queue
  std::size_t costs_messages;  ///< at most so many of them are lost
};

std::string page_key(QueueId log, Offset first) { return std::string(encode_key(PageKey{log, first}).view()); }
std::string number_key(std::uint64_t number) { return std::string(encode_key(QueueId{number}).view()); }

std::vector<Structure> structures() {
  const broker::BindingInfo binding{"exchange", broker::BindTo::kQueue, "orders", "key", {}};
  return {
      {"page with marks", Column::kPages, page_key(kOrders, 0), kOrders, 6},
      {"small page", Column::kPages, page_key(kOrders, 6), kOrders, 3},
      {"page of a priority level", Column::kPages, page_key(kTasks + 2, 0), kTasks + 2, 5},
      {"index", Column::kIndex, page_key(kOrders, 6), kOrders, 0},
      {"index of a priority level", Column::kIndex, page_key(kTasks + 2, 0), kTasks + 2, 0},
      {"marks", Column::kMarks, page_key(kOrders, 0), kOrders, 0},
      {"marks with moments", Column::kMarks, page_key(kTasks + 2, 0), kTasks + 2, 0},
      {"state", Column::kQueueState, number_key(kOrders), kOrders, 0},
      {"numbers of a book", Column::kDelayed, number_key(kFullBook), 0, 0},
      {"delayed message", Column::kDelayed, std::string(encode_delayed_key(kFullBook, {1'800'000'000'001, 1}).view()), 0, 0},
      {"seen ids of a queue", Column::kSeen, page_key(kOrders, 0), kOrders, 0},
      {"seen ids of an exchange", Column::kSeen, page_key(kExchangeWindow, 0), 0, 0},
      {"vhost", Column::kMetadata, metadata::vhost_key("/"), 0, 0},
      {"user", Column::kMetadata, metadata::user_key("guest"), 0, 0},
      {"exchange", Column::kMetadata, metadata::exchange_key("/", "exchange"), 0, 0},
      {"queue", Column::kMetadata, metadata::queue_key("/", "orders"), kOrders, 0},
      {"binding", Column::kMetadata, metadata::binding_key("/", binding), 0, 0},
      {"book of a vhost", Column::kMetadata, metadata::delayed_key("/"), 0, 0},
      {"window of an exchange", Column::kMetadata, metadata::seen_window_key("/", "exchange"), 0, 0},
      {"next number", Column::kMetadata, std::string(metadata::kNextQueueId), 0, 0},
  };
}

struct Harm {
  const char* name;
  std::string (*apply)(std::string value);
};

std::string flipped(std::string value, std::size_t at) {
  value[at] = static_cast<char>(value[at] ^ 0x10);
  return value;
}

const std::vector<Harm>& harms() {
  static const std::vector<Harm> table{
      {"first octet flipped", [](std::string value) { return flipped(value, 0); }},
      {"octet at a third flipped", [](std::string value) { return flipped(value, value.size() / 3); }},
      {"octet in the middle flipped", [](std::string value) { return flipped(value, value.size() / 2); }},
      {"last octet flipped", [](std::string value) { return flipped(value, value.size() - 1); }},
      {"all zeroes", [](std::string value) { return std::string(value.size(), '\0'); }},
      {"cut short of its half", [](std::string value) { return value.substr(0, (value.size() - 1) / 2); }},
      {"empty", [](std::string) { return std::string(); }},
  };
  return table;
}

/// All harms to one structure.
class DamagedValue : public ::testing::TestWithParam<Structure> {
 protected:
  static void SetUpTestSuite() {
    whole_ = new TemporaryDirectory();
    fill_store(whole_->path());
    original_ = new StoreContents(read_contents(whole_->path()).value());
  }
  static void TearDownTestSuite() {
    delete whole_;
    delete original_;
  }

  /// The store with that value harmed; false when the harm leaves it as it is.
  bool harm(const Harm& harm, const std::string& directory) {
    copy_directory(whole_->path(), directory);
    bool changed = false;
    with_database(directory, [&](Database& database) {
      std::string value;
      const std::string& key = GetParam().key;
      ASSERT_TRUE(database.db().Get({}, database[GetParam().column], key, &value).ok());
      const std::string harmed = harm.apply(value);
      changed = harmed != value;
      ASSERT_TRUE(database.db().Put({}, database[GetParam().column], key, harmed).ok());
    });
    return changed;
  }

  void expect_neighbours(const StoreContents& found, const char* when) {
    for (QueueId log : {kOrders, kTasks, kTasks + 2, kNeighbour}) {
      if (log != GetParam().log) EXPECT_EQ(found.of(log), original_->of(log)) << when << ", log " << log;
      else EXPECT_GE(found.of(log).size() + GetParam().costs_messages, original_->of(log).size()) << when << ", log " << log;
    }
    EXPECT_TRUE(invents_nothing(found, *original_)) << when;
    const std::size_t lost = GetParam().column == Column::kDelayed ? 1 : 0;
    EXPECT_GE(found.delayed.size() + lost, original_->delayed.size()) << when;
  }

  static inline TemporaryDirectory* whole_ = nullptr;
  static inline StoreContents* original_ = nullptr;
};

TEST_P(DamagedValue, CostsNobodyElseAnythingAndIsMended) {
  for (const Harm& each : harms()) {
    SCOPED_TRACE(each.name);
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/data";
    if (!harm(each, path)) continue;
    const auto before = server::verify_store(path);
    ASSERT_TRUE(before) << before.error().text;
    EXPECT_FALSE(before->damage.empty());

    const std::string started = directory.path() + "/started";
    copy_directory(path, started);
    const auto found = read_contents(started);
    ASSERT_TRUE(found) << found.error().text;
    expect_neighbours(*found, "after a start");

    const auto mended = server::repair_store(path, {});
    ASSERT_TRUE(mended) << mended.error().text;
    EXPECT_TRUE(mended->changed);
    EXPECT_EQ(mended->damage.size(), before->damage.size());
    const auto after = server::verify_store(path);
    ASSERT_TRUE(after) << after.error().text;
    EXPECT_TRUE(after->damage.empty()) << after->damage.front().text;
    const auto kept = read_contents(path);
    ASSERT_TRUE(kept) << kept.error().text;
    expect_neighbours(*kept, "after a repair");
    EXPECT_FALSE(server::repair_store(path, {})->changed) << "there is nothing left to do";
  }
}

std::string name_of(const ::testing::TestParamInfo<Structure>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, DamagedValue, ::testing::ValuesIn(structures()), name_of);

// --- what each kind of damage comes to ---

/// A full store of which one value was overwritten.
class AfterDamage : public ::testing::Test {
 protected:
  void SetUp() override { fill_store(path_); }
  void overwrite(Column column, const std::string& key, const std::string& value) {
    with_database(path_, [&](Database& database) { ASSERT_TRUE(database.db().Put({}, database[column], key, value).ok()); });
  }
  StoreContents start() {
    damage_.clear();
    auto found = read_contents(path_, &damage_);
    EXPECT_TRUE(found) << found.error().text;
    return found ? *found : StoreContents();
  }
  TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/data";
  std::vector<RecoveryDamage> damage_;
};

TEST_F(AfterDamage, AnIndexIsReadFromItsPage) {
  overwrite(Column::kIndex, page_key(kOrders, 6), "rubbish");
  EXPECT_EQ(start().of(kOrders).size(), 13u);
  ASSERT_EQ(damage_.size(), 1u);
  EXPECT_EQ(damage_[0].what, RecoveryDamage::What::kIndex);
  EXPECT_EQ(damage_[0].page_first, 6u);
  EXPECT_EQ(damage_[0].messages, 3u);
}

TEST_F(AfterDamage, APageWithoutIndexAndContentIsTold) {
  overwrite(Column::kIndex, page_key(kOrders, 9), "rubbish");
  overwrite(Column::kPages, page_key(kOrders, 9), "rubbish");
  const StoreContents found = start();
  EXPECT_EQ(found.of(kOrders).size(), 9u);
  ASSERT_EQ(damage_.size(), 1u);
  EXPECT_EQ(damage_[0].what, RecoveryDamage::What::kPage);
  EXPECT_GE(found.states.at(kOrders).next_offset, 10u) << "no page is put where that one lies";
}

TEST_F(AfterDamage, MarksAreForgottenAndToldOnce) {
  overwrite(Column::kMarks, page_key(kOrders, 0), "rubbish");
  (void)start();
  ASSERT_EQ(damage_.size(), 1u);
  EXPECT_EQ(damage_[0].what, RecoveryDamage::What::kMarks);
  EXPECT_EQ(damage_[0].messages, 6u);
  EXPECT_EQ(start().states.at(kOrders), (QueueState{13, 7})) << "what was delivered is known from the state";
  EXPECT_TRUE(damage_.empty()) << "a start puts it right";
}

TEST_F(AfterDamage, MarksMadeLaterAreMergedWithWhatIsLeft) {
  overwrite(Column::kMarks, page_key(kOrders, 0), "rubbish");
  auto store = open(path_);
  ASSERT_TRUE(commit(*store, WriteSet::AddMarks{kOrders, 0, {{5, Mark::kSettled}}}));
  EXPECT_EQ(store->read_marks(kOrders, 0).value(), (std::vector<Mark>{{5, Mark::kSettled}}));
}

TEST_F(AfterDamage, DamagedMarksDoNotEndCompaction) {
  overwrite(Column::kMarks, page_key(kOrders, 0), "rubbish");
  ASSERT_TRUE(commit(*open(path_), WriteSet::AddMarks{kOrders, 0, {{5, Mark::kSettled}}}));
  with_database(path_,
                [](Database& database) { EXPECT_TRUE(database.db().CompactRange({}, database[Column::kMarks], nullptr, nullptr).ok()); });
  std::vector<std::string> texts;
  ASSERT_TRUE(verify(path_, [&](const VerifyFinding& finding) { texts.push_back(finding.text); }));
  EXPECT_EQ(texts, (std::vector<std::string>{"the marks of page 0 of queue 256 are damaged"})) << "and are still told of";
}

TEST_F(AfterDamage, AStateCoversAllThatMayHaveBeenDelivered) {
  overwrite(Column::kQueueState, number_key(kOrders), "rubbish");
  EXPECT_EQ(start().states.at(kOrders), (QueueState{13, 13}));
  ASSERT_EQ(damage_.size(), 1u);
  EXPECT_EQ(damage_[0].what, RecoveryDamage::What::kState);
  (void)start();
  EXPECT_TRUE(damage_.empty()) << "a start puts it right";
}

TEST_F(AfterDamage, MetadataOfAnOlderBrokerNeedsNoChecksum) {
  const std::string value = metadata::encode(queue_info("neighbour", kNeighbour));
  overwrite(Column::kMetadata, metadata::queue_key("/", "neighbour"), value);
  EXPECT_EQ(start().metadata.at(metadata::queue_key("/", "neighbour")), value);
  EXPECT_TRUE(server::verify_store(path_)->damage.empty());
}

// --- message by message ---

TEST_F(AfterDamage, VerifyNamesTheMessageThatIsLost) {
  with_database(path_, [&](Database& database) {
    std::string value;
    ASSERT_TRUE(database.db().Get({}, database[Column::kPages], page_key(kOrders, 6), &value).ok());
    const std::size_t body = value.find("body 7");
    ASSERT_NE(body, std::string::npos);
    value[body] = 'B';
    ASSERT_TRUE(database.db().Put({}, database[Column::kPages], page_key(kOrders, 6), value).ok());
  });
  const auto report = server::verify_store(path_).value();
  ASSERT_EQ(report.damage.size(), 1u);
  EXPECT_EQ(report.damage[0].vhost, "/");
  EXPECT_EQ(report.damage[0].queue, "orders");
  EXPECT_EQ(report.damage[0].whole_messages, 2u);
  ASSERT_EQ(report.damage[0].messages.size(), 1u);
  const server::DamagedMessage& lost = report.damage[0].messages[0];
  EXPECT_EQ(lost.not_before, 7u);
  EXPECT_EQ(lost.not_after, 7u);
  EXPECT_TRUE(lost.legible);
  EXPECT_EQ(lost.exchange, "exchange");
  EXPECT_EQ(lost.routing_key, "key");
  EXPECT_EQ(lost.size_bytes, 40u);
  EXPECT_EQ(lost.enqueued_at, 1'700'000'000'007);
}

TEST_F(AfterDamage, RepairSavesTheOctetsOfWhatIsLost) {
  overwrite(Column::kPages, page_key(kOrders, 6), "rubbish");
  const std::string salvage = directory_.path() + "/salvage";
  const auto report = server::repair_store(path_, {.salvage_dir = salvage}).value();
  ASSERT_EQ(report.damage.size(), 1u);
  EXPECT_EQ(report.lost_messages, 3u);
  ASSERT_EQ(report.damage[0].messages.size(), 1u);
  EXPECT_EQ(file_contents(report.damage[0].messages[0].raw_file), "rubbish");
}

TEST_F(AfterDamage, RepairKeepsTheOldFiles) {
  overwrite(Column::kPages, page_key(kOrders, 6), "rubbish");
  const auto report = server::repair_store(path_, {}).value();
  EXPECT_EQ(report.originals, path_ + ".damaged-1");
  EXPECT_TRUE(std::filesystem::exists(report.originals + "/CURRENT"));
}

TEST_F(AfterDamage, ADryRunChangesNothing) {
  overwrite(Column::kPages, page_key(kOrders, 6), "rubbish");
  const auto report = server::repair_store(path_, {.dry_run = true}).value();
  EXPECT_FALSE(report.changed);
  EXPECT_EQ(report.damage.size(), 1u);
  EXPECT_EQ(server::verify_store(path_)->damage.size(), 1u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1) << "nothing is left beside it";
}

TEST_F(AfterDamage, RepairKeepsMarksAndDropsWhatIsSettled) {
  overwrite(Column::kPages, page_key(kOrders, 6), "rubbish");
  ASSERT_TRUE(server::repair_store(path_, {}).value().changed);
  auto store = open(path_);
  EXPECT_EQ(store->read_marks(kOrders, 0).value(), (std::vector<Mark>{{1, Mark::kSettled}, {2, 3}}));
  EXPECT_EQ(store->recover_queue(kOrders).value().state, (QueueState{13, 7}));
  EXPECT_EQ(store->recover_delayed(kFullBook).value().count, 3u);
  EXPECT_EQ(store->find_delayed(kFullBook, "id-1").value().size(), 1u);
}

TEST_F(AfterDamage, RepairGivesMessagesWithoutAQueueTheOneWhoseRecordIsDamaged) {
  overwrite(Column::kMetadata, metadata::queue_key("/", "tasks"), "rubbish");
  const auto report = server::repair_store(path_, {}).value();
  ASSERT_FALSE(report.notes.empty());
  const auto contents = read_contents(path_).value();
  const auto queue = metadata::decode_queue(contents.metadata.at(metadata::queue_key("/", "tasks"))).value();
  EXPECT_EQ(queue.id, kTasks);
  EXPECT_EQ(*queue.arguments.find("x-max-priority")->integer(), 2) << "the highest level that has messages";
}

TEST_F(AfterDamage, RepairMakesQueuesForMessagesNobodyKnowsTheNameOf) {
  overwrite(Column::kMetadata, metadata::queue_key("/", "tasks"), "rubbish");
  overwrite(Column::kMetadata, metadata::queue_key("/", "orders"), "rubbish");
  ASSERT_TRUE(server::repair_store(path_, {}).value().changed);
  const auto contents = read_contents(path_).value();
  EXPECT_TRUE(contents.metadata.contains(metadata::queue_key("/", "recovered-queue-256")));
  EXPECT_TRUE(contents.metadata.contains(metadata::queue_key("/", "recovered-queue-512")));
  EXPECT_TRUE(contents.metadata.contains(metadata::queue_key("/", "orders"))) << "empty, so that what is bound to it stays bound";
}

TEST(Maintenance, SaysThatThereIsNothing) {
  TemporaryDirectory directory;
  EXPECT_EQ(server::verify_store(directory.path() + "/missing").error().kind, server::MaintenanceError::Kind::kNotThere);
  EXPECT_EQ(server::repair_store(directory.path() + "/missing", {}).error().kind, server::MaintenanceError::Kind::kNotThere);
}

}  // namespace
}  // namespace mq::store
