"""pika: what a queue does by itself - expiry, dead letters, length limits, priorities."""

import pika
import pytest

from pika_talk import Inbox, channel_closed_with, expect_ready, get, get_all, publish_all
from waiting import until


@pytest.fixture
def dead_letters(channel, name):
    """Declares a dead-letter exchange with one queue; returns (exchange, queue)."""
    exchange, queue = name("dlx"), name("dlq")
    channel.exchange_declare(exchange, "fanout")
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange)
    return exchange, queue


def queue_with(channel, name, **arguments):
    queue = name()
    channel.queue_declare(queue, arguments={"x-" + key.replace("_", "-"): value for key, value in arguments.items()})
    return queue


def test_messages_older_than_the_queue_ttl_go(channel, name):
    queue = queue_with(channel, name, message_ttl=100)
    channel.confirm_delivery()  # so that the messages are in the queue before its count is asked for
    publish_all(channel, queue, [b"1", b"2"])
    expect_ready(channel, queue, 0)
    assert channel.basic_get(queue) == (None, None, None)


def test_a_message_expires_by_its_own_expiration(channel, name):
    queue = queue_with(channel, name)
    publish_all(channel, queue, [b"short"], expiration="50")
    publish_all(channel, queue, [b"long"], expiration="600000")
    assert until(lambda: [item.body for item in get_all(channel, queue)], what="messages") in ([b"long"], [b"short", b"long"])


def test_a_zero_ttl_message_goes_to_a_waiting_consumer_or_nowhere(channel, name):
    queue = queue_with(channel, name)
    publish_all(channel, queue, [b"nobody waits"], expiration="0")
    publish_all(channel, queue, [b"marker"])
    assert get(channel, queue).body == b"marker"
    inbox = Inbox(channel, queue, auto_ack=True)
    publish_all(channel, queue, [b"somebody waits"], expiration="0")
    assert inbox.bodies(1) == [b"somebody waits"]


def test_a_dead_letter_of_expiry_tells_its_story(channel, name, dead_letters):
    exchange, dlq = dead_letters
    queue = queue_with(channel, name, message_ttl=50, dead_letter_exchange=exchange)
    publish_all(channel, queue, [b"late"], message_id="m")
    dead = get(channel, dlq)
    assert (dead.body, dead.properties.message_id) == (b"late", "m")
    assert (dead.method.exchange, dead.method.routing_key) == (exchange, queue)
    headers = dead.properties.headers
    (death,) = headers["x-death"]
    assert death["reason"] == "expired" and death["queue"] == queue and death["exchange"] == ""
    assert death["routing-keys"] == [queue] and death["count"] == 1
    assert death["time"].year >= 2024
    assert headers["x-first-death-reason"] == "expired"
    assert headers["x-first-death-queue"] == queue
    assert headers["x-first-death-exchange"] == ""


def test_a_dead_letter_loses_its_expiration_and_remembers_it(channel, name, dead_letters):
    exchange, dlq = dead_letters
    queue = queue_with(channel, name, dead_letter_exchange=exchange)
    publish_all(channel, queue, [b"x"], expiration="30")
    dead = get(channel, dlq)
    assert dead.properties.expiration is None
    assert dead.properties.headers["x-death"][0]["original-expiration"] == "30"


@pytest.mark.parametrize("settle", ["basic_reject", "basic_nack"])
def test_a_rejected_message_is_dead_lettered(channel, name, dead_letters, settle):
    exchange, dlq = dead_letters
    queue = queue_with(channel, name, dead_letter_exchange=exchange, dead_letter_routing_key="other.key")
    publish_all(channel, queue, [b"bad"], headers={"mine": "kept"})
    getattr(channel, settle)(get(channel, queue, auto_ack=False).method.delivery_tag, requeue=False)
    dead = get(channel, dlq)
    assert dead.method.routing_key == "other.key"
    assert dead.properties.headers["mine"] == "kept"
    assert dead.properties.headers["x-death"][0]["reason"] == "rejected"
    assert dead.properties.headers["x-death"][0]["routing-keys"] == [queue]


def test_deaths_in_the_same_queue_are_counted(channel, name, dead_letters):
    exchange, dlq = dead_letters
    queue = queue_with(channel, name, dead_letter_exchange="", dead_letter_routing_key=dlq)
    channel.queue_delete(dlq)
    channel.queue_declare(dlq, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue})
    publish_all(channel, queue, [b"ping pong"])
    for _ in range(3):
        for place in (queue, dlq):
            channel.basic_reject(get(channel, place, auto_ack=False).method.delivery_tag, requeue=False)
    deaths = get(channel, queue).properties.headers["x-death"]
    assert [(death["queue"], death["count"]) for death in deaths] == [(dlq, 3), (queue, 3)]


def test_a_message_going_round_by_expiry_alone_is_dropped(channel, name, dead_letters):
    exchange, witness = dead_letters
    queue = queue_with(channel, name, message_ttl=30, dead_letter_exchange=exchange)
    channel.queue_bind(queue, exchange)
    # Each death is seen by the witness; a second round of the first message would be there before the second message is.
    publish_all(channel, queue, [b"first"])
    seen = [get(channel, witness)]
    publish_all(channel, queue, [b"second"])
    seen.append(get(channel, witness))
    assert [item.body for item in seen] == [b"first", b"second"]
    assert [item.properties.headers["x-death"][0]["count"] for item in seen] == [1, 1]


