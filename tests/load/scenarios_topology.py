"""Loads of queues, exchanges and bindings, and of those who list them."""

import contextlib
import struct
import time
import urllib.error

import wire
from peers import DELETE_OK, Workers, api, declare, exchange_declare, message, open_peer, queue_bind, queue_delete, ready_in, run_for
from scenarios_flow import publish_at_line_rate
from waiting import until

EXCLUSIVE, AUTO_DELETE, DURABLE = 4, 8, 2


def declare_many(peer, names, flags=0):
    for begin in range(0, len(names), 500):
        part = names[begin:begin + 500]
        peer.send(*[wire.queue_declare(1, name, flags) for name in part])
        for _ in part:
            peer.expect(wire.QUEUE_DECLARE_OK)


def bind_many(peer, bindings):
    """Bindings as (queue, exchange, key)."""
    for begin in range(0, len(bindings), 500):
        part = bindings[begin:begin + 500]
        peer.send(*[queue_bind(1, *binding) for binding in part])
        for _ in part:
            peer.expect(wire.QUEUE_BIND_OK)


def delete_many(peer, names):
    for begin in range(0, len(names), 500):
        part = names[begin:begin + 500]
        peer.send(*[queue_delete(1, name) for name in part])
        for _ in part:
            peer.expect(DELETE_OK)


