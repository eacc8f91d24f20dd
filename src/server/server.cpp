#include "mq/server.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "base/log.hpp"
#include "engine/asio_scheduler.hpp"
#include "engine/broker.hpp"
#include "http/server.hpp"
#include "net/listener.hpp"
#include "server/resource_watch.hpp"
#include "store/memory_store.hpp"
#include "store/rocks_store.hpp"

#ifndef BROKERD_VERSION
#define BROKERD_VERSION "0.0.0"
#endif

namespace mq {
namespace {

constexpr std::string_view kInMemory = ":memory:";

std::string cluster_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return "brokerd@localhost";
  return std::string("brokerd@") + host.data();
}

session::SessionOptions session_options(const Config& config) {
  session::SessionOptions options;
  options.frame_max_bytes = config.frame_max_bytes;
  options.initial_frame_max_bytes = config.initial_frame_max_bytes;
  options.channel_max = config.channel_max;
  options.heartbeat_s = config.heartbeat_s;
  options.handshake_timeout_ms = config.handshake_timeout_ms;
  options.max_message_bytes = config.max_message_bytes;
  options.publish_window_bytes = config.publish_window_bytes;
  options.outbox_bytes = config.outbox_bytes;
  options.delayed_messages = config.delayed_messages;
  options.ack_timeout_ms = config.ack_timeout_ms;
  options.late_ack = config.late_ack == "close"    ? session::LateAck::kClose
                     : config.late_ack == "cancel" ? session::LateAck::kCancel
                                                   : session::LateAck::kRequeue;
  options.cluster_name = cluster_name();
  options.version = BROKERD_VERSION;
  return options;
}

engine::BrokerOptions broker_options(const Config& config) {
  engine::BrokerOptions options;
  options.threads = config.threads != 0 ? config.threads : std::max(1u, std::thread::hardware_concurrency());
  options.default_user = config.default_user;
  options.default_password = config.default_password;
  options.default_vhost = config.default_vhost;
  options.loopback_users = config.loopback_users;
  options.queue_memory_bytes = config.queue_resident_bytes;
  options.total_memory_bytes = config.total_resident_bytes;
  options.default_delivery_limit = config.default_queue_delivery_limit;
  return options;
}

server::ResourceLimits resource_limits(const Config& config) {
  server::ResourceLimits limits;
  if (config.data_dir != kInMemory) limits.directory = config.data_dir;
  limits.disk_free_bytes = config.disk_free_limit_bytes;
  limits.memory_bytes = config.memory_watermark.limit_bytes(server::total_memory_bytes());
  return limits;
}

http::ServerOptions management_options(const Config& config) {
  http::ServerOptions options;
  options.address = config.management_bind.empty() ? config.bind : config.management_bind;
  options.port = config.management_port;
  options.max_connections = config.management_max_connections;
  options.max_body_bytes = config.management_max_body_bytes;
  options.idle_timeout_ms = config.management_idle_timeout_ms;
  return options;
}

http::Site site(const Config& config, std::uint16_t amqp_port) {
  return {BROKERD_VERSION, cluster_name(), cluster_name(), {{"amqp", config.bind, amqp_port}}};
}

net::ListenerOptions listener_options(const Config& config) { return {config.bind, config.amqp_port, config.max_connections}; }

boost::system::result<std::unique_ptr<Storage>, StartError> open_store(const Config& config) {
  if (config.data_dir == kInMemory) return std::unique_ptr<Storage>(std::make_unique<store::MemoryStore>());
  store::RocksOptions options;
  options.directory = config.data_dir;
  auto opened = store::open_rocks_store(options);
  if (!opened) return StartError{"cannot open the data directory '" + config.data_dir + "': " + opened.error().text};
  return std::move(*opened);
}

}  // namespace

void throw_exception_from_error(const StartError& error, const boost::source_location&) { throw std::runtime_error(error.text); }

struct Server::Parts {
  Config config;
  std::unique_ptr<Storage> storage;
  std::unique_ptr<engine::AsioScheduler> scheduler;
  std::unique_ptr<engine::Broker> broker;
  std::shared_ptr<net::Listener> listener;
  std::shared_ptr<http::Server> management;
  std::unique_ptr<server::ResourceWatch> watch;
  bool stopped = false;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

boost::system::result<std::unique_ptr<Server>, StartError> Server::start(const Config& config,
                                                                         std::function<void(const std::string&)> on_fatal) {
  auto parts = std::make_unique<Parts>();
  parts->config = config;
  auto storage = open_store(config);
  if (!storage) return storage.error();
  parts->storage = std::move(*storage);
  parts->scheduler = std::make_unique<engine::AsioScheduler>(config.threads);
  parts->broker =
      std::make_unique<engine::Broker>(*parts->scheduler, *parts->storage, broker_options(config), [on_fatal](const StorageError& error) {
        log::error("the store failed, nothing can be confirmed any more: {}", error.text);
        log::flush();
        if (on_fatal) on_fatal(error.text);
      });
  if (auto recovered = parts->broker->recover(); !recovered)
    return StartError{"cannot recover from '" + config.data_dir + "': " + recovered.error().text};
  parts->watch = std::make_unique<server::ResourceWatch>(*parts->scheduler, *parts->broker, resource_limits(config));
  parts->listener =
      std::make_shared<net::Listener>(*parts->scheduler, *parts->broker,
                                      std::make_shared<const session::SessionOptions>(session_options(config)), listener_options(config));
  // Queues may be at work already: nothing may run any more when the parts go.
  auto give_up = [&](std::string why) {
    parts->scheduler->stop();
    return StartError{std::move(why)};
  };
  if (const std::string wrong = parts->listener->start(); !wrong.empty()) return give_up(wrong);
  if (config.management_enabled) {
    parts->management = std::make_shared<http::Server>(*parts->scheduler, *parts->broker, site(config, parts->listener->port()),
                                                       management_options(config));
    if (const std::string wrong = parts->management->start(); !wrong.empty()) return give_up(wrong + " (management API)");
  }
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::~Server() { stop(); }

std::uint16_t Server::amqp_port() const noexcept { return parts_->listener->port(); }

std::uint16_t Server::management_port() const noexcept { return parts_->management ? parts_->management->port() : std::uint16_t{0}; }

std::vector<ConfigChange> Server::reload(const Config& fresh) {
  auto changes = reload_config(parts_->config, fresh);
  const Config& config = parts_->config;
  if (auto level = log::level_from_name(config.log_level)) log::set_level(*level);
  parts_->listener->apply(std::make_shared<const session::SessionOptions>(session_options(config)), config.max_connections);
  if (parts_->management) parts_->management->apply(management_options(config));
  parts_->broker->apply(broker_options(config));
  parts_->watch->set_limits(resource_limits(config));
  return changes;
}

void Server::stop() {
  if (std::exchange(parts_->stopped, true)) return;
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(parts_->config.shutdown_timeout_ms);
  auto left_ms = [&] { return std::max<Millis>(100, std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count()); };
  parts_->listener->stop();
  if (parts_->management) parts_->management->stop();
  parts_->watch.reset();
  parts_->broker->close_sessions(ReplyCode::kConnectionForced, "broker forced connection closure with reason 'shutdown'");
  // Clients answer within a moment; those that do not are closed when their close times out.
  while (parts_->broker->session_count() > 0 && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (!parts_->broker->drain(left_ms()))
    log::warn("not everything could be brought to an end within {} ms", parts_->config.shutdown_timeout_ms);
  parts_->scheduler->stop();
  if (auto finished = parts_->broker->finish(); !finished) log::error("the last write failed: {}", finished.error().text);
}

}  // namespace mq
