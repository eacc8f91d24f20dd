"""pika: declaring and deleting exchanges, queues and bindings, and the words in which wrong requests are refused."""

import pika
import pytest

from pika_talk import channel_closed_with, connection_closed_with, expect_ready, get
from waiting import until


def test_declare_tells_the_counts(channel, name):
    queue = name()
    first = channel.queue_declare(queue).method
    assert (first.queue, first.message_count, first.consumer_count) == (queue, 0, 0)
    channel.basic_publish("", queue, b"one")
    expect_ready(channel, queue, 1)
    channel.basic_consume(queue, lambda *_: None)
    expect_ready(channel, queue, 0)
    assert channel.queue_declare(queue).method.consumer_count == 1


def test_server_named_queues_are_unique(channel):
    names = {channel.queue_declare("", exclusive=True).method.queue for _ in range(5)}
    assert len(names) == 5
    assert all(made.startswith("amq.gen-") for made in names)


def test_an_empty_queue_name_means_the_last_declared_one(channel, name):
    queue = name()
    channel.queue_declare(queue)
    channel.queue_bind("", "amq.direct", routing_key=queue)
    channel.basic_publish("amq.direct", queue, b"x")
    assert get(channel, "").body == b"x"


def test_an_empty_queue_name_without_a_declare_is_404(channel):
    with channel_closed_with(404, "NOT_FOUND - no previously declared queue"):
        channel.basic_get("")


def test_passive_declare_of_a_missing_queue_is_404(channel, name):
    missing = name()
    with channel_closed_with(404, f"NOT_FOUND - no queue '{missing}' in vhost '/'"):
        channel.queue_declare(missing, passive=True)


def test_passive_declare_of_a_missing_exchange_is_404(channel, name):
    missing = name("x")
    with channel_closed_with(404, f"NOT_FOUND - no exchange '{missing}' in vhost '/'"):
        channel.exchange_declare(missing, passive=True)


@pytest.mark.parametrize("first, second, text", [
    ({"durable": True}, {"durable": False},
     "inequivalent arg 'durable' for queue '{q}' in vhost '/': received 'false' but current is 'true'"),
    ({"auto_delete": False}, {"auto_delete": True},
     "inequivalent arg 'auto_delete' for queue '{q}' in vhost '/': received 'true' but current is 'false'"),
    ({"arguments": {"x-message-ttl": 60000}}, {},
     "inequivalent arg 'x-message-ttl' for queue '{q}' in vhost '/': received none but current is the value '60000' of type 'signedint'"),
    ({}, {"arguments": {"x-max-length": 5}},
     "inequivalent arg 'x-max-length' for queue '{q}' in vhost '/': received the value '5' of type 'signedint' but current is none"),
    ({"arguments": {"x-dead-letter-exchange": "a"}}, {"arguments": {"x-dead-letter-exchange": "b"}},
     "inequivalent arg 'x-dead-letter-exchange' for queue '{q}' in vhost '/': "
     "received 'b' but current is 'a'"),
    ({"arguments": {"x-max-length": 5}}, {"arguments": {"x-max-length": 6}},
     "inequivalent arg 'x-max-length' for queue '{q}' in vhost '/': received '6' but current is '5'"),
], ids=["durable", "auto_delete", "ttl-gone", "max-length-new", "dlx-other", "max-length-other"])
def test_a_queue_redeclared_otherwise_is_406(channel, name, first, second, text):
    queue = name()
    channel.queue_declare(queue, **first)
    with channel_closed_with(406, "PRECONDITION_FAILED - " + text.format(q=queue)):
        channel.queue_declare(queue, **second)


def test_a_queue_redeclared_alike_is_fine(channel, name):
    queue = name()
    for _ in range(2):
        channel.queue_declare(queue, durable=True, arguments={"x-max-length": 5, "x-unknown": "kept"})


@pytest.mark.parametrize("arguments, text", [
    ({"x-expires": 0}, "invalid arg 'x-expires' for queue '{q}' in vhost '/': {{value_zero,0}}"),
    ({"x-message-ttl": -1}, "invalid arg 'x-message-ttl' for queue '{q}' in vhost '/': {{value_negative,-1}}"),
    ({"x-message-ttl": "1"}, "invalid arg 'x-message-ttl' for queue '{q}' in vhost '/': "),
    ({"x-max-priority": 256}, "invalid arg 'x-max-priority' for queue '{q}' in vhost '/': {{max_value_exceeded,256}}"),
    ({"x-overflow": "spill"}, "invalid arg 'x-overflow' for queue '{q}' in vhost '/': invalid_overflow"),
    ({"x-dead-letter-routing-key": "k"},
     "invalid arg 'x-dead-letter-routing-key' for queue '{q}' in vhost '/': routing_key_but_no_dlx_defined"),
], ids=["expires-zero", "ttl-negative", "ttl-string", "priority-256", "overflow", "key-without-dlx"])
def test_an_invalid_queue_argument_is_406(channel, name, arguments, text):
    queue = name()
    with channel_closed_with(406, "PRECONDITION_FAILED - " + text.format(q=queue)):
        channel.queue_declare(queue, arguments=arguments)


