"""Retry with backoff as pika sees it: messages that come back wait, are counted, and end as dead letters."""

import os
import time

import pika
import pytest

from conftest import parameters_for
from management import Management
from pika_talk import PERSISTENT, Inbox, expect_ready, get, pump

pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="RabbitMQ retries at once")

LATE_MS = 2000  # on a machine that is busy with other things


def retries(kind, first_ms, **more):
    return {"x-delayed-retry-type": kind, "x-delayed-retry-min": first_ms, "x-delayed-retry-backoff": "fixed", **more}


@pytest.fixture
def declare(channel, name):
    """Declares a durable queue with these arguments."""
    def one(arguments):
        made = name()
        channel.queue_declare(made, durable=True, arguments=arguments)
        return made
    return one


class Clock:
    """Milliseconds since it was made, or since they were last taken."""

    def __init__(self):
        self.at = time.monotonic()

    def take(self):
        before, self.at = self.at, time.monotonic()
        return (self.at - before) * 1000


def waited(clock, at_least_ms):
    """Whether so much time has passed, as far as a sender and a receiver can agree on it."""
    passed = clock.take()
    assert at_least_ms - 5 <= passed < at_least_ms + LATE_MS
    return True


@pytest.mark.parametrize("kind, way, waits", [
    ("all", "nack", True), ("all", "reject", True), ("returned", "nack", True), ("returned", "reject", False),
    ("failed", "reject", True), ("failed", "nack", False), ("disabled", "nack", False),
])
def test_which_returns_wait(channel, declare, kind, way, waits):
    wait_ms = 400 if waits else 60_000
    queue = declare(retries(kind, wait_ms))
    inbox = Inbox(channel, queue)
    channel.basic_publish("", queue, b"m", PERSISTENT)
    [first] = inbox.take(1)
    clock = Clock()
    give_back = {"nack": channel.basic_nack, "reject": channel.basic_reject}[way]
    give_back(first.method.delivery_tag, requeue=True)
    [second] = inbox.take(1)
    assert second.method.redelivered
    if kind != "disabled":
        assert second.properties.headers == {"x-delivery-count": 1, "x-acquired-count": 1}
    if waits:
        assert waited(clock, wait_ms)


@pytest.mark.parametrize("leave", ["channel", "connection"])
def test_what_a_lost_consumer_had_waits(connect, channel, declare, leave):
    queue = declare(retries("failed", 400))
    connection = connect()
    inbox = Inbox(connection.channel(), queue)
    channel.basic_publish("", queue, b"m")
    inbox.take(1)
    clock = Clock()
    (inbox.channel if leave == "channel" else connection).close()
    assert get(channel, queue).method.redelivered
    assert waited(clock, 400)


def test_the_wait_grows(channel, declare):
    queue = declare({"x-delayed-retry-type": "all", "x-delayed-retry-min": 100, "x-delayed-retry-backoff": "exponential",
                     "x-delayed-retry-multiplier": 3, "x-delayed-retry-max": 500})
    inbox = Inbox(channel, queue)
    channel.basic_publish("", queue, b"m")
    clock = Clock()
    for count, wait_ms in enumerate((0, 100, 300, 500, 500)):
        [delivery] = inbox.take(1)
        assert waited(clock, wait_ms)
        assert (delivery.properties.headers or {}).get("x-delivery-count", 0) == count
        channel.basic_nack(delivery.method.delivery_tag)


def test_a_message_that_waits_is_nobodys_and_holds_up_nobody(channel, declare):
    queue = declare(retries("all", 700))
    inbox = Inbox(channel, queue)
    channel.basic_publish("", queue, b"first")
    channel.basic_nack(inbox.take(1)[0].method.delivery_tag)
    channel.basic_publish("", queue, b"second")
    assert inbox.bodies(1) == [b"second"]
    expect_ready(channel, queue, 0)
    assert inbox.bodies(1) == [b"first"]


