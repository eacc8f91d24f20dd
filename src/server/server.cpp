#include "mq/server.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "base/log.hpp"
#include "engine/asio_scheduler.hpp"
#include "engine/broker.hpp"
#include "http/server.hpp"
#include "net/listener.hpp"
#include "server/backup.hpp"
#include "server/damage_log.hpp"
#include "server/resource_watch.hpp"
#include "server/secrets.hpp"
#include "server/tls.hpp"
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
  options.consumers_per_channel = config.consumers_per_channel;
  options.unsettled_per_connection = config.unacked_per_connection;
  options.transaction_bytes = config.transaction_bytes;
  options.arguments_bytes = config.arguments_bytes;
  auto rate = [](std::uint64_t per_s) { return per_s == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(per_s); };
  options.publish_rate = rate(config.connection_publish_rate);
  options.publish_byte_rate = rate(config.connection_publish_byte_rate);
  options.cluster_name = cluster_name();
  options.version = BROKERD_VERSION;
  return options;
}

engine::BrokerOptions broker_options(const Config& config) {
  engine::BrokerOptions options;
  options.threads = config.threads != 0 ? config.threads : std::max(1u, std::thread::hardware_concurrency());
  options.default_user = config.default_user;
  options.default_vhost = config.default_vhost;
  options.loopback_users = config.loopback_users;
  options.queue_memory_bytes = config.queue_resident_bytes;
  options.total_memory_bytes = config.total_resident_bytes;
  options.default_delivery_limit = config.default_queue_delivery_limit;
  options.logins.password_cost = config.password_cost;
  options.logins.upgrade_hashes = config.upgrade_hashes;
  options.logins.throttle = {config.max_login_failures, config.login_failure_window_ms, config.login_bar_max_ms};
  options.logins.throttle_loopback = config.throttle_loopback;
  options.node = cluster_name();
  options.max_channels = config.max_channels;
  options.queues_per_vhost = config.queues_per_vhost;
  options.exchanges_per_vhost = config.exchanges_per_vhost;
  options.bindings_per_vhost = config.bindings_per_vhost;
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

http::Site site_of(const std::shared_ptr<server::Backups>& backups) {
  return {
      BROKERD_VERSION,
      cluster_name(),
      cluster_name(),
      {},
      [backups](const std::string& directory, std::function<void(http::BackupResult)> done) { backups->make(directory, std::move(done)); }};
}

net::ListenerOptions listener_options(const Config& config) {
  return {config.bind, config.amqp_port, config.max_connections, config.connections_per_address};
}

std::string tls_bind(const Config& config, const std::string& otherwise) { return config.tls_bind.empty() ? otherwise : config.tls_bind; }

net::ListenerOptions tls_listener_options(const Config& config, const net::TlsContextPtr& tls) {
  return {tls_bind(config, config.bind), config.tls_amqp_port, config.max_connections, config.connections_per_address, tls};
}

// Writes through TLS may meet a socket that the peer has closed; that is an error to deal with, not the end of the process.
void ignore_broken_pipes() {
  struct sigaction action {};
  if (::sigaction(SIGPIPE, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

/// What to do about it, where there is something to do.
std::string with_advice(const StorageError& error, const std::string& directory) {
  if (error.kind != StorageError::Kind::kCorrupt && error.kind != StorageError::Kind::kIo) return error.text;
  return error.text + (error.kind == StorageError::Kind::kIo ? ". If files are damaged or missing, `brokerctl" : ". `brokerctl") +
         " store verify --data-dir " + directory + "` tells what is lost, `brokerctl store repair --data-dir " + directory +
         "` keeps what can be read";
}

boost::system::result<std::unique_ptr<Storage>, StartError> open_store(const Config& config,
                                                                       const std::shared_ptr<server::DamageLog>& damage) {
  if (config.data_dir == kInMemory) return std::unique_ptr<Storage>(std::make_unique<store::MemoryStore>());
  store::RocksOptions options;
  options.directory = config.data_dir;
  options.on_damage = [damage](const store::RecoveryDamage& found) { damage->add(found); };
  auto opened = store::open_rocks_store(options);
  if (!opened)
    return StartError{"cannot open the data directory '" + config.data_dir + "': " + with_advice(opened.error(), config.data_dir)};
  return std::move(*opened);
}

}  // namespace

void throw_exception_from_error(const StartError& error, const boost::source_location&) { throw std::runtime_error(error.text); }

struct Server::Parts {
  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  /// Nothing runs any more when the parts go, and what waited to run goes before what it refers to.
  ~Parts() {
    if (!scheduler) return;
    scheduler->stop();
    scheduler->discard();
  }

  Config config;
  std::unique_ptr<Storage> storage;
  std::unique_ptr<engine::AsioScheduler> scheduler;
  std::unique_ptr<engine::Broker> broker;
  // Each null when it is not served.
  std::shared_ptr<net::Listener> listener, tls_listener;
  std::shared_ptr<http::Server> management, tls_management;
  std::unique_ptr<server::ResourceWatch> watch;
  net::TlsContextPtr tls;
  bool stopped = false;
  std::atomic<bool> gave_up{false};  // waiting for the disk, because the broker stops

  /// Takes all ports, and lets nobody in before every one is ours: a start that fails has served no one. What went wrong, if anything.
  [[nodiscard]] std::string listen();
  [[nodiscard]] std::string bind();
  [[nodiscard]] std::string bind_for_operators();
  [[nodiscard]] std::string bind_for_operators(std::shared_ptr<http::Server>& place, const http::Site& site,
                                               const http::ServerOptions& options);
  /// Makes TLS anew of its files; when they are no good it stays as it was.
  void reload_tls();
  void apply_settings();
};

namespace {

constexpr const char* kTls = " (TLS)";
constexpr const char* kManagement = " (management API)";

/// An error, and what could not be served because of it.
std::string with(std::string wrong, const char* what) { return wrong.empty() ? wrong : wrong + what; }

template <class Served>
std::string listen_on(const std::shared_ptr<Served>& served, const char* what) {
  return served ? with(served->listen(), what) : std::string();
}

}  // namespace

std::string Server::Parts::listen() {
  std::string wrong = bind();
  if (wrong.empty()) wrong = listen_on(management, kManagement);
  if (wrong.empty()) wrong = listen_on(tls_management, kManagement);
  if (wrong.empty()) wrong = listen_on(listener, "");
  if (wrong.empty()) wrong = listen_on(tls_listener, kTls);
  return wrong;
}

std::string Server::Parts::bind() {
  const auto sessions = std::make_shared<const session::SessionOptions>(session_options(config));
  if (!config.tls_only) {
    listener = std::make_shared<net::Listener>(*scheduler, *broker, sessions, listener_options(config));
    if (std::string wrong = listener->bind(); !wrong.empty()) return wrong;
  }
  if (tls) {
    ignore_broken_pipes();
    tls_listener = std::make_shared<net::Listener>(*scheduler, *broker, sessions, tls_listener_options(config, tls));
    if (std::string wrong = with(tls_listener->bind(), kTls); !wrong.empty()) return wrong;
  }
  return config.management_enabled ? bind_for_operators() : std::string();
}

std::string Server::Parts::bind_for_operators(std::shared_ptr<http::Server>& place, const http::Site& site,
                                              const http::ServerOptions& options) {
  place = std::make_shared<http::Server>(*scheduler, *broker, site, options);
  return with(place->bind(), kManagement);
}

std::string Server::Parts::bind_for_operators() {
  http::Site site = site_of(std::make_shared<server::Backups>(*scheduler, *storage, config.data_dir));
  if (listener) site.listeners.push_back({"amqp", config.bind, listener->port()});
  if (tls_listener) site.listeners.push_back({"amqp/ssl", tls_bind(config, config.bind), tls_listener->port()});
  http::ServerOptions options = management_options(config);
  if (!config.tls_only)
    if (std::string wrong = bind_for_operators(management, site, options); !wrong.empty()) return wrong;
  if (!tls) return {};
  options.address = tls_bind(config, options.address);
  options.port = config.tls_management_port;
  options.tls = tls;
  return bind_for_operators(tls_management, site, options);
}

void Server::Parts::reload_tls() {
  std::string problem;
  net::TlsContextPtr fresh = server::make_tls(config, problem);
  if (!problem.empty()) return log::error("TLS goes on with the certificate it has: {}", problem);
  if (fresh && !tls) return log::warn("TLS will be served from the next start on");
  if (fresh) tls = std::move(fresh);  // without a certificate those who listen go on with theirs until the end
}

void Server::Parts::apply_settings() {
  const auto sessions = std::make_shared<const session::SessionOptions>(session_options(config));
  if (listener) listener->apply(sessions, listener_options(config));
  if (tls_listener) tls_listener->apply(sessions, tls_listener_options(config, tls));
  http::ServerOptions options = management_options(config);
  if (management) management->apply(options);
  options.tls = tls;
  if (tls_management) tls_management->apply(options);
  broker->apply(broker_options(config));
  watch->set_limits(resource_limits(config));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

boost::system::result<std::unique_ptr<Server>, StartError> Server::start(const Config& config,
                                                                         std::function<void(const std::string&)> on_fatal) {
  auto parts = std::make_unique<Parts>();
  parts->config = config;
  const auto damage = std::make_shared<server::DamageLog>();
  auto storage = open_store(config, damage);
  if (!storage) return storage.error();
  parts->storage = std::move(*storage);
  auto first_password = server::default_password(config);
  if (!first_password) return StartError{first_password.error().text};
  engine::BrokerOptions options = broker_options(config);
  options.default_password = std::move(*first_password);
  std::string tls_problem;
  parts->tls = server::make_tls(config, tls_problem);
  if (!tls_problem.empty()) return StartError{std::move(tls_problem)};
  parts->scheduler = std::make_unique<engine::AsioScheduler>(config.threads);
  parts->broker =
      std::make_unique<engine::Broker>(*parts->scheduler, *parts->storage, std::move(options),
                                       [on_fatal = std::move(on_fatal), whole = parts.get()](const StorageError& error) {
                                         if (whole->gave_up)
                                           return log::error("what was not on disk yet is not written any more: {}", error.text);
                                         log::error("the store failed, nothing can be confirmed any more: {}", error.text);
                                         log::flush();
                                         if (on_fatal) on_fatal(error.text);
                                       });
  if (auto recovered = parts->broker->recover(); !recovered)
    return StartError{"cannot recover from '" + config.data_dir + "': " + with_advice(recovered.error(), config.data_dir)};
  damage->tell(*parts->broker, config.data_dir);
  parts->watch = std::make_unique<server::ResourceWatch>(*parts->scheduler, *parts->broker, store::disk_care_of(*parts->storage),
                                                         resource_limits(config), server::process_memory(*parts->scheduler));
  if (std::string wrong = parts->listen(); !wrong.empty()) return StartError{std::move(wrong)};
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::~Server() { stop(); }

namespace {

template <class Served>
std::uint16_t port_of(const std::shared_ptr<Served>& served) noexcept {
  return served ? served->port() : std::uint16_t{0};
}

}  // namespace

std::uint16_t Server::amqp_port() const noexcept { return port_of(parts_->listener); }
std::uint16_t Server::amqps_port() const noexcept { return port_of(parts_->tls_listener); }
std::uint16_t Server::management_port() const noexcept { return port_of(parts_->management); }
std::uint16_t Server::management_tls_port() const noexcept { return port_of(parts_->tls_management); }

std::vector<ConfigChange> Server::reload(const Config& fresh) {
  auto changes = reload_config(parts_->config, fresh);
  if (auto level = log::level_from_name(parts_->config.log_level)) log::set_level(*level);
  parts_->reload_tls();
  parts_->apply_settings();
  return changes;
}

namespace {

// RocksDB cannot be closed in good order while writes of it wait for a full disk: it takes a file that could not be written for impossible.
// What is on disk is what a kill would leave, and every confirm holds.
[[noreturn]] void end_as_if_killed(const StorageError& trouble) {
  log::error("what was not on disk yet is not written any more: {}", trouble.text);
  log::flush();
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace

void Server::stop() {
  if (std::exchange(parts_->stopped, true)) return;
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(parts_->config.shutdown_timeout_ms);
  auto left_ms = [&] { return std::max<Millis>(100, std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count()); };
  for (const auto& listener : {parts_->listener, parts_->tls_listener})
    if (listener) listener->stop();
  for (const auto& management : {parts_->management, parts_->tls_management})
    if (management) management->stop();
  parts_->watch.reset();
  parts_->broker->close_sessions(ReplyCode::kConnectionForced, "broker forced connection closure with reason 'shutdown'");
  // Clients answer within a moment; those that do not are closed when their close times out.
  while (parts_->broker->session_count() > 0 && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  DiskCare* care = store::disk_care_of(*parts_->storage);
  if (!parts_->broker->drain(left_ms())) {
    log::warn("not everything could be brought to an end within {} ms", parts_->config.shutdown_timeout_ms);
    if (const auto trouble = care != nullptr ? care->trouble() : std::nullopt; trouble) end_as_if_killed(*trouble);
  }
  parts_->gave_up = true;
  if (care != nullptr) care->give_up();
  parts_->scheduler->stop();
  if (auto finished = parts_->broker->finish(); !finished) log::error("the last write failed: {}", finished.error().text);
}

}  // namespace mq
