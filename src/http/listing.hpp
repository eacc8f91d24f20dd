// What every list of the API can do by its query: names, sort, pages and columns.
#pragma once

#include "http/call.hpp"

namespace mq::http {

/// The list as the query wants it:
///   name=x, use_regex=true     only objects whose name has x in it (in any case), or matches it
///   sort=a.b, sort_reverse=true
///   page=N, page_size=M        one page of at most 500, with counts around it
///   columns=a,b.c              only these members
[[nodiscard]] Response list_response(const Call& call, json::array items);
/// One object, with the columns the query wants.
[[nodiscard]] Response object_response(const Call& call, json::object object);

}  // namespace mq::http
