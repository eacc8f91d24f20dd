"""Paused queues as pika sees them, and that they stay paused whatever happens to the broker."""

import os
import subprocess

import pika
import pytest

from broker_process import brokerd_program
from conftest import parameters_for
from management import VHOST, Management
from pika_talk import PERSISTENT, Inbox, channel_closed_with, expect_ready, get, pump

pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="RabbitMQ pauses nothing")


class Operator(Management):
    def pause(self, queue, what=None):
        self.change("pause", queue, what)

    def resume(self, queue, what=None):
        self.change("resume", queue, what)

    def change(self, verb, queue, what):
        answer = self.put(f"queues/{VHOST}/{queue}/{verb}", {"what": what} if what else None)
        assert answer == (204, None)

    def paused(self, queue):
        found = self.queue(queue)
        return found["state"], found["paused_delivery"], found["paused_publish"]


@pytest.fixture
def operator(broker):
    return Operator(broker)


@pytest.fixture
def queue(channel, name):
    made = name()
    channel.queue_declare(made, durable=True)
    return made


def test_consumers_get_nothing_until_the_queue_goes_on(channel, queue, operator):
    inbox = Inbox(channel, queue, auto_ack=True)
    operator.pause(queue)
    assert operator.paused(queue) == ("paused", True, False)
    for number in range(100):
        channel.basic_publish("", queue, b"%d" % number)
    expect_ready(channel, queue, 100)
    assert inbox.items == []
    operator.resume(queue)
    assert inbox.bodies(100) == [b"%d" % number for number in range(100)]
    assert operator.paused(queue) == ("running", False, False)


def test_get_finds_nothing_while_delivery_is_paused(channel, queue, operator):
    channel.basic_publish("", queue, b"m")
    expect_ready(channel, queue, 1)
    operator.pause(queue, "delivery")
    assert channel.basic_get(queue) == (None, None, None)
    operator.resume(queue)
    assert get(channel, queue).body == b"m"


def test_a_consumer_that_comes_meanwhile_is_served_later(connect, channel, queue, operator):
    operator.pause(queue)
    channel.basic_publish("", queue, b"m")
    inbox = Inbox(connect().channel(), queue, auto_ack=True)
    expect_ready(channel, queue, 1)
    assert operator.queue(queue)["consumers"] == 1
    operator.resume(queue)
    assert inbox.bodies(1) == [b"m"]


def test_what_is_out_can_be_settled_and_what_expires_goes(channel, queue, name, operator):
    dead = name("dead")
    channel.queue_declare(dead)
    short = name("short")
    channel.queue_declare(short, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    inbox = Inbox(channel, short)
    channel.basic_publish("", short, b"out")
    [out] = inbox.take(1)
    operator.pause(short)
    channel.basic_publish("", short, b"late", pika.BasicProperties(expiration="50"))
    assert get(channel, dead).body == b"late"
    channel.basic_ack(out.method.delivery_tag)
    pump(channel.connection, lambda: operator.queue(short)["messages"] == 0, what="the acknowledgement to arrive")


def test_publishers_are_refused_while_publishing_is_paused(channel, queue, operator):
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"before", PERSISTENT)
    operator.pause(queue, "publish")
    assert operator.paused(queue) == ("running", False, True)
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", queue, b"refused", PERSISTENT)
    assert get(channel, queue).body == b"before"
    operator.resume(queue, "publish")
    channel.basic_publish("", queue, b"after", PERSISTENT)
    assert get(channel, queue).body == b"after"


def test_what_nobody_confirms_is_dropped_and_counted(channel, queue, operator):
    operator.pause(queue, "publish")
    for _ in range(3):
        channel.basic_publish("", queue, b"m")
    pump(channel.connection, lambda: operator.queue(queue)["message_stats"]["refused"] == 3, what="three refusals to be counted")
    expect_ready(channel, queue, 0)


def test_a_transaction_is_refused_as_a_whole(connection, channel, queue, name, operator):
    other = name("other")
    channel.queue_declare(other)
    operator.pause(queue, "all")
    tx = connection.channel()
    tx.tx_select()
    tx.basic_publish("", other, b"1")
    tx.basic_publish("", queue, b"2")
    with channel_closed_with(406, "partial tx completion"):
        tx.tx_commit()
    expect_ready(channel, other, 0)


def confirming_channel(broker):
    channel = pika.BlockingConnection(parameters_for(broker)).channel()
    channel.confirm_delivery()
    return channel


def test_a_paused_queue_stays_paused_after_a_kill(own_broker):
    operator = Operator(own_broker)
    channel = confirming_channel(own_broker)
    channel.queue_declare("q", durable=True)
    channel.basic_publish("", "q", b"m", PERSISTENT)
    operator.pause("q", "all")
    own_broker.restart()
    assert operator.paused("q") == ("paused", True, True)
    channel = confirming_channel(own_broker)
    assert channel.basic_get("q") == (None, None, None)
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", "q", b"refused", PERSISTENT)
    operator.resume("q", "all")
    own_broker.restart()
    channel = confirming_channel(own_broker)
    assert get(channel, "q").body == b"m"
    channel.connection.close()


def test_brokerctl_pauses_and_resumes(channel, queue, operator):
    def brokerctl(*words):
        environment = {**os.environ, "BROKERD_URL": f"http://127.0.0.1:{operator.broker.management_port}"}
        return subprocess.run([str(brokerd_program().parent / "brokerctl"), *words], env=environment, capture_output=True, text=True,
                              timeout=30, check=True).stdout

    assert brokerctl("pause_queue", queue) == f'Pausing queue "{queue}" in vhost "/" (delivery) ...\n'
    assert operator.paused(queue) == ("paused", True, False)
    brokerctl("pause_queue", queue, "--publish")
    brokerctl("resume_queue", queue, "-q")
    assert operator.paused(queue) == ("running", False, True)
    brokerctl("resume_queue", queue, "--all", "--vhost", "/")
    assert operator.paused(queue) == ("running", False, False)
