// A whole broker in this process, with its threads, sockets and a store on disk: what the sanitizers cannot see on one thread.
#include "mq/server.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "mq/client/client.hpp"

namespace mq {
namespace {

using namespace std::chrono_literals;
constexpr int kMessages = 400;

std::uint16_t free_port() {
  boost::asio::io_context context;
  const boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

amqp::Properties persistent() {
  amqp::Properties properties;
  properties.delivery_mode = 2;
  return properties;
}

class WholeBroker : public ::testing::Test {
 protected:
  WholeBroker() {
    std::string pattern = (std::filesystem::temp_directory_path() / "brokerd-server-test-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    config_.data_dir = directory_ + "/data";
    config_.bind = "127.0.0.1";
    config_.amqp_port = 0;
    config_.management_port = 0;
    config_.threads = 3;
    config_.queue_resident_bytes = 64 * 1024;  // small, so that messages leave memory and come back
    start();
  }
  ~WholeBroker() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto started = Server::start(config_);
    ASSERT_TRUE(started) << started.error().text;
    server_ = std::move(*started);
  }
  void restart() {
    server_.reset();
    start();
  }
  [[nodiscard]] std::unique_ptr<client::Connection> connect() {
    client::ConnectOptions options;
    options.port = server_->amqp_port();
    auto connection = client::Connection::open(options);
    EXPECT_TRUE(connection) << connection.error().describe();
    return std::move(*connection);
  }
  void declare(const std::string& queue, amqp::Table arguments = {}) {
    auto connection = connect();
    auto channel = connection->open_channel();
    ASSERT_TRUE(channel);
    ASSERT_TRUE(channel->declare_queue({.name = queue, .durable = true, .arguments = std::move(arguments)}));
  }
  void publish(const std::string& queue, int messages) {
    auto connection = connect();
    auto channel = connection->open_channel();
    ASSERT_TRUE(channel && channel->select_confirms(50));
    for (int index = 0; index < messages; ++index) ASSERT_TRUE(channel->publish("", queue, std::string(200, 'x'), persistent()));
    auto confirmed = channel->wait_for_confirms(30s);
    ASSERT_TRUE(confirmed);
    EXPECT_EQ(confirmed->nacked, 0u);
  }
  /// Consumes and acknowledges until `wanted` messages came in all.
  void consume(const std::string& queue, std::atomic<int>& got, int wanted) {
    auto connection = connect();
    auto channel = connection->open_channel();
    ASSERT_TRUE(channel && channel->qos(20) && channel->consume(queue));
    while (got < wanted) {
      auto delivery = channel->next_delivery(50ms);
      ASSERT_TRUE(delivery);
      if (!*delivery) continue;
      ++got;
      ASSERT_TRUE(channel->ack((*delivery)->delivery_tag));
    }
  }
  [[nodiscard]] std::uint32_t ready(const std::string& queue) {
    auto connection = connect();
    auto channel = connection->open_channel();
    auto state = channel->declare_queue({.name = queue, .passive = true});
    EXPECT_TRUE(state);
    return state->messages;
  }

  Config config_;
  std::string directory_;
  std::unique_ptr<Server> server_;
};

TEST_F(WholeBroker, ServesPublishersAndConsumersOfOneQueueAtOnce) {
  declare("q");
  std::atomic<int> got{0};
  std::vector<std::thread> clients;
  for (int index = 0; index < 2; ++index) clients.emplace_back([&] { publish("q", kMessages); });
  for (int index = 0; index < 3; ++index) clients.emplace_back([&] { consume("q", got, 2 * kMessages); });
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(got, 2 * kMessages);
  EXPECT_EQ(ready("q"), 0u);
}

TEST_F(WholeBroker, ServesManyQueuesAtOnce) {
  std::atomic<int> got{0};
  std::vector<std::thread> clients;
  for (int index = 0; index < 4; ++index) {
    declare("q" + std::to_string(index));
    clients.emplace_back([&, index] { publish("q" + std::to_string(index), kMessages); });
    clients.emplace_back([&, index] {
      std::atomic<int> own{0};
      consume("q" + std::to_string(index), own, kMessages);
      got += own;
    });
  }
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(got, 4 * kMessages);
}

TEST_F(WholeBroker, KeepsABacklogBeyondItsMemoryOverARestart) {
  declare("q");
  publish("q", 2000);
  restart();
  EXPECT_EQ(ready("q"), 2000u);
  std::atomic<int> got{0};
  consume("q", got, 2000);
  EXPECT_EQ(ready("q"), 0u);
}

TEST_F(WholeBroker, MovesRejectedMessagesToTheirDeadLetterQueue) {
  declare("dead");
  declare("q", {{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "dead"}});
  publish("q", 100);
  auto connection = connect();
  auto channel = connection->open_channel();
  ASSERT_TRUE(channel && channel->consume("q"));
  for (int index = 0; index < 100; ++index) {
    auto delivery = channel->next_delivery(10s);
    ASSERT_TRUE(delivery && *delivery);
    ASSERT_TRUE(channel->reject((*delivery)->delivery_tag, false));
  }
  std::atomic<int> got{0};
  consume("dead", got, 100);
  EXPECT_EQ(ready("q"), 0u);
}

TEST_F(WholeBroker, GivesBackWhatAVanishedClientHeld) {
  declare("q");
  publish("q", 100);
  {
    auto connection = connect();
    auto channel = connection->open_channel();
    ASSERT_TRUE(channel && channel->consume("q"));
    auto delivery = channel->next_delivery(10s);
    ASSERT_TRUE(delivery && *delivery);
    connection->close_now();
  }
  std::atomic<int> got{0};
  consume("q", got, 100);
}

TEST_F(WholeBroker, RefusesASecondBrokerOnItsData) {
  Config second = config_;
  auto started = Server::start(second);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().text.find("data directory"), std::string::npos);
}

TEST_F(WholeBroker, RefusesAPortInUse) {
  Config second = config_;
  second.data_dir = ":memory:";
  second.amqp_port = server_->amqp_port();
  auto started = Server::start(second);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().text.find("cannot listen on 127.0.0.1:"), std::string::npos);
}

/// Connects to the port again and again, whoever listens there.
class Caller {
 public:
  explicit Caller(std::uint16_t port) : port_(port), thread_([this] { call(); }) {}
  Caller(const Caller&) = delete;
  ~Caller() {
    done_ = true;
    thread_.join();
  }
  [[nodiscard]] int answered() const { return answered_; }

 private:
  using Tcp = boost::asio::ip::tcp;
  void call() {
    while (!done_) {
      boost::asio::io_context context;
      // From another address: a socket may be given the very port it calls, and then meets itself.
      Tcp::socket socket(context, {boost::asio::ip::make_address_v4("127.0.0.2"), 0});
      boost::system::error_code error;
      socket.connect({boost::asio::ip::address_v4::loopback(), port_}, error);
      if (!error) ++answered_;
    }
  }

  const std::uint16_t port_;
  std::atomic<bool> done_{false};
  std::atomic<int> answered_{0};
  std::thread thread_;
};

TEST_F(WholeBroker, AStartThatFailsHasServedNobody) {
  Config second = config_;
  second.data_dir = ":memory:";
  second.amqp_port = free_port();
  second.management_port = server_->management_port();
  const Caller caller(second.amqp_port);
  for (int attempt = 0; attempt < 20; ++attempt) {
    auto started = Server::start(second);
    ASSERT_FALSE(started);
    EXPECT_NE(started.error().text.find("(management API)"), std::string::npos);
  }
  EXPECT_EQ(caller.answered(), 0);
}

}  // namespace
}  // namespace mq
