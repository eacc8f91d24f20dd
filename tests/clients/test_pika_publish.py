"""pika: publishing - properties, confirms, returns, transactions, limits of the message."""

import decimal

import pika
import pytest

from pika_talk import Inbox, PERSISTENT, channel_closed_with, expect_ready, get, get_all, publish_all, pump


def test_every_property_comes_back(channel, name):
    queue = name()
    channel.queue_declare(queue)
    sent = pika.BasicProperties(
        content_type="application/json", content_encoding="utf-8", delivery_mode=2, priority=3, correlation_id="corr",
        reply_to="answers", expiration="60000", message_id="id-1", timestamp=1_700_000_000, type="order", user_id="guest",
        app_id="app", cluster_id="cluster", headers={"key": "value"})
    channel.basic_publish("", queue, b"{}", sent)
    got = get(channel, queue).properties
    for field in ("content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration",
                  "message_id", "timestamp", "type", "user_id", "app_id", "cluster_id", "headers"):
        assert getattr(got, field) == getattr(sent, field), field


def test_header_values_of_every_kind_come_back(channel, name):
    queue = name()
    channel.queue_declare(queue)
    headers = {
        "text": "grüße", "number": -7, "big": 2**40, "yes": True, "no": False, "nothing": None, "price": decimal.Decimal("12.5"),
        "list": [1, "two", [3], {"four": 4}], "table": {"deep": {"deeper": {"deepest": "x"}}}, "empty": {}, "none": [],
        "bytes": b"\x00\xff",
    }
    channel.basic_publish("", queue, b"", pika.BasicProperties(headers=headers))
    assert get(channel, queue).properties.headers == headers


def test_messages_of_one_channel_keep_their_order(channel, name):
    queue = name()
    channel.queue_declare(queue)
    bodies = [str(number).encode() for number in range(500)]
    publish_all(channel, queue, bodies)
    inbox = Inbox(channel, queue, auto_ack=True)
    assert inbox.bodies(500) == bodies


def test_a_confirmed_publish_returns_quietly(channel, name):
    queue = name()
    channel.queue_declare(queue, durable=True)
    channel.confirm_delivery()
    for number in range(20):
        channel.basic_publish("", queue, str(number), PERSISTENT, mandatory=True)
    assert len(get_all(channel, queue)) == 20


def test_an_unroutable_publish_is_confirmed_when_not_mandatory(channel, name):
    channel.confirm_delivery()
    channel.basic_publish("", name("nowhere"), b"lost on purpose")


def test_a_mandatory_unroutable_publish_comes_back_before_its_confirm(channel, name):
    channel.confirm_delivery()
    nowhere = name("nowhere")
    with pytest.raises(pika.exceptions.UnroutableError) as caught:
        channel.basic_publish("", nowhere, b"back please", pika.BasicProperties(message_id="7"), mandatory=True)
    (returned,) = caught.value.messages
    assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")
    assert (returned.method.exchange, returned.method.routing_key) == ("", nowhere)
    assert (returned.body, returned.properties.message_id) == (b"back please", "7")


def test_a_mandatory_publish_without_confirms_comes_back_too(channel, name):
    returned = []
    channel.add_on_return_callback(lambda _channel, method, properties, body: returned.append((method.reply_code, body)))
    channel.basic_publish("amq.direct", name("nowhere"), b"x" * 200_000, mandatory=True)
    pump(channel.connection, lambda: returned, what="the return")
    assert returned == [(312, b"x" * 200_000)]


def test_confirms_can_be_selected_twice(channel, name):
    queue = name()
    channel.queue_declare(queue)
    channel._impl.confirm_delivery(lambda _frame: None)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"x")


def test_confirms_are_numbered_from_one(channel, name):
    queue = name()
    channel.queue_declare(queue)
    confirmed = set()

    def on_confirm(frame):
        assert isinstance(frame.method, pika.spec.Basic.Ack)
        tag = frame.method.delivery_tag
        confirmed.update(range(1, tag + 1) if frame.method.multiple else [tag])

    selected = []
    channel._impl.confirm_delivery(on_confirm, callback=selected.append)
    pump(channel.connection, lambda: selected, what="confirm.select-ok")
    for _ in range(300):
        channel._impl.basic_publish("", queue, b"x")
    pump(channel.connection, lambda: len(confirmed) == 300, what="300 confirms")
    assert confirmed == set(range(1, 301))


