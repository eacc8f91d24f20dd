// A client of the management API: one request at a time, blocking, with a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mq::brokerctl {

/// Where the API is, and who asks.
struct ApiTarget {
  std::string url = "http://127.0.0.1:15672";
  std::string user = "guest";
  std::string password = "guest";
  std::string ca_file;  ///< of https: who must have signed the broker's certificate; empty = those whom this machine trusts
  std::chrono::milliseconds timeout{30'000};
};

struct HttpReply {
  unsigned status = 0;  ///< 0 = none came; `body` says why
  std::string body;
};

/// `path` is what stands behind `/api/`, encoded already.
[[nodiscard]] HttpReply call_api(const ApiTarget& target, std::string_view verb, const std::string& path, const std::string& body = {});

/// A name as a part of a path: `/` becomes `%2F`.
[[nodiscard]] std::string encode_part(std::string_view text);

}  // namespace mq::brokerctl
