// One request on its way through a handler: what it asks, who asks, and where the answer goes. A handler may answer at once or later,
// from any thread, but once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/broker.hpp"
#include "http/message.hpp"

namespace mq::http {

/// What became of a backup.
struct BackupResult {
  std::string error;     ///< empty when it was made
  bool refused = false;  ///< the error is the caller's
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t took_ms = 0;
};

/// What the API tells of the broker itself, and what only whoever wired it can do.
struct Site {
  std::string version;  ///< of brokerd
  std::string node = "brokerd@localhost";
  std::string cluster_name = "brokerd@localhost";
  struct Listener {
    std::string protocol;
    std::string address;
    std::uint16_t port = 0;
  };
  std::vector<Listener> listeners;
  /// Copies all that is stored into a new directory; answers on any thread.
  std::function<void(const std::string& directory, std::function<void(BackupResult)>)> backup{};
};

class Call : public std::enable_shared_from_this<Call> {
 public:
  /// `done` takes the response; it may be called on any thread.
  Call(engine::Broker& broker, const Site& site, Request request, std::function<void(Response)> done)
      : broker_(broker), site_(site), request_(std::move(request)), done_(std::move(done)) {}

  [[nodiscard]] engine::Broker& broker() const noexcept { return broker_; }
  [[nodiscard]] const Site& site() const noexcept { return site_; }
  [[nodiscard]] Request& request() noexcept { return request_; }
  [[nodiscard]] const Request& request() const noexcept { return request_; }
  [[nodiscard]] const std::string& user() const noexcept { return request_.user; }

  /// The part of the path that the route calls so; it must have it.
  [[nodiscard]] const std::string& at(std::string_view variable) const;
  [[nodiscard]] bool has(std::string_view variable) const { return request_.path_variables.contains(std::string(variable)); }
  /// Null when the query does not have it.
  [[nodiscard]] const std::string* query(std::string_view name) const;
  /// The vhost in the path; null when there is none of that name.
  [[nodiscard]] std::shared_ptr<engine::VHost> vhost() const { return broker_.find_vhost(at("vhost")); }

  // --- who asks ---
  [[nodiscard]] bool is_administrator() const { return has_tag("administrator"); }
  [[nodiscard]] bool is_monitor() const { return is_administrator() || has_tag("monitoring"); }
  [[nodiscard]] bool is_policymaker() const { return is_administrator() || has_tag("policymaker"); }
  [[nodiscard]] bool may_manage() const { return is_monitor() || is_policymaker() || has_tag("management"); }
  [[nodiscard]] bool may_enter(const std::string& vhost) const;
  /// The vhosts whose contents the user may list, in order of names: that of the path, or all there are to them.
  [[nodiscard]] std::vector<std::shared_ptr<engine::VHost>> vhosts() const;
  /// The same with those that only monitors see.
  [[nodiscard]] std::vector<std::shared_ptr<engine::VHost>> visible_vhosts() const;

  // --- the body ---
  /// The members of the object in the body; no body counts as an empty object. Answers 400 itself, and returns nullopt, when it is no
  /// object or one of these members is missing.
  [[nodiscard]] std::optional<json::object> body(std::initializer_list<std::string_view> required = {});
  /// Its member `value`, as the broker can keep it; answers 400 itself when there is none.
  [[nodiscard]] std::optional<amqp::Value> body_value();

  // --- the answer ---
  /// The first one counts.
  void answer(Response response) {
    if (!answered_.exchange(true)) done_(std::move(response));
  }
  /// For a request to the engine: `then` makes the response of its answer.
  [[nodiscard]] engine::ReplyTo reply(std::function<Response(Result<engine::Answer>&)> then);
  /// For one that has nothing to tell: that status when it is done, the error otherwise.
  [[nodiscard]] engine::ReplyTo reply(unsigned status);

 private:
  [[nodiscard]] bool has_tag(std::string_view tag) const;
  template <class Wanted>
  [[nodiscard]] std::vector<std::shared_ptr<engine::VHost>> vhosts_if(Wanted&& wanted) const;

  engine::Broker& broker_;
  const Site& site_;
  Request request_;
  std::function<void(Response)> done_;
  std::atomic<bool> answered_{false};
};
using CallPtr = std::shared_ptr<Call>;

}  // namespace mq::http
