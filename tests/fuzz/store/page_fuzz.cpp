// Pages of messages: what is encoded is decoded as it was; a page that was damaged gives back messages that were in it, each as it was, and
// says that it is damaged; any bytes at all are refused or read, with checksums that are made right for them too.
#include "store/page_codec.hpp"

#include <algorithm>

#include "broker/message.hpp"
#include "fuzz.hpp"
#include "mq/base/bytes.hpp"
#include "store/checksum.hpp"
#include "support/values.hpp"

using namespace mq;
using namespace mq::store;

namespace {

constexpr std::size_t kMostRecords = 12;
constexpr std::size_t kHeadBytes = 36;
constexpr PageKey kKey{7, 100};
constexpr UnixMillis kTime = 1'700'000'000'000;

std::vector<PageRecord> make_records(fuzz::Input& input) {
  std::vector<PageRecord> records;
  Offset offset = kKey.first;
  for (std::size_t left = 1 + input.below(kMostRecords); left > 0; --left) {
    amqp::Properties properties;
    const std::uint8_t has = input.u8();
    if ((has & 1) != 0) properties.delivery_mode = 2;
    if ((has & 2) != 0) properties.headers = fuzz::make_table(input, fuzz::header_names(), 2);
    const std::string_view exchange = (has & 4) != 0 ? input.text() : "x", key = (has & 8) != 0 ? input.text() : "k";
    PageRecord record{offset, broker::make_message(exchange, key, properties, input.text()), kTime + static_cast<std::int8_t>(input.u8()),
                      kNever};
    if ((has & 16) != 0) record.deadline = static_cast<UnixMillis>(input.u64());
    if ((has & 32) != 0) record.enqueued_at = static_cast<UnixMillis>(input.u64());
    records.push_back(std::move(record));
    offset += 1 + (input.u8() & 3);
  }
  return records;
}

bool same(const PageRecord& a, const PageRecord& b) {
  return a.offset == b.offset && a.enqueued_at == b.enqueued_at && a.deadline == b.deadline &&
         a.message->exchange() == b.message->exchange() && a.message->routing_key() == b.message->routing_key() &&
         a.message->header_payload() == b.message->header_payload() && a.message->body() == b.message->body();
}

/// Each is one of those that were written, and none comes twice.
bool are_some_of(const std::vector<PageRecord>& found, const std::vector<PageRecord>& written) {
  auto from = written.begin();
  return std::all_of(found.begin(), found.end(), [&](const PageRecord& record) {
    from = std::find_if(from, written.end(), [&](const PageRecord& each) { return same(each, record); });
    return from != written.end() && (++from, true);
  });
}

/// Somebody who could write checksums: of the head, of every record as its length goes, of the tail.
void seal(std::string& page) {
  const auto put = [&](std::size_t at, std::size_t from, std::size_t to) {
    store_big_endian(page.data() + at, checksum(std::string_view(page).substr(from, to - from)));
  };
  if (page.size() < kHeadBytes) return;
  put(kHeadBytes - 4, 0, kHeadBytes - 4);
  for (std::size_t at = kHeadBytes; at + 8 < page.size();) {
    const std::size_t end = at + 8 + load_big_endian<std::uint32_t>(page.data() + at + 4);
    if (end > page.size()) break;
    put(at, at + 4, end);
    at = end;
  }
  const std::size_t tail = load_big_endian<std::uint32_t>(page.data() + page.size() - 8);
  if (tail < kHeadBytes + 8 || tail > page.size()) return;
  const std::size_t begin = page.size() - tail;
  put(begin + kHeadBytes - 4, begin, begin + kHeadBytes - 4);
  put(page.size() - 4, begin, page.size() - 4);
}

void damage(std::string& page, fuzz::Input& input) {
  for (std::size_t left = 1 + input.below(4); left > 0 && !page.empty(); --left) {
    const std::size_t at = input.u16() % page.size();
    switch (input.below(4)) {
      case 0: page[at] = static_cast<char>(input.u8()); break;
      case 1: page.resize(at); break;
      case 2: page.erase(at, 1 + input.below(16)); break;
      default: page.insert(at, input.bytes(1 + input.below(8))); break;
    }
  }
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::uint8_t how = input.u8();
  std::vector<PageRecord> salvaged;
  if ((how & 3) == 0) {  // whatever it is
    std::string page(input.rest());
    if ((how & 4) != 0) seal(page);
    const auto decoded = decode_page(kKey, page, &salvaged);
    if (decoded) FUZZ_CLAIM(encode_page(kKey.queue, *decoded, 0, false).index.count == decoded->size());
    return;
  }
  const std::vector<PageRecord> written = make_records(input);
  const EncodedPage page = encode_page(kKey.queue, written, how & 7, (how & 8) != 0);
  const auto whole = decode_page(kKey, page.bytes, &salvaged);
  FUZZ_CLAIM(whole && whole->size() == written.size() && are_some_of(*whole, written));
  FUZZ_CLAIM(page.index == summarize(written, how & 7, (how & 8) != 0));
  FUZZ_CLAIM(!decode_page({kKey.queue + 1, kKey.first}, page.bytes, nullptr));

  std::string damaged = page.bytes;
  damage(damaged, input);
  const bool sealed = (how & 16) != 0;
  if (sealed) seal(damaged);
  const auto decoded = decode_page(kKey, damaged, &salvaged);
  if (sealed) return;  // it says what its writer wanted
  if (decoded) FUZZ_CLAIM(damaged == page.bytes || are_some_of(*decoded, written));
  FUZZ_CLAIM(are_some_of(salvaged, written));
}
