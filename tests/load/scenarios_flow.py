"""Loads on the way of messages: who publishes too much, who takes nothing, who gives everything back."""

import os
import socket
import struct
import time

import wire
from measure import MIB
from peers import (DELIVERY_MODE, EXPIRATION, HEADERS, PURGE_OK, Workers, api, confirms, declare, deliveries_in, message, open_peer,
                   queue_purge, ready_in, run_for)
from waiting import until

BATCH = 200  # messages that a publisher sends at once


def publish_at_line_rate(stopping, broker, queue, size):
    with open_peer(broker) as peer:
        batch = message(queue, os.urandom(size)) * max(1, 262144 // (size + 60))
        peer.socket.settimeout(1.0)
        while not stopping.is_set():
            send_while(peer, batch, stopping)


def send_while(peer, data, stopping):
    """Sends all of it, unless it is stopped while the broker takes nothing. The socket has a timeout."""
    view = memoryview(data)
    while view and not stopping.is_set():
        try:
            view = view[peer.socket.send(view):]
        except socket.timeout:
            continue


def fill(broker, queue, count, size, flags=0, properties=b""):
    """Puts so many messages into a queue that is there, and waits until they are in it."""
    body = os.urandom(size)
    with open_peer(broker) as peer:
        confirms(peer)
        sent = 0
        while sent < count:
            part = min(5000, count - sent)
            peer.send(message(queue, body, flags=flags, properties=properties) * part)
            sent += part
            acked = 0
            while acked < sent:
                _, _, arguments = peer.read_method()
                acked = max(acked, struct.unpack_from(">Q", arguments)[0])


def never_reading_consumer(world, seconds):
    """Consumers that take nothing, one of them for a hundred queues, while their queues are filled."""
    broker = world.broker
    with open_peer(broker) as owner, open_peer(broker) as reader, open_peer(broker) as many:
        declare(owner, "unread")
        names = [f"unread-{number}" for number in range(100)]
        for name in names:
            declare(owner, name)
        reader.send(wire.consume(1, "unread", flags=2))
        many.send(*[wire.consume(1, name) for name in names])
        many_body = os.urandom(4096)

        def fill_many(stopping):
            with open_peer(broker) as peer:
                peer.socket.settimeout(1.0)
                while not stopping.is_set():
                    for name in names:
                        send_while(peer, message(name, many_body) * 20, stopping)

        workers = Workers()
        workers.start(publish_at_line_rate, broker, "unread", 1024)
        workers.start(fill_many)
        workers.stopping.wait(seconds)
        workers.finish()
        world.note("ready", ready_in(owner, "unread"))
    world.memory_grew_at_most(world.resident_mib + 450)


def line_rate_publisher(world, seconds):
    """Two publishers as fast as they can, into queues that nobody empties."""
    with open_peer(world.broker) as owner:
        for name in ("flood-1", "flood-2"):
            declare(owner, name)
        workers = Workers()
        workers.start(publish_at_line_rate, world.broker, "flood-1", 1024)
        workers.start(publish_at_line_rate, world.broker, "flood-2", 100)
        workers.stopping.wait(seconds)
        workers.finish()
        ready = ready_in(owner, "flood-1") + ready_in(owner, "flood-2")
        world.note("messages", ready)
        world.check(ready > 0, "nothing arrived")
    world.memory_grew_at_most(world.resident_mib + 450)


def twice_the_drain_rate(world, seconds):
    """A publisher with confirms, twice as fast as the consumer, for long; then the rest is drained: all of it, in order."""
    broker, rate = world.broker, 1500  # of the consumer, messages per second
    filling = os.urandom(500)
    sent = got = acked = 0
    began = time.monotonic()
    with open_peer(broker) as publisher, open_peer(broker) as consumer:
        declare(publisher, "slow", flags=2)
        confirms(publisher)
        consumer.send(wire.qos(1, 500))
        consumer.expect(wire.BASIC_QOS_OK)
        consumer.send(wire.consume(1, "slow"))
        consumer.expect((60, 21))
        while True:
            elapsed = time.monotonic() - began
            publishing = elapsed < seconds
            if publishing and sent < elapsed * 2 * rate:
                publisher.send(b"".join(message("slow", struct.pack(">Q", number) + filling, flags=DELIVERY_MODE, properties=b"\x02")
                                        for number in range(sent, sent + BATCH)))
                sent += BATCH
            for kind, _, payload in publisher.poll(0 if publishing else 0.01):
                if kind == wire.METHOD and payload[:4] == b"\x00\x3c\x00\x50":
                    acked = max(acked, struct.unpack_from(">Q", payload, 4)[0])
            if not publishing or got < elapsed * rate:
                last = None
                for kind, _, payload in consumer.poll(0.005):
                    if kind == wire.METHOD:
                        last = struct.unpack_from(">Q", payload, 5 + payload[4])[0]
                    elif kind == wire.BODY:
                        number = struct.unpack_from(">Q", payload)[0]
                        world.check(number == got, f"message {number} came where {got} was due")
                        got += 1
                if last is not None:
                    consumer.send(wire.ack(1, last, multiple=True))
            if not publishing and got == sent and acked == sent:
                break
            if elapsed > seconds + world.drain_within:
                break
    world.note("sent", sent)
    world.check(acked == sent, f"{sent - acked} of {sent} were never confirmed")
    world.check(got == sent, f"{sent - got} of {sent} never came")
    world.memory_grew_at_most(world.resident_mib + 250)


def many_unacked(world, seconds):
    """A consumer without prefetch that reads all and acknowledges nothing, until it may have no more; then all at once."""
    most = world.unacked_per_connection
    count = most + 20_000
    with open_peer(world.broker) as peer:
        declare(peer, "unacked")
        fill(world.broker, "unacked", count, 200)
        peer.send(wire.consume(1, "unacked"))
        peer.expect((60, 21))
        got = last = 0
        began = quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 3 and time.monotonic() - began < seconds + 60:
            tags = [tag for tag, _ in deliveries_in(peer.poll(0.5))]
            if tags:
                got, last, quiet_since = got + len(tags), tags[-1], time.monotonic()
        world.note("unacked", got)
        world.check(most <= got < count, f"{got} were delivered where {most} may be unacknowledged")
        peer.send(wire.ack(1, last, multiple=True))
        while got < count and time.monotonic() - began < seconds + 90:
            got += sum(1 for _ in deliveries_in(peer.poll(0.5)))
        world.check(got == count, f"{count - got} did not come after the acknowledgement")
    world.memory_grew_at_most(world.resident_mib + 250)


def nack_requeue_storm(world, seconds):
    """Four consumers that give back whatever they get, at once."""
    with open_peer(world.broker) as owner:
        declare(owner, "storm")
        fill(world.broker, "storm", 2000, 100)
        returned = [0]

        def give_back(stopping):
            with open_peer(world.broker) as peer:
                peer.send(wire.qos(1, 200))
                peer.expect(wire.BASIC_QOS_OK)
                peer.send(wire.consume(1, "storm"))
                peer.expect((60, 21))
                while not stopping.is_set():
                    tags = [tag for tag, _ in deliveries_in(peer.poll(0.2))]
                    if tags:
                        peer.send(wire.nack(1, tags[-1], multiple=True, requeue=True))
                        returned[0] += len(tags)

        run_for(seconds, give_back, 4)
        until(lambda: ready_in(owner, "storm") == 2000, within=30, what="all messages to be back in their queue")
        world.note("returned", returned[0])
    world.memory_is_flat()


def ttl_storm(world, seconds):
    """Messages that expire within a second, from one millisecond on, and are dead-lettered: none is lost, none stays."""
    arguments = wire.table(wire.field("x-dead-letter-exchange", b"S", wire.longstr("")),
                           wire.field("x-dead-letter-routing-key", b"S", wire.longstr("dead")))
    sent = [0]
    with open_peer(world.broker) as owner:
        declare(owner, "dying", arguments=arguments)
        declare(owner, "dead")

        def publish(stopping):
            with open_peer(world.broker) as peer:
                batch = b"".join(message("dying", b"x" * 64, flags=EXPIRATION, properties=wire.shortstr(str(1 + number * 37 % 1000)))
                                 for number in range(BATCH))
                while not stopping.wait(0.04):
                    peer.send(batch)
                    sent[0] += BATCH
                ready_in(peer, "dead")  # behind all of it

        run_for(seconds, publish, 2)
        until(lambda: ready_in(owner, "dying") == 0 and ready_in(owner, "dead") == sent[0], within=60,
              what="every message to be dead", detail=lambda: f"{sent[0]} sent, {ready_in(owner, 'dead')} dead")
        world.note("expired", sent[0])
        owner.send(queue_purge(1, "dead"))
        owner.expect(PURGE_OK)
    world.memory_grew_at_most(world.resident_mib + 250)


def huge_bodies(world, seconds):
    """Bodies as large as they may be, from four publishers to two consumers; one octet more is refused."""
    limit = 16 * MIB
    body = os.urandom(limit)
    got = [0]
    with open_peer(world.broker) as owner:
        arguments = wire.table(wire.field("x-max-length", b"l", wire.longlong(4)))
        declare(owner, "huge", arguments=arguments)
        owner.send(wire.publish(1, "huge"), wire.content_header(1, limit + 1))
        _, ids, text = owner.read_method()
        world.check(ids == wire.CHANNEL_CLOSE and b"larger than configured max size" in text, f"a body too large was answered by {ids}")

        def publish(stopping):
            whole = message("huge", body)
            with open_peer(world.broker) as peer:
                peer.socket.settimeout(1.0)
                while not stopping.is_set():
                    send_while(peer, whole, stopping)

        def consume(stopping):
            with open_peer(world.broker) as peer:
                peer.send(wire.consume(1, "huge", flags=2))
                while not stopping.is_set():
                    got[0] += sum(len(payload) for kind, _, payload in peer.poll(0.2) if kind == wire.BODY)

        workers = Workers()
        for _ in range(4):
            workers.start(publish)
        for _ in range(2):
            workers.start(consume)
        workers.stopping.wait(seconds)
        workers.finish()
        world.note("read MiB", got[0] // MIB)
        world.check(got[0] > limit, "no body came whole")
    world.memory_grew_at_most(world.resident_mib + 400)


def unread_answers(world, seconds):
    """Publishers that have everything returned, and askers that get large messages, and read none of it."""
    broker = world.broker
    with open_peer(broker) as owner:
        declare(owner, "gets")
        fill(broker, "gets", 200, 256 * 1024)

        def have_returned(stopping):
            with open_peer(broker) as peer:
                peer.socket.settimeout(0.5)
                batch = message("nowhere", os.urandom(2000), mandatory=True) * 100
                while not stopping.is_set():
                    send_while(peer, batch, stopping)

        def get(stopping):
            with open_peer(broker) as peer:
                peer.socket.settimeout(0.5)
                while not stopping.is_set():
                    send_while(peer, wire.get(1, "gets") * 100, stopping)

        workers = Workers()
        for _ in range(8):
            workers.start(have_returned)
            workers.start(get)
        workers.stopping.wait(seconds)
        workers.finish()
    world.memory_grew_at_most(300)


def publish_rate(world, seconds):
    """Connections that may publish a thousand messages a second each, and try more."""
    broker, publishers, rate = world.broker, 3, 1000
    world.configure("limits", "connection_publish_rate", rate)
    with open_peer(broker) as owner:
        declare(owner, "paced")
        workers = Workers()
        workers.stopping.wait(0.5)  # until it is read
        for _ in range(publishers):
            workers.start(publish_at_line_rate, broker, "paced", 4096)
        workers.stopping.wait(2)
        began, before = time.monotonic(), ready_in(owner, "paced")
        workers.stopping.wait(seconds)
        came = (ready_in(owner, "paced") - before) / (time.monotonic() - began)
        workers.finish()
        world.note("messages/s", round(came))
        world.check(came < 1.1 * publishers * rate, f"{came:.0f} messages a second came in where {publishers * rate} may")
        world.check(came > 0.7 * publishers * rate, f"{came:.0f} messages a second came in where {publishers * rate} may")
    world.memory_grew_at_most(150 + world.resident_mib)


def large_headers(world, seconds):
    """Tables of a million entries are refused; those as large as a frame may be are taken, kept and given out."""
    broker = world.broker
    with open_peer(broker) as owner:
        declare(owner, "headers")
        with open_peer(broker) as peer:
            million = b"".join(wire.field(f"h{number}", b"t", b"\x01") for number in range(1_000_000))
            peer.send_into_the_void(wire.publish(1, "headers"), wire.content_header(1, 0, HEADERS, wire.longstr(million)))
            try:
                _, ids, text = peer.read_method()
                world.check(ids == wire.CONNECTION_CLOSE, f"a frame too large was answered by {ids}: {text!r}")
            except wire.PeerClosed:
                pass
        entries = wire.table(*[wire.field(f"h{number}", b"t", b"\x01") for number in range(12_000)])
        peer_sent = [0]

        def publish(stopping):
            with open_peer(broker) as peer:
                peer.socket.settimeout(1.0)
                whole = message("headers", b"x", flags=HEADERS, properties=entries)
                while not stopping.is_set():
                    send_while(peer, whole, stopping)
                    peer_sent[0] += 1

        run_for(seconds, publish, 2)
        world.note("tables of 12000", peer_sent[0])
        arguments = wire.table(*[wire.field(f"a{number}", b"t", b"\x01") for number in range(10_000)])
        owner.send(wire.queue_declare(1, "too-many-arguments", 0, arguments))
        _, ids, text = owner.read_method()
        world.check(ids == wire.CHANNEL_CLOSE and b"arguments" in text, f"arguments too large were answered by {ids}")
    world.memory_grew_at_most(world.resident_mib + 250)
