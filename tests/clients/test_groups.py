"""Message groups as pika sees them: order within a group, everything else in parallel."""

import collections
import os

import pika
import pytest

from pika_talk import Inbox, channel_closed_with, expect_ready, get, pump

pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="RabbitMQ has no message groups")


@pytest.fixture
def queue(channel, name):
    made = name()
    channel.queue_declare(made, arguments={"x-group-header": "customer"})
    return made


@pytest.fixture
def consumer(connect):
    """A consumer on a connection of its own."""
    def one(queue, prefetch=1):
        channel = connect().channel()
        channel.basic_qos(prefetch_count=prefetch)
        return Inbox(channel, queue)
    return one


def publish(channel, queue, *messages):
    """Messages such as `a1`, whose group is their first letter; `-` is none."""
    for message in messages:
        headers = {} if message[0] == "-" else {"customer": message[0]}
        channel.basic_publish("", queue, message.encode(), pika.BasicProperties(headers=headers))


def ack(inbox, delivery):
    inbox.channel.basic_ack(delivery.method.delivery_tag)


def settle(inboxes, condition, what):
    """Lets every consumer hear what there is until the condition holds."""
    def holds():
        for inbox in inboxes:
            inbox.channel.connection.process_data_events(time_limit=0.01)
        return condition()
    pump(inboxes[0].channel.connection, holds, what=what)


def test_a_busy_group_blocks_nobody_else(channel, queue, consumer):
    one, two = consumer(queue), consumer(queue)
    publish(channel, queue, "a1")
    settle([one, two], lambda: one.items or two.items, "somebody to get a1")
    busy, idle = (one, two) if one.items else (two, one)
    publish(channel, queue, "a2", "a3", "b1", "-1", "b2")
    for expected in (b"b1", b"-1", b"b2"):
        [delivery] = idle.take(1)
        assert delivery.body == expected
        ack(idle, delivery)
    expect_ready(channel, queue, 2)
    assert idle.items == []
    [first] = busy.take(1)
    ack(busy, first)
    rest = []

    def all_handled():
        for inbox in (one, two):
            while inbox.items:
                delivery = inbox.items.pop(0)
                rest.append(delivery.body)
                ack(inbox, delivery)
        return len(rest) == 2
    settle([one, two], all_handled, "the rest of group a")
    assert rest == [b"a2", b"a3"]


def test_groups_keep_their_order_over_several_consumers(channel, queue, consumer):
    groups, each = "abcdefg", 30
    publish(channel, queue, *(f"{group}{number}" for number in range(each) for group in groups))
    inboxes = [consumer(queue, prefetch) for prefetch in (1, 1, 1, 1)]
    handled = collections.defaultdict(list)
    workers = collections.defaultdict(set)

    def all_handled():
        for number, inbox in enumerate(inboxes):
            while inbox.items:
                delivery = inbox.items.pop(0)
                group = delivery.body[:1]
                handled[group].append(int(delivery.body[1:]))
                workers[number].add(group)
                ack(inbox, delivery)
        return sum(map(len, handled.values())) == len(groups) * each

    settle(inboxes, all_handled, "every message to be handled")
    assert all(numbers == list(range(each)) for numbers in handled.values())
    assert len(workers) == len(inboxes)


def test_a_group_has_one_consumer_at_a_time(channel, queue, consumer):
    one, two = consumer(queue, 10), consumer(queue, 10)
    publish(channel, queue, *(f"a{number}" for number in range(8)))
    settle([one, two], lambda: len(one.items) + len(two.items) == 8, "all of group a to be out")
    assert [] in (one.items, two.items)


def test_groups_go_on_with_others_when_their_consumer_is_gone(channel, queue, consumer):
    lost, stays = consumer(queue, 2), None
    publish(channel, queue, "a1", "a2", "a3")
    assert lost.bodies(2) == [b"a1", b"a2"]
    stays = consumer(queue)
    publish(channel, queue, "b1")
    assert stays.bodies(1) == [b"b1"]
    stays.channel.basic_ack(1)
    lost.channel.connection.close()
    for expected in (b"a1", b"a2", b"a3"):
        [delivery] = stays.take(1)
        assert delivery.body == expected
        ack(stays, delivery)


def test_a_consumer_that_comes_takes_its_share(channel, queue, consumer):
    first = consumer(queue, 2)
    publish(channel, queue, "a1", "b1", "a2", "b2", "c1")
    a1, b1 = first.take(2)
    second = consumer(queue, 2)
    assert second.bodies(1) == [b"c1"]
    ack(first, a1)
    ack(first, b1)
    expect_ready(channel, queue, 0)


def test_get_takes_one_of_a_group_at_a_time(channel, queue):
    publish(channel, queue, "a1", "a2", "b1")
    a1 = get(channel, queue, auto_ack=False)
    assert (a1.body, get(channel, queue, auto_ack=False).body) == (b"a1", b"b1")
    assert channel.basic_get(queue)[0] is None
    channel.basic_ack(a1.method.delivery_tag)
    assert get(channel, queue).body == b"a2"


def test_a_group_waits_for_its_message_that_waits(channel, name):
    queue = name()
    channel.queue_declare(queue, arguments={"x-group-header": "customer", "x-delayed-retry-type": "all", "x-delayed-retry-min": 500})
    inbox = Inbox(channel, queue)
    channel.basic_qos(prefetch_count=1)
    publish(channel, queue, "a1")
    channel.basic_nack(inbox.take(1)[0].method.delivery_tag)
    publish(channel, queue, "a2", "b1")
    for expected in (b"b1", b"a1", b"a2"):
        [delivery] = inbox.take(1)
        assert delivery.body == expected
        ack(inbox, delivery)


@pytest.mark.parametrize("by, properties", [
    ("correlation-id", {"correlation_id": "x"}), ("message-id", {"message_id": "x"}), ("type", {"type": "x"}), ("app-id", {"app_id": "x"}),
    ("user-id", {"user_id": "guest"}), ("routing-key", {}),
])
def test_properties_make_groups(channel, name, consumer, by, properties):
    queue = name()
    channel.queue_declare(queue, arguments={"x-group-by": by})
    for body in (b"1", b"2"):
        channel.basic_publish("", queue, body, pika.BasicProperties(**properties))
    one = consumer(queue)
    [first] = one.take(1)
    expect_ready(channel, queue, 1)
    two = consumer(queue)
    expect_ready(channel, queue, 1)
    assert two.items == []
    ack(one, first)
    settle([one, two], lambda: one.items or two.items, "the second of the group")


def test_groups_and_priorities_exclude_each_other(connection, name):
    with channel_closed_with(406, "groups_and_priorities_exclude_each_other"):
        connection.channel().queue_declare(name(), arguments={"x-group-header": "h", "x-max-priority": 3})