def test_the_last_attempt_ends_as_a_dead_letter(channel, declare):
    dead = declare({})
    queue = declare(retries("all", 50, **{"x-delivery-limit": 2, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}))
    inbox = Inbox(channel, queue)
    channel.basic_publish("", queue, b"m", PERSISTENT)
    for _attempt in range(3):
        channel.basic_nack(inbox.take(1)[0].method.delivery_tag)
    letter = get(channel, dead)
    [death] = letter.properties.headers["x-death"]
    assert (letter.body, death["reason"], death["queue"], death["count"]) == (b"m", "delivery_limit", queue, 1)
    assert inbox.items == []


def test_a_message_that_waits_expires_on_time(channel, declare):
    dead = declare({})
    queue = declare(retries("all", 60_000, **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}))
    channel.basic_publish("", queue, b"m", pika.BasicProperties(expiration="400"))
    channel.basic_nack(get(channel, queue, auto_ack=False).method.delivery_tag)
    assert get(channel, dead).properties.headers["x-death"][0]["reason"] == "expired"


def test_a_policy_gives_retries_to_queues_that_are_there(broker, channel, declare):
    queue = declare({})
    management = Management(broker)
    inbox = Inbox(channel, queue)
    management.set_policy(queue, f"^{queue}$", {"delayed-retry-type": "all", "delayed-retry-min": 300, "delayed-retry-backoff": "fixed"})
    try:
        channel.basic_publish("", queue, b"m")
        clock = Clock()
        channel.basic_nack(inbox.take(1)[0].method.delivery_tag)
        inbox.take(1)
        assert waited(clock, 300)
    finally:
        management.clear_policy(queue)


def channel_to(broker):
    return pika.BlockingConnection(parameters_for(broker)).channel()


def returned_twice(channel):
    """A message that came back twice, and waits a long time."""
    channel.queue_declare("q", durable=True, arguments={"x-delayed-retry-type": "returned", "x-delayed-retry-min": 100,
                                                        "x-delayed-retry-backoff": "exponential", "x-delayed-retry-multiplier": 30})
    channel.basic_publish("", "q", b"m", PERSISTENT)
    for count in range(2):
        delivery = get(channel, "q", auto_ack=False)
        assert (delivery.properties.headers or {}).get("x-delivery-count", 0) == count
        channel.basic_nack(delivery.method.delivery_tag)
    return Clock()


def test_counts_and_waits_survive_a_polite_restart(own_broker):
    channel = channel_to(own_broker)
    clock = returned_twice(channel)
    expect_ready(channel, "q", 0)
    channel.connection.close()
    assert own_broker.terminate() == 0
    own_broker.start()
    channel = channel_to(own_broker)
    again = get(channel, "q")
    assert again.properties.headers["x-delivery-count"] == 2
    assert again.method.redelivered
    assert waited(clock, 3000)
    channel.connection.close()


def test_counts_and_waits_survive_a_kill_once_something_behind_them_was_confirmed(own_broker):
    channel = channel_to(own_broker)
    clock = returned_twice(channel)
    channel.confirm_delivery()
    channel.basic_publish("", "q", b"later", PERSISTENT)
    own_broker.restart()
    channel = channel_to(own_broker)
    inbox = Inbox(channel, "q", auto_ack=True)
    later, again = inbox.take(2)
    assert (later.body, again.body, again.properties.headers["x-delivery-count"]) == (b"later", b"m", 2)
    assert waited(clock, 3000)
    channel.connection.close()


def test_retrying_is_nothing_to_who_acknowledges(channel, declare):
    queue = declare(retries("all", 60_000))
    inbox = Inbox(channel, queue)
    for _ in range(20):
        channel.basic_publish("", queue, b"m")
    for delivery in inbox.take(20):
        channel.basic_ack(delivery.method.delivery_tag)
    pump(channel.connection, lambda: channel.queue_declare(queue, passive=True).method.message_count == 0)
