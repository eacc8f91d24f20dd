"""Kills a broker while messages come back, are counted and wait: none is lost or doubled, and what was written of counts and waits holds.

A count, and the wait that goes with it, is on disk at the latest when a publish that was made behind the return, to the same queue, is
confirmed. So each worker gives messages back, publishes one with a confirm, and from then on holds the broker to what it has seen.
CRASH_SEED and CRASH_ROUNDS choose other plans.
"""

import collections
import os
import pathlib
import random
import sys
import threading
import time

import pika
import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]

from broker_process import started  # noqa: E402
from outage import broker_to_kill  # noqa: E402
from waiting import until  # noqa: E402

WORKERS = 3
LIMIT = 5
FIRST_WAIT_MS, LONGEST_WAIT_MS = 40, 320
CLOCK_MS = 5  # how far the broker's wall clock and ours may be apart
ARGUMENTS = {"x-delayed-retry-type": "all", "x-delayed-retry-min": FIRST_WAIT_MS, "x-delayed-retry-max": LONGEST_WAIT_MS,
             "x-delayed-retry-backoff": "exponential", "x-delivery-limit": LIMIT, "x-dead-letter-exchange": "",
             "x-dead-letter-routing-key": "dead"}

Written = collections.namedtuple("Written", "count not_before")


def connect(broker):
    return pika.BlockingConnection(pika.ConnectionParameters(broker.host, broker.port, heartbeat=0, socket_timeout=5, stack_timeout=5))


class Record:
    """What all workers have seen so far, and what the broker has done wrong."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.confirmed = set()
        self.acked = set()
        self.written = {}  # number -> Written
        self.wrong = []
        self.returns = 0

    def number(self):
        with self.lock:
            self.next += 1
            return self.next

    def check(self, number, count):
        """A delivery with that count, now."""
        with self.lock:
            known = self.written.get(number, Written(0, 0))
            if count > LIMIT:
                self.wrong.append(f"{number} was delivered after it had come back {count} times")
            if count < known.count:
                self.wrong.append(f"{number} came back {known.count} times, and now only {count}")
            if count == known.count and time.monotonic() < known.not_before - CLOCK_MS / 1000:
                self.wrong.append(f"{number} was delivered {known.not_before - time.monotonic():.3f} s before its wait was over")

    def keep(self, returned, confirmed):
        with self.lock:
            self.confirmed.add(confirmed)
            for number, written in returned.items():
                if written.count > self.written.get(number, Written(0, 0)).count:
                    self.written[number] = written
            self.returns += len(returned)


class Worker(threading.Thread):
    """Takes messages, gives most of them back, and publishes more, until its broker dies."""

    def __init__(self, broker, record, seed):
        super().__init__()
        self.broker = broker
        self.record = record
        self.random = random.Random(seed)
        self.trouble = None

    def run(self):
        try:
            channel = connect(self.broker).channel()
            channel.confirm_delivery()
            while True:
                returned = {}
                for _ in range(self.random.randrange(6)):
                    self.handle_one(channel, returned)
                number = self.record.number()
                body = b"%d" % number + b"." * self.random.choice((0, 100, 5000))
                channel.basic_publish("", "work", body, pika.BasicProperties(delivery_mode=2))
                self.record.keep(returned if stays(number) else {}, number)
        except (pika.exceptions.AMQPError, OSError):
            return  # the broker was killed; that is the point
        except Exception as error:  # noqa: BLE001  (the test shows it)
            self.trouble = error

    def handle_one(self, channel, returned):
        method, properties, body = channel.basic_get("work")
        if method is None:
            return
        number, count = number_of(body), (properties.headers or {}).get("x-delivery-count", 0)
        self.record.check(number, count)
        if not stays(number) and self.random.random() < 0.2:
            self.record.acked.add(number)
            channel.basic_ack(method.delivery_tag)
            return
        wait_ms = min(FIRST_WAIT_MS * 2 ** count, LONGEST_WAIT_MS)
        if number not in returned:
            returned[number] = Written(count + 1, time.monotonic() + wait_ms / 1000)
        self.random.choice((channel.basic_nack, channel.basic_reject))(method.delivery_tag, requeue=True)


def number_of(body):
    return int(body.rstrip(b"."))


def stays(number):
    """Every other message is never acknowledged: its confirm cannot come from that, but only from the disk."""
    return number % 2 == 1


def drain(channel, queue, found):
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return
        found.append((number_of(body), properties.headers or {}))


@pytest.mark.skipif("AMQP_URL" in os.environ, reason="a broker named by AMQP_URL is not ours to kill")
def test_counts_and_waits_hold_wherever_the_broker_was_killed():
    rounds = int(os.environ.get("CRASH_ROUNDS", "8"))
    plan = random.Random(int(os.environ.get("CRASH_SEED", "1")))
    record = Record()
    with started(broker_to_kill()) as broker:
        with connect(broker) as connection:
            channel = connection.channel()
            channel.queue_declare("work", durable=True, arguments=ARGUMENTS)
            channel.queue_declare("dead", durable=True)
        for _ in range(rounds):
            workers = [Worker(broker, record, plan.random()) for _ in range(WORKERS)]
            for worker in workers:
                worker.start()
            time.sleep(plan.uniform(0.1, 1.2))  # the load lasts as long as the plan says
            broker.kill()
            for worker in workers:
                worker.join(20)
                assert worker.trouble is None, worker.trouble
            broker.start()
        assert not record.wrong, record.wrong[:10]
        left, dead = [], []
        with connect(broker) as connection:
            channel = connection.channel()

            def missing():
                drain(channel, "work", left)
                drain(channel, "dead", dead)
                return record.confirmed - record.acked - {number for number, _headers in left + dead}

            until(lambda: not missing(), within=20, what="every confirmed message to be found", detail=lambda: f"lost: {sorted(missing())[:10]}")
            missing()
        for number, headers in left:
            assert record.written.get(number, Written(0, 0)).count <= headers.get("x-delivery-count", 0) <= LIMIT, number
        for number, headers in dead:
            assert headers["x-death"][0]["reason"] == "delivery_limit", number
        doubled = [number for number, times in collections.Counter(number for number, _headers in left + dead).items() if times > 1]
        assert not doubled, doubled[:10]
        assert record.confirmed and record.returns and dead, "nothing happened in time"
