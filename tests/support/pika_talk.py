"""Short words for tests that use pika's BlockingConnection."""

import collections
import contextlib
import re
import time

import pika
import pytest

from waiting import DeadlinePassed, until

Delivery = collections.namedtuple("Delivery", "method properties body")

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Inbox:
    """A consumer that keeps what it is given. Acks are the test's business."""

    def __init__(self, channel, queue, **options):
        self.channel = channel
        self.items = []
        self.tag = channel.basic_consume(queue, self._on_message, **options)

    def _on_message(self, _channel, method, properties, body):
        self.items.append(Delivery(method, properties, body))

    def take(self, count, within=10.0):
        """Waits for `count` deliveries and removes them from the inbox, oldest first."""
        pump(self.channel.connection, lambda: len(self.items) >= count, within, f"{count} deliveries")
        taken, self.items = self.items[:count], self.items[count:]
        return taken

    def bodies(self, count, within=10.0):
        return [item.body for item in self.take(count, within)]


def pump(connection, condition, within=10.0, what="the condition"):
    """Processes a connection's events until condition() holds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise DeadlinePassed(f"waited {within:g} s for {what}")
        connection.process_data_events(time_limit=0.02)


def expect_ready(channel, queue, count, within=10.0):
    """Waits until the queue has exactly `count` ready messages.

    A passive declare may overtake publishes on its way to the queue (RabbitMQ answers it with priority), so one look is not enough.
    """
    until(lambda: channel.queue_declare(queue, passive=True).method.message_count == count, within, what=f"{count} ready in {queue}",
          detail=lambda: f"there are {channel.queue_declare(queue, passive=True).method.message_count}")


def consumer_count(channel, queue):
    return channel.queue_declare(queue, passive=True).method.consumer_count


def publish_all(channel, queue, bodies, **properties):
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(**properties))


def get(channel, queue, within=10.0, auto_ack=True):
    """basic.get, again and again until there is a message."""
    def attempt():
        method, properties, body = channel.basic_get(queue, auto_ack=auto_ack)
        return method and Delivery(method, properties, body)

    return until(attempt, within, what=f"a message in {queue}")


def get_all(channel, queue):
    """All messages that are ready now, acked."""
    taken = []
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return taken
        taken.append(Delivery(method, properties, body))


@contextlib.contextmanager
def channel_closed_with(code, text=""):
    """The block must end in a channel.close with this code and a text that matches."""
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        yield
    _check(caught.value, code, text)


@contextlib.contextmanager
def connection_closed_with(code, text=""):
    """The block must end in a connection.close with this code and a text that matches."""
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as caught:
        yield
    _check(caught.value, code, text)


def _check(error, code, text):
    assert error.reply_code == code, error
    assert re.search(text, error.reply_text), f"{error.reply_text!r} does not match {text!r}"
