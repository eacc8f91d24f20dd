// What a commit costs by how many messages it makes durable: RocksDB with a sync, RocksDB without (what the processor pays), and the store
// in memory. A page goes in, and an old one goes out as when consumers keep up, so that the stores do not grow.
//
// The directory is made under the system's temporary one and removed afterwards. A sync is worth what the disk below it is worth, and
// nothing on a tmpfs: TMPDIR says where.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "samples.hpp"
#include "store/memory_store.hpp"
#include "store/rocks_store.hpp"

namespace mq::store {
namespace {

constexpr std::uint64_t kKeptPages = 16;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "brokerd-bench-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

// One queue that writes a page per commit.
class Writer {
 public:
  Writer(const Storage& codec, QueueId queue, std::size_t messages, std::size_t body_bytes) : codec_(codec), queue_(queue) {
    const broker::MessagePtr message = bench::message_of(body_bytes);
    for (Offset offset = 0; offset < messages; ++offset) records_.push_back({offset, message, 1'700'000'000'000, kNever});
  }
  WriteSet next(bool synced) {
    WriteSet set;
    set.needs_sync = synced;
    set.operations.emplace_back(codec_.encode_page(queue_, records_, 0, false));
    if (pages_ >= kKeptPages) set.operations.emplace_back(WriteSet::DropPage{queue_, (pages_ - kKeptPages) * records_.size(), false});
    ++pages_;
    for (PageRecord& record : records_) record.offset += records_.size();
    return set;
  }
  /// The store has the pages it should have, and the newest can be read.
  [[nodiscard]] bool all_there(Storage& store) const {
    const auto recovered = store.recover_queue(queue_);
    if (!recovered || recovered->pages.size() != std::min(pages_, kKeptPages)) return false;
    const auto newest = store.read_page(queue_, (pages_ - 1) * records_.size());
    return newest && newest->size() == records_.size() && newest->front().message->body() == records_.front().message->body();
  }

 private:
  const Storage& codec_;
  QueueId queue_;
  std::vector<PageRecord> records_;
  std::uint64_t pages_ = 0;
};

// Encoding the pages is not part of the time: queues do that on their strands (bench `encodes_a_page`).
void commit(benchmark::State& state, Storage& store, bool synced, std::size_t queues, std::size_t messages, std::size_t body_bytes) {
  std::vector<std::unique_ptr<Writer>> writers;
  for (std::size_t queue = 1; queue <= queues; ++queue)
    writers.push_back(std::make_unique<Writer>(store, queue * 256, messages, body_bytes));
  for (auto _ : state) {
    std::vector<WriteSet> sets;
    std::vector<WriteSet*> pointers;
    for (auto& writer : writers) sets.push_back(writer->next(synced));
    for (WriteSet& set : sets) pointers.push_back(&set);
    const auto begin = std::chrono::steady_clock::now();
    store.commit(pointers).value();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  for (const auto& writer : writers)
    if (!writer->all_there(store)) return state.SkipWithError("the store must have what was committed");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(queues * messages));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(queues * messages * body_bytes));
}

void commit_to_disk(benchmark::State& state, bool synced, std::size_t queues, std::size_t messages, std::size_t body_bytes) {
  const TemporaryDirectory directory;
  if (directory.path().empty()) return state.SkipWithError("there must be a temporary directory");
  RocksOptions options;
  options.directory = directory.path();
  const auto store = open_rocks_store(options);
  if (!store) return state.SkipWithError(store.error().text.c_str());
  commit(state, **store, synced, queues, messages, body_bytes);
}

void commit_synced(benchmark::State& state) {
  commit_to_disk(state, true, 1, static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
}
void commit_not_synced(benchmark::State& state) {
  commit_to_disk(state, false, 1, static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
}
void commit_to_memory(benchmark::State& state) {
  MemoryStore store;
  commit(state, store, true, 1, static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
}
// Group commit: many queues with a message each share one sync.
void commit_of_queues_synced(benchmark::State& state) { commit_to_disk(state, true, static_cast<std::size_t>(state.range(0)), 1, 100); }

void each_size(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"messages", "body_bytes"})->ArgsProduct({{1, 10, 100, 1000}, {100, 1024}})->UseManualTime();
}

}  // namespace

BENCHMARK(commit_synced)->Apply(each_size)->Unit(benchmark::kMicrosecond);
BENCHMARK(commit_of_queues_synced)->ArgName("queues")->Arg(1)->Arg(16)->Arg(256)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(commit_not_synced)->Apply(each_size)->Unit(benchmark::kMicrosecond);
BENCHMARK(commit_to_memory)->Apply(each_size)->Unit(benchmark::kMicrosecond);

}  // namespace mq::store
