// A double-ended queue that holds no memory before something is in it: there are many in each queue and channel, and most of those are
// idle most of the time. (libstdc++'s takes 576 bytes at once.)
#pragma once

#include <boost/container/deque.hpp>

namespace mq {

template <class T>
using Deque = boost::container::deque<T>;

}  // namespace mq
