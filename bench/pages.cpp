// What it costs to turn messages into a page of the store and back, and the same for the small values beside the pages: index and marks.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "broker/message.hpp"
#include "samples.hpp"
#include "store/page_codec.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

constexpr QueueId kQueue = 256;

std::vector<PageRecord> records_of(std::int64_t count, std::int64_t body_bytes) {
  std::vector<PageRecord> records;
  for (Offset offset = 0; offset < static_cast<Offset>(count); ++offset)
    records.push_back({offset, bench::message_of(static_cast<std::size_t>(body_bytes)), 1'700'000'000'000, kNever});
  return records;
}

void encodes_a_page(benchmark::State& state) {
  const std::vector<PageRecord> records = records_of(state.range(0), state.range(1));
  std::int64_t encoded = 0;
  for (auto _ : state) {
    const EncodedPage page = encode_page(kQueue, records, 0, false);
    benchmark::DoNotOptimize(page.bytes.data());
    encoded += page.index.count;
  }
  if (encoded != state.iterations() * state.range(0)) state.SkipWithError("every record must be in its page");
  state.SetItemsProcessed(encoded);
  state.SetBytesProcessed(encoded * state.range(1));
}

// Checksums verified, every message made anew.
void decodes_a_page(benchmark::State& state) {
  const std::vector<PageRecord> records = records_of(state.range(0), state.range(1));
  const EncodedPage page = encode_page(kQueue, records, 0, false);
  std::int64_t decoded = 0;
  bool same = true;
  for (auto _ : state) {
    const auto read = decode_page({kQueue, 0}, page.bytes, nullptr);
    if (!read) return state.SkipWithError("the page must be whole");
    decoded += static_cast<std::int64_t>(read->size());
    same = same && read->back().message->wire() == records.back().message->wire();
  }
  if (decoded != state.iterations() * state.range(0) || !same) state.SkipWithError("every record must be read as it was");
  state.SetItemsProcessed(decoded);
  state.SetBytesProcessed(decoded * state.range(1));
}

PageIndex index_of_a_page() { return summarize(records_of(256, 100), 0, false); }

void encodes_an_index(benchmark::State& state) {
  const PageIndex index = index_of_a_page();
  std::string value;
  for (auto _ : state) {
    value = encode_index(index);
    benchmark::DoNotOptimize(value.data());
  }
  PageIndex decoded;
  if (!decode_index(index.first, value, decoded) || decoded != index) state.SkipWithError("what was encoded must be the index");
  state.SetItemsProcessed(state.iterations());
}

void decodes_an_index(benchmark::State& state) {
  const PageIndex index = index_of_a_page();
  const std::string value = encode_index(index);
  PageIndex decoded;
  std::int64_t whole = 0;
  for (auto _ : state) {
    whole += decode_index(index.first, value, decoded) ? 1 : 0;
    benchmark::DoNotOptimize(decoded);
  }
  if (whole != state.iterations() || decoded != index) state.SkipWithError("what was decoded must be the index");
  state.SetItemsProcessed(state.iterations());
}

// Settled here and there, the worst for an encoding that folds stretches: every second message.
std::vector<Mark> scattered_marks(std::int64_t count) {
  std::vector<Mark> marks;
  for (Offset number = 0; number < static_cast<Offset>(count); ++number) marks.push_back({2 * number, Mark::kSettled});
  return marks;
}

void encodes_marks(benchmark::State& state) {
  const std::vector<Mark> marks = scattered_marks(state.range(0));
  std::string value;
  for (auto _ : state) {
    value = encode_marks(0, marks);
    benchmark::DoNotOptimize(value.data());
  }
  std::vector<Mark> decoded;
  if (!decode_marks(0, value, decoded) || decoded != marks) state.SkipWithError("what was encoded must be the marks");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void decodes_marks(benchmark::State& state) {
  const std::vector<Mark> marks = scattered_marks(state.range(0));
  const std::string value = encode_marks(0, marks);
  std::vector<Mark> decoded;
  for (auto _ : state) {
    decoded.clear();
    if (!decode_marks(0, value, decoded)) return state.SkipWithError("the marks must be whole");
    benchmark::DoNotOptimize(decoded.data());
  }
  if (decoded != marks) state.SkipWithError("what was decoded must be the marks");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void each_size(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"records", "body_bytes"})->Args({1, 100})->ArgsProduct({{256}, {16, 100, 1024}});
}

}  // namespace

BENCHMARK(encodes_a_page)->Apply(each_size);
BENCHMARK(decodes_a_page)->Apply(each_size);
BENCHMARK(encodes_an_index);
BENCHMARK(decodes_an_index);
BENCHMARK(encodes_marks)->ArgName("marks")->Arg(1)->Arg(100);
BENCHMARK(decodes_marks)->ArgName("marks")->Arg(1)->Arg(100);

}  // namespace mq::store
