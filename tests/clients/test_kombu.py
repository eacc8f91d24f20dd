"""kombu: producers, consumers, SimpleQueue, and the ways Celery uses it (heartbeats, qos while consuming)."""

import queue as standard_queue
import socket

import kombu
import pytest
from kombu.mixins import ConsumerMixin

from waiting import until


@pytest.fixture
def connect(broker):
    opened = []

    def open_one(**options):
        connection = kombu.Connection(broker.url(), **options)
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        connection.release()


@pytest.fixture
def connection(connect):
    return connect()


def test_qos_is_understood_as_rabbitmq_means_it(connection):
    """kombu looks at product and version of the server-properties; Celery changes the prefetch globally if this is false."""
    connection.ensure_connection(max_retries=1)
    assert connection.qos_semantics_matches_spec is False


def test_simple_queue_puts_and_gets(connection, name):
    with connection.SimpleQueue(name()) as simple:
        for number in range(5):
            simple.put({"number": number})
        got = []
        for _ in range(5):
            message = simple.get(block=True, timeout=10)
            got.append(message.payload["number"])
            message.ack()
        assert got == list(range(5))
        with pytest.raises(standard_queue.Empty):
            simple.get_nowait()


def test_simple_queue_counts_and_clears(connection, name):
    with connection.SimpleQueue(name()) as simple:
        for number in range(4):
            simple.put(number)
        until(lambda: simple.qsize() == 4, what="four messages")
        simple.clear()
        until(lambda: simple.qsize() == 0, what="an empty queue")


def test_simple_buffer_is_transient(connection, name):
    buffer = connection.SimpleBuffer(name())
    buffer.put("x")
    assert buffer.get(timeout=10).payload == "x"
    buffer.close()


def test_a_producer_declares_what_it_needs(connection, name):
    exchange = kombu.Exchange(name("x"), "topic")
    queue = kombu.Queue(name(), exchange, routing_key="task.#")
    with connection.Producer(serializer="json") as producer:
        producer.publish({"n": 1}, exchange=exchange, routing_key="task.add", declare=[queue], retry=True)
    message = until(lambda: queue(connection.default_channel).get(), what="the message")
    assert message.payload == {"n": 1}
    assert message.delivery_info["routing_key"] == "task.add"
    message.ack()


def test_consumers_with_qos_work_through_a_queue(connection, name):
    queue, got = kombu.Queue(name()), []
    with connection.Producer() as producer:
        for number in range(30):
            producer.publish(number, routing_key=queue.name, declare=[queue] if number == 0 else None)

    def take(body, message):
        got.append(body)
        message.ack()

    with connection.Consumer(queue, callbacks=[take], prefetch_count=4):
        while len(got) < 30:
            connection.drain_events(timeout=10)
    assert got == list(range(30))


def test_qos_may_grow_while_consuming(connection, name):
    """Celery raises and lowers the channel's prefetch while its consumers are at work (global qos on RabbitMQ)."""
    queue, got = kombu.Queue(name()), []
    with connection.Producer() as producer:
        for number in range(10):
            producer.publish(number, routing_key=queue.name, declare=[queue])
    channel = connection.channel()
    consumer = kombu.Consumer(channel, queue, on_message=got.append)
    consumer.qos(prefetch_count=2, apply_global=True)
    with consumer:
        while len(got) < 2:
            connection.drain_events(timeout=10)
        with pytest.raises(socket.timeout):
            connection.drain_events(timeout=0.3)
        consumer.qos(prefetch_count=5, apply_global=True)
        while len(got) < 5:
            connection.drain_events(timeout=10)
        with pytest.raises(socket.timeout):
            connection.drain_events(timeout=0.3)
    assert [message.payload for message in got] == list(range(5))


def test_heartbeats_are_checked_the_way_celery_does(connect):
    connection = connect(heartbeat=1)
    connection.ensure_connection(max_retries=1)
    assert connection.get_heartbeat_interval() == 1
    before = connection.connection.bytes_recv

    def beat():
        connection.heartbeat_check(rate=2)
        try:
            connection.drain_events(timeout=0.2)
        except socket.timeout:
            pass
        return connection.connection.bytes_recv > before + 2

    until(beat, within=10, what="the broker's heartbeats")


def test_requeue_and_reject(connection, name):
    queue = kombu.Queue(name())(connection.default_channel)
    queue.declare()
    with connection.Producer() as producer:
        producer.publish("x", routing_key=queue.name)
    message = until(queue.get, what="the message")
    message.requeue()
    again = until(queue.get, what="the message again")
    assert again.delivery_info["redelivered"] is True
    again.reject()
    assert queue.get() is None


def test_bodies_in_json_pickle_and_compressed_come_back(connection, name):
    with connection.SimpleQueue(name()) as simple:
        for options in ({"serializer": "json"}, {"serializer": "json", "compression": "gzip"}):
            simple.put({"text": "ü" * 1000}, **options)
            message = simple.get(timeout=10)
            assert message.payload == {"text": "ü" * 1000}
            message.ack()


def test_a_consumer_mixin_runs_until_told_to_stop(connection, name):
    queue = kombu.Queue(name())

    class Worker(ConsumerMixin):
        def __init__(self):
            self.connection = connection
            self.got = []

        def get_consumers(self, Consumer, channel):
            return [Consumer(queue, callbacks=[self.take])]

        def take(self, body, message):
            message.ack()
            self.got.append(body)
            self.should_stop = len(self.got) == 3

    with connection.Producer() as producer:
        for number in range(3):
            producer.publish(number, routing_key=queue.name, declare=[queue])
    worker = Worker()
    worker.run()
    assert worker.got == [0, 1, 2]


def test_a_connection_pool_reconnects_after_a_restart(own_broker):
    """producer.publish(retry=True) must get through after the broker has died and come back."""
    with kombu.Connection(own_broker.url()) as connection:
        queue = kombu.Queue("survivor", durable=True)
        producer = connection.Producer()
        producer.publish("before", routing_key="survivor", declare=[queue], delivery_mode=2)
        until(lambda: queue(connection.default_channel).queue_declare(passive=True).message_count == 1, what="the message")
        own_broker.restart()
        producer.publish("after", routing_key="survivor", declare=[queue], retry=True,
                         retry_policy={"max_retries": 20, "interval_start": 0.1, "interval_max": 0.5})
        bound = queue(connection.default_channel)
        bodies = []
        while len(bodies) < 1 or bodies[-1] != "after":
            bodies.append(until(bound.get, what="a message").payload)
        assert bodies[-1] == "after"
