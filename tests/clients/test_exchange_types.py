"""pika: exchange types beyond the four of the specification. Types a peer does not have are skipped."""

import collections
import threading

import pika
import pytest

from pika_talk import PERSISTENT, channel_closed_with, expect_ready, get_all


@pytest.fixture
def declare(connection, channel, name):
    """Declares an exchange of a type; skips the test when the peer does not know it."""
    def make(kind, durable=False, **arguments):
        exchange = name("x")
        try:
            connection.channel().exchange_declare(exchange, kind, durable=durable, arguments=arguments)
        except (pika.exceptions.ConnectionClosedByBroker, pika.exceptions.ChannelClosedByBroker) as refused:
            if "unknown exchange type" not in refused.reply_text:
                raise
            pytest.skip(f"the broker has no {kind}")
        return exchange

    return make


def bound_queues(channel, name, exchange, keys, durable=False):
    queues = [name() for _ in keys]
    for queue, key in zip(queues, keys):
        channel.queue_declare(queue, durable=durable)
        channel.queue_bind(queue, exchange, key)
    return queues


def contents(channel, queues, expected):
    """The bodies in each queue, once `expected` messages have arrived in all of them."""
    bodies = {queue: [] for queue in queues}
    while sum(map(len, bodies.values())) < expected:
        for queue in queues:
            bodies[queue] += [delivery.body.decode() for delivery in get_all(channel, queue)]
    return bodies


def placement(channel, exchange, queues, keys, **properties):
    for key in keys:
        channel.basic_publish(exchange, key, key.encode(), pika.BasicProperties(**properties))
    bodies = contents(channel, queues, len(keys))
    return {key: index for index, queue in enumerate(queues) for key in bodies[queue]}


KEYS = [f"customer-{number}" for number in range(3000)]


@pytest.mark.parametrize("kind", ["x-consistent-hash", "x-modulus-hash"])
def test_a_key_goes_to_one_queue_and_always_to_the_same(channel, name, declare, kind):
    exchange = declare(kind)
    queues = bound_queues(channel, name, exchange, ["1"] * 4)
    first = placement(channel, exchange, queues, KEYS[:200])
    assert set(first.values()) == {0, 1, 2, 3}
    assert placement(channel, exchange, queues, KEYS[:200]) == first


def test_consistent_hash_shares_keys_by_weight(channel, name, declare):
    exchange = declare("x-consistent-hash")
    queues = bound_queues(channel, name, exchange, ["1", "2", "3"])
    counts = collections.Counter(placement(channel, exchange, queues, KEYS).values())
    for index in range(3):
        assert abs(counts[index] / len(KEYS) - (index + 1) / 6) < 0.04, counts


def test_a_new_queue_moves_no_keys_between_others(channel, name, declare):
    exchange = declare("x-consistent-hash")
    queues = bound_queues(channel, name, exchange, ["2"] * 4)
    before = placement(channel, exchange, queues, KEYS)
    queues += bound_queues(channel, name, exchange, ["2"])
    after = placement(channel, exchange, queues, KEYS)
    moved = [key for key in KEYS if after[key] != before[key]]
    assert {after[key] for key in moved} == {4}
    assert len(moved) / len(KEYS) < 0.25


@pytest.mark.parametrize("argument, properties", [
    ({"hash-header": "user"}, {"headers": {"user": "ann"}}),
    ({"hash-property": "message_id"}, {"message_id": "m1"}),
    ({"hash-property": "correlation_id"}, {"correlation_id": "c1"}),
    ({"hash-property": "timestamp"}, {"timestamp": 1_700_000_000}),
    ({"hash-header": "user"}, {}),
    ({"hash-property": "message_id"}, {}),
], ids=["header", "message_id", "correlation_id", "timestamp", "no-header", "no-property"])
def test_consistent_hash_looks_where_it_is_told(channel, name, declare, argument, properties):
    exchange = declare("x-consistent-hash", **argument)
    queues = bound_queues(channel, name, exchange, ["1"] * 4)
    assert len(set(placement(channel, exchange, queues, KEYS[:50], **properties).values())) == 1


@pytest.mark.parametrize("key, text", [
    ("foo", 'The binding key must be an integer: <<"foo">>'),
    ("", "The binding key must be an integer: <<>>"),
    ("1.5", 'The binding key must be an integer: <<"1.5">>'),
    ("0", "The binding key must be greater than 0"),
    ("-3", "The binding key must be greater than 0"),
], ids=["word", "empty", "fraction", "zero", "negative"])
def test_a_weight_is_a_positive_integer(channel, name, declare, key, text):
    exchange, queue = declare("x-consistent-hash"), name()
    channel.queue_declare(queue)
    with channel_closed_with(406, f"^PRECONDITION_FAILED - {text}$"):
        channel.queue_bind(queue, exchange, key)


@pytest.mark.parametrize("arguments, text", [
    ({"hash-header": "a", "hash-property": "message_id"}, "hash-header and hash-property are mutually exclusive"),
    ({"hash-property": "app_id"}, "Unsupported property: app_id"),
], ids=["both", "unknown"])
def test_consistent_hash_arguments_are_checked(channel, name, declare, arguments, text):
    declare("x-consistent-hash")
    with channel_closed_with(406, f"^PRECONDITION_FAILED - {text}$"):
        channel.exchange_declare(name("x"), "x-consistent-hash", arguments=arguments)


