#include "net/endpoint.hpp"

#include <gtest/gtest.h>

namespace mq::net {
namespace {

std::string network_of(const char* address) { return network_text(boost::asio::ip::make_address(address)); }

}  // namespace

TEST(Network, OfAnIPv4AddressIsTheAddress) {
  EXPECT_EQ(network_of("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(network_of("::ffff:192.0.2.7"), "192.0.2.7");
}

TEST(Network, OfAnIPv6AddressIsItsFirstHalf) {
  EXPECT_EQ(network_of("2001:db8:0:1:2:3:4:5"), "2001:db8:0:1::/64");
  EXPECT_EQ(network_of("2001:db8:0:1::9"), network_of("2001:db8:0:1:ffff::"));
  EXPECT_NE(network_of("2001:db8:0:1::9"), network_of("2001:db8:0:2::9"));
}

}  // namespace mq::net
