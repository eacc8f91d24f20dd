#include "http/connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>

#include "base/log.hpp"
#include "http/routes.hpp"

namespace mq::http {
namespace {

namespace beast = boost::beast;
namespace wire = boost::beast::http;

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kReadAheadBytes = 64 * 1024;
constexpr std::size_t kDiscardBytes = 16 * 1024;
constexpr auto kLinger = std::chrono::seconds(2);

std::optional<Verb> verb_of(wire::verb verb) {
  switch (verb) {
    case wire::verb::get:
    case wire::verb::head: return Verb::kGet;
    case wire::verb::put: return Verb::kPut;
    case wire::verb::post: return Verb::kPost;
    case wire::verb::delete_: return Verb::kDelete;
    default: return std::nullopt;
  }
}

Response with_allowed_verbs(unsigned status, const Request& request) {
  Response response = empty_response(status);
  response.headers.emplace_back("allow", allowed_verbs(request));
  return response;
}

/// What a request that cannot be understood is answered; nullopt = the peer is gone or too slow.
std::optional<Response> answer_to(const boost::system::error_code& error) {
  if (error == wire::error::header_limit || error == wire::error::buffer_overflow)
    return error_response(431, "bad_request", "the request's header is too long");
  if (error == wire::error::body_limit) return error_response(413, "bad_request", "the request's body is too long");
  if (error == wire::error::end_of_stream || error == wire::error::partial_message) return std::nullopt;
  if (error.category() == wire::make_error_code(wire::error::bad_target).category()) return empty_response(400);
  return std::nullopt;
}

/// Asio lets go of a context that it is given.
SSL_CTX* one_more(SSL_CTX* context) {
  SSL_CTX_up_ref(context);
  return context;
}

}  // namespace

Connection::Connection(std::shared_ptr<Server> server, net::Acceptor::Socket socket, Peer peer)
    : server_(std::move(server)), stream_(std::in_place_type<Plain>, std::move(socket)), peer_(std::move(peer)), buffer_(kReadAheadBytes) {
  if (const net::TlsContextPtr& tls = server_->options().tls) stream_.emplace<Tls>(tls, std::get<Plain>(stream_).release_socket());
}

Connection::~Connection() { server_->connection_ended(); }

Connection::Tls::Tls(net::TlsContextPtr shared, net::Acceptor::Socket socket)
    : owner(std::move(shared)), context(one_more(owner->native())), stream(Plain(std::move(socket)), context) {}

template <class Use>
void Connection::with_stream(Use&& use) {
  if (Tls* tls = std::get_if<Tls>(&stream_)) use(tls->stream);
  else use(std::get<Plain>(stream_));
}

Connection::Plain& Connection::socket() {
  Tls* tls = std::get_if<Tls>(&stream_);
  return tls != nullptr ? beast::get_lowest_layer(tls->stream) : std::get<Plain>(stream_);
}

void Connection::start() {
  Tls* tls = std::get_if<Tls>(&stream_);
  if (tls == nullptr) return read_header();
  set_timeout();
  tls->stream.async_handshake(boost::asio::ssl::stream_base::server, [self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) return self->read_header();
    log::warn("management: {}: TLS handshake failed: {}", self->peer_.name, error.message());
    self->socket().close();
  });
}

void Connection::set_timeout() { socket().expires_after(std::chrono::milliseconds(server_->options().idle_timeout_ms)); }

// --- reading ---

void Connection::read_header() {
  request_ = {};
  head_only_ = keep_alive_ = false;
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(server_->options().max_body_bytes);
  set_timeout();
  with_stream([this](auto& stream) {
    wire::async_read_header(stream, buffer_, *parser_, [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
      if (error) return self->read_failed(error);
      self->header_read();
    });
  });
}

