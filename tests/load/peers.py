"""AMQP peers for loads: many connections from one thread, messages encoded once, answers counted rather than looked at."""

import base64
import json
import selectors
import socket
import struct
import threading
import time
import urllib.parse
import urllib.request

import wire

PORTS_PER_ADDRESS = 20_000  # so many connections to one port may come from one address, at the least
MANDATORY = 1
DELIVERY_MODE, EXPIRATION, HEADERS = 1 << 12, 1 << 8, 1 << 13


def content(body, flags=0, properties=b"", frame_max=131072, channel=1):
    """Header and body frames."""
    room = frame_max - 8
    pieces = [wire.content_header(channel, len(body), flags, properties)]
    pieces += [wire.body(channel, body[at:at + room]) for at in range(0, len(body), room)]
    return b"".join(pieces)


def message(routing_key, body, exchange="", flags=0, properties=b"", mandatory=False, channel=1):
    """A whole publish."""
    return wire.publish(channel, routing_key, exchange, MANDATORY if mandatory else 0) + content(body, flags, properties, channel=channel)


def queue_bind(channel, queue, exchange, key, arguments=b"\0\0\0\0"):
    return wire.method(channel, wire.QUEUE_BIND,
                       wire.short(0) + wire.shortstr(queue) + wire.shortstr(exchange) + wire.shortstr(key) + wire.octet(0) + arguments)


def exchange_declare(channel, exchange, kind):
    return wire.method(channel, wire.EXCHANGE_DECLARE,
                       wire.short(0) + wire.shortstr(exchange) + wire.shortstr(kind) + wire.octet(0) + wire.table())


def queue_delete(channel, queue):
    return wire.method(channel, (50, 40), wire.short(0) + wire.shortstr(queue) + wire.octet(0))


def queue_purge(channel, queue):
    return wire.method(channel, (50, 30), wire.short(0) + wire.shortstr(queue) + wire.octet(0))


CANCEL, CANCEL_OK, DELETE_OK, PURGE_OK = (60, 30), (60, 31), (50, 41), (50, 31)


def cancel(channel, tag):
    return wire.method(channel, CANCEL, wire.shortstr(tag) + wire.octet(0))


def channel_close(channel):
    return wire.method(channel, wire.CHANNEL_CLOSE, wire.short(200) + wire.shortstr("") + wire.short(0) + wire.short(0))


CONNECTION_CLOSE = wire.method(0, wire.CONNECTION_CLOSE, wire.short(200) + wire.shortstr("") + wire.short(0) + wire.short(0))


def handshake(broker, heartbeat=0, channels=1):
    """All that a client says up to its open channels, in one go: the broker answers step by step all the same."""
    opens = b"".join(wire.channel_open(number) for number in range(1, channels + 1))
    return (wire.HEADER + wire.start_ok(broker.user, broker.password) + wire.tune_ok(heartbeat=heartbeat) +
            wire.connection_open(broker.vhost) + opens)


def open_peer(broker, timeout=60.0, heartbeat=0):
    """A wire.Peer with channel 1 open."""
    return wire.Peer(broker, timeout=timeout).shake_hands(heartbeat=heartbeat).with_channel()


def declare(peer, queue, flags=0, arguments=b"\0\0\0\0"):
    """Declares; returns how many messages are ready in it."""
    peer.send(wire.queue_declare(1, queue, flags, arguments))
    _, answer = peer.expect(wire.QUEUE_DECLARE_OK)
    return struct.unpack_from(">I", answer, 1 + answer[0])[0]


def ready_in(peer, queue):
    return declare(peer, queue, flags=1)


def confirms(peer):
    peer.send(wire.method(1, (85, 10), wire.octet(0)))
    peer.expect(wire.CONFIRM_SELECT_OK)


def deliveries_in(frames):
    """(delivery tag, redelivered) of every basic.deliver among frames as Peer.poll() gives them."""
    for kind, _, payload in frames:
        if kind == wire.METHOD and payload[:4] == b"\x00\x3c\x00\x3c":
            at = 5 + payload[4]
            yield struct.unpack_from(">Q", payload, at)[0], payload[at + 8] != 0


