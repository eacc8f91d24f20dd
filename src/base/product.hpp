// What clients and tools look for: some switch features on by product and version.
#pragma once

#include <string_view>

namespace mq {

inline constexpr std::string_view kProduct = "RabbitMQ";
inline constexpr std::string_view kCompatibleVersion = "3.13.7";

}  // namespace mq
