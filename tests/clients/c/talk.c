/* librabbitmq, the C client: one conversation with a broker, as a program that says "ok" or what went wrong.
 *
 *     talk HOST PORT USER PASSWORD VHOST QUEUE MESSAGES
 *
 * Declares QUEUE, publishes MESSAGES persistent messages with confirms, consumes and acks them in order, gets one by
 * basic.get, sends one body bigger than a frame, meets a channel error and goes on, deletes QUEUE and says goodbye. */

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { kChannel = 1, kFrameMax = 131072, kPrefetch = 10, kBigBody = 300000, kTimeoutSeconds = 15 };

static void fail(const char *what, ...) {
  va_list words;
  va_start(words, what);
  vfprintf(stderr, what, words);
  va_end(words);
  fputc('\n', stderr);
  exit(1);
}

static void check_reply(amqp_rpc_reply_t reply, const char *what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) fail("%s: %s", what, amqp_error_string2(reply.library_error));
  fail("%s: the broker closed with method %#x", what, reply.reply.id);
}

static void check_last(amqp_connection_state_t connection, const char *what) { check_reply(amqp_get_rpc_reply(connection), what); }

static amqp_connection_state_t login(char **argv) {
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(connection);
  struct timeval limit = {kTimeoutSeconds, 0};
  if (socket == NULL) fail("no socket");
  amqp_set_rpc_timeout(connection, &limit);
  if (amqp_socket_open(socket, argv[1], atoi(argv[2])) != AMQP_STATUS_OK) fail("cannot connect");
  check_reply(amqp_login(connection, argv[5], 0, kFrameMax, 30, AMQP_SASL_METHOD_PLAIN, argv[3], argv[4]), "login");
  amqp_channel_open(connection, kChannel);
  check_last(connection, "channel.open");
  return connection;
}

static void publish(amqp_connection_state_t connection, const char *queue, amqp_bytes_t body) {
  amqp_basic_properties_t properties;
  memset(&properties, 0, sizeof properties);
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG;
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  properties.content_type = amqp_cstring_bytes("text/plain");
  int status = amqp_basic_publish(connection, kChannel, amqp_empty_bytes, amqp_cstring_bytes(queue), 1, 0, &properties, body);
  if (status != AMQP_STATUS_OK) fail("publish: %s", amqp_error_string2(status));
}

/* Reads confirms until each message from `first` to `last` has one; acks may be multiple and in any order. */
static void wait_for_confirms(amqp_connection_state_t connection, uint64_t first, uint64_t last) {
  uint64_t missing = last - first + 1;
  char *seen = calloc(missing, 1);
  struct timeval limit = {kTimeoutSeconds, 0};
  while (missing > 0) {
    amqp_frame_t frame;
    amqp_maybe_release_buffers(connection);
    int status = amqp_simple_wait_frame_noblock(connection, &frame, &limit);
    if (status != AMQP_STATUS_OK) fail("waiting for confirms: %s", amqp_error_string2(status));
    if (frame.frame_type != AMQP_FRAME_METHOD) fail("a confirm was due, a frame of type %d came", frame.frame_type);
    if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) fail("a confirm was due, method %#x came", frame.payload.method.id);
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    if (ack->delivery_tag < first || ack->delivery_tag > last) fail("a confirm for a message never sent");
    for (uint64_t tag = ack->multiple ? first : ack->delivery_tag; tag <= ack->delivery_tag; ++tag) {
      missing -= !seen[tag - first];
      seen[tag - first] = 1;
    }
  }
  free(seen);
}

