"""Just enough of AMQP 0-9-1 to say things no client library would say.

Source of the encodings: the AMQP 0-9-1 specification and RabbitMQ's errata (field tags). Everything is big-endian.
"""

import contextlib
import select
import socket
import struct

HEADER = b"AMQP\x00\x00\x09\x01"
METHOD, CONTENT_HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
FRAME_END = 0xCE

# Methods these suites send or look for: (class id, method id).
CONNECTION_START, CONNECTION_START_OK = (10, 10), (10, 11)
CONNECTION_TUNE, CONNECTION_TUNE_OK = (10, 30), (10, 31)
CONNECTION_OPEN, CONNECTION_OPEN_OK = (10, 40), (10, 41)
CONNECTION_CLOSE, CONNECTION_CLOSE_OK = (10, 50), (10, 51)
CHANNEL_OPEN, CHANNEL_OPEN_OK = (20, 10), (20, 11)
CHANNEL_CLOSE, CHANNEL_CLOSE_OK = (20, 40), (20, 41)
EXCHANGE_DECLARE, EXCHANGE_DECLARE_OK = (40, 10), (40, 11)
QUEUE_DECLARE, QUEUE_DECLARE_OK = (50, 10), (50, 11)
QUEUE_BIND, QUEUE_BIND_OK = (50, 20), (50, 21)
BASIC_QOS, BASIC_QOS_OK = (60, 10), (60, 11)
BASIC_CONSUME, BASIC_CONSUME_OK = (60, 20), (60, 21)
BASIC_PUBLISH, BASIC_DELIVER = (60, 40), (60, 60)
BASIC_GET, BASIC_GET_OK, BASIC_GET_EMPTY = (60, 70), (60, 71), (60, 72)
BASIC_ACK, BASIC_NACK = (60, 80), (60, 120)
CONFIRM_SELECT, CONFIRM_SELECT_OK = (85, 10), (85, 11)
TX_SELECT, TX_SELECT_OK, TX_COMMIT, TX_COMMIT_OK = (90, 10), (90, 11), (90, 20), (90, 21)


class PeerClosed(Exception):
    """The broker closed the socket (or reset it)."""


def octet(value):
    return struct.pack(">B", value)


def short(value):
    return struct.pack(">H", value)


def long(value):
    return struct.pack(">I", value)


def longlong(value):
    return struct.pack(">Q", value)


def shortstr(text):
    data = text if isinstance(text, bytes) else text.encode()
    return octet(len(data)) + data


def longstr(text):
    data = text if isinstance(text, bytes) else text.encode()
    return long(len(data)) + data


def table(*fields):
    """A table of already encoded fields."""
    return longstr(b"".join(fields))


def field(name, tag, value):
    """One table field: name, the tag octet, the encoded value."""
    return shortstr(name) + tag + value


def table_of(values):
    """A table of strings, integers and truths."""
    def encoded(value):
        if isinstance(value, bool):
            return b"t", octet(value)
        return (b"l", longlong(value)) if isinstance(value, int) else (b"S", longstr(value))

    return table(*(field(name, *encoded(value)) for name, value in values.items()))


def frame(kind, channel, payload, end=FRAME_END):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + octet(end)


def method(channel, ids, arguments=b""):
    return frame(METHOD, channel, struct.pack(">HH", *ids) + arguments)


def content_header(channel, body_size, flags=0, properties=b"", class_id=60):
    return frame(CONTENT_HEADER, channel, struct.pack(">HHQH", class_id, 0, body_size, flags) + properties)


def body(channel, data):
    return frame(BODY, channel, data)


def start_ok(user="guest", password="guest", client_properties=None, mechanism="PLAIN", response=None):
    # The capability makes the broker say why a login failed instead of staying silent.
    properties = client_properties if client_properties is not None else table(
        field("capabilities", b"F", table(field("authentication_failure_close", b"t", b"\x01"),
                                          field("consumer_cancel_notify", b"t", b"\x01"))))
    if response is None:
        response = f"\0{user}\0{password}"
    return method(0, CONNECTION_START_OK, properties + shortstr(mechanism) + longstr(response) + shortstr("en_US"))


def tune_ok(channel_max=2047, frame_max=131072, heartbeat=0):
    return method(0, CONNECTION_TUNE_OK, short(channel_max) + long(frame_max) + short(heartbeat))


def connection_open(vhost="/"):
    return method(0, CONNECTION_OPEN, shortstr(vhost) + shortstr("") + octet(0))


def channel_open(channel):
    return method(channel, CHANNEL_OPEN, shortstr(""))


def queue_declare(channel, queue, flags=0, arguments=b"\0\0\0\0"):
    return method(channel, QUEUE_DECLARE, short(0) + shortstr(queue) + octet(flags) + arguments)


def publish(channel, routing_key, exchange="", flags=0):
    return method(channel, BASIC_PUBLISH, short(0) + shortstr(exchange) + shortstr(routing_key) + octet(flags))


