#include "net/acceptor.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <chrono>

#include "base/log.hpp"
#include "net/endpoint.hpp"

namespace mq::net {
namespace {

using boost::asio::ip::tcp;
constexpr auto kPauseOnShortage = std::chrono::milliseconds(200);  // e.g. no file descriptors left: try again a little later
constexpr int kBacklog = 4096;

std::string cannot_listen(const std::string& where, const boost::system::error_code& error) {
  return "cannot listen on " + where + ": " + error.message();
}

}  // namespace

Acceptor::Acceptor(const engine::AsioExecutor& executor, std::function<void(Socket)> welcome)
    : executor_(executor), welcome_(std::move(welcome)), acceptor_(executor), pause_(executor) {}

std::string Acceptor::bind(const std::string& address_text, std::uint16_t port) {
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(address_text, error);
  if (error) return "cannot listen on '" + address_text + "': not an IP address";
  acceptor_.open(address.is_v6() ? tcp::v6() : tcp::v4(), error);
  if (error && address_text == "::") {
    address = boost::asio::ip::address_v4::any();
    acceptor_.open(tcp::v4(), error);
  }
  where_ = endpoint_text({address, port});
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor_.set_option(boost::asio::ip::v6_only(false), error);
  if (!error) acceptor_.bind({address, port}, error);
  if (error) return cannot_listen(where_, error);
  port_ = acceptor_.local_endpoint().port();
  return {};
}

std::string Acceptor::listen() {
  boost::system::error_code error;
  acceptor_.listen(kBacklog, error);
  if (error) return cannot_listen(where_, error);
  accept();
  return {};
}

void Acceptor::stop() {
  boost::asio::post(executor_, [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->acceptor_.close(ignored);
    self->pause_.cancel();
  });
}

void Acceptor::accept() {
  acceptor_.async_accept(
      boost::asio::bind_executor(executor_, [self = shared_from_this()](const boost::system::error_code& error, tcp::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (error) {
          static log::Every every(10'000);
          if (auto skipped = every.pass()) log::warn("cannot accept a connection: {} ({} alike not reported)", error.message(), *skipped);
          return self->pause();
        }
        self->welcome_(std::move(socket));
        self->accept();
      }));
}

void Acceptor::pause() {
  pause_.expires_after(kPauseOnShortage);
  pause_.async_wait(boost::asio::bind_executor(executor_, [self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->acceptor_.is_open()) self->accept();
  }));
}

}  // namespace mq::net