@pytest.mark.parametrize("kind", ["x-consistent-hash", "x-modulus-hash"])
def test_placement_survives_a_crash(own_broker, kind):
    parameters = pika.ConnectionParameters(own_broker.host, own_broker.port)
    keys = KEYS[:300]

    def place():
        connection = pika.BlockingConnection(parameters)
        placed = placement(connection.channel(), "placed", queues, keys)
        connection.close()
        return placed

    queues = ["zebra", "ant", "mole", "bear"]
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.exchange_declare("placed", kind, durable=True)
    for weight, queue in enumerate(queues, start=1):
        channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, "placed", str(weight))
    connection.close()
    before = place()
    own_broker.kill()
    own_broker.start()
    assert place() == before


@pytest.mark.parametrize("kind", ["x-random", "x-local-random"])
def test_random_exchanges_reach_one_queue_by_lot(channel, name, declare, kind):
    exchange = declare(kind)
    queues = bound_queues(channel, name, exchange, [""] * 3)
    for _ in range(300):
        channel.basic_publish(exchange, "same", b"x")
    counts = [len(bodies) for bodies in contents(channel, queues, 300).values()]
    assert sum(counts) == 300
    assert min(counts) > 40, counts


def test_local_random_wants_an_empty_binding_key(channel, name, declare):
    exchange, queue = declare("x-local-random"), name()
    channel.queue_declare(queue)
    with channel_closed_with(406, "^PRECONDITION_FAILED - Non empty binding 'k' key not permitted$"):
        channel.queue_bind(queue, exchange, "k")


def history_of(channel, name, exchange, expected):
    queue, = bound_queues(channel, name, exchange, [""])
    expect_ready(channel, queue, expected)
    return [delivery.body for delivery in get_all(channel, queue)]


def test_recent_history_is_given_to_a_new_queue_oldest_first(channel, name, declare):
    exchange = declare("x-recent-history", **{"x-recent-history-length": 5})
    for number in range(9):
        channel.basic_publish(exchange, "k", b"%d" % number)
    assert history_of(channel, name, exchange, 5) == [b"4", b"5", b"6", b"7", b"8"]


def test_recent_history_keeps_twenty_messages_by_default(channel, name, declare):
    exchange = declare("x-recent-history")
    for number in range(30):
        channel.basic_publish(exchange, "k", b"%d" % number)
    assert history_of(channel, name, exchange, 20) == [b"%d" % number for number in range(10, 30)]


def test_recent_history_passes_over_messages_that_ask_for_it(channel, name, declare):
    exchange = declare("x-recent-history")
    channel.basic_publish(exchange, "", b"kept")
    channel.basic_publish(exchange, "", b"not", pika.BasicProperties(headers={"x-recent-history-no-store": True}))
    channel.basic_publish(exchange, "", b"kept too", pika.BasicProperties(headers={"x-recent-history-no-store": False}))
    assert history_of(channel, name, exchange, 2) == [b"kept", b"kept too"]


def test_a_queue_bound_while_others_publish_gets_each_message_once(own_broker):
    parameters = pika.ConnectionParameters(own_broker.host, own_broker.port)
    publishers, messages, late_queues = 3, 4000, 20
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.exchange_declare("recent", "x-recent-history", arguments={"x-recent-history-length": publishers * messages})

    def publish(publisher):
        own = pika.BlockingConnection(parameters)
        out = own.channel()
        for number in range(messages):
            out.basic_publish("recent", "", b"%d %d" % (publisher, number))
        own.close()

    threads = [threading.Thread(target=publish, args=(publisher,)) for publisher in range(publishers)]
    for thread in threads:
        thread.start()
    queues = [f"late.{number}" for number in range(late_queues)]
    for queue in queues:
        channel.queue_declare(queue)
        channel.queue_bind(queue, "recent")
    for thread in threads:
        thread.join()
    for queue in queues:
        expect_ready(channel, queue, publishers * messages)
        got = collections.defaultdict(list)
        for delivery in get_all_quickly(channel, queue, publishers * messages):
            publisher, number = map(int, delivery.split())
            got[publisher].append(number)
        assert all(numbers == list(range(messages)) for numbers in got.values()), queue
    connection.close()


def get_all_quickly(channel, queue, count):
    bodies = []
    for _method, _properties, body in channel.consume(queue, auto_ack=True):
        bodies.append(body)
        if len(bodies) == count:
            break
    channel.cancel()
    return bodies


def test_recent_history_goes_through_a_bound_exchange(channel, name, declare):
    exchange, queue = declare("x-recent-history"), name()
    channel.queue_declare(queue)
    channel.queue_bind(queue, "amq.topic", f"{queue}.#")
    channel.basic_publish(exchange, f"{queue}.a", b"once")
    channel.exchange_bind("amq.topic", exchange, "")
    expect_ready(channel, queue, 1)
    channel.exchange_unbind("amq.topic", exchange, "")


def test_a_recent_history_exchange_is_a_fanout(channel, name, declare):
    exchange = declare("x-recent-history")
    queues = bound_queues(channel, name, exchange, ["a", "b"])
    channel.basic_publish(exchange, "k", b"to all", PERSISTENT)
    for queue in queues:
        expect_ready(channel, queue, 1)


@pytest.mark.parametrize("length, shown", [(0, "0"), (-1, "-1"), ("a", '<<"a">>'), (True, "true"), (None, "undefined")])
def test_a_history_length_is_a_positive_integer(channel, name, declare, length, shown):
    declare("x-recent-history")
    text = f"^PRECONDITION_FAILED - Invalid argument {shown}, 'x-recent-history-length' must be a positive integer$"
    with channel_closed_with(406, text):
        channel.exchange_declare(name("x"), "x-recent-history", arguments={"x-recent-history-length": length})
