// The table codec, and the properties that carry a table in every message with headers.
#include <benchmark/benchmark.h>

#include <optional>
#include <string>

#include "mq/amqp/properties.hpp"
#include "mq/amqp/table.hpp"

namespace mq::amqp {
namespace {

// Headers as applications set them: mostly short texts, some numbers, a flag here and there.
Table headers_of(std::int64_t entries) {
  Table table;
  for (std::int64_t number = 0; number < entries; ++number) {
    const std::string name = "header-" + std::to_string(number);
    if (number % 5 == 3) table.append(name, number * 1000);
    else if (number % 5 == 4) table.append(name, true);
    else table.append(name, "value " + std::to_string(number));
  }
  return table;
}

struct Encoded {
  explicit Encoded(const Table& table) { encode_table(table, bytes); }
  [[nodiscard]] std::string_view body() const { return std::string_view(bytes).substr(4); }
  std::string bytes;
};

void encodes_a_table(benchmark::State& state) {
  const Table table = headers_of(state.range(0));
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    encode_table(table, bytes);
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
  }
  if (decode_table(std::string_view(bytes).substr(4)) != table) state.SkipWithError("what was encoded must be the table");
  state.SetItemsProcessed(state.iterations());
}

void decodes_a_table(benchmark::State& state) {
  const Table table = headers_of(state.range(0));
  const Encoded encoded(table);
  std::optional<Table> decoded;
  for (auto _ : state) {
    decoded = decode_table(encoded.body());
    benchmark::DoNotOptimize(decoded);
  }
  if (decoded != table) state.SkipWithError("what was decoded must be the table");
  state.SetItemsProcessed(state.iterations());
}

// What every table that comes in a method or a message goes through; few are decoded.
void validates_a_table(benchmark::State& state) {
  const Encoded encoded(headers_of(state.range(0)));
  std::string_view body = encoded.body();
  std::int64_t valid = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(body);
    valid += is_valid_table(body) ? 1 : 0;
  }
  if (valid != state.iterations()) state.SkipWithError("the table is valid");
  state.SetItemsProcessed(state.iterations());
}

void finds_the_last_header(benchmark::State& state) {
  const Encoded encoded(headers_of(state.range(0)));
  const std::string name = "header-" + std::to_string(state.range(0) - 1);
  std::string_view body = encoded.body();
  std::int64_t found = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(body);
    found += TableView(body).find(name) ? 1 : 0;
  }
  if (found != state.iterations()) state.SkipWithError("the header is there");
  state.SetItemsProcessed(state.iterations());
}

Properties plain() {
  Properties properties;
  properties.delivery_mode = 2;
  return properties;
}

// A request that wants an answer, as frameworks for remote calls and tasks send it.
Properties request() {
  Properties properties = plain();
  properties.content_type = "application/json";
  properties.content_encoding = "utf-8";
  properties.headers = headers_of(10);
  properties.correlation_id = "5ab3b6c2-1f0e-4f0b-9a56-6d2b8a3f7c10";
  properties.reply_to = "amq.rabbitmq.reply-to";
  properties.expiration = "60000";
  properties.message_id = "5ab3b6c2-1f0e-4f0b-9a56-6d2b8a3f7c10";
  properties.timestamp = 1'700'000'000;
  properties.type = "order";
  properties.app_id = "shop";
  return properties;
}

void locates_properties(benchmark::State& state, const Properties& properties) {
  std::string encoded;
  encode_properties(properties, encoded);
  std::int64_t whole = 0;
  for (auto _ : state) {
    PropertiesView view;
    benchmark::DoNotOptimize(encoded.data());
    whole += scan_properties(encoded, view) && view.delivery_mode == 2 ? 1 : 0;
    benchmark::DoNotOptimize(view);
  }
  if (whole != state.iterations()) state.SkipWithError("the delivery mode is 2");
  state.SetItemsProcessed(state.iterations());
}

void encodes_properties(benchmark::State& state, const Properties& properties) {
  std::string encoded;
  for (auto _ : state) {
    encoded.clear();
    encode_properties(properties, encoded);
    benchmark::DoNotOptimize(encoded.data());
    benchmark::ClobberMemory();
  }
  if (decode_properties(encoded) != properties) state.SkipWithError("what was encoded must be the properties");
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK(encodes_a_table)->ArgName("entries")->Arg(3)->Arg(10)->Arg(100);
BENCHMARK(decodes_a_table)->ArgName("entries")->Arg(3)->Arg(10)->Arg(100);
BENCHMARK(validates_a_table)->ArgName("entries")->Arg(3)->Arg(10)->Arg(100);
BENCHMARK(finds_the_last_header)->ArgName("entries")->Arg(3)->Arg(10)->Arg(100);
BENCHMARK_CAPTURE(locates_properties, plain, plain());
BENCHMARK_CAPTURE(locates_properties, request, request());
BENCHMARK_CAPTURE(encodes_properties, plain, plain());
BENCHMARK_CAPTURE(encodes_properties, request, request());

}  // namespace mq::amqp
