// Objects that belong to one thread and that others may be the last to hold: whoever lets go, they end at home.
#pragma once

#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "engine/asio_scheduler.hpp"

namespace mq::net {

/// A shared object whose destructor runs on `home`'s thread, or with its scheduler if that has stopped.
template <class Object, class... Arguments>
std::shared_ptr<Object> make_shared_ending_on(engine::AsioExecutor home, Arguments&&... arguments) {
  return {new Object(std::forward<Arguments>(arguments)...), [home](Object* object) {
            std::unique_ptr<Object> last(object);
            if (!home.running_in_this_thread()) boost::asio::post(home, [last = std::move(last)] {});
          }};
}

}  // namespace mq::net
