"""Delayed and scheduled messages as pika sees them: on time, once, and through the death of the broker."""

import datetime
import os
import pathlib
import subprocess
import sys
import time

import pika
import pytest

from conftest import parameters_for
from pika_talk import Inbox, channel_closed_with, expect_ready, get, get_all

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "delayed" / "reminders.py"
pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="RabbitMQ delays nothing without a plugin")

LATE_MS = 2000  # on a machine that is busy with other things


def delayed(milliseconds, **properties):
    return pika.BasicProperties(headers={"x-delay": milliseconds}, delivery_mode=2, **properties)


def now_ms():
    return time.time_ns() // 1_000_000


@pytest.fixture
def queue(channel, name):
    made = name()
    channel.queue_declare(made, durable=True)
    return made


def test_messages_come_in_order_of_their_time_and_never_early(channel, queue):
    channel.confirm_delivery()
    due = {}
    for milliseconds in (600, 200, 400, 0, 1000):
        due[b"%d" % milliseconds] = now_ms() + milliseconds
        channel.basic_publish("", queue, b"%d" % milliseconds, delayed(milliseconds))
    inbox = Inbox(channel, queue, auto_ack=True)
    for expected in (b"0", b"200", b"400", b"600", b"1000"):
        [delivery] = inbox.take(1)
        late = now_ms() - due[delivery.body]
        assert delivery.body == expected
        assert 0 <= late < LATE_MS
        assert delivery.properties.headers == {"x-delay": -int(expected)}


def test_a_timestamp_is_a_time(channel, queue):
    at = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=2)
    channel.basic_publish("", queue, b"m", pika.BasicProperties(headers={"x-deliver-at": at}))
    get(channel, queue)
    assert 0 <= now_ms() - at.timestamp() * 1000 < LATE_MS


def test_a_message_published_again_as_it_came_is_not_delayed_again(channel, queue):
    channel.basic_publish("", queue, b"m", delayed(100))
    first = get(channel, queue)
    channel.basic_publish("", queue, first.body, first.properties)
    expect_ready(channel, queue, 1)


def test_a_message_nobody_can_route_yet_waits_for_its_queue(channel, name):
    channel.confirm_delivery()
    later = name()
    channel.basic_publish("", later, b"m", delayed(300))
    channel.queue_declare(later)
    assert get(channel, later).body == b"m"


def test_mandatory_is_answered_at_once(channel, queue):
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish("", queue + ".nowhere", b"m", delayed(60_000), mandatory=True)


def test_a_word_is_no_delay(channel, queue):
    channel.confirm_delivery()
    with channel_closed_with(406, "invalid header 'x-delay'"):
        channel.basic_publish("", queue, b"m", pika.BasicProperties(headers={"x-delay": "soon"}))


@pytest.mark.parametrize("kind,key,binding", [("direct", "k", "k"), ("topic", "a.b", "a.*"), ("fanout", "any", "")])
def test_the_plugins_exchange_type(channel, queue, name, kind, key, binding):
    exchange = name(kind)
    channel.exchange_declare(exchange, "x-delayed-message", durable=True, arguments={"x-delayed-type": kind})
    channel.exchange_declare(exchange, "x-delayed-message", durable=True, arguments={"x-delayed-type": kind})
    channel.queue_bind(queue, exchange, binding)
    began = now_ms()
    channel.basic_publish(exchange, key, b"later", delayed(300))
    channel.basic_publish(exchange, key, b"now", pika.BasicProperties(headers={"other": 1}))
    assert get(channel, queue).body == b"now"
    late = get(channel, queue)
    assert (late.body, late.properties.headers, late.method.exchange) == (b"later", {"x-delay": -300}, exchange)
    assert now_ms() - began >= 300


def test_the_plugins_exchange_type_must_name_another(connection):
    with channel_closed_with(406):
        connection.channel().exchange_declare("x", "x-delayed-message")


def test_confirmed_delayed_messages_survive_a_kill(own_broker):
    connection = pika.BlockingConnection(parameters_for(own_broker))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("q", durable=True)
    due = now_ms() + 4000
    for number in range(300):
        properties = pika.BasicProperties(headers={"x-deliver-at": due}, delivery_mode=2 if number % 2 else 1, message_id=str(number))
        channel.basic_publish("", "q", b"%d" % number, properties)
    own_broker.restart()
    connection = pika.BlockingConnection(parameters_for(own_broker))
    taken = Inbox(connection.channel(), "q", auto_ack=True).take(300, within=30)
    assert now_ms() >= due
    assert [delivery.body for delivery in taken] == [b"%d" % number for number in range(300)]
    connection.close()


def test_what_came_due_while_the_broker_was_down_comes_at_once_and_once(own_broker):
    connection = pika.BlockingConnection(parameters_for(own_broker))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("q", durable=True)
    for number in range(100):
        channel.basic_publish("", "q", b"%d" % number, delayed(10 + number))
    for _ in range(3):  # some are on their way into the queue whenever this happens
        own_broker.restart()
    connection = pika.BlockingConnection(parameters_for(own_broker))
    channel = connection.channel()
    expect_ready(channel, "q", 100)
    assert [delivery.body for delivery in get_all(channel, "q")] == [b"%d" % number for number in range(100)]
    connection.close()


def test_the_example(broker, queue):
    environment = {**os.environ, "AMQP_URL": broker.url(), "REMINDERS_QUEUE": queue}
    began = now_ms()
    with subprocess.Popen([sys.executable, str(EXAMPLE), "wait"], env=environment, stdout=subprocess.PIPE, text=True) as waiting:
        try:
            for when, text in (("800ms", "second"), ("200ms", "first")):
                subprocess.run([sys.executable, str(EXAMPLE), "remind", when, text], env=environment, check=True, timeout=20)
            assert waiting.stdout.readline() == "first\n"
            assert waiting.stdout.readline() == "second\n"
            assert now_ms() - began >= 800
        finally:
            waiting.kill()
