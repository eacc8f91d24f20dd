"""The load of the crash test: publishers with confirms and consumers with acks, each a thread on a raw connection.

A thread keeps its own record and ends when its connection does; the audit reads the records after the threads are joined.
Times are time.monotonic() and are taken on the safe side: before a frame is sent, after a frame is read.
"""

import struct
import threading
import time
from collections import namedtuple

import wire
from configurations import EVERY_QUEUE, EXCHANGE

PUBLISH_WINDOW = 150
BATCH_BYTES = 200_000
POLL_SECONDS = 0.05
FENCE_EVERY = 40
DRAIN_BATCH = 100
SENT_TWICE = 0.1
HEADERS_FLAG, DELIVERY_MODE_FLAG, PRIORITY_FLAG = 1 << 13, 1 << 12, 1 << 11

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

    def __init__(self, broker, rng, setup):
        super().__init__(daemon=True)
        self.broker = broker
        self.rng = rng
        self.setup = setup
        self.stopping = threading.Event()
        self.trouble = None

    def run(self):
        try:
            with wire.Peer(self.broker) as peer:
                peer.shake_hands(frame_max=self.setup.row.frame_max).with_channel()
                self.talk(peer)
        except (wire.PeerClosed, OSError):
            pass  # the broker was killed; that is the point
        except Exception as error:  # noqa: BLE001  (shown by the audit)
            self.trouble = error

    def talk(self, peer):
        raise NotImplementedError


class Publisher(Client):
    """Publishes as fast as confirms (or commits) allow; numbers go on from life to life. `again` is sent first."""

    def __init__(self, broker, rng, setup, identity, first_number, again=()):
        super().__init__(broker, rng, setup)
        self.identity = identity
        self.first_number = first_number
        self.keys = [*setup.queues, EVERY_QUEUE]
        self.again = list(again)
        self.sent = []        # Sent, in order, those sent again left out
        self.confirmed = {}   # number -> time
        self.refused = []     # numbers nacked by the broker
        self.tags = 0
        self.in_flight = {}   # delivery tag -> number, in order
        self.transactions = []  # numbers of each; its last one may not have been answered

    def talk(self, peer):
        if self.setup.row.transactions:
            self.commit_on(peer)
        else:
            self.confirm_on(peer)

    def confirm_on(self, peer):
        peer.send(wire.method(1, wire.CONFIRM_SELECT, b"\0"))
        peer.expect(wire.CONFIRM_SELECT_OK)
        while not self.stopping.is_set() or self.in_flight:
            room = PUBLISH_WINDOW - len(self.in_flight)
            if room > 0 and not self.stopping.is_set():
                peer.send(*self.some(self.next_publish, self.rng.randint(1, min(room, 50))))
            for frame in peer.poll(POLL_SECONDS if len(self.in_flight) >= PUBLISH_WINDOW or self.stopping.is_set() else 0):
                self.take(frame)

    def commit_on(self, peer):
        peer.send(wire.method(1, wire.TX_SELECT))
        peer.expect(wire.TX_SELECT_OK)
        while not self.stopping.is_set():
            first = len(self.sent)
            publishes = self.some(lambda: self.publish(self.new_message()), self.rng.randint(1, 30))
            numbers = [sent.number for sent in self.sent[first:]]
            self.transactions.append(numbers)
            peer.send(*publishes, wire.method(1, wire.TX_COMMIT))
            peer.expect(wire.TX_COMMIT_OK)
            self.confirmed.update(dict.fromkeys(numbers, time.monotonic()))

    @staticmethod
    def some(make, most):
        """Up to so many publishes, fewer where they are large."""
        made, octets = [], 0
        while len(made) < most and octets < BATCH_BYTES:
            made.append(make())
            octets += len(made[-1])
        return made

    def next_publish(self):
        if self.again:
            message = self.again.pop()
        else:
            message = self.new_message()
            if self.setup.row.resends and self.rng.random() < SENT_TWICE:
                self.again.append(message)
        self.tags += 1
        self.in_flight[self.tags] = message.number
        return self.publish(message)

    def new_message(self):
        number = self.first_number + len(self.sent)
        key = self.rng.choices(self.keys, weights=[4] * (len(self.keys) - 1) + [1])[0]
        sizes = self.setup.row.sizes
        _weight, least, most = self.rng.choices(sizes, weights=[weight for weight, _least, _most in sizes])[0]
        self.sent.append(Sent(self.identity, number, key, self.rng.randint(least, most), time.monotonic()))
        return self.sent[-1]

    def publish(self, message):
        body = body_of(self.identity, message.number, message.size)
        pieces = [wire.publish(1, message.key, EXCHANGE), wire.content_header(1, len(body), *self.properties(message.number))]
        step = self.setup.row.frame_max - 8
        pieces += [wire.body(1, body[at:at + step]) for at in range(0, len(body), step)]
        return b"".join(pieces)

    def properties(self, number):
        """Property flags and values of a content header."""
        row, flags, values, headers = self.setup.row, DELIVERY_MODE_FLAG, b"", {}
        if row.longest_delay_ms:
            headers["x-delay"] = self.rng.randrange(row.longest_delay_ms)
        if row.resends:
            headers["x-deduplication-header"] = f"{self.identity}/{number}"
        if headers:
            flags |= HEADERS_FLAG
            values += wire.table_of(headers)
        values += wire.octet(2 if self.setup.is_durable(number) else 1)
        if row.priorities:
            flags |= PRIORITY_FLAG
            values += wire.octet(self.setup.priority_of(number))
        return flags, values

    def take(self, frame):
        kind, _channel, payload = frame
        if kind != wire.METHOD:
            return
        ids = struct.unpack_from(">HH", payload)
        if ids not in (wire.BASIC_ACK, wire.BASIC_NACK):
            raise RuntimeError(f"a confirm was due, {ids} came: {payload[4:200]!r}")
        last, flags = struct.unpack_from(">QB", payload, 4)
        if last > self.tags:
            raise RuntimeError(f"confirm {last} is for a message never sent")
        tags = [tag for tag in self.in_flight if tag <= last] if flags & 1 else [last]
        now = time.monotonic()
        for number in (self.in_flight.pop(tag) for tag in tags):
            if ids == wire.BASIC_ACK:
                self.confirmed.setdefault(number, now)
            else:
                self.refused.append(number)


