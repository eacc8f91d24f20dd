"""Kills a broker while delayed messages come, wait and fall due. Nobody consumes before the end, so what is found then can be counted.

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

QUEUES = ("left", "right")
LONGEST_DELAY_MS = 600


def connect(broker):
    return pika.BlockingConnection(pika.ConnectionParameters(broker.host, broker.port, heartbeat=0, socket_timeout=5, stack_timeout=5))


class Publisher(threading.Thread):
    """Publishes to both queues at once, with confirms, until its broker dies."""

    def __init__(self, broker, first, seed):
        super().__init__()
        self.broker = broker
        self.next = first
        self.confirmed = []
        self.random = random.Random(seed)

    def run(self):
        try:
            channel = connect(self.broker).channel()
            channel.confirm_delivery()
            while True:
                number = self.next
                self.next += 1
                headers = {"x-delay": self.random.randrange(LONGEST_DELAY_MS)}
                properties = pika.BasicProperties(headers=headers, delivery_mode=2, message_id=str(number))
                channel.basic_publish("both", "", b"%d" % number + b"." * self.random.choice((0, 100, 5000)), properties)
                self.confirmed.append(number)
        except (pika.exceptions.AMQPError, OSError):
            return


def numbers_in(channel, queue):
    found = []
    while True:
        method, _properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return found
        found.append(int(body.rstrip(b".")))


def counts(channel):
    return [channel.queue_declare(queue, passive=True).method.message_count for queue in QUEUES]


@pytest.mark.skipif("AMQP_URL" in os.environ, reason="a broker named by AMQP_URL is not ours to kill")
def test_delayed_messages_come_once_each_wherever_the_broker_was_killed():
    rounds = int(os.environ.get("CRASH_ROUNDS", "8"))
    plan = random.Random(int(os.environ.get("CRASH_SEED", "1")))
    confirmed, first = set(), 0
    with started(broker_to_kill()) as broker:
        with connect(broker) as connection:
            channel = connection.channel()
            channel.exchange_declare("both", "fanout", durable=True)
            for queue in QUEUES:
                channel.queue_declare(queue, durable=True)
                channel.queue_bind(queue, "both")
        for _ in range(rounds):
            publishers = [Publisher(broker, first + 1_000_000 * index, plan.random()) for index in range(3)]
            for publisher in publishers:
                publisher.start()
            time.sleep(plan.uniform(0.05, 1.2))  # the load lasts as long as the plan says
            broker.kill()
            for publisher in publishers:
                publisher.join(20)
                confirmed.update(publisher.confirmed)
            first += 10_000_000
            broker.start()
        with connect(broker) as connection:
            channel = connection.channel()
            still = time.monotonic()
            last = None

            def nothing_moves():
                nonlocal still, last
                now = counts(channel)
                if now != last:
                    last, still = now, time.monotonic()
                return time.monotonic() - still > 2 * LONGEST_DELAY_MS / 1000

            until(nothing_moves, within=60, every=0.05, what="the last delay to end")
            found = {queue: numbers_in(channel, queue) for queue in QUEUES}
        for queue in QUEUES:
            assert not confirmed - set(found[queue]), f"lost in {queue}"
            assert not [number for number, times in collections.Counter(found[queue]).items() if times > 1], f"doubled in {queue}"
        assert sorted(found["left"]) == sorted(found["right"])
        assert confirmed, "nothing was confirmed in time"
