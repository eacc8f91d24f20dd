// Base64 (RFC 4648 section 4), as in Basic authentication and in payloads that are no text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mq::http {

/// nullopt when it is malformed; missing padding is one way to be that.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace mq::http
