#include "broker/filter.hpp"

#include <algorithm>
#include <utility>

#include "broker/filter/evaluate.hpp"
#include "broker/filter/normal_form.hpp"
#include "broker/filter/parser.hpp"
#include "broker/filter/program.hpp"
#include "broker/values.hpp"
#include "mq/amqp/utf8.hpp"

namespace mq::broker {
namespace {

using filter::Program;

Error invalid(std::string_view what) {
  return fail(ReplyCode::kPreconditionFailed, std::string("invalid arg 'x-filter' for consumer: ").append(what));
}

Error too_long(std::size_t bytes) {
  return invalid("expected at most " + std::to_string(kMaxFilterBytes) + " octets, got " + std::to_string(bytes));
}

std::size_t characters_in(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Result<> read_text(std::string_view text, Program& program) {
  if (text.size() > kMaxFilterBytes) return too_long(text.size());
  if (!amqp::is_valid_utf8(text)) return invalid("expected UTF-8");
  if (auto mistake = filter::parse(text, program))
    return invalid("expected " + mistake->expected + " at " + std::to_string(characters_in(text.substr(0, mistake->offset)) + 1));
  return {};
}

/// One node for each header and an AND of all, in order of their names.
Result<> read_table(const amqp::Table& table, Program& program) {
  std::string body = canonical_body(table);
  if (body.size() > kMaxFilterBytes) return too_long(body.size());
  if (table.size() >= kMaxFilterTerms) return invalid("expected less than " + std::to_string(kMaxFilterTerms) + " headers");
  bool each_once = true;
  amqp::TableView(program.keep(std::move(body))).for_each([&](std::string_view name, const amqp::ValueView& value) {
    const std::uint16_t number = program.header(name);
    each_once = number == program.nodes.size();
    program.wanted.push_back(value);
    program.children.push_back(number);
    program.nodes.push_back({filter::Op::kHeaderIs, 0, number, number, 0});
    return each_once;
  });
  if (!each_once) return invalid("expected each header once");
  program.root = static_cast<filter::NodeId>(program.nodes.size());
  program.nodes.push_back({filter::Op::kAnd, 0, 0, 0, program.root});
  return {};
}

Result<> read(const amqp::Value& value, Program& program) {
  if (const std::string* text = value.string()) return read_text(*text, program);
  if (const amqp::Table* table = value.table()) return read_table(*table, program);
  return invalid("expected a table or a longstr, got " + std::string(value.type_name()));
}

}  // namespace

Filter::Filter(std::unique_ptr<const Program> program) : program_(std::move(program)), normal_form_(filter::normal_form(*program_)) {}

Filter::~Filter() = default;

bool Filter::matches(const Message& message) const noexcept { return filter::evaluate(*program_, message) == filter::Truth::kTrue; }

Result<std::shared_ptr<const Filter>> make_filter(const amqp::Value& value) {
  auto program = std::make_unique<Program>();
  if (auto fine = read(value, *program); !fine) return fine.error();
  program->index_names();
  return std::make_shared<const Filter>(std::move(program));
}

}  // namespace mq::broker
