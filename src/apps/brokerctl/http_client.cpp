#include "apps/brokerctl/http_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace mq::brokerctl {
namespace {

namespace beast = boost::beast;
namespace wire = boost::beast::http;
using boost::asio::ip::tcp;

constexpr std::uint64_t kMaxReplyBytes = 1ULL << 30;

struct Address {
  std::string host;
  std::string port;
  bool tls = false;
  std::string prefix;  // of paths, without a slash at the end
};

/// `http://host:port/prefix`, or https; nullopt when it is not like that.
std::optional<Address> read_url(std::string_view url) {
  Address address;
  address.tls = url.starts_with("https://");
  if (!address.tls && !url.starts_with("http://")) return std::nullopt;
  url.remove_prefix(url.find("//") + 2);
  address.port = address.tls ? "15671" : "15672";
  const std::size_t slash = url.find('/');
  if (slash != std::string_view::npos) address.prefix = url.substr(slash);
  while (address.prefix.ends_with('/')) address.prefix.pop_back();
  url = url.substr(0, slash);
  std::size_t colon = url.rfind(':');
  if (url.starts_with('[')) {  // an IPv6 address
    const std::size_t end = url.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    address.host = url.substr(1, end - 1);
    colon = end + 1 < url.size() && url[end + 1] == ':' ? end + 1 : std::string_view::npos;
  } else {
    address.host = url.substr(0, colon);
  }
  if (colon != std::string_view::npos) address.port = url.substr(colon + 1);
  if (address.host.empty() || address.port.empty()) return std::nullopt;
  return address;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t taken = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t index = 0; index < 3; ++index) bits = bits << 8 | (index < taken ? static_cast<unsigned char>(bytes[at + index]) : 0u);
    for (std::size_t digit = 0; digit < 4; ++digit) text += digit <= taken ? kDigits[bits >> (18 - 6 * digit) & 63] : '=';
  }
  return text;
}

/// One exchange; every step has the whole deadline's rest.
class Exchange {
 public:
  Exchange(const ApiTarget& target, const Address& address) : socket_(context_), resolver_(context_), target_(target), address_(address) {
    parser_.body_limit(kMaxReplyBytes);
  }

  HttpReply run(wire::request<wire::string_body> request) {
    request_ = std::move(request);
    socket_.expires_after(target_.timeout);
    resolver_.async_resolve(address_.host, address_.port,
                            [this](const boost::system::error_code& error, const tcp::resolver::results_type& found) {
                              if (error) return fail(error);
                              socket_.async_connect(found, [this](const boost::system::error_code& problem, const tcp::endpoint&) {
                                if (problem) return fail(problem);
                                greet();
                              });
                            });
    context_.run_for(target_.timeout + std::chrono::seconds(1));
    if (reply_.status == 0 && reply_.body.empty()) reply_.body = "no answer in time";
    return reply_;
  }

 private:
  using Stream = boost::asio::ssl::stream<beast::tcp_stream&>;

  // Whom to trust, and that it is the host that was asked for.
  void greet() {
    if (!address_.tls) return write(socket_);
    boost::system::error_code error;
    if (target_.ca_file.empty()) trust_.set_default_verify_paths(error);
    else trust_.load_verify_file(target_.ca_file, error);
    if (error) {
      reply_.body = "the certificates in '" + target_.ca_file + "' cannot be used";
      return;
    }
    tls_.emplace(socket_, trust_);
    tls_->set_verify_mode(boost::asio::ssl::verify_peer);
    tls_->set_verify_callback(boost::asio::ssl::host_name_verification(address_.host));
    SSL_set_tlsext_host_name(tls_->native_handle(), address_.host.c_str());
    tls_->async_handshake(Stream::client, [this](const boost::system::error_code& problem) {
      if (problem) return fail(problem);
      write(*tls_);
    });
  }
  template <class Through>
  void write(Through& through) {
    wire::async_write(through, request_,
                      [this, &through](const boost::system::error_code&, std::size_t) { read(through); });  // a refusal may come early
  }
  template <class Through>
  void read(Through& through) {
    wire::async_read(through, buffer_, parser_, [this](const boost::system::error_code& error, std::size_t) {
      if (error) return fail(error);
      reply_.status = parser_.get().result_int();
      reply_.body = std::move(parser_.get().body());
    });
  }
  void fail(const boost::system::error_code& error) {
    reply_.body = error == beast::error::timeout ? "no answer in time" : error.message();
  }

  boost::asio::io_context context_;
  boost::asio::ssl::context trust_{boost::asio::ssl::context::tls_client};
  beast::tcp_stream socket_;
  std::optional<Stream> tls_;
  tcp::resolver resolver_;
  const ApiTarget& target_;
  const Address& address_;
  wire::request<wire::string_body> request_;
  wire::response_parser<wire::string_body> parser_;
  beast::flat_buffer buffer_;
  HttpReply reply_;
};

}  // namespace

HttpReply call_api(const ApiTarget& target, std::string_view verb, const std::string& path, const std::string& body) {
  const auto address = read_url(target.url);
  if (!address) return {0, "not a URL such as http://127.0.0.1:15672 or https://broker:15671"};
  wire::request<wire::string_body> request;
  request.method_string({verb.data(), verb.size()});
  request.target(address->prefix + "/api/" + path);
  request.version(11);
  request.set(wire::field::host, address->host);
  request.set(wire::field::authorization, "Basic " + base64(target.user + ":" + target.password));
  request.keep_alive(false);
  if (!body.empty()) {
    request.set(wire::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  return Exchange(target, *address).run(std::move(request));
}

std::string encode_part(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) encoded += c;
    else (encoded += '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return encoded;
}

}  // namespace mq::brokerctl
