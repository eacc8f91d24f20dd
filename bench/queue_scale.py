#!/usr/bin/env python3
"""How queues bear a million messages: expiry, length limits, requeues, purges, priorities, many queues that expire, retries, groups,
filters, late acknowledgements, transactions.

    bench/queue_scale.py                         # everything, on a brokerd of its own; some minutes
    bench/queue_scale.py --only ttl,purge --count 100000
    bench/queue_scale.py --uri amqp://guest:guest@127.0.0.1/%2F --pid 1234

Each part prints a line: what was done, how fast, and how much CPU time and memory the broker took for it. The client is one Python process
on raw frames, which puts a bound of some 100,000 messages a second on rates; what the broker needs is in its CPU time. A part whose check
fails (a message is missing, out of order, early) says FAULT, and the exit code is 1.
"""

import argparse
import os
import pathlib
import random
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

import wire  # noqa: E402
from broker_process import OwnBroker, RunningBroker  # noqa: E402

BATCH, WINDOW, FILLING = 1000, 20_000, b"." * 76
PERSISTENT_FLAG, PRIORITY_FLAG, EXPIRATION_FLAG, HEADERS_FLAG = 1 << 12, 1 << 11, 1 << 8, 1 << 13
TICK = os.sysconf("SC_CLK_TCK")
QUEUE_DELETE, QUEUE_DELETE_OK, QUEUE_PURGE, QUEUE_PURGE_OK = (50, 40), (50, 41), (50, 30), (50, 31)
faults = []


def integer(name, value):
    return wire.field(name, b"l", struct.pack(">q", value))


def text(name, value):
    return wire.field(name, b"S", wire.longstr(value))


class Usage:
    """CPU time and memory of the broker's process between begin and end."""

    def __init__(self, pid):
        self.pid, self.peak = pid, 0
        self.began, self.cpu = time.monotonic(), self.cpu_seconds()

    def cpu_seconds(self):
        if not self.pid:
            return 0.0
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def look(self):
        if self.pid:
            resident = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            self.peak = max(self.peak, resident)

    def __str__(self):
        self.look()
        return (f"{time.monotonic() - self.began:.1f} s, broker: {self.cpu_seconds() - self.cpu:.1f} s CPU, "
                f"{self.peak / 1e6:.0f} MB resident")


def report(what, usage):
    print(f"{what}: {usage}", flush=True)


def fault(what):
    faults.append(what)
    print("FAULT:", what, flush=True)


def percentiles(values):
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]  # noqa: E731
    return f"p50 {at(0.5):.1f}, p99 {at(0.99):.1f}, p99.9 {at(0.999):.1f}, most {values[-1]:.1f} ms"


def open_peer(broker):
    return wire.Peer(broker, timeout=600).shake_hands().with_channel()


def declare(peer, queue, *arguments, durable=True):
    peer.send(wire.queue_declare(1, queue, 2 if durable else 0, wire.table(*arguments)))
    peer.expect(wire.QUEUE_DECLARE_OK)
    return queue


def counts(peer, queue):
    peer.send(wire.queue_declare(1, queue, 1))
    _, arguments = peer.expect(wire.QUEUE_DECLARE_OK)
    return struct.unpack(">II", arguments[1 + arguments[0]:9 + arguments[0]])


def purge(peer, queue):
    peer.send(wire.method(1, QUEUE_PURGE, wire.short(0) + wire.shortstr(queue) + wire.octet(0)))
    return struct.unpack(">I", peer.expect(QUEUE_PURGE_OK)[1])[0]


def delete(peer, queue):
    peer.send(wire.method(1, QUEUE_DELETE, wire.short(0) + wire.shortstr(queue) + wire.octet(0)))
    peer.expect(QUEUE_DELETE_OK)


def content(queue, flags, properties, body):
    return wire.publish(1, queue) + wire.content_header(1, len(body), flags, properties) + wire.body(1, body)


