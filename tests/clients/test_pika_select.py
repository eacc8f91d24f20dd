"""pika, SelectConnection: the asynchronous adapter, everything by callbacks."""

import time

import pika
import pytest


class Conversation:
    """Runs a SelectConnection until finish() is called; a test passes the first step, called with the open connection."""

    def __init__(self, parameters, first_step, limit=15.0):
        self.error = None
        self.closed_with = None
        self.first_step = first_step
        self.connection = pika.SelectConnection(
            parameters, on_open_callback=self._opened, on_open_error_callback=self._failed, on_close_callback=self._closed)
        self.deadline = self.connection.ioloop.call_later(limit, self._too_late)

    def run(self):
        self.connection.ioloop.start()
        if self.error:
            raise self.error
        return self.closed_with

    def finish(self):
        self.connection.close()

    def _opened(self, connection):
        try:
            self.first_step(self, connection)
        except Exception as error:  # noqa: BLE001  (the loop must end before it can be shown)
            self.error = error
            connection.close()

    def _failed(self, _connection, error):
        self.error = error
        self.connection.ioloop.stop()

    def _closed(self, connection, reason):
        self.closed_with = reason
        connection.ioloop.remove_timeout(self.deadline)
        connection.ioloop.stop()

    def _too_late(self):
        self.error = AssertionError("the conversation did not finish in time")
        self.connection.ioloop.stop()


def test_declares_publishes_and_consumes(parameters, name):
    queue, got = name(), []

    def first(talk, connection):
        connection.channel(on_open_callback=lambda channel: declare(talk, channel))

    def declare(talk, channel):
        channel.queue_declare(queue, callback=lambda _frame: bind(talk, channel))

    def bind(talk, channel):
        channel.queue_bind(queue, "amq.direct", routing_key=queue, callback=lambda _frame: consume(talk, channel))

    def consume(talk, channel):
        def on_message(receiving, method, _properties, body):
            got.append(body)
            receiving.basic_ack(method.delivery_tag)
            if len(got) == 100:
                talk.finish()

        channel.basic_qos(prefetch_count=7, callback=lambda _frame: channel.basic_consume(queue, on_message))
        for number in range(100):
            channel.basic_publish("amq.direct", queue, str(number))

    Conversation(parameters(), first).run()
    assert got == [str(number).encode() for number in range(100)]


def test_confirms_come_for_each_message(parameters, name):
    queue, confirmed = name(), set()

    def first(talk, connection):
        connection.channel(on_open_callback=lambda channel: declare(talk, channel))

    def declare(talk, channel):
        channel.queue_declare(queue, durable=True, callback=lambda _frame: publish(talk, channel))

    def publish(talk, channel):
        def on_confirm(frame):
            assert isinstance(frame.method, pika.spec.Basic.Ack)
            tag = frame.method.delivery_tag
            confirmed.update(range(1, tag + 1) if frame.method.multiple else [tag])
            if len(confirmed) == 1000:
                talk.finish()

        channel.confirm_delivery(on_confirm)
        for number in range(1000):
            channel.basic_publish("", queue, str(number), pika.BasicProperties(delivery_mode=2))

    Conversation(parameters(), first).run()
    assert confirmed == set(range(1, 1001))


def test_a_channel_error_reaches_the_close_callback(parameters, name):
    reasons = []

    def first(talk, connection):
        def opened(channel):
            channel.add_on_close_callback(lambda _channel, reason: (reasons.append(reason), talk.finish()))
            channel.queue_declare(name(), passive=True)

        connection.channel(on_open_callback=opened)

    Conversation(parameters(), first).run()
    assert reasons[0].reply_code == 404


def test_nowait_requests_are_not_answered_and_still_done(parameters, name):
    queue, counts = name(), []

    def first(talk, connection):
        def opened(channel):
            channel.queue_declare(queue, callback=None)
            channel.queue_bind(queue, "amq.direct", routing_key=queue, callback=None)
            channel.basic_publish("amq.direct", queue, b"x")
            channel.basic_get(queue, lambda _channel, method, _properties, body: (counts.append(body), talk.finish()), auto_ack=True)

        connection.channel(on_open_callback=opened)

    Conversation(parameters(), first).run()
    assert counts == [b"x"]


def test_many_channels_at_once(parameters, name):
    queue, opened = name(), []

    def first(talk, connection):
        def on_open(channel):
            opened.append(channel.channel_number)
            if len(opened) == 200:
                channel.queue_declare(queue, callback=lambda _frame: talk.finish())

        for _ in range(200):
            connection.channel(on_open_callback=on_open)

    Conversation(parameters(), first).run()
    assert sorted(opened) == list(range(1, 201))


def test_a_broker_close_carries_its_code(parameters):
    def first(_talk, connection):
        connection.channel(on_open_callback=lambda channel: channel.basic_qos(prefetch_size=1))

    reason = Conversation(parameters(), first).run()
    assert isinstance(reason, pika.exceptions.ConnectionClosedByBroker)
    assert reason.reply_code == 540


def test_heartbeats_flow_on_an_idle_connection(parameters):
    began = time.monotonic()

    def first(talk, connection):
        def look():
            beats = connection._heartbeat_checker
            if beats._heartbeat_frames_received >= 2 and beats._heartbeat_frames_sent >= 2:
                talk.finish()
            else:
                connection.ioloop.call_later(0.1, look)

        look()

    reason = Conversation(parameters(heartbeat=1), first).run()
    assert isinstance(reason, pika.exceptions.ConnectionClosedByClient)
    assert time.monotonic() - began < 10


def test_a_wrong_password_reaches_the_error_callback(parameters):
    wrong = parameters(credentials=pika.PlainCredentials("guest", "wrong"))
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        Conversation(wrong, lambda _talk, _connection: None).run()
