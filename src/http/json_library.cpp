// Boost.JSON is used as headers only: this file holds its code.
#include <boost/json/src.hpp>
