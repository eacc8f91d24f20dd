"""Delayed and scheduled messages as pika sees them: on time, once, and through the death of the broker."""

import datetime
import os
import pathlib
import subprocess
import sys
import time

import pika
import pytest

from broker_process import brokerd_program
from conftest import parameters_for
from management import VHOST, Management
from pika_talk import Inbox, channel_closed_with, expect_ready, get, get_all
from waiting import until

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


def publish_later(channel, *message_ids):
    for message_id in message_ids:
        channel.basic_publish("", "q", b"body", delayed(3_600_000, message_id=message_id))


def ids(management):
    return [each["message_id"] for each in management.get(f"delayed/{VHOST}")["items"]]


def test_what_waits_is_listed_and_cancelled(own_broker):
    channel = pika.BlockingConnection(parameters_for(own_broker)).channel()
    channel.confirm_delivery()
    channel.queue_declare("q", durable=True)
    began = now_ms()
    publish_later(channel, "a", "b/ü", "a", "c")
    management = Management(own_broker)
    page = management.get(f"delayed/{VHOST}")
    assert [each["message_id"] for each in page["items"]] == ["a", "b/ü", "a", "c"]
    first = page["items"][0]
    assert (first["exchange"], first["routing_key"], first["size"], page["next"]) == ("", "q", 4, None)
    assert 0 <= first["due"] - 3_600_000 - began < LATE_MS
    assert management.delete(f"delayed/{VHOST}/a") == (200, {"cancelled": 2})
    assert management.delete(f"delayed/{VHOST}/a")[0] == 404
    assert management.get(f"vhosts/{VHOST}")["messages_delayed"] == 2
    own_broker.restart()
    assert ids(management) == ["b/ü", "c"]


def test_brokerctl_lists_and_cancels_what_waits(own_broker):
    def brokerctl(*words):
        environment = {**os.environ, "BROKERD_URL": f"http://127.0.0.1:{own_broker.management_port}"}
        return subprocess.run([str(brokerd_program().parent / "brokerctl"), *words], env=environment, capture_output=True, text=True,
                              timeout=30, check=True).stdout

    channel = pika.BlockingConnection(parameters_for(own_broker)).channel()
    channel.confirm_delivery()
    channel.queue_declare("q", durable=True)
    publish_later(channel.connection.channel(), *(f"m{number}" for number in range(2500)))  # more than brokerctl asks for at once
    publish_later(channel, "last")
    management = Management(own_broker)
    until(lambda: management.get(f"vhosts/{VHOST}")["messages_delayed"] == 2501, what="all of it to be written")
    listed = brokerctl("list_delayed", "-q").splitlines()
    assert listed[0] == "message_id\texchange\trouting_key\tdue\tsize\tkey"
    assert [line.split("\t")[0] for line in listed[1:]] == [f"m{number}" for number in range(2500)] + ["last"]
    assert brokerctl("cancel_delayed", "m7", "-q") == "1\n"
    assert management.get(f"vhosts/{VHOST}")["messages_delayed"] == 2500
    channel.connection.close()


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