def test_a_dead_letter_without_its_exchange_is_dropped(channel, name):
    queue = queue_with(channel, name, message_ttl=20, dead_letter_exchange=name("absent"))
    channel.confirm_delivery()
    publish_all(channel, queue, [b"x"])
    expect_ready(channel, queue, 0)


def test_a_full_queue_drops_its_head(channel, name):
    queue = queue_with(channel, name, max_length=3)
    publish_all(channel, queue, [b"1", b"2", b"3", b"4", b"5"])
    assert [item.body for item in get_all(channel, queue)] == [b"3", b"4", b"5"]


def test_a_queue_limited_by_bytes_drops_its_head(channel, name):
    queue = queue_with(channel, name, max_length_bytes=10)
    publish_all(channel, queue, [b"aaaa", b"bbbb", b"cccc"])
    assert [item.body for item in get_all(channel, queue)] == [b"bbbb", b"cccc"]


def test_what_overflows_is_dead_lettered(channel, name, dead_letters):
    exchange, dlq = dead_letters
    queue = queue_with(channel, name, max_length=1, dead_letter_exchange=exchange)
    publish_all(channel, queue, [b"old", b"new"])
    dead = get(channel, dlq)
    assert (dead.body, dead.properties.headers["x-death"][0]["reason"]) == (b"old", "maxlen")
    assert get(channel, queue).body == b"new"


def test_a_full_queue_with_reject_publish_nacks(channel, name):
    queue = queue_with(channel, name, max_length=2, overflow="reject-publish")
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"1")
    channel.basic_publish("", queue, b"2")
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", queue, b"3")
    assert [item.body for item in get_all(channel, queue)] == [b"1", b"2"]


def test_reject_publish_dlx_also_dead_letters_what_it_refuses(channel, name, dead_letters):
    exchange, dlq = dead_letters
    queue = queue_with(channel, name, max_length=1, overflow="reject-publish-dlx", dead_letter_exchange=exchange)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"1")
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", queue, b"2")
    assert get(channel, dlq).body == b"2"


def test_unacked_messages_do_not_count_for_the_limit(channel, name):
    queue = queue_with(channel, name, max_length=1)
    publish_all(channel, queue, [b"1"])
    get(channel, queue, auto_ack=False)
    publish_all(channel, queue, [b"2"])
    assert get(channel, queue).body == b"2"


def test_higher_priorities_come_first_and_keep_their_order(channel, name):
    queue = queue_with(channel, name, max_priority=5)
    for number, priority in enumerate([0, 5, 2, 5, 9, None]):
        channel.basic_publish("", queue, f"{priority}/{number}", pika.BasicProperties(priority=priority))
    expect_ready(channel, queue, 6)
    # 9 is above the queue's highest level and counts as 5; a message without a priority has 0.
    assert [item.body for item in get_all(channel, queue)] == [b"5/1", b"5/3", b"9/4", b"2/2", b"0/0", b"None/5"]


def test_a_redeclare_with_another_priority_range_is_406(channel, name):
    queue = queue_with(channel, name, max_priority=5)
    with channel_closed_with(406, "inequivalent arg 'x-max-priority'"):
        channel.queue_declare(queue, arguments={"x-max-priority": 6})


def test_the_cc_header_and_a_dead_letter_routing_key(channel, name, dead_letters, dialect):
    exchange, dlq = dead_letters
    queue, copy = queue_with(channel, name, dead_letter_exchange=exchange, dead_letter_routing_key="k"), name()
    publish_all(channel, queue, [b"x"], headers={"CC": [copy]})
    channel.basic_reject(get(channel, queue, auto_ack=False).method.delivery_tag, requeue=False)
    headers = get(channel, dlq).properties.headers
    assert ("CC" in headers) is dialect["CC survives a dead-letter routing key"]
    assert headers["x-death"][0]["routing-keys"] == [queue, copy]


def test_a_published_x_death(channel, name, dead_letters, dialect):
    exchange, dlq = dead_letters
    queue = queue_with(channel, name, dead_letter_exchange=exchange)
    publish_all(channel, queue, [b"x"])
    channel.basic_reject(get(channel, queue, auto_ack=False).method.delivery_tag, requeue=False)
    first = get(channel, dlq)
    channel.basic_publish("", queue, first.body, first.properties)
    channel.basic_reject(get(channel, queue, auto_ack=False).method.delivery_tag, requeue=False)
    again = get(channel, dlq).properties.headers["x-death"]
    assert again[0]["count"] == (2 if dialect["published x-death is believed"] else 1)


def test_lazy_mode_and_other_old_arguments_are_accepted(channel, name):
    queue = name()
    channel.queue_declare(queue, arguments={"x-queue-mode": "lazy", "x-queue-type": "classic"})
    publish_all(channel, queue, [b"x"])
    assert get(channel, queue).body == b"x"


def test_a_delayed_retry_by_ttl_and_dead_letters_comes_back(channel, name):
    """The usual retry pattern: a parking queue with a TTL whose dead letters return to work."""
    work, parking = name("work"), name("parking")
    channel.queue_declare(work, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": parking})
    channel.queue_declare(parking, arguments={
        "x-message-ttl": 50, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": work})
    publish_all(channel, work, [b"try again"])
    channel.basic_reject(get(channel, work, auto_ack=False).method.delivery_tag, requeue=False)
    second = get(channel, work)
    deaths = {(death["queue"], death["reason"]): death["count"] for death in second.properties.headers["x-death"]}
    assert deaths == {(parking, "expired"): 1, (work, "rejected"): 1}