class Consumer(Client):
    """Consumes one queue; acks singly or many at once, sometimes gives one back, and keeps some until the end."""

    def __init__(self, broker, rng, setup, queue):
        super().__init__(broker, rng, setup)
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
            if what < self.setup.row.given_back:
                frames.append(self.give_back(tags[0]))
            elif what < self.setup.row.given_back + 0.28:
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


def declare(broker, setup):
    """The topology: a durable topic exchange, durable queues, each bound under its own name and under the key for all."""
    with wire.Peer(broker) as peer:
        peer.shake_hands().with_channel()
        durable = 2
        peer.send(wire.method(1, wire.EXCHANGE_DECLARE,
                              wire.short(0) + wire.shortstr(EXCHANGE) + wire.shortstr("topic") + wire.octet(durable) + wire.table()))
        peer.expect(wire.EXCHANGE_DECLARE_OK)
        for queue in setup.every_queue:
            peer.send(wire.queue_declare(1, queue, flags=durable, arguments=wire.table_of(setup.arguments_of(queue))))
            peer.expect(wire.QUEUE_DECLARE_OK)
        for queue in setup.queues:
            for key in (queue, EVERY_QUEUE):
                names = b"".join(map(wire.shortstr, (queue, EXCHANGE, key)))
                peer.send(wire.method(1, wire.QUEUE_BIND, wire.short(0) + names + b"\0" + wire.table()))
                peer.expect(wire.QUEUE_BIND_OK)


def counts(broker, setup):
    """How many messages each queue says it has ready."""
    passive, found = 1, {}
    with wire.Peer(broker) as peer:
        peer.shake_hands().with_channel()
        for queue in setup.every_queue:
            peer.send(wire.queue_declare(1, queue, flags=passive))
            _channel, arguments = peer.expect(wire.QUEUE_DECLARE_OK)
            found[queue] = struct.unpack_from(">I", arguments, 1 + arguments[0])[0]
    return found


class Drain(Client):
    """Takes everything out of one queue, acking all; `done` is true when the queue was empty at the end."""

    def __init__(self, broker, rng, setup, queue):
        super().__init__(broker, rng, setup)
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
