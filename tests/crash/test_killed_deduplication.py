"""Publishers that send again whatever was not confirmed, and kill -9 in the middle of it: each id is where it belongs, once.

One queue takes each id once, one exchange lets each id into its three queues. Consumers empty the queues in some of the lives, so that ids
of messages that are gone, and of messages that were never written, have to be remembered too.
"""

import collections
import pathlib
import random
import sys
import threading

import pika
import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]

from broker_process import started  # noqa: E402
from outage import broker_to_kill  # noqa: E402

LIVES, PUBLISHERS, WINDOW = 8, 3, 50
QUEUE, EXCHANGE, FANS = "dd.queue", "dd.exchange", ["dd.fan.0", "dd.fan.1", "dd.fan.2"]
LOST = (pika.exceptions.AMQPError, OSError)
REMEMBERED = {"x-message-deduplication": True, "x-cache-size": 1_000_000}


def connect(broker):
    return pika.BlockingConnection(pika.URLParameters(broker.url(heartbeat=0)))


def prepare(broker):
    connection = connect(broker)
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True, arguments=REMEMBERED)
    channel.exchange_declare(EXCHANGE, "x-message-deduplication", durable=True, arguments={"x-cache-size": 1_000_000})
    for fan in FANS:
        channel.queue_declare(fan, durable=True)
        channel.queue_bind(fan, EXCHANGE)
    connection.close()


class Publisher(threading.Thread):
    """Sends ids in windows, those first that an earlier life left unconfirmed; some of them twice at once."""

    def __init__(self, broker, number, state, rng):
        super().__init__(daemon=True)
        self.broker, self.number, self.state, self.rng, self.trouble = broker, number, state, rng, None

    def run(self):
        try:
            connection = connect(self.broker)
            channel = connection.channel()
            outstanding = {}
            answered = [0]

            def confirmed(frame):
                method = frame.method
                assert isinstance(method, pika.spec.Basic.Ack), "nothing is to be refused"
                tags = range(answered[0] + 1, method.delivery_tag + 1) if method.multiple else [method.delivery_tag]
                for tag in tags:
                    if tag in outstanding:
                        self.state.confirmed.setdefault(outstanding.pop(tag), self.state.life)
                if method.multiple:
                    answered[0] = method.delivery_tag

            channel._impl.confirm_delivery(confirmed)  # with a window, which BlockingChannel has no word for
            tag = 0
            while True:
                for identity in self.state.window(self.rng):
                    tag += 1
                    outstanding[tag] = identity
                    where, key = (("", QUEUE) if identity[0] == "q" else (EXCHANGE, ""))
                    properties = pika.BasicProperties(delivery_mode=2, headers={"x-deduplication-header": identity})
                    channel._impl.basic_publish(where, key, identity.encode(), properties)
                while outstanding:
                    connection.process_data_events(time_limit=0.01)
        except LOST:
            pass  # killed; that is the point
        except Exception as error:  # noqa: BLE001  (shown by the test)
            self.trouble = error


