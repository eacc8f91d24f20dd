#include "apps/brokerbench/connections.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <thread>

namespace mq::bench {

using client::Outcome;

namespace {

Outcome<std::unique_ptr<client::Connection>> open_with_channel(const Options& options, Counters& counters) {
  std::uint64_t begun_ns = now_ns();
  Outcome<std::unique_ptr<client::Connection>> opened = client::Connection::open(options.connect);
  if (opened.has_error()) return opened;
  Outcome<client::Channel> channel = (*opened)->open_channel();
  if (channel.has_error()) return channel.error();
  std::uint64_t now = now_ns();
  counters.latency.record(now - begun_ns);
  Counters::add(counters.messages, 1);
  counters.last_message_ns.store(now, std::memory_order_relaxed);
  return opened;
}

/// Makes close() leave no TIME_WAIT behind: a machine has no more than some ten thousand ports to connect from. Nothing is lost by it,
/// for the broker has answered connection.close by then.
void close_without_waiting(client::Connection& connection) {
  linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(connection.link().native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void note_failure(const client::Failure& failure, Counters& counters, WorkerResult& result) {
  result.failure = failure.describe();
  counters.failed.store(true);
}

}  // namespace

void Churner::run() {
  shared_.ready.count_down();
  shared_.go.wait();
  while (!shared_.stop_publishing.load(std::memory_order_relaxed)) {
    if (options_.count != 0 && shared_.tickets.fetch_add(1, std::memory_order_relaxed) >= options_.count) return;
    Outcome<std::unique_ptr<client::Connection>> opened = open_with_channel(options_, counters_);
    if (opened.has_error()) return note_failure(opened.error(), counters_, result_);
    close_without_waiting(**opened);
    if (Outcome<> closed = (*opened)->close(); closed.has_error()) return note_failure(closed.error(), counters_, result_);
    Counters::add(counters_.settled, 1);
    counters_.last_settled_ns.store(now_ns(), std::memory_order_relaxed);
  }
}

void Holder::run() {
  shared_.ready.count_down();
  shared_.go.wait();
  if (Outcome<> opened = open_all(); opened.has_error()) note_failure(opened.error(), counters_, result_);
  while (!shared_.stop_publishing.load()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  for (std::unique_ptr<client::Connection>& connection : held_) static_cast<void>(connection->close());
}

Outcome<> Holder::open_all() {
  while (held_.size() < static_cast<std::size_t>(options_.connections) && !shared_.stop_publishing.load(std::memory_order_relaxed)) {
    Outcome<std::unique_ptr<client::Connection>> opened = open_with_channel(options_, counters_);
    if (opened.has_error()) return opened.error();
    held_.push_back(std::move(*opened));
  }
  return {};
}

}  // namespace mq::bench