def one_key_ten_thousand_queues(world, seconds):
    """One key that leads to ten thousand queues: each gets every message. And ten thousand bindings that lead to one queue: it gets one."""
    count = 10_000 if seconds >= 10 else 2_000
    names = [f"wide-{number}" for number in range(count)]
    with open_peer(world.broker, timeout=180) as owner:
        owner.send(exchange_declare(1, "wide", "direct"), exchange_declare(1, "narrow", "topic"))
        owner.expect(wire.EXCHANGE_DECLARE_OK)
        owner.expect(wire.EXCHANGE_DECLARE_OK)
        declare_many(owner, names)
        bind_many(owner, [(name, "wide", "key") for name in names])
        declare(owner, "single")
        bind_many(owner, [("single", "narrow", f"a.{'*.' * (number % 20)}{number}.#") for number in range(count - 1)] +
                  [("single", "narrow", "#")])
        world.note("bindings", 2 * count)
        messages = max(20, int(seconds))
        began = time.monotonic()
        owner.send(message("key", b"x" * 64, exchange="wide") * messages)
        owner.send(message(f"a.b.{count // 2}", b"x", exchange="narrow") * messages)
        until(lambda: ready_in(owner, names[-1]) == messages and ready_in(owner, "single") == messages, within=seconds + 60,
              what="the last queue to have every message",
              detail=lambda: f"{ready_in(owner, names[-1])} and {ready_in(owner, 'single')} of {messages}")
        took = time.monotonic() - began
        world.note("messages into queues/s", round(messages * count / took))
        wrong = [name for name in names[:: max(1, count // 200)] if ready_in(owner, name) != messages]
        world.check(not wrong, f"{len(wrong)} queues do not have {messages} messages, among them {wrong[:1]}")
        delete_many(owner, names)
    world.memory_grew_at_most(count * messages * 96 / 1024 / 1024 + world.resident_mib + 250)


def queue_churn(world, seconds):
    """Queues, durable and not, that are declared, bound, published to and deleted."""
    done = [0]

    def churn(stopping, number):
        names = [f"churn-{number}-{each}" for each in range(100)]
        with open_peer(world.broker) as peer:
            while not stopping.is_set():
                declare_many(peer, names, DURABLE if number % 2 else 0)
                bind_many(peer, [(name, "amq.direct", "churn") for name in names])
                peer.send(message("churn", b"x" * 100, exchange="amq.direct", flags=1 << 12, properties=b"\x02"))
                delete_many(peer, names)
                done[0] += len(names)

    workers = Workers()
    for number in range(2):
        workers.start(churn, number)
    workers.stopping.wait(seconds)
    workers.finish()
    world.note("queues", done[0])
    world.memory_is_flat()


def short_lived_queues(world, seconds):
    """Exclusive queues that go with their connections, and queues that go with their last consumer."""
    done = [0]

    def exclusive(stopping):
        while not stopping.is_set():
            with open_peer(world.broker) as peer:
                peer.send(*[wire.queue_declare(1, "", EXCLUSIVE) for _ in range(50)])
                for _ in range(50):
                    peer.expect(wire.QUEUE_DECLARE_OK)
            done[0] += 50

    def auto_delete(stopping):
        with open_peer(world.broker) as peer:
            while not stopping.is_set():
                peer.send(wire.channel_open(2))
                peer.expect(wire.CHANNEL_OPEN_OK)
                for number in range(50):
                    peer.send(wire.queue_declare(2, f"auto-{number}", AUTO_DELETE), wire.consume(2, f"auto-{number}", f"t{number}"))
                for _ in range(100):
                    peer.read_method()
                peer.send(wire.method(2, wire.CHANNEL_CLOSE, wire.short(200) + wire.shortstr("") + wire.short(0) + wire.short(0)))
                peer.expect(wire.CHANNEL_CLOSE_OK)
                done[0] += 50

    workers = Workers()
    workers.start(exclusive)
    workers.start(auto_delete)
    workers.stopping.wait(seconds)
    workers.finish()
    world.note("queues", done[0])
    until(lambda: len([queue for queue in api(world.broker, "GET", "queues") if "bystander" not in queue["name"]]) == 0, within=20,
          what="all those queues to be gone")
    world.memory_is_flat()


def http_list_flood(world, seconds):
    """Operators who list five thousand queues again and again, eight at a time."""
    count = 5000 if seconds >= 10 else 1000
    names = [f"listed-{number}" for number in range(count)]
    done = [0]
    with open_peer(world.broker, timeout=180) as owner:
        declare_many(owner, names)

        def ask(stopping):
            while not stopping.is_set():
                with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                    queues = api(world.broker, "GET", "queues")
                    world.check(len(queues) >= count, f"{len(queues)} of {count} queues were listed")
                    done[0] += 1

        run_for(seconds, ask, 8)
        world.note("lists", done[0])
        world.check(done[0] > 0, "no list came")
        delete_many(owner, names)
    world.memory_grew_at_most(400)


def held_back_while_memory_is_short(world, seconds):
    """Memory near its watermark while one queue grows: its publishers are blocked, those of a queue that is emptied go on."""
    broker = world.broker
    world.configure("flow", "memory_watermark", f'"{(world.memory_now() >> 20) + world.resident_mib}MiB"')
    blocked = [0]
    with open_peer(broker) as owner:
        declare(owner, "grows")
        workers = Workers()
        for _ in range(2):
            workers.start(publish_at_line_rate, broker, "grows", 4096)
        last, still = 0, 0
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            workers.stopping.wait(0.5)
            ready = ready_in(owner, "grows")
            still = still + 1 if ready == last else 0
            blocked[0] += still >= 2
            last = ready
        workers.finish()
        world.note("ready", last)
        world.note("looks at which it stood still", blocked[0])
        world.check(blocked[0] > 0, "its publishers were never held back")
    world.memory_grew_at_most(world.resident_mib + 350)


def no_more_than_allowed(world, seconds):
    """Bounds of what a peer may make: consumers, channels, bindings; each refusal costs its channel or connection and nothing else."""
    with open_peer(world.broker) as peer:
        declare(peer, "bounded")
        most = world.consumers_per_channel
        peer.send(*[wire.consume(1, "bounded", f"c{number}") for number in range(most + 1)])
        for _ in range(most):
            peer.expect((60, 21))
        _, ids, text = peer.read_method()
        world.check(ids == wire.CONNECTION_CLOSE and b"of consumers per channel" in text, f"consumer {most + 1} was answered by {ids}")
        world.note("reply code", struct.unpack_from(">H", text)[0])
    world.idle(min(seconds, 2))