static void consume_in_order(amqp_connection_state_t connection, const char *queue, int messages) {
  amqp_basic_qos(connection, kChannel, 0, kPrefetch, 0);
  check_last(connection, "basic.qos");
  amqp_basic_consume(connection, kChannel, amqp_cstring_bytes(queue), amqp_cstring_bytes("talk"), 0, 0, 0, amqp_empty_table);
  check_last(connection, "basic.consume");
  for (int number = 0; number < messages; ++number) {
    amqp_envelope_t envelope;
    struct timeval limit = {kTimeoutSeconds, 0};
    char due[32];
    amqp_maybe_release_buffers(connection);
    check_reply(amqp_consume_message(connection, &envelope, &limit, 0), "delivery");
    int length = snprintf(due, sizeof due, "message %d", number);
    if (envelope.message.body.len != (size_t)length || memcmp(envelope.message.body.bytes, due, (size_t)length) != 0)
      fail("%s was due, another came", due);
    if (envelope.redelivered) fail("%s came as redelivered", due);
    if (amqp_basic_ack(connection, kChannel, envelope.delivery_tag, 0) != AMQP_STATUS_OK) fail("ack");
    amqp_destroy_envelope(&envelope);
  }
  amqp_basic_cancel(connection, kChannel, amqp_cstring_bytes("talk"));
  check_last(connection, "basic.cancel");
}

static void get_big_body(amqp_connection_state_t connection, const char *queue, const char *body) {
  amqp_message_t message;
  amqp_rpc_reply_t reply;
  int tries = 0;
  do {
    amqp_maybe_release_buffers(connection);
    reply = amqp_basic_get(connection, kChannel, amqp_cstring_bytes(queue), 1);
    check_reply(reply, "basic.get");
  } while (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD && ++tries < 1000);
  if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD) fail("nothing to get");
  check_reply(amqp_read_message(connection, kChannel, &message, 0), "reading the message");
  if (message.body.len != kBigBody || memcmp(message.body.bytes, body, kBigBody) != 0) fail("the big body came back changed");
  amqp_destroy_message(&message);
}

static void meet_a_channel_error(amqp_connection_state_t connection) {
  amqp_queue_declare(connection, kChannel, amqp_cstring_bytes("no such queue, surely"), 1, 0, 0, 0, amqp_empty_table);
  amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD) fail("a channel.close was due");
  const amqp_channel_close_t *close = reply.reply.decoded;
  if (close->reply_code != AMQP_NOT_FOUND) fail("404 was due, %d came", close->reply_code);
  amqp_channel_close_ok_t answer;
  memset(&answer, 0, sizeof answer);
  amqp_send_method(connection, kChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &answer);
  amqp_channel_open(connection, kChannel);
  check_last(connection, "channel.open after an error");
}

int main(int argc, char **argv) {
  if (argc != 8) fail("usage: talk HOST PORT USER PASSWORD VHOST QUEUE MESSAGES");
  const char *queue = argv[6];
  int messages = atoi(argv[7]);
  amqp_connection_state_t connection = login(argv);

  amqp_queue_declare_ok_t *declared =
      amqp_queue_declare(connection, kChannel, amqp_cstring_bytes(queue), 0, 1, 0, 0, amqp_empty_table);
  check_last(connection, "queue.declare");
  if (declared->message_count != 0) fail("the queue is not new");
  amqp_confirm_select(connection, kChannel);
  check_last(connection, "confirm.select");

  for (int number = 0; number < messages; ++number) {
    char text[32];
    snprintf(text, sizeof text, "message %d", number);
    publish(connection, queue, amqp_cstring_bytes(text));
  }
  wait_for_confirms(connection, 1, (uint64_t)messages);
  consume_in_order(connection, queue, messages);

  char *body = malloc(kBigBody);
  for (int i = 0; i < kBigBody; ++i) body[i] = (char)(i * 7);
  publish(connection, queue, (amqp_bytes_t){.len = kBigBody, .bytes = body});
  wait_for_confirms(connection, (uint64_t)messages + 1, (uint64_t)messages + 1);
  get_big_body(connection, queue, body);
  free(body);

  meet_a_channel_error(connection);
  amqp_queue_delete(connection, kChannel, amqp_cstring_bytes(queue), 0, 0);
  check_last(connection, "queue.delete");
  check_reply(amqp_channel_close(connection, kChannel, AMQP_REPLY_SUCCESS), "channel.close");
  check_reply(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "connection.close");
  amqp_destroy_connection(connection);
  puts("ok");
  return 0;
}