def test_a_transaction_publishes_on_commit_only(connection, name):
    queue = name()
    channel, watcher = connection.channel(), connection.channel()
    channel.queue_declare(queue)
    channel.tx_select()
    publish_all(channel, queue, [b"1", b"2"])
    channel.queue_declare(queue, passive=True)
    assert watcher.basic_get(queue) == (None, None, None)
    channel.tx_commit()
    assert [delivery.body for delivery in get_all(watcher, queue)] == [b"1", b"2"]


def test_a_rolled_back_transaction_publishes_nothing(channel, name):
    queue = name()
    channel.queue_declare(queue)
    channel.tx_select()
    channel.basic_publish("", queue, b"gone")
    channel.tx_rollback()
    channel.basic_publish("", queue, b"kept")
    channel.tx_commit()
    assert [delivery.body for delivery in get_all(channel, queue)] == [b"kept"]


def test_acks_in_a_transaction_count_on_commit_only(connection, name):
    queue = name()
    channel, other = connection.channel(), connection.channel()
    other.queue_declare(queue)
    publish_all(other, queue, [b"1", b"2"])
    channel.tx_select()
    for body in (b"1", b"2"):
        assert get(channel, queue, auto_ack=False).body == body
    channel.basic_ack(1)
    channel.tx_rollback()
    channel.basic_ack(1)
    channel.tx_commit()
    channel.basic_ack(2)
    channel.close()  # the second ack was never committed
    left = get(other, queue)
    assert (left.body, left.method.redelivered) == (b"2", True)
    assert other.basic_get(queue) == (None, None, None)


def test_a_transaction_and_confirms_exclude_each_other(connection):
    channel = connection.channel()
    channel.tx_select()
    with channel_closed_with(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode"):
        channel.confirm_delivery()
    channel = connection.channel()
    channel.confirm_delivery()
    with channel_closed_with(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode"):
        channel.tx_select()


def test_commit_without_a_transaction_is_406(channel):
    with channel_closed_with(406, "PRECONDITION_FAILED - channel is not transactional"):
        channel.tx_commit()


def test_a_foreign_user_id_is_406(channel, name):
    queue = name()
    channel.queue_declare(queue)
    channel.confirm_delivery()
    with channel_closed_with(406, "user_id property set to 'somebody' but authenticated user was 'guest'"):
        channel.basic_publish("", queue, b"x", pika.BasicProperties(user_id="somebody"))


@pytest.mark.parametrize("expiration", ["soon", "-1", "12x", "1.5"])
def test_an_expiration_that_is_no_number_is_406(channel, name, expiration):
    queue = name()
    channel.queue_declare(queue)
    channel.confirm_delivery()
    with channel_closed_with(406, f"PRECONDITION_FAILED - invalid expiration '{expiration}'"):
        channel.basic_publish("", queue, b"x", pika.BasicProperties(expiration=expiration))


def test_publishes_after_a_channel_error_are_dropped(connection, name):
    queue = name()
    channel = connection.channel()
    channel.queue_declare(queue)
    channel._impl.basic_publish(name("missing"), "k", b"breaks the channel")
    channel._impl.basic_publish("", queue, b"comes too late")
    with channel_closed_with(404):
        channel.queue_declare(queue, passive=True)
    assert connection.channel().basic_get(queue) == (None, None, None)


def test_a_message_to_many_queues_is_the_same_in_each(channel, name):
    exchange = name("x")
    channel.exchange_declare(exchange, "fanout")
    queues = [name() for _ in range(10)]
    for queue in queues:
        channel.queue_declare(queue)
        channel.queue_bind(queue, exchange)
    body = b"shared" * 1000
    channel.basic_publish(exchange, "k", body)
    for queue in queues:
        expect_ready(channel, queue, 1)
        assert get(channel, queue).body == body
