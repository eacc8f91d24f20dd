#include "apps/brokerbench/uri.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mq::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Uri, SaysAll) {
  client::ConnectOptions o;
  EXPECT_THAT(apply_uri("amqp://ann:s%40crt@example.org:5673/a%2Fb", o), IsEmpty());
  EXPECT_EQ(o.user, "ann");
  EXPECT_EQ(o.password, "s@crt");
  EXPECT_EQ(o.host, "example.org");
  EXPECT_EQ(o.port, 5673);
  EXPECT_EQ(o.vhost, "a/b");
}

TEST(Uri, LeavesWhatItDoesNotSay) {
  client::ConnectOptions o;
  EXPECT_THAT(apply_uri("amqp://localhost", o), IsEmpty());
  EXPECT_EQ(o.host, "localhost");
  EXPECT_EQ(o.port, 5672);
  EXPECT_EQ(o.user, "guest");
  EXPECT_EQ(o.vhost, "/");
}

TEST(Uri, NeedsNoScheme) {
  client::ConnectOptions o;
  EXPECT_THAT(apply_uri("127.0.0.1:5673", o), IsEmpty());
  EXPECT_EQ(o.port, 5673);
}

TEST(Uri, TakesIpv6) {
  client::ConnectOptions o;
  EXPECT_THAT(apply_uri("amqp://[::1]:5673/", o), IsEmpty());
  EXPECT_EQ(o.host, "::1");
  EXPECT_EQ(address_text(o), "[::1]:5673");
}

TEST(Uri, SaysThatItSpeaksNoTls) {
  client::ConnectOptions o;
  EXPECT_THAT(apply_uri("amqps://localhost", o), HasSubstr("TLS"));
}

TEST(Uri, RefusesWhatIsNone) {
  for (const char* text :
       {"http://localhost", "amqp://h:0", "amqp://h:70000", "amqp://h:x", "amqp://h/%zz", "amqp://u%2@h", "amqp://[::1"}) {
    client::ConnectOptions o;
    EXPECT_THAT(apply_uri(text, o), HasSubstr("is no address")) << text;
  }
}

TEST(Address, ShowsTheVhostAndNoPassword) {
  client::ConnectOptions o;
  EXPECT_THAT(apply_uri("amqp://ann:secret@h/v", o), IsEmpty());
  EXPECT_EQ(address_text(o), "h:5672/v");
}

}  // namespace
}  // namespace mq::bench
