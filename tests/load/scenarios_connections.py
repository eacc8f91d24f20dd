"""Loads of connections, channels and consumers: how many there may be, and how they come and go."""

import contextlib
import resource
import time

import wire
from peers import CONNECTION_CLOSE, Crowd, Workers, cancel, channel_close, declare, message, open_peer, ready_in, run_for
from waiting import until


def many_connections(world, seconds):
    """Fifty thousand connections with a channel each, held for a while (fewer, where the time or the limit of open files is short)."""
    count = min(50_000, int(seconds * 2500), resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    with Crowd(world.broker) as crowd:
        took = crowd.open(count)
        grew = world.memory_now() - world.memory_at_start
        world.note("connections", count)
        world.note("opened in s", round(took, 1))
        world.note("KiB each", round(grew / count / 1024, 1))
        world.idle(seconds / 2)
    world.memory_grew_at_most(count * 24 / 1024 + 100)


def many_channels(world, seconds):
    """A hundred thousand channels on fifty connections."""
    channels = 2000
    connections = min(50, max(5, int(seconds * 5)))
    with Crowd(world.broker, channels=channels) as crowd:
        took = crowd.open(connections, at_once=4)
        count = channels * connections
        world.note("channels", count)
        world.note("opened in s", round(took, 1))
        world.note("bytes each", round((world.memory_now() - world.memory_at_start) / count))
        world.idle(seconds / 2)
    world.memory_grew_at_most(channels * connections * 2 / 1024 + 100)


def connection_churn(world, seconds):
    """Connections that open a channel, publish, and close; some of them vanish instead."""
    done = [0]

    def come_and_go(stopping, number):
        turn = 0
        while not stopping.is_set():
            turn += 1
            with open_peer(world.broker) as peer:
                peer.send(message("nowhere", b"x"))
                if turn % 3 == number % 3:
                    continue  # without a word
                peer.send(CONNECTION_CLOSE)
                peer.expect(wire.CONNECTION_CLOSE_OK)
            done[0] += 1

    workers = Workers()
    for number in range(4):
        workers.start(come_and_go, number)
    workers.stopping.wait(seconds)
    workers.finish()
    world.note("connections", done[0])
    world.memory_is_flat()


def channel_churn(world, seconds):
    """Channels that open and close, a thousand at a time, and others that the broker closes for a mistake."""
    done = [0]
    opens = b"".join(wire.channel_open(number) for number in range(2, 1002))
    closes = b"".join(channel_close(number) for number in range(2, 1002))
    mistake = wire.queue_declare(1, "not-there", flags=1)

    def churn(stopping):
        with open_peer(world.broker) as peer:
            while not stopping.is_set():
                peer.send(opens)
                for _ in range(1000):
                    peer.expect(wire.CHANNEL_OPEN_OK)
                peer.send(closes)
                for _ in range(1000):
                    peer.expect(wire.CHANNEL_CLOSE_OK)
                done[0] += 1000

    def err(stopping):
        with open_peer(world.broker) as peer:
            while not stopping.is_set():
                peer.send(mistake)
                peer.expect(wire.CHANNEL_CLOSE)
                peer.send(wire.method(1, wire.CHANNEL_CLOSE_OK), wire.channel_open(1))
                peer.expect(wire.CHANNEL_OPEN_OK)
                done[0] += 1

    workers = Workers()
    workers.start(churn)
    workers.start(err)
    log_before = world.broker.log.stat().st_size
    workers.stopping.wait(seconds)
    workers.finish()
    world.note("channels", done[0])
    grew = world.broker.log.stat().st_size - log_before
    world.note("log KiB", round(grew / 1024))
    world.check(grew < 10_000 + seconds * 4000, f"the log grew by {grew} bytes")
    world.memory_is_flat()


def consumer_churn(world, seconds):
    """Consumers that come and go at a queue with messages, a hundred at a time."""
    done = [0]
    tags = [f"c{number}" for number in range(100)]
    with open_peer(world.broker) as owner:
        declare(owner, "visited")
        owner.send(message("visited", b"x" * 100) * 50)

        def churn(stopping):
            with open_peer(world.broker) as peer:
                while not stopping.is_set():
                    peer.send(wire.qos(1, 1), *[wire.consume(1, "visited", tag) for tag in tags], *[cancel(1, tag) for tag in tags])
                    left = len(tags)
                    while left:
                        left -= sum(1 for kind, _, payload in peer.poll(1.0) if kind == wire.METHOD and payload[:4] == b"\x00\x3c\x00\x1f")
                    peer.send(wire.method(1, (60, 110), wire.octet(1)))  # basic.recover: what was delivered goes back
                    peer.expect((60, 111))
                    done[0] += len(tags)

        run_for(seconds, churn, 2)
        until(lambda: ready_in(owner, "visited") == 50, within=20, what="all messages to be back")
    world.note("consumers", done[0])
    world.memory_is_flat()


def slow_loris(world, seconds):
    """Connections that say their greeting octet by octet, and never come to an end of it."""
    with Crowd(world.broker) as crowd:
        crowd.hello, crowd.answers = b"AMQP", 0
        count = 2000
        crowd.open(count)
        closed = crowd.closed_by_broker(within=world.handshake_seconds + 20)
        world.note("cut off", closed)
        world.check(closed == count, f"{count - closed} of {count} that never greeted are still connected")
    world.idle(max(0.0, seconds - world.handshake_seconds))
    world.memory_grew_at_most(80)


def heartbeat_timeouts(world, seconds):
    """Consumers that fall silent, message in hand: the broker hangs up after two to three heartbeats, and others get their messages."""
    rounds = closed = 0
    count = 300
    with open_peer(world.broker) as owner:
        declare(owner, "held")
        owner.send(message("held", b"x") * count)
        until(lambda: ready_in(owner, "held") == count, within=10, what="the messages to be there")
        began = time.monotonic()
        while rounds == 0 or time.monotonic() - began < seconds - 4:
            with Crowd(world.broker, heartbeat=1) as crowd:
                crowd.hello += wire.qos(1, 1) + wire.consume(1, "held")
                crowd.answers += 2
                crowd.open(count, within=60, at_once=50)
                closed += crowd.closed_by_broker(within=20)
                rounds += 1
            until(lambda: ready_in(owner, "held") == count, within=20, what="what the silent had to be back")
    world.note("silent consumers", rounds * count)
    world.check(closed == rounds * count, f"{rounds * count - closed} of {rounds * count} silent connections were not closed")
    world.memory_grew_at_most(80)


def half_open(world, seconds):
    """Connections whose peer said half a frame and stopped reading, with deliveries on their way; they stay until their sockets go."""
    count = 500
    with open_peer(world.broker) as owner, Crowd(world.broker) as crowd:
        declare(owner, "half")
        crowd.hello += wire.qos(1, 5) + wire.consume(1, "half")
        crowd.answers += 2
        crowd.open(count)
        owner.send(message("half", b"x" * 20_000) * 2000)
        for each in crowd.sockets:
            with contextlib.suppress(OSError):
                each.send(wire.frame(wire.BODY, 1, b"x" * 4000)[:2000])
        world.idle(seconds / 2)
        crowd.close()
        until(lambda: ready_in(owner, "half") == 2000, within=30, what="what was delivered to be back")
        world.note("half open", count)
    world.memory_grew_at_most(150)
