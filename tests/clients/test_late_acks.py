"""Acknowledgements that do not come in time, in each of the three ways an operator may choose."""

import os
import time

import pika
import pytest

from broker_process import OwnBroker, started
from conftest import parameters_for
from management import Management
from pika_talk import Inbox, channel_closed_with, expect_ready, get, pump
from waiting import until

pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="RabbitMQ looks for late acknowledgements once a minute")

TIMEOUT_MS = 500


@pytest.fixture(params=["requeue", "cancel", "close"])
def late_ack(request):
    return request.param


@pytest.fixture
def late_broker(late_ack):
    with started(OwnBroker(["--set", f"queues.late_ack={late_ack}", "--set", f"queues.consumer_timeout={TIMEOUT_MS}ms"])) as broker:
        yield broker


@pytest.fixture
def late_channel(late_broker):
    connection = pika.BlockingConnection(parameters_for(late_broker))
    channel = connection.channel()
    channel.queue_declare("q")
    yield channel
    if connection.is_open:
        connection.close()


def ready(broker):
    return Management(broker).queue("q")["messages_ready"]


def ask_until_closed(channel):
    """Uses the channel until pika says that it was closed."""
    until(lambda: not channel.queue_declare("q", passive=True), what="the channel to be closed")


def test_a_late_message_goes_back(late_broker, late_channel, late_ack):
    cancelled = []
    late_channel.add_on_cancel_callback(cancelled.append)
    late_channel.basic_qos(prefetch_count=1)
    inbox = Inbox(late_channel, "q")
    late_channel.basic_publish("", "q", b"m")
    [first] = inbox.take(1)
    began = time.monotonic()
    if late_ack == "requeue":
        [again] = inbox.take(1)
        assert again.method.redelivered
        late_channel.basic_ack(first.method.delivery_tag)  # taken, and means nothing
        late_channel.basic_ack(again.method.delivery_tag)
        expect_ready(late_channel, "q", 0)
        assert late_channel.is_open
    elif late_ack == "cancel":
        pump(late_channel.connection, lambda: cancelled, what="basic.cancel")
        assert late_channel.is_open
        late_channel.basic_ack(first.method.delivery_tag)  # too late
        assert get(late_channel, "q").method.redelivered
    else:
        with channel_closed_with(406, f"delivery acknowledgement on channel 1 timed out. Timeout value used: {TIMEOUT_MS} ms"):
            ask_until_closed(late_channel)
        assert get(late_channel.connection.channel(), "q").method.redelivered
    assert time.monotonic() - began >= TIMEOUT_MS / 1000 - 0.005


def test_what_is_acknowledged_in_time_is_not_late(late_broker, late_channel):
    slow, quick = Inbox(late_channel, "q", arguments={"x-consumer-timeout": 0}), "r"
    late_channel.queue_declare(quick)
    late_channel.basic_publish("", "q", b"kept for ever")
    slow.take(1)
    began = time.monotonic()
    inbox = Inbox(late_channel, quick)
    while time.monotonic() - began < 3 * TIMEOUT_MS / 1000:
        late_channel.basic_publish("", quick, b"m")
        late_channel.basic_ack(inbox.take(1)[0].method.delivery_tag)
    assert late_channel.is_open and slow.items == []
    assert ready(late_broker) == 0


def test_a_message_taken_by_get_is_late_too(late_broker, late_channel, late_ack):
    late_channel.basic_publish("", "q", b"m")
    get(late_channel, "q", auto_ack=False)
    if late_ack == "requeue":
        assert get(late_channel, "q").method.redelivered
        return
    with channel_closed_with(406, "timed out"):
        ask_until_closed(late_channel)
    until(lambda: ready(late_broker) == 1, what="the message to be back")


@pytest.mark.parametrize("late_ack", ["requeue"], indirect=True)  # in the others the consumer does not go on
def test_a_late_message_counts_and_ends_as_a_dead_letter(late_channel):
    late_channel.queue_declare("dead")
    late_channel.queue_declare("limited", arguments={"x-delivery-limit": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    inbox = Inbox(late_channel, "limited")
    late_channel.basic_publish("", "limited", b"m")
    inbox.take(2)
    assert get(late_channel, "dead").properties.headers["x-death"][0]["reason"] == "delivery_limit"


def test_a_consumers_own_time_counts_before_the_queues(channel, name):
    queue = name()
    channel.queue_declare(queue, arguments={"x-consumer-timeout": 60_000})
    inbox = Inbox(channel, queue, arguments={"x-consumer-timeout": 200})
    channel.basic_publish("", queue, b"m")
    first, second = inbox.take(2)
    assert (first.method.redelivered, second.method.redelivered) == (False, True)


def test_a_policy_gives_the_time(broker, channel, name):
    queue = name()
    channel.queue_declare(queue)
    management = Management(broker)
    management.set_policy(queue, f"^{queue}$", {"consumer-timeout": 200})
    try:
        inbox = Inbox(channel, queue)
        channel.basic_publish("", queue, b"m")
        assert [delivery.method.redelivered for delivery in inbox.take(2)] == [False, True]
    finally:
        management.clear_policy(queue)
