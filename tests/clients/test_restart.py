"""What outlives the death of a broker (kill -9) and what does not. Each test has a broker of its own."""

import threading
import time

import pika
import pytest

from conftest import parameters_for
from pika_talk import Inbox, PERSISTENT, channel_closed_with, get, get_all


DEAD_LETTERS = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}


class Session:
    """A pika channel on a broker that dies; reborn() kills it, starts it again and connects anew."""

    def __init__(self, broker):
        self.broker = broker
        self.connect()

    def connect(self):
        self.connection = pika.BlockingConnection(parameters_for(self.broker))
        self.channel = self.connection.channel()

    def reborn(self):
        self.broker.restart()
        self.connect()
        return self.channel

    def confirmed(self, queue, bodies, exchange="", **properties):
        """Publishes with confirms on a channel of its own."""
        channel = self.connection.channel()
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish(exchange, queue, body, pika.BasicProperties(delivery_mode=2, **properties))
        channel.close()


@pytest.fixture
def session(own_broker):
    made = Session(own_broker)
    yield made
    if made.connection.is_open:
        made.connection.close()


def bodies(deliveries):
    return [delivery.body for delivery in deliveries]


def test_confirmed_persistent_messages_survive_in_order_with_their_properties(session):
    session.channel.queue_declare("q", durable=True)
    session.confirmed("q", [b"%d" % number for number in range(50)], message_id="m", headers={"h": [1, "x"]}, priority=3)
    session.confirmed("q", [b"x" * 1_000_000])
    left = get_all(session.reborn(), "q")
    assert bodies(left)[:50] == [b"%d" % number for number in range(50)]
    assert left[50].body == b"x" * 1_000_000
    first = left[0].properties
    assert (first.message_id, first.headers, first.priority, first.delivery_mode) == ("m", {"h": [1, "x"]}, 3, 2)


def test_transient_messages_do_not_survive(session):
    session.channel.queue_declare("q", durable=True)
    session.channel.confirm_delivery()
    session.channel.basic_publish("", "q", b"transient")
    session.channel.basic_publish("", "q", b"persistent", PERSISTENT)
    assert bodies(get_all(session.reborn(), "q")) == [b"persistent"]


def test_transient_and_exclusive_queues_do_not_survive(session):
    session.channel.queue_declare("transient")
    session.channel.queue_declare("exclusive", exclusive=True, durable=True)
    session.reborn()
    for queue in ("transient", "exclusive"):
        with channel_closed_with(404):
            session.connection.channel().queue_declare(queue, passive=True)


def test_durable_exchanges_bindings_and_arguments_survive(session):
    channel = session.channel
    channel.exchange_declare("x", "topic", durable=True, arguments={"alternate-exchange": "spare"})
    channel.exchange_declare("spare", "fanout", durable=True)
    channel.exchange_declare("gone", "fanout")
    channel.queue_declare("q", durable=True, arguments={"x-max-length": 2})
    channel.queue_declare("rest", durable=True)
    channel.queue_bind("q", "x", "a.#")
    channel.queue_bind("rest", "spare")
    channel.exchange_bind("x", "amq.direct", "through")
    channel = session.reborn()
    for key in ("a.1", "a.2", "a.3", "b"):
        channel.basic_publish("x", key, key)
    channel.basic_publish("amq.direct", "through", b"unrouted in x, so spare")
    assert bodies(get_all(channel, "q")) == [b"a.2", b"a.3"]
    assert bodies(get_all(channel, "rest")) == [b"b", b"unrouted in x, so spare"]
    with channel_closed_with(406, "inequivalent arg 'x-max-length'"):
        session.connection.channel().queue_declare("q", durable=True)
    with channel_closed_with(404):
        session.connection.channel().exchange_declare("gone", passive=True)


def test_deleted_things_stay_deleted(session):
    channel = session.channel
    for queue in ("kept", "deleted", "purged", "unbound"):
        channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, "amq.fanout")
    session.confirmed("", [b"to all"], exchange="amq.fanout")
    channel.queue_delete("deleted")
    channel.queue_purge("purged")
    channel.queue_unbind("unbound", "amq.fanout")
    session.confirmed("", [b"after"], exchange="amq.fanout")
    channel = session.reborn()
    with channel_closed_with(404):
        session.connection.channel().queue_declare("deleted", passive=True)
    assert bodies(get_all(channel, "kept")) == [b"to all", b"after"]
    assert bodies(get_all(channel, "purged")) == [b"after"]
    assert bodies(get_all(channel, "unbound")) == [b"to all"]