void Connection::header_read() {
  const auto& header = parser_->get();
  head_only_ = header.method() == wire::verb::head;
  // Until the body is read the connection cannot serve another request.
  keep_alive_ = false;
  if (!read_target(header.target(), request_)) return answer(empty_response(400));
  const auto verb = verb_of(header.method());
  if (header.method() == wire::verb::options && !allowed_verbs(request_).empty()) return answer(with_allowed_verbs(200, request_));
  if (!verb) return answer(with_allowed_verbs(405, request_));
  request_.verb = *verb;
  Claim claim;
  if (auto refused = read_claim(header[wire::field::authorization], claim)) return answer(std::move(*refused));
  request_.user = claim.user;
  log_in({std::move(claim.user), std::move(claim.password), "Basic", "management: " + peer_.name, peer_.network, peer_.loopback});
}

void Connection::log_in(engine::Login login) {
  const auto later = [this] {
    socket().expires_never();
    return engine::reply_to([self = shared_from_this()](const Result<engine::Answer>& given) {
      boost::asio::post(self->server_->executor(), [self, passed = given.has_value()] { self->logged_in(passed); });
    });
  };
  if (const auto known = server_->broker().logins().log_in(std::move(login), later)) logged_in(known->has_value());
}

void Connection::logged_in(bool passed) {
  if (!passed) return answer(login_failed());
  if (beast::iequals(parser_->get()[wire::field::expect], "100-continue")) return send_continue();
  read_body();
}

void Connection::send_continue() {
  outgoing_.emplace(wire::status::continue_, 11);
  with_stream([this](auto& stream) {
    wire::async_write(stream, *outgoing_, [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
      if (error) return self->close();
      self->read_body();
    });
  });
}

void Connection::read_body() {
  set_timeout();
  with_stream([this](auto& stream) {
    wire::async_read(stream, buffer_, *parser_, [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
      if (error) return self->read_failed(error);
      self->handle();
    });
  });
}

void Connection::read_failed(const boost::system::error_code& error) {
  keep_alive_ = false;
  if (auto response = answer_to(error)) return answer(std::move(*response));
  close();
}

// --- answering ---

void Connection::handle() {
  keep_alive_ = parser_->get().keep_alive();
  request_.body = std::move(parser_->get().body());
  socket().expires_never();
  auto done = [self = shared_from_this()](Response response) {
    boost::asio::post(self->server_->executor(), [self, response = std::move(response)]() mutable { self->answer(std::move(response)); });
  };
  const auto call = std::make_shared<Call>(server_->broker(), server_->site(), std::move(request_), std::move(done));
  try {
    dispatch(call);
  } catch (const std::exception& failure) {  // a fault of ours, or no memory for so long a list: it costs this request, not the broker
    log::error("management: {}: a request failed: {}", peer_.name, failure.what());
    call->answer(error_response(500, "internal_server_error", failure.what()));
  }
}

void Connection::answer(Response response) {
  outgoing_.emplace(static_cast<wire::status>(response.status), 11);
  outgoing_->set(wire::field::server, "brokerd");
  if (!response.content_type.empty()) outgoing_->set(wire::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) outgoing_->set(name, value);
  outgoing_->keep_alive(keep_alive_);
  outgoing_->body() = std::move(response.body);
  if (response.status != 204) outgoing_->content_length(outgoing_->body().size());
  if (head_only_) outgoing_->body().clear();
  set_timeout();
  with_stream([this](auto& stream) {
    wire::async_write(stream, *outgoing_,
                      [self = shared_from_this()](const boost::system::error_code& error, std::size_t) { self->written(error); });
  });
}

void Connection::written(const boost::system::error_code& error) {
  if (error || !keep_alive_) return close();
  read_header();
}

// What the peer still sends is read for a moment: closing on it would take away the response that it has not read yet.
void Connection::close() {
  if (Tls* tls = std::get_if<Tls>(&stream_)) {  // says close_notify, and reads until the peer has said it too
    socket().expires_after(kLinger);
    return tls->stream.async_shutdown([self = shared_from_this()](const boost::system::error_code&) { self->socket().close(); });
  }
  boost::system::error_code failed;
  socket().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, failed);
  if (failed) return socket().close();
  socket().expires_after(kLinger);
  discard();
}

void Connection::discard() {
  buffer_.clear();
  socket().async_read_some(buffer_.prepare(kDiscardBytes),
                           [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                             if (error) return self->socket().close();
                             self->discard();
                           });
}

}  // namespace mq::http
