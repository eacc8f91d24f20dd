"""Dead letters field by field: what each way to die writes down, second deaths, circles, copies."""

import datetime

import pika
import pytest

from pika_talk import PERSISTENT, expect_ready, get, get_all, publish_all

HEADERS = {"x-first-death-exchange", "x-first-death-queue", "x-first-death-reason",
           "x-last-death-exchange", "x-last-death-queue", "x-last-death-reason"}


def declares(channel, queue, to=None, by="", **arguments):
    """A queue whose dead letters go to `to`, by the exchange `by`."""
    wanted = {"x-" + key.replace("_", "-"): value for key, value in arguments.items()}
    if to is not None:
        wanted.update({"x-dead-letter-exchange": by, "x-dead-letter-routing-key": to})
    channel.queue_declare(queue, arguments=wanted)
    return queue


def dies(channel, queue, settle="basic_reject"):
    """The next message of the queue is rejected; returns it."""
    item = get(channel, queue, auto_ack=False)
    getattr(channel, settle)(item.method.delivery_tag, requeue=False)
    return item


def deaths(item):
    return [(death["queue"], death["reason"], death["count"]) for death in item.properties.headers["x-death"]]


WAYS = {  # arguments of the queue, expiration of the message, what the consumer does
    "rejected": ({}, None, "basic_reject"),
    "nacked": ({}, "60000", "basic_nack"),
    "queue's ttl": ({"message_ttl": 30}, None, None),
    "own expiration": ({}, "30", None),
    "shorter of two": ({"message_ttl": 30}, "60000", None),
    "length": ({"max_length": 0}, None, None),
    "bytes": ({"max_length_bytes": 0}, "60000", None),
    "refused": ({"max_length": 0, "overflow": "reject-publish-dlx"}, None, None),
}
REASONS = {"rejected": "rejected", "nacked": "rejected", "length": "maxlen", "bytes": "maxlen", "refused": "maxlen"}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_die_is_told_in_full(channel, name, way):
    arguments, expiration, settle = WAYS[way]
    dead, exchange = name("dead"), name("x")
    channel.queue_declare(dead)
    queue = declares(channel, name(), dead, **arguments)
    channel.exchange_declare(exchange, "topic")
    channel.queue_bind(queue, exchange, "a.#")
    before = datetime.datetime.now().replace(microsecond=0)
    properties = {"message_id": "m", "priority": 3, "delivery_mode": 2, "content_type": "text/plain", "timestamp": 12345}
    channel.basic_publish(exchange, "a.b", b"body", pika.BasicProperties(expiration=expiration, headers={"own": 1}, **properties))
    if settle:
        dies(channel, queue, settle)
    letter = get(channel, dead)
    assert (letter.body, letter.method.exchange, letter.method.routing_key, letter.method.redelivered) == (b"body", "", dead, False)
    assert {key: getattr(letter.properties, key) for key in properties} == properties
    assert letter.properties.expiration is None
    (death,) = letter.properties.headers["x-death"]
    time = death.pop("time")
    assert before <= time <= datetime.datetime.now(), time
    expected = {"count": 1, "reason": REASONS.get(way, "expired"), "queue": queue, "exchange": exchange, "routing-keys": ["a.b"]}
    if expiration:
        expected["original-expiration"] = expiration
    assert death == expected
    headers = letter.properties.headers
    assert set(headers) - HEADERS == {"own", "x-death"}
    assert [headers["x-first-death-" + each] for each in ("queue", "reason", "exchange")] == [queue, expected["reason"], exchange]


def test_a_second_death_counts_and_keeps_the_first_ones_story(channel, name):
    first, second = name("first"), name("second")
    declares(channel, first, second)
    declares(channel, second, first)
    channel.queue_bind(first, "amq.direct", first)
    channel.basic_publish("amq.direct", first, b"x", pika.BasicProperties(expiration="60000"))
    dies(channel, first)
    dies(channel, second)
    dies(channel, first)
    letter = get(channel, second)
    assert deaths(letter) == [(first, "rejected", 2), (second, "rejected", 1)]
    death = letter.properties.headers["x-death"][0]
    assert (death["exchange"], death["routing-keys"], death["original-expiration"]) == ("amq.direct", [first], "60000")
    assert letter.properties.headers["x-first-death-exchange"] == "amq.direct"


def test_deaths_in_one_queue_for_two_reasons_are_two(channel, name):
    queue, dead = name(), name("dead")
    declares(channel, queue, dead, message_ttl=300)
    declares(channel, dead, queue)
    publish_all(channel, queue, [b"x"])
    dies(channel, queue)
    dies(channel, dead)
    told = deaths(get(channel, dead))
    assert told[0] == (queue, "expired", 1)  # the most recent one; RabbitMQ 3.x mixes the others
    assert set(told[1:]) == {(dead, "rejected", 1), (queue, "rejected", 1)}


@pytest.mark.parametrize("arguments, count", [({"message_ttl": 30}, 1), ({"max_length": 1}, 2)], ids=["expired", "maxlen"])
def test_a_message_does_not_come_back_to_where_it_died_by_itself(channel, name, arguments, count):
    queue, witness, exchange = name(), name("witness"), name("x")
    channel.exchange_declare(exchange, "fanout")
    channel.queue_declare(queue, arguments={"x-dead-letter-exchange": exchange,
                                            **{"x-" + key.replace("_", "-"): value for key, value in arguments.items()}})
    channel.queue_declare(witness)
    for bound in (queue, witness):
        channel.queue_bind(bound, exchange)
    publish_all(channel, queue, [b"1", b"2"][:count])
    assert deaths(get(channel, witness)) == [(queue, "maxlen" if count == 2 else "expired", 1)]
    expect_ready(channel, queue, count - 1)
    assert channel.basic_get(witness)[0] is None