def fill(broker, queue, count, message, usage, first=0):
    """Publishes persistent messages with confirms; message(number) gives flags, properties and body. Returns how many a second."""
    with open_peer(broker) as peer:
        peer.send(wire.method(1, wire.CONFIRM_SELECT, b"\0"))
        peer.expect(wire.CONFIRM_SELECT_OK)
        sent = confirmed = 0
        began = time.monotonic()
        while confirmed < count:
            if sent < count and sent - confirmed < WINDOW:
                batch = [content(queue, *message(first + number)) for number in range(sent, min(sent + BATCH, count))]
                peer.send(*batch)
                sent += len(batch)
            for _, _, payload in peer.poll(0 if sent < count and sent - confirmed < WINDOW else 1):
                ids, tag = struct.unpack(">HH", payload[:4]), struct.unpack(">Q", payload[4:12])[0]
                if ids == wire.BASIC_NACK:
                    fault(f"{queue}: a publish was refused")
                confirmed = tag if payload[12] & 1 else confirmed + 1
            usage.look()
        return count / (time.monotonic() - began)


def plain(number):
    return PERSISTENT_FLAG, b"\2", struct.pack(">Q", number) + FILLING


class Reader:
    """A consumer without acknowledgements that hands each body to `take`."""

    def __init__(self, broker, queue, take):
        self.peer, self.take, self.seen = open_peer(broker), take, 0
        self.peer.send(wire.consume(1, queue, flags=2))
        self.peer.expect(wire.BASIC_CONSUME_OK)

    def read(self, timeout):
        for kind, _, payload in self.peer.poll(timeout):
            if kind == wire.BODY:
                self.seen += 1
                self.take(payload)

    def close(self):
        self.peer.socket.close()


def drain(broker, queue, count, usage, take=lambda body: None):
    began, last = time.monotonic(), time.monotonic()
    reader = Reader(broker, queue, take)
    while reader.seen < count and time.monotonic() - last < 60:
        before = reader.seen
        reader.read(1)
        if reader.seen != before:
            last = time.monotonic()
        usage.look()
    reader.close()
    if reader.seen != count:
        fault(f"{queue}: {reader.seen} messages came, {count} were due")
    return reader.seen / (time.monotonic() - began)


# --- the parts ---


def ttl(broker, settings, usage):
    """Random expirations of 1 to 60 s; dead letters are read from a second queue, and the lateness of each is noted."""
    rng, lateness = random.Random(1), []
    with open_peer(broker) as peer:
        dead = declare(peer, "scale.dead")
        queue = declare(peer, "scale.ttl", text("x-dead-letter-exchange", ""), text("x-dead-letter-routing-key", dead))
        child = os.fork()
        if child == 0:
            def message(_number):
                life_ms = rng.randint(1000, 60_000)
                due = time.time() + life_ms / 1000
                return PERSISTENT_FLAG | EXPIRATION_FLAG, b"\2" + wire.shortstr(str(life_ms)), struct.pack(">d", due) + FILLING
            fill(broker, queue, settings.count, message, Usage(0))
            os._exit(0)

        reader = Reader(broker, dead, lambda body: lateness.append((time.time() - struct.unpack(">d", body[:8])[0]) * 1000))
        last = time.monotonic()
        while len(lateness) < settings.count and time.monotonic() - last < 90:
            before = len(lateness)
            reader.read(0.2)
            if len(lateness) != before:
                last = time.monotonic()
            usage.look()
        os.waitpid(child, 0)
        reader.close()
        ready = counts(peer, queue)[0]
        if len(lateness) != settings.count or ready:
            fault(f"ttl: {len(lateness)} of {settings.count} expired, {ready} are still there")
        if min(lateness) < -1:
            fault(f"ttl: a message expired {-min(lateness):.0f} ms too early")
        report(f"ttl: {settings.count} expirations of 1 to 60 s, late by {percentiles(lateness)}", usage)
        delete(peer, queue)
        delete(peer, dead)


def max_length(broker, settings, usage):
    more = settings.count // 5
    with open_peer(broker) as peer:
        queue = declare(peer, "scale.length", integer("x-max-length", settings.count))
        fill(broker, queue, settings.count, plain, usage)
        usage.__init__(usage.pid)
        rate = fill(broker, queue, more, plain, usage, first=settings.count)
        ready = counts(peer, queue)[0]
        if ready != settings.count:
            fault(f"max-length: {ready} messages are left of {settings.count}")
        report(f"max-length: {more} published into a full queue of {settings.count}, {rate:,.0f}/s, each drops the head", usage)
        first = []
        usage.__init__(usage.pid)
        rate = drain(broker, queue, settings.count, usage, lambda body: first.append(body[:8]) if not first else None)
        if first != [struct.pack(">Q", more)]:
            fault("max-length: not the oldest were dropped")
        report(f"max-length: {settings.count} drained, {rate:,.0f}/s", usage)
        delete(peer, queue)


