#include "mq/amqp/methods.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "random_values.hpp"

namespace mq::amqp {
namespace {

using namespace std::string_literals;

/// Fills a method's fields with random values and keeps the bytes its views refer to.
class RandomMethods {
 public:
  explicit RandomMethods(std::uint64_t seed) : random_(seed) {}

  template <Method M>
  M next() {
    kept_.clear();
    M method;
    detail::for_each_field<M>([&](const auto& row) { fill(method.*row.member); });
    return method;
  }

 private:
  template <class Int>
  requires std::is_unsigned_v<Int>
  void fill(Int& to) { to = static_cast<Int>(random_.bits()); }
  void fill(bool& to) { to = random_.coin(); }
  void fill(ShortStr& to) { to = keep(random_.text(60)); }
  void fill(LongStr& to) { to = keep(random_.octets(500)); }
  void fill(EncodedTable& to) {
    std::string encoded;
    encode_table(random_.table(), encoded);
    to = EncodedTable(std::string_view(keep(encoded)).substr(4));
  }
  const std::string& keep(std::string bytes) { return kept_.emplace_back(std::move(bytes)); }

  test::RandomValues random_;
  std::deque<std::string> kept_;
};

template <Method M>
std::string payload_of(const M& method) {
  std::string out;
  encode(method, out);
  return out;
}

TEST(Methods, ReturnWhatWasEncodedForRandomValues) {
  RandomMethods random(5);
  for_each_method([&]<class M>(std::type_identity<M>) {
    for (int round = 0; round < 100; ++round) {
      M method = random.next<M>();
      std::string payload = payload_of(method);
      ASSERT_EQ(read_method_id(payload), M::kId);
      std::optional<M> decoded = decode<M>(method_fields(payload));
      ASSERT_TRUE(decoded) << to_string(method);
      ASSERT_TRUE(*decoded == method) << to_string(method) << " became " << to_string(*decoded);
    }
  });
}

TEST(Methods, MeasureExactlyWhatTheyWrite) {
  RandomMethods random(6);
  for_each_method([&]<class M>(std::type_identity<M>) {
    M method = random.next<M>();
    EXPECT_EQ(encoded_size(method), payload_of(method).size()) << M::kName;
  });
}

TEST(Methods, RefuseEveryTruncation) {
  RandomMethods random(7);
  for_each_method([&]<class M>(std::type_identity<M>) {
    std::string fields(method_fields(payload_of(random.next<M>())));
    for (std::size_t size = 0; size < fields.size(); ++size) {
      std::string cut = fields.substr(0, size);  // its own allocation, so that a sanitizer sees a read past the end
      ASSERT_FALSE(decode<M>(cut)) << M::kName << ", " << size << " of " << fields.size();
    }
  });
}

TEST(Methods, RefuseOctetsLeftOver) {
  for_each_method([]<class M>(std::type_identity<M>) {
    DecodeFault fault = DecodeFault::kNone;
    EXPECT_FALSE(decode<M>(std::string(method_fields(payload_of(M{}))) + 'x', &fault)) << M::kName;
    EXPECT_EQ(fault, DecodeFault::kMalformed) << M::kName;
  });
}

TEST(Methods, HaveIdsOfTheirOwn) {
  std::set<std::uint32_t> ids;
  for_each_method([&]<class M>(std::type_identity<M>) { EXPECT_TRUE(ids.insert(M::kId.key()).second) << M::kName; });
  EXPECT_EQ(ids.size(), AllMethods::kSize);
}

TEST(Methods, AreAllInTheListThatRabbitMqSpeaks) { EXPECT_EQ(AllMethods::kSize, 66U); }

TEST(Methods, AreFoundByTheirIds) {
  for_each_method([]<class M>(std::type_identity<M>) { EXPECT_EQ(method_name(M::kId), M::kName); });
}

TEST(Methods, HaveNoNameUnderUnknownIds) { EXPECT_EQ(method_name(60, 200), ""); }

TEST(Methods, CarryContentInFourCases) {
  std::string names;
  for_each_method([&]<class M>(std::type_identity<M>) {
    if constexpr (kCarriesContent<M>) names.append(M::kName) += ' ';
  });
  EXPECT_EQ(names, "basic.publish basic.return basic.deliver basic.get-ok ");
}

TEST(Methods, UnbindOfExchangesIsAnsweredWithFiftyOne) { EXPECT_EQ(ExchangeUnbindOk::kId, (MethodId{40, 51})); }

TEST(MethodFields, PackNeighbouringBitsIntoOneOctetLowestFirst) {
  QueueDeclare declare{.durable = true, .nowait = true};
  EXPECT_EQ(payload_of(declare), "\0\x32\0\x0a\0\0\0\x12\0\0\0\0"s);
}

TEST(MethodFields, StartAFreshOctetForABitBehindAnotherField) {
  EXPECT_EQ(payload_of(BasicNack{.delivery_tag = 1, .multiple = true, .requeue = true}), "\0\x3c\0\x78\0\0\0\0\0\0\0\1\3"s);
}

TEST(MethodFields, TellAShortstrThatIsNotUtf8) {
  DecodeFault fault = DecodeFault::kNone;
  EXPECT_FALSE(decode<BasicConsumeOk>("\2\xC3\x28"s, &fault));
  EXPECT_EQ(fault, DecodeFault::kBadUtf8);
}

TEST(MethodFields, CallACutFrameMalformedEvenWhenAStringIsNotUtf8) {
  DecodeFault fault = DecodeFault::kNone;
  EXPECT_FALSE(decode<BasicCancel>("\2\xC3\x28"s, &fault));
  EXPECT_EQ(fault, DecodeFault::kMalformed);
}

TEST(MethodFields, TakeAnyOctetsInALongstr) { EXPECT_TRUE(decode<ConnectionSecure>("\0\0\0\2\xC3\x28"s)); }

TEST(MethodFields, RefuseAnIllFormedTable) {
  DecodeFault fault = DecodeFault::kNone;
  EXPECT_FALSE(decode<QueueDeclare>("\0\0\0\0\0\0\0\3\1aU"s, &fault));
  EXPECT_EQ(fault, DecodeFault::kMalformed);
}

TEST(MethodFields, CutALongShortstrBetweenCharacters) {
  std::string text(254, 'x');
  text += "\xC3\xA9";
  std::string payload = payload_of(ConnectionBlocked{.reason = text});
  EXPECT_EQ(decode<ConnectionBlocked>(method_fields(payload))->reason, std::string(254, 'x'));
}

TEST(MethodFields, TakeATableFromItsOwnedForm) {
  Table table{{"x-expires", std::int32_t{1000}}};
  TableBytes bytes(table);
  std::string payload = payload_of(QueueDeclare{.queue = "q", .arguments = bytes});
  EXPECT_EQ(decode<QueueDeclare>(method_fields(payload))->arguments.decode(), table);
}

TEST(MethodFrame, IsWhatTheParserReturns) {
  std::string bytes;
  append_method_frame(bytes, 7, BasicAck{.delivery_tag = 5, .multiple = true});
  FrameParse parse = FrameParser::next(bytes, kDefaultFrameMax);
  ASSERT_EQ(parse.status, FrameParse::Status::kFrame);
  EXPECT_EQ(parse.consumed, bytes.size());
  EXPECT_EQ(parse.frame.channel, 7);
  EXPECT_EQ(decode<BasicAck>(method_fields(parse.frame.payload))->delivery_tag, 5U);
}

TEST(MethodText, NamesEveryField) {
  EXPECT_EQ(to_string(BasicPublish{.exchange = "logs", .routing_key = "a.b", .mandatory = true}),
            "basic.publish(ticket=0, exchange='logs', routing-key='a.b', mandatory=true, immediate=false)");
}

TEST(MethodText, ShowsTables) {
  TableBytes bytes(Table{{"x-max-length", std::int32_t{5}}, {"inner", Table{{"list", Array{Value(true), Value("s")}}}}, {"none", Void{}}});
  std::string text = to_string(QueueUnbind{.arguments = bytes});
  EXPECT_NE(text.find("arguments={'x-max-length': 5, 'inner': {'list': [true, 's']}, 'none': void}"), std::string::npos) << text;
}

TEST(MethodText, KeepsSecretsOut) {
  EXPECT_EQ(to_string(ConnectionSecureOk{.response = "password"}), "connection.secure-ok(response=***)");
  EXPECT_EQ(to_string(ConnectionStartOk{.response = "password"}).find("password"), std::string::npos);
  EXPECT_EQ(to_string(ConnectionUpdateSecret{.new_secret = "password"}).find("password"), std::string::npos);
}

TEST(MethodText, EscapesWhatCouldForgeALogLine) {
  EXPECT_EQ(to_string(ConnectionBlocked{.reason = "a\nb'c"}), "connection.blocked(reason='a\\x0ab\\'c')");
}

TEST(MethodText, CutsLongStrings) {
  std::string huge(100'000, 'x');
  EXPECT_EQ(to_string(ConnectionSecure{.challenge = huge}),
            "connection.secure(challenge='" + std::string(128, 'x') + "'...(100000 octets))");
}

TEST(MethodText, DescribesWhateverArrives) {
  EXPECT_EQ(describe_method(payload_of(TxCommit{})), "tx.commit()");
  EXPECT_EQ(describe_method("\0\x3c\0\x50"s), "basic.ack with malformed fields");
  EXPECT_EQ(describe_method("\0\x3c\0\xc8"s), "unknown method 60.200");
  EXPECT_EQ(describe_method("abc"), "a method payload of 3 octets");
}

}  // namespace
}  // namespace mq::amqp