class State:
    """What one publisher knows across the lives of the broker."""

    def __init__(self, number):
        self.number, self.life, self.next, self.sent, self.confirmed = number, 0, 0, set(), {}  # confirmed: in which life

    def window(self, rng):
        again = list(self.sent - self.confirmed.keys())
        fresh = [f"{'qe'[count % 2]}{self.number}/{count}" for count in range(self.next, self.next + WINDOW)]
        self.next += WINDOW
        self.sent.update(fresh)
        twice = rng.sample(fresh, WINDOW // 10) + rng.sample(sorted(self.confirmed), min(len(self.confirmed), WINDOW // 10))
        ids = again + fresh + twice
        rng.shuffle(ids)
        return ids


class Consumer(threading.Thread):
    """Empties a queue, and keeps what it was given."""

    def __init__(self, broker, queue, life, given):
        super().__init__(daemon=True)
        self.broker, self.queue, self.life, self.given, self.trouble = broker, queue, life, given, None

    def run(self):
        try:
            channel = connect(self.broker).channel()
            channel.basic_qos(prefetch_count=100)
            for method, _, body in channel.consume(self.queue, inactivity_timeout=0.05):
                if method is not None:
                    self.given[(body, method.redelivered, self.life)] += 1
                    channel.basic_ack(method.delivery_tag)
        except LOST:
            pass
        except Exception as error:  # noqa: BLE001
            self.trouble = error


def drain(broker, queue):
    connection = connect(broker)
    channel = connection.channel()
    found = collections.Counter()
    while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
        found[(got[2], got[0].redelivered, LIVES)] += 1
    connection.close()
    return found


def check(given, states):
    """Whatever was confirmed came; and from the life in which it was confirmed on not twice, but for deliveries that say so.

    Before that a message may have been delivered and lost unwritten; that is no more than the publisher was told.
    """
    confirmed = {identity.encode(): life for state in states for identity, life in state.confirmed.items()}
    for queue, counts in given.items():
        kind = b"q" if queue == QUEUE else b"e"
        missing = {body for body in confirmed if body[:1] == kind} - {body for body, _, _ in counts}
        assert not missing, f"{queue}: {len(missing)} confirmed ids are lost, such as {sorted(missing)[:3]}"
        firsts = collections.Counter()
        for (body, redelivered, life), count in counts.items():
            if not redelivered and life >= confirmed[body]:
                firsts[body] += count
        twice = [body for body, count in firsts.items() if count > 1]
        assert not twice, f"{queue}: {len(twice)} ids came twice, such as {twice[:3]}"


def live(broker, rng, life, states, given):
    """One life of the broker, some of it with consumers, and its end."""
    for state in states:
        state.life = life
    publishers = [Publisher(broker, state.number, state, random.Random(rng.random())) for state in states]
    consumers = [Consumer(broker, queue, life, given[queue]) for queue in given if rng.random() < 0.5]
    for thread in publishers + consumers:
        thread.start()
    publishers[0].join(rng.uniform(0.1, 0.5))  # the length of this life, not a wait for anything
    broker.kill()
    for thread in publishers + consumers:
        thread.join(20)
        assert not thread.is_alive() and thread.trouble is None, thread.trouble
    broker.start()


def send_the_rest(broker, states):
    """What was never confirmed is sent until it is."""
    channel = connect(broker).channel()
    channel.confirm_delivery()
    for state in states:
        for identity in sorted(state.sent - state.confirmed.keys()):
            where, key = (("", QUEUE) if identity[0] == "q" else (EXCHANGE, ""))
            channel.basic_publish(where, key, identity.encode(),
                                  pika.BasicProperties(delivery_mode=2, headers={"x-deduplication-header": identity}))
            state.confirmed[identity] = LIVES


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_id_is_there_once_wherever_the_broker_was_killed(seed):
    rng = random.Random(seed)
    states = [State(number) for number in range(PUBLISHERS)]
    given = {queue: collections.Counter() for queue in [QUEUE, *FANS]}
    with started(broker_to_kill()) as broker:
        prepare(broker)
        for life in range(LIVES):
            live(broker, rng, life, states, given)
        send_the_rest(broker, states)
        for queue, counts in given.items():
            counts.update(drain(broker, queue))
        check(given, states)
    confirmed = sum(len(state.confirmed) for state in states)
    assert confirmed > 1000
    print(confirmed, "ids")


@pytest.mark.parametrize("seed", [1, 2])
def test_without_consumers_each_id_lies_in_its_queues_exactly_once(seed):
    rng = random.Random(seed)
    states = [State(number) for number in range(PUBLISHERS)]
    with started(broker_to_kill()) as broker:
        prepare(broker)
        for life in range(LIVES):
            live(broker, rng, life, states, {})
        send_the_rest(broker, states)
        everything = {kind: sorted(each.encode() for state in states for each in state.sent if each[0] == kind) for kind in "qe"}
        for queue in [QUEUE, *FANS]:
            bodies = sorted(body for body, _, _ in drain(broker, queue).elements())
            assert bodies == everything["q" if queue == QUEUE else "e"], queue
