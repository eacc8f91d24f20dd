// What it costs to turn messages into a page of the store and back.
#include <benchmark/benchmark.h>

#include <string>

#include "broker/message.hpp"
#include "store/memory_store.hpp"

namespace mq::store {
namespace {

std::vector<PageRecord> records_of(std::size_t count, std::size_t body_bytes) {
  amqp::Properties properties;
  properties.delivery_mode = 2;
  std::vector<PageRecord> records;
  for (Offset offset = 0; offset < count; ++offset)
    records.push_back({offset, broker::make_message("amq.topic", "order.eu.created", properties, std::string(body_bytes, 'b')),
                       1'700'000'000'000, kNever});
  return records;
}

void encodes_a_page(benchmark::State& state) {
  const std::vector<PageRecord> records = records_of(256, static_cast<std::size_t>(state.range(0)));
  const MemoryStore codec;
  std::size_t encoded = 0;
  for (auto _ : state) encoded += codec.encode_page(256, records, 0, false).index.count;
  if (encoded != static_cast<std::size_t>(state.iterations()) * records.size()) state.SkipWithError("every record must be in its page");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records.size()));
}

void reads_a_page(benchmark::State& state) {
  const std::vector<PageRecord> records = records_of(256, static_cast<std::size_t>(state.range(0)));
  MemoryStore store;
  WriteSet set;
  set.operations.emplace_back(store.encode_page(256, records, 0, false));
  WriteSet* sets[] = {&set};
  store.commit(sets).value();
  std::size_t read = 0;
  for (auto _ : state) read += store.read_page(256, 0).value().size();
  if (read != static_cast<std::size_t>(state.iterations()) * records.size()) state.SkipWithError("every record must be read");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records.size()));
}

}  // namespace

BENCHMARK(encodes_a_page)->Arg(16)->Arg(100)->Arg(1024);
BENCHMARK(reads_a_page)->Arg(16)->Arg(100)->Arg(1024);

}  // namespace mq::store
