#!/usr/bin/env python3
"""What it costs to take each id once: broker's CPU time for a message with and without, and a window of a million ids.

    bench/deduplication.py                  # on a brokerd of its own; a minute or two
    bench/deduplication.py --count 100000 --window 200000

The client is one Python process on raw frames and bounds the rates; what the broker needs is in its CPU time. Messages are persistent, with an
id in a header, confirmed in a window of 20,000; the queue drops its oldest, so that it does not grow.
"""

import argparse
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import queue_scale  # noqa: E402
from queue_scale import Usage, counts, declare, fill, open_peer, purge  # noqa: E402

import wire  # noqa: E402
from broker_process import OwnBroker  # noqa: E402

HEADERS_FLAG = 1 << 13
EXCHANGE_DECLARE, EXCHANGE_DECLARE_OK, QUEUE_BIND, QUEUE_BIND_OK = (40, 10), (40, 11), (50, 20), (50, 21)
ON = wire.field("x-message-deduplication", b"t", b"\1")
KEPT = 20_000


def named(number):
    """A persistent message whose id is its number."""
    headers = wire.table(queue_scale.text("x-deduplication-header", f"order-{number}"))
    return HEADERS_FLAG | queue_scale.PERSISTENT_FLAG, headers + b"\2", struct.pack(">Q", number) + queue_scale.FILLING


def short_queue(peer, queue, *arguments):
    return declare(peer, queue, queue_scale.integer("x-max-length", KEPT), *arguments)


def exchange(peer, name, queues, *arguments):
    flags = 2  # durable
    peer.send(wire.method(1, EXCHANGE_DECLARE, wire.short(0) + wire.shortstr(name) + wire.shortstr("fanout") + wire.octet(flags) +
                          wire.table(*arguments)))
    peer.expect(EXCHANGE_DECLARE_OK)
    for queue in queues:
        short_queue(peer, queue)
        peer.send(wire.method(1, QUEUE_BIND, wire.short(0) + wire.shortstr(queue) + wire.shortstr(name) + wire.shortstr("") + wire.octet(0) +
                              wire.table()))
        peer.expect(QUEUE_BIND_OK)


def cost(broker, what, target, count, first=0, through=None):
    usage = Usage(broker.process.pid)
    before = queue_scale.content
    if through:
        queue_scale.content = lambda queue, flags, properties, body: (
            wire.publish(1, "", exchange=through) + wire.content_header(1, len(body), flags, properties) + wire.body(1, body))
    try:
        rate = fill(broker, target, count, named, usage, first)
    finally:
        queue_scale.content = before
    cpu = usage.cpu_seconds() - usage.cpu
    print(f"{what}: {rate:,.0f}/s, {cpu / count * 1e6:.2f} us CPU a message", flush=True)


def costs(broker, count):
    with open_peer(broker) as peer:
        short_queue(peer, "plain")
        short_queue(peer, "unique", ON, queue_scale.integer("x-cache-size", 1_000_000))
        short_queue(peer, "in.memory", ON, queue_scale.integer("x-cache-size", 1_000_000), queue_scale.text("x-cache-persistence", "memory"))
        exchange(peer, "all.plain", [f"plain.{number}" for number in range(3)])
        exchange(peer, "all.unique", [f"unique.{number}" for number in range(3)], ON, queue_scale.integer("x-cache-size", 1_000_000))
    cost(broker, "warming up", "plain", count)
    for _ in range(2):
        cost(broker, "a queue that takes everything", "plain", count)
    cost(broker, "that takes each id once", "unique", count)
    cost(broker, "the same, nothing but duplicates", "unique", count)
    cost(broker, "with ids in memory", "in.memory", count)
    cost(broker, "an exchange with three queues", "", count, through="all.plain")
    cost(broker, "one that lets each id in once", "", count, through="all.unique")


def resident(broker):
    usage = Usage(broker.process.pid)
    usage.look()
    return usage.peak


def window(broker, ids):
    with open_peer(broker) as peer:
        short_queue(peer, "window", ON, queue_scale.integer("x-cache-size", ids))
    broker.terminate()
    empty_start = broker.start()
    before = resident(broker)
    fill(broker, "window", ids, named, Usage(broker.process.pid))
    with open_peer(broker) as peer:
        purge(peer, "window")
    print(f"{ids:,} ids: {(resident(broker) - before) / 1e6:.0f} MB more resident after they came ", flush=True)
    for how, end in (("stop", broker.terminate), ("kill", broker.kill)):
        end()
        took = broker.start()
        print(f"start after a {how}: {took:.2f} s ({empty_start:.2f} s without ids), {resident(broker) / 1e6:.0f} MB resident "
              f"({before / 1e6:.0f} MB without)", flush=True)
    fill(broker, "window", 1000, named, Usage(broker.process.pid), first=ids - 1000)
    with open_peer(broker) as peer:
        if counts(peer, "window")[0] != 0:
            queue_scale.fault("ids were forgotten")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400_000, help="messages of each kind")
    parser.add_argument("--window", type=int, default=1_000_000, help="ids in the window")
    options = parser.parse_args()
    for part, size in ((costs, options.count), (window, options.window)):
        broker = OwnBroker()
        broker.start()
        try:
            part(broker, size)
        finally:
            broker.stop()
    return 1 if queue_scale.faults else 0


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(code)
