"""The load of the crash test: publishers with confirms and consumers with acks, each a thread on a raw connection.

A thread keeps its own record and ends when its connection does; the audit reads the records after the threads are joined.
Times are time.monotonic() and are taken on the safe side: before a frame is sent, after a frame is read.
"""

import struct
import threading
import time
from collections import namedtuple

import wire

EXCHANGE = "crash"
EVERY_QUEUE = "all"
PUBLISH_WINDOW = 150
POLL_SECONDS = 0.05
FENCE_EVERY = 40
DRAIN_BATCH = 100
DELIVERY_MODE_FLAG, PERSISTENT = 1 << 12, b"\x02"

Sent = namedtuple("Sent", "publisher number key size at")
Seen = namedtuple("Seen", "publisher number redelivered by_get")
Fence = namedtuple("Fence", "at messages")


def body_of(publisher, number, size):
    """The body a message must have: its identity, then a filling that follows from it."""
    start = b"%d/%d/%d|" % (publisher, number, size)
    filling = b"%d.%d " % (number, publisher)
    return start + (filling * (size // len(filling) + 1))[:size]


def identify(body):
    """(publisher, number) of a body; raises ValueError when the body is not one that was published."""
    publisher, number, size = map(int, body[:body.index(b"|")].split(b"/"))
    if body != body_of(publisher, number, size):
        raise ValueError(f"the body of message {publisher}/{number} is damaged")
    return publisher, number


class Client(threading.Thread):
    """A thread with a connection. `trouble` holds whatever went wrong except the loss of the connection."""

    def __init__(self, broker, rng):
        super().__init__(daemon=True)
        self.broker = broker
        self.rng = rng
        self.stopping = threading.Event()
        self.trouble = None

    def run(self):
        try:
            with wire.Peer(self.broker) as peer:
                peer.shake_hands().with_channel()
                self.talk(peer)
        except (wire.PeerClosed, OSError):
            pass  # the broker was killed; that is the point
        except Exception as error:  # noqa: BLE001  (shown by the audit)
            self.trouble = error

    def talk(self, peer):
        raise NotImplementedError


class Publisher(Client):
    """Publishes persistent messages as fast as the confirms allow; numbers go on from round to round."""

    def __init__(self, broker, rng, identity, first_number, queues):
        super().__init__(broker, rng)
        self.identity = identity
        self.first_number = first_number
        self.keys = [*queues, EVERY_QUEUE]
        self.sent = []        # Sent, in order
        self.confirmed = {}   # number -> time
        self.refused = []     # numbers nacked by the broker
        self.in_flight = set()

    def talk(self, peer):
        peer.send(wire.method(1, wire.CONFIRM_SELECT, b"\0"))
        peer.expect(wire.CONFIRM_SELECT_OK)
        while not self.stopping.is_set() or self.in_flight:
            room = PUBLISH_WINDOW - len(self.in_flight)
            if room > 0 and not self.stopping.is_set():
                peer.send(*(self.message() for _ in range(self.rng.randint(1, min(room, 50)))))
            for frame in peer.poll(POLL_SECONDS if len(self.in_flight) >= PUBLISH_WINDOW or self.stopping.is_set() else 0):
                self.take(frame)

    def message(self):
        number = self.first_number + len(self.sent)
        key = self.rng.choices(self.keys, weights=[4] * (len(self.keys) - 1) + [1])[0]
        size = self.rng.choices([self.rng.randint(0, 300), self.rng.randint(300, 30_000), 150_000], weights=[90, 10, 0.3])[0]
        self.sent.append(Sent(self.identity, number, key, size, time.monotonic()))
        self.in_flight.add(number)
        body = body_of(self.identity, number, size)
        pieces = [wire.publish(1, key, EXCHANGE), wire.content_header(1, len(body), DELIVERY_MODE_FLAG, PERSISTENT)]
        step = 131072 - 8
        pieces += [wire.body(1, body[at:at + step]) for at in range(0, len(body), step)]
        return b"".join(pieces)

    def take(self, frame):
        kind, _channel, payload = frame
        if kind != wire.METHOD:
            return
        ids = struct.unpack_from(">HH", payload)
        if ids not in (wire.BASIC_ACK, wire.BASIC_NACK):
            raise RuntimeError(f"a confirm was due, {ids} came: {payload[4:200]!r}")
        tag, flags = struct.unpack_from(">QB", payload, 4)
        last = self.first_number + tag - 1
        if last >= self.first_number + len(self.sent):
            raise RuntimeError(f"confirm {tag} is for a message never sent")
        numbers = [number for number in self.in_flight if number <= last] if flags & 1 else [last]
        now = time.monotonic()
        for number in numbers:
            self.in_flight.discard(number)
            if ids == wire.BASIC_ACK:
                self.confirmed[number] = now
            else:
                self.refused.append(number)


class Consumer(Client):
    """Consumes one queue; acks singly or many at once, sometimes gives one back, and keeps some until the end."""

    def __init__(self, broker, rng, queue):
        super().__init__(broker, rng)
        self.queue = queue
        self.prefetch = rng.choice([1, 5, 50, 300])
        self.seen = []        # Seen, in the order of arrival
        self.acked = {}       # (publisher, number) -> time
        self.given_back = set()
        self.fences = []      # acks the queue has surely taken note of
        self.outstanding = {}  # delivery tag -> (publisher, number), in order
        self.since_fence = []
        self.fence_pending = None
        self.part = None      # the content being received: [redelivered, by get, tag, size, pieces]

    def talk(self, peer):
        peer.send(wire.qos(1, self.prefetch))
        peer.expect(wire.BASIC_QOS_OK)
        peer.send(wire.consume(1, self.queue))
        peer.expect(wire.BASIC_CONSUME_OK)
        while not self.stopping.is_set():
            for frame in peer.poll(POLL_SECONDS):
                self.take(frame)
            answers = self.settle()
            if answers:
                peer.send(*answers)

    def take(self, frame):
        kind, _channel, payload = frame
        if kind == wire.METHOD:
            self.take_method(struct.unpack_from(">HH", payload), payload)
        elif kind == wire.CONTENT_HEADER:
            self.part[3] = struct.unpack_from(">Q", payload, 4)[0]
        elif kind == wire.BODY:
            self.part[4].append(payload)
        if kind in (wire.CONTENT_HEADER, wire.BODY) and sum(map(len, self.part[4])) == self.part[3]:
            self.arrive()

    def take_method(self, ids, payload):
        if ids == wire.BASIC_DELIVER:
            tag, redelivered = struct.unpack_from(">QB", payload, 5 + payload[4])  # behind the consumer tag
            self.part = [bool(redelivered), False, tag, None, []]
        elif ids == wire.BASIC_GET_OK:
            tag, redelivered = struct.unpack_from(">QB", payload, 4)
            self.part = [bool(redelivered), True, tag, None, []]
            self.fence_reached()
        elif ids == wire.BASIC_GET_EMPTY:
            self.fence_reached()
        else:
            raise RuntimeError(f"a delivery was due, {ids} came: {payload[4:200]!r}")

    def arrive(self):
        redelivered, by_get, tag, _size, pieces = self.part
        self.part = None
        publisher, number = identify(b"".join(pieces))
        self.seen.append(Seen(publisher, number, redelivered, by_get))
        self.outstanding[tag] = (publisher, number)

    def fence_reached(self):
        self.fences.append(Fence(time.monotonic(), self.fence_pending))
        self.fence_pending = None

    def settle(self):
        """Decides what to do with what is outstanding; returns the frames to send."""
        frames = []
        while len(self.outstanding) > self.prefetch // 2 or (self.outstanding and self.rng.random() < 0.5):
            tags = list(self.outstanding)
            what = self.rng.random()
            if what < 0.02:
                frames.append(self.give_back(tags[0]))
            elif what < 0.3:
                frames.append(self.ack_all_up_to(tags, self.rng.randrange(len(tags))))
            else:
                frames.append(self.ack_all_up_to(tags[:1], 0, multiple=False))
        if len(self.since_fence) >= FENCE_EVERY and self.fence_pending is None:
            # basic.get passes through the queue behind the acks sent before it, so its answer tells that they were taken.
            self.fence_pending, self.since_fence = self.since_fence, []
            frames.append(wire.get(1, self.queue))
        return frames

    def give_back(self, tag):
        self.given_back.add(self.outstanding.pop(tag))
        return wire.nack(1, tag)

    def ack_all_up_to(self, tags, index, multiple=True):
        now = time.monotonic()
        for tag in tags[:index + 1]:
            message = self.outstanding.pop(tag)
            self.acked[message] = now
            self.since_fence.append(message)
        return wire.ack(1, tags[index], multiple)


def declare(broker, queues):
    """The topology: a durable topic exchange, durable queues, each bound under its own name and under the key for all."""
    with wire.Peer(broker) as peer:
        peer.shake_hands().with_channel()
        durable = b"\x02"
        peer.send(wire.method(1, wire.EXCHANGE_DECLARE,
                              wire.short(0) + wire.shortstr(EXCHANGE) + wire.shortstr("topic") + durable + wire.table()))
        peer.expect(wire.EXCHANGE_DECLARE_OK)
        for queue in queues:
            peer.send(wire.queue_declare(1, queue, flags=2))
            peer.expect(wire.QUEUE_DECLARE_OK)
            for key in (queue, EVERY_QUEUE):
                names = b"".join(map(wire.shortstr, (queue, EXCHANGE, key)))
                peer.send(wire.method(1, wire.QUEUE_BIND, wire.short(0) + names + b"\0" + wire.table()))
                peer.expect(wire.QUEUE_BIND_OK)


class Drain(Client):
    """Takes everything out of one queue, acking all; `done` is true when the queue was empty at the end."""

    def __init__(self, broker, rng, queue):
        super().__init__(broker, rng)
        self.queue = queue
        self.seen = []
        self.done = False

    def talk(self, peer):
        while not self.done:
            before = len(self.seen)
            peer.send(*([wire.get(1, self.queue)] * DRAIN_BATCH))
            tags = [tag for tag in (self.read_answer(peer) for _ in range(DRAIN_BATCH)) if tag]
            if tags:
                peer.send(wire.ack(1, tags[-1], multiple=True))
            self.done = len(self.seen) == before  # a round that finds nothing has also seen the acks before it taken

    def read_answer(self, peer):
        """The delivery tag of a get-ok, whose content is read and kept; None for a get-empty."""
        _channel, ids, arguments = peer.read_method()
        if ids == wire.BASIC_GET_EMPTY:
            return None
        tag, redelivered = struct.unpack_from(">QB", arguments)
        left = struct.unpack_from(">Q", peer.read_frame()[2], 4)[0]
        pieces = []
        while left > 0:
            pieces.append(peer.read_frame()[2])
            left -= len(pieces[-1])
        self.seen.append(Seen(*identify(b"".join(pieces)), bool(redelivered), False))
        return tag
