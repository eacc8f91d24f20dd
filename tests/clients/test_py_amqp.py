"""py-amqp: the library under kombu and Celery."""

import socket

import amqp
import pytest

from waiting import until


@pytest.fixture
def connect(broker):
    opened = []

    def open_one(**options):
        settings = {"userid": broker.user, "password": broker.password, "virtual_host": broker.vhost, **options}
        connection = amqp.Connection(f"{broker.host}:{broker.port}", **settings)
        opened.append(connection)  # before it connects, so that a refused one is collected too
        connection.connect()
        return connection

    yield open_one
    for connection in opened:
        connection.collect()


@pytest.fixture
def channel(connect):
    return connect().channel()


def get(channel, queue):
    return until(lambda: channel.basic_get(queue, no_ack=True), what=f"a message in {queue}")


def test_declares_publishes_and_gets(channel, name):
    queue = name()
    assert channel.queue_declare(queue, auto_delete=False) == (queue, 0, 0)
    channel.basic_publish(amqp.Message("grüße", content_type="text/plain", application_headers={"a": 1}), routing_key=queue)
    message = get(channel, queue)
    assert message.body == "grüße"
    assert message.headers == {"a": 1}


def test_consumes_through_drain_events(connect, name):
    queue = name()
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(queue, auto_delete=False)
    got = []
    channel.basic_qos(0, 3, False)
    channel.basic_consume(queue, callback=lambda message: (got.append(message.body), channel.basic_ack(message.delivery_tag)))
    for number in range(20):
        channel.basic_publish(amqp.Message(str(number)), routing_key=queue)
    while len(got) < 20:
        connection.drain_events(timeout=10)
    assert got == [str(number) for number in range(20)]


def test_confirmed_publish_waits_for_the_ack(connect, name):
    queue = name()
    channel = connect(confirm_publish=True).channel()
    channel.queue_declare(queue, durable=True, auto_delete=False)
    for number in range(10):
        channel.basic_publish(amqp.Message(str(number), delivery_mode=2), routing_key=queue)
    assert [get(channel, queue).body for _ in range(10)] == [str(number) for number in range(10)]


def test_a_missing_queue_is_not_found(channel, name):
    with pytest.raises(amqp.exceptions.NotFound) as caught:
        channel.queue_declare(name(), passive=True)
    assert caught.value.reply_code == 404


def test_an_inequivalent_queue_is_a_precondition_failure(channel, name):
    queue = name()
    channel.queue_declare(queue, durable=True, auto_delete=False)
    with pytest.raises(amqp.exceptions.PreconditionFailed):
        channel.queue_declare(queue, durable=False, auto_delete=False)


def test_an_exclusive_queue_is_locked_for_others(connect, name):
    queue = name()
    connect().channel().queue_declare(queue, exclusive=True)
    with pytest.raises(amqp.exceptions.ResourceLocked):
        connect().channel().queue_declare(queue, exclusive=True)


def test_a_wrong_password_is_access_refused(connect):
    with pytest.raises(amqp.exceptions.AccessRefused):
        connect(password="wrong")


def test_an_unknown_vhost_is_not_allowed(connect):
    with pytest.raises(amqp.exceptions.NotAllowed):
        connect(virtual_host="no-such-vhost")


def test_logs_in_by_amqplain(connect, broker, name):
    connection = connect(login_method="AMQPLAIN")
    assert connection.channel().queue_declare(name()).queue


def test_heartbeats_keep_the_connection(connect):
    connection = connect(heartbeat=1)

    def beat():
        connection.heartbeat_tick(rate=2)
        with pytest.raises(socket.timeout):
            connection.drain_events(timeout=0.3)
        return connection.bytes_recv > before + 2

    before = connection.bytes_recv
    until(beat, within=10, what="three frames from the broker")
    assert connection.connected


def test_a_returned_message_reaches_the_event(connect, name):
    connection = connect()
    channel = connection.channel()
    returned = []
    channel.events["basic_return"].add(lambda *arguments: returned.append(arguments))
    channel.basic_publish(amqp.Message("x"), routing_key=name("nowhere"), mandatory=True)
    while not returned:
        connection.drain_events(timeout=10)
    error, exchange = returned[0][0], returned[0][1]
    assert error.reply_code == 312 and exchange == ""


def test_a_cancel_by_the_broker_raises(connect, name):
    queue = name()
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(queue, auto_delete=False)
    cancelled = []
    channel.basic_consume(queue, on_cancel=cancelled.append)
    connection.channel().queue_delete(queue)
    until(lambda: cancelled or connection.drain_events(timeout=5), what="the cancel")
    assert cancelled


def test_transactions_commit(connect, name):
    queue = name()
    channel = connect().channel()
    channel.queue_declare(queue, auto_delete=False)
    channel.tx_select()
    channel.basic_publish(amqp.Message("rolled back"), routing_key=queue)
    channel.tx_rollback()
    channel.basic_publish(amqp.Message("committed"), routing_key=queue)
    channel.tx_commit()
    assert get(channel, queue).body == "committed"


def test_exchange_bindings(channel, name):
    source, destination, queue = name("x"), name("x"), name()
    channel.exchange_declare(source, "fanout", auto_delete=False)
    channel.exchange_declare(destination, "fanout", auto_delete=False)
    channel.queue_declare(queue, auto_delete=False)
    channel.queue_bind(queue, destination)
    channel.exchange_bind(destination, source)
    channel.basic_publish(amqp.Message("through"), exchange=source)
    assert get(channel, queue).body == "through"
    channel.exchange_unbind(destination, source)
