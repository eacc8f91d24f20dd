#include "net/listener.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <chrono>

#include "base/log.hpp"
#include "net/connection.hpp"

namespace mq::net {
namespace {

using boost::asio::ip::tcp;
constexpr auto kPauseOnShortage = std::chrono::milliseconds(200);  // e.g. no file descriptors left: try again a little later
constexpr int kBacklog = 4096;

std::string endpoint_text(const tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  const std::string text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port());
}

bool is_loopback(boost::asio::ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  return address.is_loopback();
}

}  // namespace

Listener::Listener(engine::AsioScheduler& scheduler, engine::Broker& broker, std::shared_ptr<const session::SessionOptions> session_options,
                   ListenerOptions options)
    : scheduler_(scheduler), broker_(broker), session_options_(std::move(session_options)), options_(std::move(options)),
      strand_(std::static_pointer_cast<engine::AsioStrand>(scheduler.make_strand())->executor()), acceptor_(strand_), pause_(strand_) {}

std::string Listener::start() {
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(options_.address, error);
  if (error) return "cannot listen on '" + options_.address + "': not an IP address";
  acceptor_.open(address.is_v6() ? tcp::v6() : tcp::v4(), error);
  if (error && options_.address == "::") {
    address = boost::asio::ip::address_v4::any();
    acceptor_.open(tcp::v4(), error);
  }
  const std::string where = endpoint_text({address, options_.port});
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor_.set_option(boost::asio::ip::v6_only(false), error);
  if (!error) acceptor_.bind({address, options_.port}, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (error) return "cannot listen on " + where + ": " + error.message();
  port_ = acceptor_.local_endpoint().port();
  accept();
  return {};
}

void Listener::apply(std::shared_ptr<const session::SessionOptions> session_options, std::uint32_t max_connections) {
  boost::asio::post(strand_, [self = shared_from_this(), session_options = std::move(session_options), max_connections]() mutable {
    self->session_options_ = std::move(session_options);
    self->options_.max_connections = max_connections;
  });
}

void Listener::stop() {
  boost::asio::post(strand_, [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->acceptor_.close(ignored);
    self->pause_.cancel();
  });
}

void Listener::accept() {
  acceptor_.async_accept(
      boost::asio::bind_executor(strand_, [self = shared_from_this()](const boost::system::error_code& error, tcp::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (error) {
          static log::Every every(10'000);
          if (auto skipped = every.pass()) log::warn("cannot accept a connection: {} ({} alike not reported)", error.message(), *skipped);
          return self->pause();
        }
        self->welcome(std::move(socket));
        self->accept();
      }));
}

void Listener::pause() {
  pause_.expires_after(kPauseOnShortage);
  pause_.async_wait(boost::asio::bind_executor(strand_, [self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->acceptor_.is_open()) self->accept();
  }));
}

void Listener::welcome(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const tcp::endpoint local = socket.local_endpoint(error);
  if (error) return;
  if (options_.max_connections != 0 && broker_.session_count() >= options_.max_connections) {
    static log::Every every(10'000);
    if (auto skipped = every.pass())
      log::warn("connection from {} refused: {} are open ({} alike not reported)", endpoint_text(remote), options_.max_connections,
                *skipped);
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  auto strand = scheduler_.make_socket_strand();
  boost::asio::basic_stream_socket<tcp, engine::AsioExecutor> own(strand->executor());
  const auto handle = socket.release(error);
  if (error) return;
  own.assign(remote.protocol(), handle, error);
  if (error) return;
  own.non_blocking(true, error);
  session::PeerAddress peer{endpoint_text(remote) + " -> " + endpoint_text(local), is_loopback(remote.address())};
  auto connection = std::make_shared<Connection>(std::move(own), strand, broker_, session_options_, std::move(peer));
  boost::asio::post(strand->executor(), [connection] { connection->start(); });
}

}  // namespace mq::net