def test_exclusive_queues_are_locked_for_others_with_405(connect, channel, name):
    queue = name()
    owner = connect()
    owner.channel().queue_declare(queue, exclusive=True)
    with channel_closed_with(405, f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'"):
        channel.queue_declare(queue, passive=True)


def test_exclusive_queues_go_with_their_connection(connect, channel, name):
    queue = name()
    owner = connect()
    owner.channel().queue_declare(queue, exclusive=True)
    owner.close()
    with channel_closed_with(404):
        channel.queue_declare(queue, passive=True)


def test_auto_delete_queues_go_with_their_last_consumer(connection, name):
    queue = name()
    channel = connection.channel()
    channel.queue_declare(queue, auto_delete=True)
    assert channel.basic_get(queue) == (None, None, None)
    tags = [channel.basic_consume(queue, lambda *_: None) for _ in range(2)]
    channel.basic_cancel(tags[0])
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 1
    channel.basic_cancel(tags[1])
    with channel_closed_with(404):
        channel.queue_declare(queue, passive=True)


def test_names_with_the_reserved_prefix_are_403(connection):
    with channel_closed_with(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.\\*'"):
        connection.channel().queue_declare("amq.mine")
    with channel_closed_with(403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.\\*'"):
        connection.channel().exchange_declare("amq.mine")


def test_deleting_an_absent_queue_or_exchange_succeeds(channel, name):
    assert channel.queue_delete(name()).method.message_count == 0
    channel.exchange_delete(name("x"))


def test_delete_if_empty_and_if_unused_are_honoured(connection, name):
    queue = name()
    channel = connection.channel()
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"x")
    with channel_closed_with(406, f"queue '{queue}' in vhost '/' not empty"):
        connection.channel().queue_delete(queue, if_empty=True)
    channel.basic_consume(queue, lambda *_: None)
    with channel_closed_with(406, f"queue '{queue}' in vhost '/' in use"):
        connection.channel().queue_delete(queue, if_unused=True)


def test_delete_tells_how_many_messages_went(channel, name):
    queue = name()
    channel.queue_declare(queue)
    for _ in range(3):
        channel.basic_publish("", queue, b"x")
    assert channel.queue_delete(queue).method.message_count == 3


def test_purge_takes_ready_messages_only(channel, name):
    queue = name()
    channel.queue_declare(queue)
    for number in range(4):
        channel.basic_publish("", queue, str(number))
    held = get(channel, queue, auto_ack=False)
    assert channel.queue_purge(queue).method.message_count == 3
    channel.basic_nack(held.method.delivery_tag, requeue=True)
    assert get(channel, queue).body == b"0"


def test_an_exchange_redeclared_with_another_type_is_406(channel, name):
    exchange = name("x")
    channel.exchange_declare(exchange, "direct")
    with channel_closed_with(406, f"inequivalent arg 'type' for exchange '{exchange}' in vhost '/': "
                                  "received 'fanout' but current is 'direct'"):
        channel.exchange_declare(exchange, "fanout")


def test_an_unknown_exchange_type_is_refused(connect, name, dialect):
    code, _word, scope = dialect["unknown exchange type"]
    closed = connection_closed_with if scope == "connection" else channel_closed_with
    with closed(code, "exchange type 'x-no-such-type'"):
        connect().channel().exchange_declare(name("x"), "x-no-such-type")


def test_an_exchange_in_use_is_not_deleted_if_unused(connection, name):
    exchange, queue = name("x"), name()
    channel = connection.channel()
    channel.exchange_declare(exchange)
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange, "k")
    with channel_closed_with(406, f"exchange '{exchange}' in vhost '/' in use"):
        connection.channel().exchange_delete(exchange, if_unused=True)


def test_auto_delete_exchanges_go_with_their_last_binding(connection, name):
    exchange, queue = name("x"), name()
    channel = connection.channel()
    channel.exchange_declare(exchange, auto_delete=True)
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange, "k")
    channel.queue_unbind(queue, exchange, "k")
    with channel_closed_with(404):
        channel.exchange_declare(exchange, passive=True)


def test_the_default_exchange_cannot_be_bound_or_deleted(connection, name):
    queue = name()
    channel = connection.channel()
    channel.queue_declare(queue)
    with channel_closed_with(403, "operation not permitted on the default exchange"):
        channel.queue_bind(queue, "", "k")
    with channel_closed_with(403, "operation not permitted on the default exchange"):
        connection.channel().exchange_delete("")


def test_system_exchanges_cannot_be_deleted(channel):
    with channel_closed_with(403, "deletion of system exchange 'amq.direct' in vhost '/' not allowed"):
        channel.exchange_delete("amq.direct")


def test_publishing_to_a_missing_exchange_is_404(channel, name):
    missing = name("x")
    channel.confirm_delivery()
    with channel_closed_with(404, f"NOT_FOUND - no exchange '{missing}' in vhost '/'"):
        channel.basic_publish(missing, "k", b"x")


def test_publishing_to_an_internal_exchange_is_403(channel, name):
    exchange = name("x")
    channel.exchange_declare(exchange, internal=True)
    channel.confirm_delivery()
    with channel_closed_with(403, f"cannot publish to internal exchange '{exchange}' in vhost '/'"):
        channel.basic_publish(exchange, "k", b"x")


def test_binding_what_is_missing_is_404(connection, name):
    queue = name()
    connection.channel().queue_declare(queue)
    with channel_closed_with(404, "no exchange"):
        connection.channel().queue_bind(queue, name("x"), "k")
    with channel_closed_with(404, "no queue"):
        connection.channel().queue_bind(name(), "amq.direct", "k")


def test_unbinding_what_is_not_bound_succeeds(channel, name):
    queue = name()
    channel.queue_declare(queue)
    channel.queue_unbind(queue, "amq.direct", "never bound")


def test_an_idle_queue_with_x_expires_goes(connection, name):
    queue = name()
    channel = connection.channel()
    channel.queue_declare(queue, arguments={"x-expires": 300})

    def gone():
        # Asked by a bind, because a declare is use and would keep the queue alive.
        probe = connection.channel()
        try:
            probe.queue_bind(queue, "amq.fanout")
            probe.close()
            return False
        except pika.exceptions.ChannelClosedByBroker as error:
            assert error.reply_code == 404
            return True

    until(gone, within=5, every=0.05, what="the queue to expire")