def test_a_rejected_message_may_go_round(channel, name):
    queue = name()
    declares(channel, queue, queue)
    publish_all(channel, queue, [b"x"])
    for _ in range(3):
        dies(channel, queue)
    assert deaths(get(channel, queue)) == [(queue, "rejected", 3)]


def test_a_circle_with_one_rejection_goes_on(channel, name):
    work, pause = name("work"), name("pause")
    declares(channel, work, pause)
    declares(channel, pause, work, message_ttl=20)
    publish_all(channel, work, [b"x"])
    for _ in range(3):
        dies(channel, work)
    assert deaths(get(channel, work)) == [(pause, "expired", 3), (work, "rejected", 3)]


def test_without_a_key_of_their_own_dead_letters_go_to_all_keys_again(channel, name):
    queue, copy = name(), name("copy")
    channel.queue_declare(queue, arguments={"x-dead-letter-exchange": ""})
    channel.queue_declare(copy)
    publish_all(channel, queue, [b"x"], headers={"CC": [copy]})
    dies(channel, queue)
    again = get(channel, queue)
    assert again.properties.headers["x-death"][0]["routing-keys"] == [queue, copy]
    assert again.properties.headers["CC"] == [copy]
    expect_ready(channel, copy, 2)


def test_an_empty_key_is_a_key(channel, name):
    queue, dead, exchange = name(), name("dead"), name("x")
    channel.exchange_declare(exchange)
    channel.queue_declare(dead)
    channel.queue_bind(dead, exchange, "")
    channel.queue_bind("", exchange, "")
    declares(channel, queue, "", exchange)
    publish_all(channel, queue, [b"x"])
    dies(channel, queue)
    letter = get(channel, dead)
    assert (letter.method.exchange, letter.method.routing_key) == (exchange, "")


def test_dead_letters_take_the_alternate_exchange(channel, name):
    queue, dead, exchange = name(), name("dead"), name("x")
    channel.queue_declare(dead)
    channel.exchange_declare(exchange, arguments={"alternate-exchange": "amq.fanout"})
    channel.queue_bind(dead, "amq.fanout")
    declares(channel, queue, "nowhere", exchange)
    publish_all(channel, queue, [b"x"])
    dies(channel, queue)
    assert get(channel, dead).body == b"x"


def test_headers_of_dead_letters_can_be_bound_to(channel, name):
    queue, dead = name(), name("dead")
    channel.queue_declare(dead)
    channel.queue_bind(dead, "amq.headers", arguments={"x-match": "all-with-x", "own": 1})
    channel.queue_declare(queue, arguments={"x-dead-letter-exchange": "amq.headers", "x-message-ttl": 0})
    publish_all(channel, queue, [b"x"], headers={"own": 1})
    assert deaths(get(channel, dead)) == [(queue, "expired", 1)]


def test_an_exchange_that_comes_late_gets_what_dies_from_then_on(channel, name):
    queue, dead, exchange = name(), name("dead"), name("x")
    channel.queue_declare(dead)
    declares(channel, queue, "k", exchange)
    publish_all(channel, queue, [b"early"])
    dies(channel, queue)
    channel.exchange_declare(exchange)
    channel.queue_bind(dead, exchange, "k")
    publish_all(channel, queue, [b"late"])
    dies(channel, queue)
    assert get(channel, dead).body == b"late"


@pytest.mark.parametrize("multiple", [True, False], ids=["at once", "one by one"])
def test_rejected_messages_keep_the_order_in_which_they_were_rejected(channel, name, multiple):
    queue, dead = name(), name("dead")
    channel.queue_declare(dead)
    declares(channel, queue, dead)
    publish_all(channel, queue, [b"1", b"2", b"3"])
    tags = [get(channel, queue, auto_ack=False).method.delivery_tag for _ in range(3)]
    if multiple:
        channel.basic_nack(tags[-1], multiple=True, requeue=False)
    else:
        for tag in (tags[1], tags[2], tags[0]):
            channel.basic_reject(tag, requeue=False)
    expect_ready(channel, dead, 3)
    assert [item.body for item in get_all(channel, dead)] == ([b"1", b"2", b"3"] if multiple else [b"2", b"3", b"1"])


def test_a_purge_a_delete_and_an_idle_queue_make_no_dead_letters(channel, name):
    dead = name("dead")
    channel.queue_declare(dead)
    purged, deleted = (declares(channel, name(), dead) for _ in range(2))
    publish_all(channel, purged, [b"x"])
    expect_ready(channel, purged, 1)
    channel.queue_purge(purged)
    publish_all(channel, deleted, [b"x"])
    channel.queue_delete(deleted)
    # A death that does count comes last.
    last = declares(channel, name(), dead)
    publish_all(channel, last, [b"last"])
    dies(channel, last)
    assert get(channel, dead).body == b"last"


def test_a_quorum_queue_gives_up_after_its_delivery_limit(channel, name):
    queue, dead = name(), name("dead")
    channel.queue_declare(dead)
    channel.queue_declare(queue, durable=True, arguments={
        "x-queue-type": "quorum", "x-delivery-limit": 2, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.basic_publish("", queue, b"x", PERSISTENT)
    for _ in range(3):
        channel.basic_reject(get(channel, queue, auto_ack=False).method.delivery_tag, requeue=True)
    assert deaths(get(channel, dead)) == [(queue, "delivery_limit", 1)]