def consume(channel, queue, tag="", flags=0):
    return method(channel, BASIC_CONSUME, short(0) + shortstr(queue) + shortstr(tag) + octet(flags) + table())


def consume_with(channel, queue, arguments, tag="", flags=0):
    return method(channel, BASIC_CONSUME, short(0) + shortstr(queue) + shortstr(tag) + octet(flags) + arguments)


def qos(channel, prefetch_count):
    return method(channel, BASIC_QOS, long(0) + short(prefetch_count) + octet(0))


def get(channel, queue, no_ack=False):
    return method(channel, BASIC_GET, short(0) + shortstr(queue) + octet(no_ack))


def ack(channel, tag, multiple=False):
    return method(channel, BASIC_ACK, longlong(tag) + octet(multiple))


def nack(channel, tag, multiple=False, requeue=True):
    return method(channel, BASIC_NACK, longlong(tag) + octet(multiple | requeue << 1))


class Peer:
    """A raw connection. Use as a context manager."""

    def __init__(self, broker, timeout=15.0):
        self.socket = socket.create_connection((broker.host, broker.port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.user, self.password = broker.user, broker.password
        self.vhost = broker.vhost
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *pieces):
        self.socket.sendall(b"".join(pieces))

    def send_into_the_void(self, *pieces):
        """Sends to a peer that may have closed already."""
        with contextlib.suppress(OSError):
            self.socket.sendall(b"".join(pieces))

    def end_of_speech(self):
        """Closes our direction of the socket: the broker reads the end of the stream."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def read(self, count):
        while len(self.buffer) < count:
            try:
                more = self.socket.recv(65536)
            except ConnectionError as error:
                raise PeerClosed(str(error)) from error
            if not more:
                raise PeerClosed(f"end of stream, {len(self.buffer)} octets left over")
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_frame(self):
        kind, channel, size = struct.unpack(">BHI", self.read(7))
        payload = self.read(size)
        end = self.read(1)[0]
        assert end == FRAME_END, f"the broker's own frame ends in {end:#x}"
        return kind, channel, payload

    def poll(self, timeout):
        """Waits at most `timeout` seconds for octets; returns the whole frames that are there, maybe none."""
        if select.select([self.socket], [], [], timeout)[0]:
            try:
                more = self.socket.recv(1 << 18)
            except ConnectionError as error:
                raise PeerClosed(str(error)) from error
            if not more:
                raise PeerClosed("end of stream")
            self.buffer += more
        frames, at = [], 0
        while len(self.buffer) - at >= 8:
            kind, channel, size = struct.unpack_from(">BHI", self.buffer, at)
            if len(self.buffer) - at < size + 8:
                break
            frames.append((kind, channel, self.buffer[at + 7:at + 7 + size]))
            assert self.buffer[at + 7 + size] == FRAME_END, "the broker's own frame ends badly"
            at += size + 8
        self.buffer = self.buffer[at:]
        return frames

    def read_method(self):
        """The next method as (channel, (class, method), arguments); skips heartbeats."""
        while True:
            kind, channel, payload = self.read_frame()
            if kind == METHOD:
                return channel, struct.unpack(">HH", payload[:4]), payload[4:]
            assert kind == HEARTBEAT, f"a method was due, a frame of type {kind} came"

    def expect(self, ids):
        channel, got, arguments = self.read_method()
        assert got == ids, f"expected {ids}, got {got}: {arguments!r}"
        return channel, arguments

    def shake_hands(self, frame_max=131072, heartbeat=0):
        """The whole handshake, up to connection.open-ok."""
        self.send(HEADER)
        self.expect(CONNECTION_START)
        self.send(start_ok(self.user, self.password))
        self.expect(CONNECTION_TUNE)
        self.send(tune_ok(frame_max=frame_max, heartbeat=heartbeat), connection_open(self.vhost))
        self.expect(CONNECTION_OPEN_OK)
        return self

    def with_channel(self, number=1):
        self.send(channel_open(number))
        self.expect(CHANNEL_OPEN_OK)
        return self

    def expect_close(self):
        """Reads until connection.close or channel.close; returns (scope, code, text), after answering close-ok."""
        while True:
            channel, ids, arguments = self.read_method()
            if ids in (CONNECTION_CLOSE, CHANNEL_CLOSE):
                code, size = struct.unpack(">HB", arguments[:3])
                text = arguments[3:3 + size].decode()
                self.send_into_the_void(method(channel, (ids[0], ids[1] + 1)))
                return ("connection" if ids == CONNECTION_CLOSE else "channel"), code, text

    def expect_end(self):
        """Reads to the end of the stream; returns what came before it."""
        got = self.buffer
        self.buffer = b""
        try:
            while more := self.socket.recv(65536):
                got += more
        except ConnectionError:
            pass
        return got

    def outcome(self):
        """How the broker ends this conversation: (scope, code, text), or ("silence", 0, "") for a closed socket without a word."""
        try:
            return self.expect_close()
        except PeerClosed:
            return "silence", 0, ""
