// Addresses as logs show them.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

namespace mq::net {

/// `127.0.0.1:5672`, `[::1]:5672`; an IPv4 address that came over IPv6 is shown as what it is.
[[nodiscard]] std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint);
/// Whose failed logins count together: `192.0.2.7`, `2001:db8:0:1::/64` (who has one IPv6 address mostly has all of its /64).
[[nodiscard]] std::string network_text(boost::asio::ip::address address);
/// Is it this machine's own?
[[nodiscard]] bool is_loopback(boost::asio::ip::address address);

}  // namespace mq::net
