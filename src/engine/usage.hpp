// How many connections and channels users and vhosts have open: what limits are held against and operators are shown. Any thread.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "mq/base/result.hpp"

namespace mq::engine {

class Usage : public std::enable_shared_from_this<Usage> {
 public:
  struct Counts {
    std::int64_t connections = 0;
    std::int64_t channels = 0;
  };

  /// A connection among its user's and its vhost's; leaves the counts when it is destroyed or given up.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      if (this != &other) give_up();
      usage_ = std::move(other.usage_);
      user_ = std::move(other.user_);
      vhost_ = std::move(other.vhost_);
      channels_ = std::exchange(other.channels_, 0);
      return *this;
    }
    ~Place() { give_up(); }

    /// One more channel, if `check(the user's counts, everybody's counts)`, both without it, has nothing against it.
    template <class Check>
    Result<> open_channel(Check&& check) {
      if (!usage_) return {};
      std::lock_guard lock(usage_->mutex_);
      Counts& user = usage_->users_[user_];
      if (auto allowed = check(std::as_const(user), std::as_const(usage_->total_)); !allowed) return allowed;
      ++channels_;
      usage_->add(user_, vhost_, 0, 1);
      return {};
    }
    void close_channel() {
      if (!usage_ || channels_ == 0) return;
      std::lock_guard lock(usage_->mutex_);
      --channels_;
      usage_->add(user_, vhost_, 0, -1);
    }
    void give_up() {
      if (!usage_) return;
      const std::shared_ptr<Usage> usage = std::move(usage_);
      std::lock_guard lock(usage->mutex_);
      usage->add(user_, vhost_, -1, -channels_);
      channels_ = 0;
    }

   private:
    friend class Usage;
    Place(std::shared_ptr<Usage> usage, std::string user, std::string vhost)
        : usage_(std::move(usage)), user_(std::move(user)), vhost_(std::move(vhost)) {}

    std::shared_ptr<Usage> usage_;
    std::string user_, vhost_;
    std::int64_t channels_ = 0;
  };

  /// A place, if `check(the user's counts, the vhost's counts)`, both without it, has nothing against it.
  template <class Check>
  Result<Place> enter(const std::string& user, const std::string& vhost, Check&& check) {
    std::lock_guard lock(mutex_);
    if (Result<> allowed = check(counts_in(users_, user), counts_in(vhosts_, vhost)); !allowed) return allowed.error();
    add(user, vhost, 1, 0);
    return Place(shared_from_this(), user, vhost);
  }

  [[nodiscard]] Counts total() const {
    std::lock_guard lock(mutex_);
    return total_;
  }
  [[nodiscard]] Counts of_user(const std::string& user) const {
    std::lock_guard lock(mutex_);
    return counts_in(users_, user);
  }
  [[nodiscard]] Counts of_vhost(const std::string& vhost) const {
    std::lock_guard lock(mutex_);
    return counts_in(vhosts_, vhost);
  }

 private:
  using ByName = boost::unordered_flat_map<std::string, Counts>;

  static Counts counts_in(const ByName& all, const std::string& name) {
    auto found = all.find(name);
    return found == all.end() ? Counts{} : found->second;
  }
  static void add_to(ByName& all, const std::string& name, std::int64_t connections, std::int64_t channels) {
    Counts& counts = all[name];
    counts.connections += connections;
    counts.channels += channels;
    if (counts.connections == 0 && counts.channels == 0) all.erase(name);
  }
  void add(const std::string& user, const std::string& vhost, std::int64_t connections, std::int64_t channels) {
    add_to(users_, user, connections, channels);
    add_to(vhosts_, vhost, connections, channels);
    total_.connections += connections;
    total_.channels += channels;
  }

  mutable std::mutex mutex_;
  ByName users_, vhosts_;
  Counts total_;
};

}  // namespace mq::engine