class Crowd:
    """Many connections, each with some channels, that do nothing. One thread; use as a context manager."""

    def __init__(self, broker, heartbeat=0, channels=1):
        self.broker = broker
        self.hello = handshake(broker, heartbeat, channels)
        self.answers = 3 + channels  # start, tune, open-ok, and one for each channel
        self.sockets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self, count, within=300.0, at_once=500):
        """Opens so many more and waits until the broker has answered all they said. Returns the seconds it took."""
        began = time.monotonic()
        waiting = selectors.DefaultSelector()
        left = {}
        opened = 0
        while opened < count or left:
            while opened < count and len(left) < at_once:
                each = socket.socket()
                # So many ports as this takes, one address does not have.
                each.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                each.bind((f"127.0.1.{1 + len(self.sockets) // PORTS_PER_ADDRESS}", 0))
                each.connect((self.broker.host, self.broker.port))
                each.sendall(self.hello)
                each.setblocking(False)
                self.sockets.append(each)
                opened += 1
                if self.answers:
                    waiting.register(each, selectors.EVENT_READ)
                    left[each] = b""
            for key, _ in waiting.select(timeout=5.0):
                each = key.fileobj
                more = each.recv(65536)
                if not more:
                    raise wire.PeerClosed(f"the broker closed connection {len(self.sockets)}")
                left[each] += more
                if frames_in(left[each]) >= self.answers:
                    waiting.unregister(each)
                    del left[each]
            if time.monotonic() - began > within:
                raise TimeoutError(f"{count - len(left)} of {count} connections were open after {within} s")
        waiting.close()
        return time.monotonic() - began

    def closed_by_broker(self, within):
        """Waits until the broker has closed all of them; returns how many it did."""
        until = time.monotonic() + within
        waiting = selectors.DefaultSelector()
        for each in self.sockets:
            waiting.register(each, selectors.EVENT_READ)
        closed = 0
        while closed < len(self.sockets) and time.monotonic() < until:
            for key, _ in waiting.select(timeout=0.5):
                try:
                    gone = not key.fileobj.recv(65536)
                except ConnectionError:
                    gone = True
                if gone:
                    waiting.unregister(key.fileobj)
                    closed += 1
        waiting.close()
        return closed

    def close(self):
        for each in self.sockets:
            each.close()
        self.sockets.clear()


def frames_in(data):
    count = at = 0
    while len(data) - at >= 8:
        at += 8 + struct.unpack_from(">I", data, at + 3)[0]
        count += at <= len(data)
    return count


class Workers:
    """Threads that do one thing again and again until the time is over; what went wrong in one is raised at the end."""

    def __init__(self):
        self.stopping = threading.Event()
        self.threads = []
        self.troubles = []

    def start(self, work, *arguments):
        def run():
            try:
                work(self.stopping, *arguments)
            except Exception as error:  # noqa: BLE001  (raised by finish)
                self.troubles.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)

    def finish(self, within=60.0):
        self.stopping.set()
        for thread in self.threads:
            thread.join(within)
            if thread.is_alive():
                self.troubles.append(TimeoutError("a worker did not come to an end"))
        if self.troubles:
            raise self.troubles[0]


def run_for(seconds, work, copies=1, *arguments):
    """Runs `work(stopping, ...)` in so many threads for so long."""
    workers = Workers()
    for _ in range(copies):
        workers.start(work, *arguments)
    workers.stopping.wait(seconds)
    workers.finish()


def api(broker, method, path, body=None, timeout=60.0):
    """A request to the management API; the decoded answer, None where there is none."""
    url = f"http://127.0.0.1:{broker.management_port}/api/{path}"
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{broker.user}:{broker.password}".encode()).decode())
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def quoted(name):
    return urllib.parse.quote(name, safe="")