def requeue(broker, settings, usage):
    rounds, many = 2000, min(50_000, settings.count // 2)
    with open_peer(broker) as peer:
        queue = declare(peer, "scale.requeue")
        fill(broker, queue, settings.count, plain, usage)
        usage.__init__(usage.pid)
        times, tag = [], 0
        for _ in range(rounds):
            began = time.monotonic()
            peer.send(wire.get(1, queue))
            peer.expect(wire.BASIC_GET_OK)
            peer.read_frame()
            if peer.read_frame()[2][:8] != struct.pack(">Q", 0):
                fault("requeue: the oldest did not come back to its place")
            tag += 1
            peer.send(wire.nack(1, tag))
            times.append((time.monotonic() - began) * 1000)
        report(f"requeue: the oldest of {settings.count} got and given back {rounds} times, {percentiles(times)}", usage)
        usage.__init__(usage.pid)
        with open_peer(broker) as other:
            other.send(wire.qos(1, many), wire.consume(1, queue))
            other.expect(wire.BASIC_QOS_OK)
            seen = 0
            while seen < many:
                seen += sum(kind == wire.BODY for kind, _, _ in other.poll(1))
            began = time.monotonic()
        while counts(peer, queue)[0] != settings.count:
            time.sleep(0.002)
        report(f"requeue: {many} that a lost consumer had were back in {(time.monotonic() - began) * 1000:.0f} ms", usage)
        delete(peer, queue)


def purges(broker, settings, usage):
    with open_peer(broker) as peer:
        queue = declare(peer, "scale.purge")
        rate = fill(broker, queue, settings.count, plain, usage)
        report(f"purge: {settings.count} published, {rate:,.0f}/s", usage)
        usage.__init__(usage.pid)
        began = time.monotonic()
        purged = purge(peer, queue)
        if purged != settings.count:
            fault(f"purge: {purged} purged of {settings.count}")
        report(f"purge: {purged} gone in {(time.monotonic() - began) * 1000:.0f} ms", usage)
        delete(peer, queue)


def priorities(broker, settings, usage):
    rng = random.Random(2)

    def message(number):
        priority = rng.randint(0, 10)
        return PERSISTENT_FLAG | PRIORITY_FLAG, b"\2" + wire.octet(priority), struct.pack(">BQ", priority, number) + FILLING

    with open_peer(broker) as peer:
        queue = declare(peer, "scale.priority", integer("x-max-priority", 10))
        rate = fill(broker, queue, settings.count, message, usage)
        report(f"priority: {settings.count} of 11 priorities published, {rate:,.0f}/s", usage)
        usage.__init__(usage.pid)
        last = [(-11, -1), 0]

        def take(body):
            priority, number = struct.unpack(">BQ", body[:9])
            if (-priority, number) <= last[0]:
                last[1] += 1
            last[0] = (-priority, number)

        rate = drain(broker, queue, settings.count, usage, take)
        if last[1]:
            fault(f"priority: {last[1]} messages out of order")
        report(f"priority: {settings.count} drained in order, {rate:,.0f}/s", usage)
        delete(peer, queue)


def expires(broker, settings, usage):
    queues, idle_ms, channels = settings.queues, 5000, 200
    with open_peer(broker) as peer:
        for channel in range(2, channels + 1):
            peer.with_channel(channel)
        arguments = wire.table(integer("x-expires", idle_ms))
        usage.look()
        resident, declared = usage.peak, []
        for start in range(0, queues, channels):
            names = [f"scale.expires.{number}" for number in range(start, min(start + channels, queues))]
            peer.send(*(wire.queue_declare(channel, name, 2, arguments) for channel, name in enumerate(names, 1)))
            for name in names:
                peer.expect(wire.QUEUE_DECLARE_OK)
                declared.append((name, time.monotonic()))
        report(f"expires: {queues} durable queues declared", usage)
        usage.look()
        grown = (usage.peak - resident) / queues / 1000
        # Asked by a bind: a declare is use and would keep the queue alive. Each is asked just before and just after its time.
        early = late = 0
        looks = [(True, *declared[-1]), *((False, name, since + 5.5) for name, since in declared[::max(1, queues // 50)])]
        for before, name, due in looks:
            if not before:
                time.sleep(max(0.0, due - time.monotonic()))
            gone = not bound(broker, name)
            early, late = early + (before and gone), late + (not before and not gone)
        if early or late:
            fault(f"expires: {early} queues went early, {late} of 50 were there half a second after their time")
        report(f"expires: gone in time; {grown:.1f} kB each while they lived", usage)


def bound(broker, queue):
    with open_peer(broker) as peer:
        peer.send(wire.method(1, wire.QUEUE_BIND, wire.short(0) + wire.shortstr(queue) + wire.shortstr("amq.fanout") + wire.shortstr("") +
                              wire.octet(0) + wire.table()))
        return peer.read_method()[1] == wire.QUEUE_BIND_OK


class Worker:
    """A consumer with acknowledgements. `take(body, tag)` gets each message; what it returns is sent."""

    def __init__(self, broker, queue, take, prefetch=2000, arguments=b"\0\0\0\0"):
        self.peer, self.take, self.tag = open_peer(broker), take, 0
        self.peer.send(wire.qos(1, prefetch), wire.consume_with(1, queue, arguments))
        self.peer.expect(wire.BASIC_QOS_OK)
        self.peer.expect(wire.BASIC_CONSUME_OK)

    def read(self, timeout):
        """Returns how many came."""
        answers, seen = [], self.tag
        for kind, _, payload in self.peer.poll(timeout):
            if kind == wire.BODY:
                self.tag += 1
                answers.append(self.take(payload, self.tag))
        if self.tag != seen:
            self.peer.send(*(answer for answer in answers if answer))
        return self.tag - seen

    def work(self, count, usage, patience_s=60):
        """Until so many came; returns after how many seconds."""
        began = last = time.monotonic()
        while self.tag < count and time.monotonic() - last < patience_s:
            if self.read(0.5):
                last = time.monotonic()
            usage.look()
        return time.monotonic() - began


def acknowledge(_body, tag):
    return wire.ack(1, tag, multiple=True) if tag % 500 == 0 else b""


def with_header(name, value, body):
    return PERSISTENT_FLAG | HEADERS_FLAG, wire.table(text(name, value)) + b"\2", body


def retries(broker, settings, usage):
    """Everything is given back once and waits; then all of it comes again within five seconds."""
    wait_ms = max(20_000, settings.count // 25)
    with open_peer(broker) as peer:
        queue = declare(peer, "scale.retry", text("x-delayed-retry-type", "all"), text("x-delayed-retry-backoff", "fixed"),
                        integer("x-delayed-retry-min", wait_ms), integer("x-delayed-retry-max", wait_ms))
        fill(broker, queue, settings.count, plain, usage)
        usage.__init__(usage.pid)
        began, late = [], []

        def give_back(_body, tag):
            began.append(time.monotonic())
            return wire.nack(1, tag)

        def again(body, tag):
            late.append((time.monotonic() - began[struct.unpack(">Q", body[:8])[0]]) * 1000 - wait_ms)
            return acknowledge(body, tag)

        worker = Worker(broker, queue, give_back)
        took = worker.work(settings.count, usage)
        if counts(peer, queue)[0] or worker.tag != settings.count:
            fault(f"retry: {counts(peer, queue)[0]} messages do not wait")
        report(f"retry: {settings.count} given back to wait {wait_ms / 1000:.0f} s, {settings.count / took:,.0f}/s", usage)
        usage.__init__(usage.pid)
        worker.take = again
        worker.work(2 * settings.count, usage, patience_s=wait_ms / 1000 + 60)
        if len(late) != settings.count or min(late) < -1:
            fault(f"retry: {len(late)} came again, the earliest {-min(late, default=0):.0f} ms too early")
        report(f"retry: all came again, late by {percentiles(late)}", usage)
        worker.peer.socket.close()
        delete(peer, queue)


def groups(broker, settings, usage):
    many, last, wrong = max(1, settings.count // 10), {}, []
    with open_peer(broker) as peer:
        queue = declare(peer, "scale.groups", text("x-group-header", "account"))
        fill(broker, queue, settings.count,
             lambda number: with_header("account", str(number % many), struct.pack(">QQ", number % many, number) + FILLING), usage)
        usage.__init__(usage.pid)

        def in_order(body, tag):
            group, number = struct.unpack(">QQ", body[:16])
            if last.get(group, -1) >= number:
                wrong.append(group)
            last[group] = number
            return wire.ack(1, tag)

        workers = [Worker(broker, queue, in_order, prefetch=500) for _ in range(4)]
        began = quiet = time.monotonic()
        while sum(worker.tag for worker in workers) < settings.count and time.monotonic() - quiet < 60:
            if sum(worker.read(0.001) for worker in workers):
                quiet = time.monotonic()
            usage.look()
        if wrong or len(last) != many:
            fault(f"groups: {len(wrong)} messages before an older one of their group, {len(last)} groups of {many}")
        report(f"groups: {settings.count} of {many} groups by 4 workers, {settings.count / (time.monotonic() - began):,.0f}/s", usage)
        for worker in workers:
            worker.peer.socket.close()
        delete(peer, queue)


def filters(broker, settings, usage):
    rare = settings.count // 1000
    with open_peer(broker) as peer:
        queue = declare(peer, "scale.filters")
        rate = fill(broker, queue, settings.count,
                    lambda number: with_header("kind", f"rare{number // 1000 % 2}" if number % 1000 == 0 else "common", FILLING), usage)
        report(f"filters: {settings.count} published, {rate:,.0f}/s", usage)
        for kind in (0, 1):
            usage.__init__(usage.pid)
            worker = Worker(broker, queue, lambda _body, tag: wire.ack(1, tag),
                            arguments=wire.table(text("x-filter", f"kind = 'rare{kind}'")))
            took = worker.work(rare // 2, usage)
            worker.peer.socket.close()
            if worker.tag != rare // 2:
                fault(f"filters: {worker.tag} of {rare // 2} came")
            report(f"filters: {rare // 2} of {settings.count} found by a {('first', 'second')[kind]} filter in {took * 1000:.0f} ms", usage)
        if counts(peer, queue)[0] != settings.count - rare:
            fault(f"filters: {counts(peer, queue)[0]} are left of {settings.count - rare}")
        delete(peer, queue)


def late_acks(broker, settings, usage):
    many = min(60_000, settings.count)
    with open_peer(broker) as peer:
        queue = declare(peer, "scale.late", integer("x-consumer-timeout", 10_000))
        fill(broker, queue, settings.count, plain, usage)
        usage.__init__(usage.pid)
        worker = Worker(broker, queue, lambda *_: b"", prefetch=many)
        worker.work(many, usage)
        due = time.monotonic() + 10
        worker.work(2 * many, usage)
        if worker.tag != 2 * many:
            fault(f"late: {worker.tag - many} of {many} came again")
        report(f"late: {many} of {settings.count} not acknowledged in 10 s came again {(time.monotonic() - due) * 1000:.0f} ms after that", usage)
        worker.peer.socket.close()
        delete(peer, queue)


def transactions(broker, settings, usage):
    size, times = 1000, []
    with open_peer(broker) as peer:
        queues = [declare(peer, f"scale.tx.{number}") for number in range(2)]
        usage.__init__(usage.pid)
        peer.send(wire.method(1, wire.TX_SELECT))
        peer.expect(wire.TX_SELECT_OK)
        began = time.monotonic()
        for start in range(0, settings.count // 2, size):
            commit = time.monotonic()
            peer.send(*(content(queue, *plain(number)) for number in range(start, start + size) for queue in queues), wire.method(1, wire.TX_COMMIT))
            peer.expect(wire.TX_COMMIT_OK)
            times.append((time.monotonic() - commit) * 1000)
            usage.look()
        rate = settings.count / (time.monotonic() - began)
        report(f"tx: {settings.count} messages in transactions of {2 * size} over two queues, {rate:,.0f}/s, each {percentiles(times)}", usage)
        if [counts(peer, queue)[0] for queue in queues] != [settings.count // 2] * 2:
            fault("tx: messages are missing")
        for queue in queues:
            delete(peer, queue)


PARTS = {"ttl": ttl, "max-length": max_length, "requeue": requeue, "purge": purges, "priority": priorities, "expires": expires,
         "retry": retries, "groups": groups, "filters": filters, "late": late_acks, "tx": transactions}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="messages in a queue")
    parser.add_argument("--queues", type=int, default=10_000, help="queues that expire")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by commas: " + ", ".join(PARTS))
    parser.add_argument("--uri", help="a broker that runs already")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the own brokerd")
    parser.add_argument("--pid", type=int, default=0, help="its process, for CPU time and memory")
    settings = parser.parse_args()
    broker = RunningBroker(settings.uri) if settings.uri else OwnBroker([word for option in settings.set for word in ("--set", option)])
    broker.start()
    try:
        for part in settings.only.split(","):
            PARTS[part](broker, settings, Usage(settings.pid or (0 if settings.uri else broker.process.pid)))
    finally:
        broker.stop()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
