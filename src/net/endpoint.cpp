#include "net/endpoint.hpp"

namespace mq::net {
namespace {

boost::asio::ip::address unmapped(boost::asio::ip::address address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
}

}  // namespace

std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint) {
  const auto address = unmapped(endpoint.address());
  const std::string text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port());
}

bool is_loopback(boost::asio::ip::address address) { return unmapped(std::move(address)).is_loopback(); }

}  // namespace mq::net
