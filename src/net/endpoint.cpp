#include "net/endpoint.hpp"

#include <algorithm>

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

std::string network_text(boost::asio::ip::address address) {
  address = unmapped(std::move(address));
  if (address.is_v4()) return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + bytes.size() / 2, bytes.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

bool is_loopback(boost::asio::ip::address address) { return unmapped(std::move(address)).is_loopback(); }

}  // namespace mq::net
