// A whole client against a hostile broker: all that the broker will ever say is there before the client asks, and then the broker hangs up.
// The client comes back from everything it does, with what it wanted or a reason.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "fuzz.hpp"
#include "mq/client/client.hpp"
#include "support/input.hpp"

using namespace mq;
using namespace mq::client;

namespace {

/// Serves one client at a time, on a thread of its own that lives as long as the process.
class HostileBroker {
 public:
  HostileBroker() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    FUZZ_CLAIM(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 8) == 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    std::thread([this] { serve(); }).detach();
  }
  void will_say(std::string_view bytes) {
    std::lock_guard lock(mutex_);
    bytes_ = bytes;
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  [[noreturn]] void serve() {
    for (;;) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      std::string said;
      {
        std::lock_guard lock(mutex_);
        said = bytes_;
      }
      for (std::size_t sent = 0; sent < said.size();) {
        const ssize_t count = ::send(fd, said.data() + sent, said.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      ::shutdown(fd, SHUT_WR);
      char ignored[4096];
      while (::recv(fd, ignored, sizeof ignored, 0) > 0) {}
      const linger at_once{1, 0};  // no port waits for the next client
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      ::close(fd);
    }
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::string bytes_;
};

void uses(Connection& connection) {
  auto channel = connection.open_channel();
  if (channel.has_error()) return;
  static_cast<void>(channel->declare_queue({.name = "q"}));
  static_cast<void>(channel->select_confirms(2));
  static_cast<void>(channel->publish("", "q", std::string(100, 'b')));
  static_cast<void>(channel->publish("", "q", std::string(10'000, 'b')));
  static_cast<void>(channel->wait_for_confirms(Milliseconds(50)));
  static_cast<void>(channel->get("q", true));
  static_cast<void>(channel->consume("q"));
  for (int deliveries = 0; deliveries < 3; ++deliveries) static_cast<void>(channel->next_delivery(Milliseconds(20)));
  static_cast<void>(channel->take_returned());
  static_cast<void>(channel->close());
  static_cast<void>(connection.close());
}

}  // namespace

FUZZ_TARGET(input) {
  static HostileBroker& broker = *new HostileBroker;
  broker.will_say(input);
  ConnectOptions options;
  options.port = broker.port();
  options.reply_timeout = Milliseconds(100);
  const auto connection = Connection::open(options);
  if (!connection.has_error()) uses(**connection);
}
