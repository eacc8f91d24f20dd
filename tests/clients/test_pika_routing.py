"""pika: which queues a message reaches."""

import pika
import pytest

from pika_talk import channel_closed_with, get, get_all


def routed(channel, queue):
    return [delivery.body for delivery in get_all(channel, queue)]


def test_direct_exchanges_match_the_whole_key(channel, name):
    queue, key = name(), name("key")
    channel.queue_declare(queue)
    channel.queue_bind(queue, "amq.direct", key)
    for published in (key, key + "x", key.upper()):
        channel.basic_publish("amq.direct", published, published)
    assert routed(channel, queue) == [key.encode()]


def test_fanout_exchanges_ignore_the_key(channel, name):
    exchange = name("x")
    queues = [name(), name()]
    channel.exchange_declare(exchange, "fanout")
    for queue in queues:
        channel.queue_declare(queue)
        channel.queue_bind(queue, exchange, "whatever")
    channel.basic_publish(exchange, "another", b"to all")
    assert [routed(channel, queue) for queue in queues] == [[b"to all"], [b"to all"]]


@pytest.mark.parametrize("pattern, matching, other", [
    ("a.*.c", ["a.b.c", "a..c"], ["a.c", "a.b.b.c", "a.b.c.d"]),
    ("a.#", ["a", "a.b", "a.b.c", "a."], ["b.a", "", "ab"]),
    ("#", ["", "a", "a.b.c", ".."], []),
    ("#.z", ["z", "a.z", "a.b.z"], ["z.a", "az"]),
    ("a.#.b", ["a.b", "a.x.b", "a.x.y.b"], ["a", "b", "a.b.c"]),
    ("*", ["a", ""], ["a.b"]),
    ("#.*.#", ["a", "a.b"], []),
], ids=lambda value: value if isinstance(value, str) else "")
def test_topic_patterns(channel, name, pattern, matching, other):
    exchange, queue = name("x"), name()
    channel.exchange_declare(exchange, "topic")
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange, pattern)
    for key in matching + other:
        channel.basic_publish(exchange, key, b"key:" + key.encode())
    got = routed(channel, queue)
    expected = ["key:" + key for key in matching]
    if pattern == "*":
        # An empty key has no word in RabbitMQ, so a single star does not match it.
        expected.remove("key:")
    assert [body.decode() for body in got] == expected


def test_a_message_enters_a_queue_once_however_many_bindings_match(channel, name):
    exchange, queue = name("x"), name()
    channel.exchange_declare(exchange, "topic")
    channel.queue_declare(queue)
    for pattern in ("a.#", "#.b", "a.b"):
        channel.queue_bind(queue, exchange, pattern)
    channel.basic_publish(exchange, "a.b", b"once")
    assert routed(channel, queue) == [b"once"]


@pytest.mark.parametrize("arguments, headers, matches", [
    ({"x-match": "all", "a": 1, "b": "two"}, {"a": 1, "b": "two", "c": 3}, True),
    ({"x-match": "all", "a": 1, "b": "two"}, {"a": 1}, False),
    ({"a": 1}, {"a": 1}, True),
    ({"x-match": "any", "a": 1, "b": "two"}, {"b": "two"}, True),
    ({"x-match": "any", "a": 1, "b": "two"}, {"b": "three"}, False),
    ({"x-match": "any"}, {"a": 1}, False),
    ({"x-match": "all"}, {}, True),
    ({"x-match": "all", "a": None}, {"a": "anything"}, True),
    ({"x-match": "all", "x-ignored": 1}, {}, True),
    ({"x-match": "any-with-x", "x-seen": 1}, {"x-seen": 1}, True),
], ids=["all", "all-missing", "default-all", "any", "any-other", "any-empty", "all-empty", "presence", "x-skipped", "any-with-x"])
def test_headers_exchange(channel, name, arguments, headers, matches):
    exchange, queue = name("x"), name()
    channel.exchange_declare(exchange, "headers")
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange, "", arguments=arguments)
    channel.basic_publish(exchange, "", b"x", pika.BasicProperties(headers=headers))
    channel.basic_publish("", queue, b"end")
    assert routed(channel, queue) == ([b"x", b"end"] if matches else [b"end"])


def test_a_bad_x_match_is_406(channel, name):
    queue = name()
    channel.queue_declare(queue)
    with channel_closed_with(406, 'Invalid x-match field value .*"some".*; expected all, any, all-with-x, or any-with-x'):
        channel.queue_bind(queue, "amq.headers", "", arguments={"x-match": "some"})


def test_exchanges_can_be_bound_to_exchanges(channel, name):
    source, middle, queue = name("x"), name("x"), name()
    channel.exchange_declare(source, "topic")
    channel.exchange_declare(middle, "fanout")
    channel.queue_declare(queue)
    channel.exchange_bind(middle, source, "order.#")
    channel.queue_bind(queue, middle)
    channel.basic_publish(source, "order.eu", b"in")
    channel.basic_publish(source, "invoice.eu", b"out")
    channel.exchange_unbind(middle, source, "order.#")
    channel.basic_publish(source, "order.eu", b"too late")
    assert routed(channel, queue) == [b"in"]


def test_a_ring_of_exchanges_delivers_once(channel, name):
    first, second, queue = name("x"), name("x"), name()
    channel.queue_declare(queue)
    for exchange in (first, second):
        channel.exchange_declare(exchange, "fanout")
        channel.queue_bind(queue, exchange)
    channel.exchange_bind(first, second)
    channel.exchange_bind(second, first)
    channel.basic_publish(first, "k", b"once")
    assert routed(channel, queue) == [b"once"]


def test_unroutable_messages_go_to_the_alternate_exchange(channel, name):
    main, other, queue = name("x"), name("x"), name()
    channel.exchange_declare(other, "fanout")
    channel.exchange_declare(main, "direct", arguments={"alternate-exchange": other})
    channel.queue_declare(queue)
    channel.queue_bind(queue, other)
    channel.basic_publish(main, "nobody", b"rescued")
    assert routed(channel, queue) == [b"rescued"]


def test_an_alternate_exchange_of_another_value_is_406(channel, name):
    exchange = name("x")
    channel.exchange_declare(exchange, arguments={"alternate-exchange": "a"})
    with channel_closed_with(406, f"inequivalent arg 'alternate-exchange' for exchange '{exchange}' in vhost '/'"):
        channel.exchange_declare(exchange, arguments={"alternate-exchange": "b"})


def test_cc_and_bcc_add_routing_keys(channel, name):
    queues = [name() for _ in range(3)]
    for queue in queues:
        channel.queue_declare(queue)
    headers = {"CC": [queues[1]], "BCC": [queues[2]], "kept": 1}
    channel.basic_publish("", queues[0], b"copy", pika.BasicProperties(headers=headers))
    for queue in queues:
        got = get(channel, queue)
        assert got.method.routing_key == queues[0]
        assert got.properties.headers == {"CC": [queues[1]], "kept": 1}


def test_a_cc_that_is_no_list_is_406(channel, name):
    queue = name()
    channel.queue_declare(queue)
    channel.confirm_delivery()
    with channel_closed_with(406, "unacceptable_type_in_header,\"CC\",longstr"):
        channel.basic_publish("", queue, b"x", pika.BasicProperties(headers={"CC": "not a list"}))