def test_unacked_messages_come_again_flagged_and_in_order(session):
    session.channel.queue_declare("q", durable=True)
    session.confirmed("q", [b"%d" % number for number in range(6)])
    Inbox(session.channel, "q").take(4)
    again = get_all(session.reborn(), "q")
    assert bodies(again) == [b"%d" % number for number in range(6)]
    assert all(delivery.method.redelivered for delivery in again[:4])


def test_acks_before_a_later_confirm_are_kept(session):
    session.channel.queue_declare("q", durable=True)
    session.confirmed("q", [b"1", b"2"])
    session.channel.basic_ack(get(session.channel, "q", auto_ack=False).method.delivery_tag)
    get(session.channel, "q", auto_ack=False)  # its answer comes after the queue has seen the ack; it stays unacked
    session.confirmed("q", [b"3"])
    assert bodies(get_all(session.reborn(), "q")) == [b"2", b"3"]


def test_a_committed_transaction_survives_and_an_open_one_does_not(session):
    channel = session.channel
    for queue in ("one", "two"):
        channel.queue_declare(queue, durable=True)
    channel.tx_select()
    for queue in ("one", "two"):
        channel.basic_publish("", queue, b"committed", PERSISTENT)
    channel.tx_commit()
    channel.basic_publish("", "one", b"never committed", PERSISTENT)
    channel = session.reborn()
    assert bodies(get_all(channel, "one")) == [b"committed"]
    assert bodies(get_all(channel, "two")) == [b"committed"]


def test_priorities_survive(session):
    session.channel.queue_declare("q", durable=True, arguments={"x-max-priority": 3})
    for priority in (0, 3, 1):
        session.confirmed("q", [b"%d" % priority], priority=priority)
    assert bodies(get_all(session.reborn(), "q")) == [b"3", b"1", b"0"]


def test_a_queue_ttl_goes_on_counting(session):
    channel = session.channel
    channel.queue_declare("dead", durable=True)
    channel.queue_declare("q", durable=True, arguments={"x-message-ttl": 1500, **DEAD_LETTERS})
    session.confirmed("q", [b"late"])
    channel = session.reborn()
    channel.queue_declare("q", passive=True)
    dead = get(channel, "dead", within=15)
    assert dead.properties.headers["x-death"][0]["reason"] == "expired"


def test_dead_letters_survive(session):
    channel = session.channel
    channel.queue_declare("dead", durable=True)
    channel.queue_declare("q", durable=True, arguments={"x-max-length": 1, **DEAD_LETTERS})
    session.confirmed("q", [b"old", b"new"])
    session.connection.channel().basic_get("q", auto_ack=False)
    session.confirmed("dead", [b"fence"])
    channel = session.reborn()
    assert sorted(bodies(get_all(channel, "dead")) + bodies(get_all(channel, "q"))) == [b"fence", b"new", b"old"]


def test_a_polite_stop_closes_connections_with_320_and_loses_nothing(session):
    session.channel.queue_declare("q", durable=True)
    session.confirmed("q", [b"1", b"2", b"3"])
    session.channel.basic_ack(get(session.channel, "q", auto_ack=False).method.delivery_tag)
    get(session.channel, "q", auto_ack=False)
    stopping = threading.Thread(target=session.broker.terminate)
    began = time.monotonic()
    stopping.start()
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as caught:
        while True:
            session.connection.process_data_events(time_limit=1)
    stopping.join()
    assert time.monotonic() - began < 8, "nobody was left to wait for"
    assert caught.value.reply_code == 320
    assert caught.value.reply_text.startswith("CONNECTION_FORCED")
    session.broker.start()
    session.connect()
    assert bodies(get_all(session.channel, "q")) == [b"2", b"3"]


def test_the_same_queue_survives_many_deaths(session):
    session.channel.queue_declare("q", durable=True)
    for life in range(3):
        session.confirmed("q", [b"%d" % life])
        session.reborn()
    assert bodies(get_all(session.channel, "q")) == [b"0", b"1", b"2"]
