"""Consumer filters with pika: consumers that ask for some of a queue's messages, come, go and fail."""

import os

import pika
import pytest

from conftest import parameters_for
from pika_talk import Inbox, channel_closed_with, expect_ready, get_all, pump

pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="RabbitMQ's queues have no filters")


@pytest.fixture
def queue(channel, name):
    queue = name()
    channel.queue_declare(queue, durable=True)
    channel.confirm_delivery()
    return queue


def publish(channel, queue, kinds):
    for number, kind in enumerate(kinds):
        channel.basic_publish("", queue, f"{kind}{number}".encode(), pika.BasicProperties(delivery_mode=2, headers={"kind": kind}))


def wants(channel, queue, filter_, **options):
    return Inbox(channel, queue, arguments={"x-filter": filter_}, **options)


def test_each_consumer_gets_what_it_asks_for(connection, channel, queue):
    a, b = (wants(connection.channel(), queue, wish) for wish in ("kind = 'a'", {"kind": "b"}))
    publish(channel, queue, "abcab")
    assert a.bodies(2) == [b"a0", b"a3"]
    assert b.bodies(2) == [b"b1", b"b4"]
    expect_ready(channel, queue, 1)


def test_what_nobody_wanted_waits_for_whoever_does(connection, channel, queue):
    wants(connection.channel(), queue, "kind = 'x'")
    publish(channel, queue, "aba")
    late = wants(connection.channel(), queue, "kind = 'a'")
    assert late.bodies(2) == [b"a0", b"a2"]
    assert [item.body for item in get_all(channel, queue)] == [b"b1"]


def test_a_requeued_message_goes_to_others_that_want_it(connection, channel, queue):
    first = wants(connection.channel(), queue, "kind = 'a'")
    publish(channel, queue, "ab")
    [delivery] = first.take(1)
    second = wants(connection.channel(), queue, "kind = 'a'")
    first.channel.basic_cancel(first.tag)
    first.channel.basic_nack(delivery.method.delivery_tag)
    [again] = second.take(1)
    assert (again.body, again.method.redelivered) == (b"a0", True)


def test_a_filter_holds_for_messages_that_outlived_kill_9(own_broker, name):
    queue = name()
    connection = pika.BlockingConnection(parameters_for(own_broker))
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    channel.confirm_delivery()
    publish(channel, queue, "abc" * 300)
    own_broker.restart()
    connection = pika.BlockingConnection(parameters_for(own_broker))
    inbox = wants(connection.channel(), queue, "kind IN ('b', 'c') AND kind <> 'c'")
    assert inbox.bodies(300) == [f"b{number}".encode() for number in range(1, 900, 3)]
    connection.close()


def test_prefetch_counts_only_what_matches(connection, channel, queue):
    limited = connection.channel()
    limited.basic_qos(prefetch_count=2)
    inbox = wants(limited, queue, "kind = 'a'")
    publish(channel, queue, "bbabbaba")
    held = inbox.take(2)
    pump(connection, lambda: True)
    assert inbox.items == []
    limited.basic_ack(held[0].method.delivery_tag)
    assert inbox.bodies(1) == [b"a7"]


@pytest.mark.parametrize("filter_, why", [
    ("kind = ", "expected a name, a literal or '\\(' at 8"),
    ("kind LIKE 5", "expected .* at 11"),
    (7, "expected a table or a longstr"),
])
def test_a_mistake_in_it_is_told_with_its_place(channel, queue, filter_, why):
    with channel_closed_with(406, "PRECONDITION_FAILED - invalid arg 'x-filter' for consumer: " + why):
        channel.basic_consume(queue, lambda *_: None, arguments={"x-filter": filter_})
