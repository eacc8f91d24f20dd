// How many connections each address has. Any thread.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace mq::net {

class AddressCounts : public std::enable_shared_from_this<AddressCounts> {
 public:
  using Address = boost::asio::ip::address;

  /// One more from there, for as long as what is returned lives.
  [[nodiscard]] std::shared_ptr<void> enter(const Address& address) {
    {
      std::lock_guard lock(mutex_);
      ++counts_[address];
    }
    return {nullptr, [self = shared_from_this(), address](void*) { self->leave(address); }};
  }
  [[nodiscard]] std::size_t count(const Address& address) const {
    std::lock_guard lock(mutex_);
    auto found = counts_.find(address);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  void leave(const Address& address) {
    std::lock_guard lock(mutex_);
    auto found = counts_.find(address);
    if (--found->second == 0) counts_.erase(found);
  }

  mutable std::mutex mutex_;
  std::map<Address, std::size_t> counts_;
};

}  // namespace mq::net
