"""Queues and exchanges that take each id once, as pika sees them: with policies, in the management API, and through kill -9."""

import os

import pika
import pytest

from conftest import parameters_for
from management import VHOST, Management
from pika_talk import channel_closed_with, expect_ready, get_all
from waiting import until

pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="RabbitMQ keeps nothing out without a plugin")

UNIQUE = {"x-message-deduplication": True}


def named(identity, mode=2, **headers):
    return pika.BasicProperties(headers={"x-deduplication-header": identity, **headers}, delivery_mode=mode)


def bodies(channel, queue):
    return [delivery.body for delivery in get_all(channel, queue)]


@pytest.fixture
def confirming(channel):
    channel.confirm_delivery()
    return channel


@pytest.fixture
def queue(channel, name):
    made = name()
    channel.queue_declare(made, durable=True, arguments=UNIQUE)
    yield made
    channel.connection.is_open and channel.is_open and channel.queue_delete(made)


@pytest.fixture
def exchange(channel, name):
    """A durable exchange that takes each id once, with three queues."""
    made = name()
    queues = [f"{made}.{number}" for number in range(3)]
    channel.exchange_declare(made, "x-message-deduplication", durable=True, arguments={"x-cache-size": 1000})
    for each in queues:
        channel.queue_declare(each, durable=True)
        channel.queue_bind(each, made)
    return made, queues


@pytest.mark.parametrize("identity", ["a", 7, True, b"\x00\xff", "", 2 ** 40])
def test_an_id_of_any_kind_enters_a_queue_once(confirming, queue, identity):
    for body in (b"1", b"2"):
        confirming.basic_publish("", queue, body, named(identity))
    assert bodies(confirming, queue) == [b"1"]


def test_a_message_that_was_consumed_does_not_come_again(confirming, queue):
    confirming.basic_publish("", queue, b"1", named("a"))
    assert bodies(confirming, queue) == [b"1"]
    confirming.basic_publish("", queue, b"2", named("a"))
    assert bodies(confirming, queue) == []


def test_a_policy_turns_it_on_and_off(broker, confirming, name):
    management = Management(broker)
    queue = name()
    confirming.queue_declare(queue, durable=True)
    for body in (b"1", b"2"):
        confirming.basic_publish("", queue, body, named("a"))
    management.set_policy(queue, f"^{queue}$", {"message-deduplication": True, "cache-size": 10})
    for body in (b"3", b"4"):
        confirming.basic_publish("", queue, body, named("a"))
    management.clear_policy(queue)
    confirming.basic_publish("", queue, b"5", named("a"))
    assert bodies(confirming, queue) == [b"1", b"2", b"3", b"5"]
    confirming.queue_delete(queue)


def test_duplicates_are_counted(broker, confirming, queue):
    for _ in range(3):
        confirming.basic_publish("", queue, b"m", named("a"))
    management = Management(broker)

    def counted():
        return management.get(f"queues/{VHOST}/{queue}")["message_stats"]["duplicates"] == 2

    until(counted, 10, what="two duplicates in the management API")


def test_an_exchange_lets_an_id_into_all_its_queues_once(confirming, exchange):
    made, queues = exchange
    for body in (b"1", b"2"):
        confirming.basic_publish(made, "any", body, named("a"), mandatory=True)  # the second is not returned
    confirming.basic_publish(made, "any", b"3", named("b"))
    for queue in queues:
        assert bodies(confirming, queue) == [b"1", b"3"]


def test_an_exchange_of_any_type_can_do_so(confirming, name):
    made, queue = name(), name()
    confirming.exchange_declare(made, "topic", durable=True, arguments=UNIQUE)
    confirming.queue_declare(queue, durable=True)
    confirming.queue_bind(queue, made, "a.*")
    for key in ("a.b", "a.c"):
        confirming.basic_publish(made, key, key.encode(), named("same"))
    assert bodies(confirming, queue) == [b"a.b"]


def test_what_a_queue_refuses_may_be_sent_again(confirming, name):
    made, queue, other = name(), name(), name()
    confirming.exchange_declare(made, "fanout", durable=True, arguments=UNIQUE)
    confirming.queue_declare(queue, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    confirming.queue_declare(other, durable=True)
    for each in (queue, other):
        confirming.queue_bind(each, made)
    confirming.basic_publish(made, "", b"1", named("a"))
    with pytest.raises(pika.exceptions.NackError):
        confirming.basic_publish(made, "", b"2", named("b"))
    assert bodies(confirming, other) == [b"1"], "a message is taken by all queues or by none"
    assert bodies(confirming, queue) == [b"1"]
    confirming.basic_publish(made, "", b"2", named("b"))
    assert bodies(confirming, queue) == bodies(confirming, other) == [b"2"]


def test_ids_and_messages_survive_a_kill(own_broker):
    connection = pika.BlockingConnection(parameters_for(own_broker))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("q", durable=True, arguments=UNIQUE)
    channel.exchange_declare("e", "x-message-deduplication", durable=True, arguments={"x-cache-size": 100})
    channel.queue_declare("of.e", durable=True)
    channel.queue_bind("of.e", "e")
    for number in range(20):
        channel.basic_publish("", "q", b"%d" % number, named(number))
        channel.basic_publish("e", "", b"%d" % number, named(number))
    own_broker.restart()
    channel = pika.BlockingConnection(parameters_for(own_broker)).channel()
    channel.confirm_delivery()
    for number in range(25):
        channel.basic_publish("", "q", b"%d" % number, named(number))
        channel.basic_publish("e", "", b"%d" % number, named(number))
    expected = [b"%d" % number for number in range(25)]
    assert bodies(channel, "q") == expected
    assert bodies(channel, "of.e") == expected


def test_an_exchange_needs_a_cache_size(channel, name):
    with channel_closed_with(406, "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0"):
        channel.exchange_declare(name(), "x-message-deduplication")


def test_a_transaction_with_duplicates_commits(channel, queue):
    channel.tx_select()
    for body in (b"1", b"2"):
        channel.basic_publish("", queue, body, named("a"))
    channel.tx_commit()
    expect_ready(channel, queue, 1)
    channel.basic_publish("", queue, b"3", named("a"))
    channel.tx_commit()
    expect_ready(channel, queue, 1)
