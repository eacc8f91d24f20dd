"""Who gets which message when: requeues, priorities of messages and consumers, single active consumers, prefetch, limits, expiry."""

import pika
import pytest

from pika_talk import Inbox, channel_closed_with, consumer_count, expect_ready, get, get_all, publish_all, pump
from waiting import until
from wire import BASIC_CONSUME_OK, BASIC_QOS_OK, CHANNEL_CLOSE, consume, method, qos, short, shortstr


def declares(channel, name, **arguments):
    queue = name()
    channel.queue_declare(queue, arguments={"x-" + key.replace("_", "-"): value for key, value in arguments.items()})
    return queue


def filled(channel, queue, count, start=0, **properties):
    publish_all(channel, queue, [str(number).encode() for number in range(start, start + count)], **properties)
    return queue


def numbers(*them):
    return [str(number).encode() for number in them]


def bodies(items):
    return [item.body for item in items]


def seen(items):
    return [(item.body.decode(), item.method.redelivered) for item in items]


def nothing_more(*inboxes):
    """No delivery is on its way: a round through the queue and back brings none."""
    for inbox in inboxes:
        inbox.channel.connection.process_data_events(time_limit=0.1)
        assert bodies(inbox.items) == []


# --- order after a requeue ---


def test_what_several_hold_comes_back_to_its_place(connection, name):
    channel, first, second = (connection.channel() for _ in range(3))
    queue = filled(channel, declares(channel, name), 6)
    held = [get(holder, queue, auto_ack=False) for holder in (first, second, first, second)]
    assert bodies(held) == numbers(0, 1, 2, 3)
    second.close()
    expect_ready(channel, queue, 4)
    first.basic_nack(held[2].method.delivery_tag)
    first.basic_nack(held[0].method.delivery_tag)
    expect_ready(channel, queue, 6)
    assert seen(get_all(channel, queue)) == [("0", True), ("1", True), ("2", True), ("3", True), ("4", False), ("5", False)]


def test_rejected_out_of_order_they_come_back_in_order(channel, name):
    queue = filled(channel, declares(channel, name), 5)
    tags = [get(channel, queue, auto_ack=False).method.delivery_tag for _ in range(4)]
    for tag in (tags[3], tags[1], tags[0]):
        channel.basic_reject(tag, requeue=True)
    expect_ready(channel, queue, 4)
    assert bodies(get_all(channel, queue)) == numbers(0, 1, 3, 4)
    channel.basic_recover(requeue=True)
    assert seen([get(channel, queue)]) == [("2", True)]


def test_a_requeued_message_keeps_its_priority(channel, name):
    queue = declares(channel, name, max_priority=5)
    for number, priority in enumerate([1, 4, 1, 4, 9]):
        filled(channel, queue, 1, start=number, priority=priority)
    expect_ready(channel, queue, 5)
    held = [get(channel, queue, auto_ack=False) for _ in range(4)]
    assert bodies(held) == numbers(4, 1, 3, 0)
    filled(channel, queue, 1, start=5, priority=4)
    channel.basic_nack(held[-1].method.delivery_tag, multiple=True)
    expect_ready(channel, queue, 6)
    assert bodies(get_all(channel, queue)) == numbers(4, 1, 3, 5, 0, 2)


@pytest.mark.parametrize("arguments", [{}, {"max_priority": 0}], ids=["without", "zero"])
def test_a_queue_without_priorities_does_not_look_at_them(channel, name, arguments):
    queue = declares(channel, name, **arguments)
    for number, priority in enumerate([1, 9, 5]):
        filled(channel, queue, 1, start=number, priority=priority)
    expect_ready(channel, queue, 3)
    assert bodies(get_all(channel, queue)) == numbers(0, 1, 2)


# --- a consumer that is gone ---


@pytest.mark.parametrize("how", ["channel closed", "connection lost"])
def test_what_a_lost_consumer_had_comes_before_what_nobody_had(peer, channel, name, how):
    queue = declares(channel, name, single_active_consumer=True)
    peer.shake_hands().with_channel()
    peer.send(qos(1, 3), consume(1, queue))
    peer.expect(BASIC_QOS_OK)
    peer.expect(BASIC_CONSUME_OK)
    inherits = Inbox(channel, queue)
    filled(channel, queue, 6)
    expect_ready(channel, queue, 3)
    if how == "channel closed":
        peer.send(method(1, CHANNEL_CLOSE, short(200) + shortstr("") + short(0) + short(0)))
    else:
        peer.socket.close()
    assert seen(inherits.take(6)) == [("0", True), ("1", True), ("2", True), ("3", False), ("4", False), ("5", False)]


def test_a_waiting_single_consumer_takes_over_in_the_order_of_arrival(connection, name):
    channels = [connection.channel() for _ in range(4)]
    queue = declares(channels[0], name, single_active_consumer=True)
    inboxes = [Inbox(channel, queue, auto_ack=True) for channel in channels[1:]]
    for number, (channel, inbox) in enumerate(zip(channels[1:], inboxes)):
        filled(channels[0], queue, 1, start=number)
        assert bodies(inbox.take(1)) == numbers(number)
        nothing_more(*inboxes[number + 1:])
        channel.close()
    assert consumer_count(channels[0], queue) == 0


def test_a_consumer_of_higher_priority_does_not_take_over_from_an_active_one(connection, name):
    first, second = connection.channel(), connection.channel()
    queue = declares(first, name, single_active_consumer=True)
    active, higher = Inbox(first, queue, auto_ack=True), Inbox(second, queue, auto_ack=True, arguments={"x-priority": 9})
    filled(first, queue, 2)
    assert bodies(active.take(2)) == numbers(0, 1)
    nothing_more(higher)


def test_of_those_that_wait_the_one_of_highest_priority_takes_over(connection, name):
    channels = [connection.channel() for _ in range(3)]
    queue = declares(channels[0], name, single_active_consumer=True)
    inboxes = [Inbox(channel, queue, auto_ack=True, arguments={"x-priority": priority}) for channel, priority in zip(channels, (1, 5, 9))]
    channels[0].close()
    filled(channels[1], queue, 1)
    assert bodies(inboxes[2].take(1)) == numbers(0)


# --- who is served ---


def test_consumers_of_one_priority_take_turns_and_lower_ones_get_the_rest(connection, name):
    queue = declares(connection.channel(), name)
    inboxes = []
    for priority in (0, 5, 5):
        channel = connection.channel()
        channel.basic_qos(prefetch_count=2)
        inboxes.append(Inbox(channel, queue, arguments={"x-priority": priority}))
    filled(inboxes[0].channel, queue, 7)
    low, first, second = (bodies(inbox.take(2)) for inbox in inboxes)
    assert (first, second, low) == (numbers(0, 2), numbers(1, 3), numbers(4, 5))
    inboxes[2].channel.basic_ack(1)
    assert bodies(inboxes[2].take(1)) == numbers(6)


def test_an_exclusive_consumer_leaves_the_queue_free(connection, name):
    first, second = connection.channel(), connection.channel()
    queue = filled(first, declares(first, name), 1)
    exclusive = Inbox(first, queue, exclusive=True)
    exclusive.take(1)
    with channel_closed_with(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"):
        connection.channel().basic_consume(queue, lambda *_: None)
    assert second.basic_get(queue)[0] is None  # which is no consumer
    first.basic_cancel(exclusive.tag)
    again = Inbox(second, queue, exclusive=True)
    first.basic_nack(1)
    assert seen(again.take(1)) == [("0", True)]


def test_a_shared_prefetch_can_be_raised_and_lowered(channel, name):
    queue = filled(channel, declares(channel, name), 8)
    channel.basic_qos(prefetch_count=2, global_qos=True)
    inbox = Inbox(channel, queue)
    assert bodies(inbox.take(2)) == numbers(0, 1)
    channel.basic_qos(prefetch_count=4, global_qos=True)
    assert bodies(inbox.take(2)) == numbers(2, 3)
    channel.basic_qos(prefetch_count=1, global_qos=True)
    channel.basic_ack(3, multiple=True)
    nothing_more(inbox)
    channel.basic_ack(4)
    assert bodies(inbox.take(1)) == numbers(4)


def test_what_was_got_does_not_count_against_a_shared_prefetch(channel, name):
    queue = filled(channel, declares(channel, name), 6)
    channel.basic_qos(prefetch_count=2, global_qos=True)
    for _ in range(3):
        get(channel, queue, auto_ack=False)
    assert bodies(Inbox(channel, queue).take(2)) == numbers(3, 4)
    assert get(channel, queue).body == b"5"


# --- counts ---


def test_counts_are_of_ready_messages_and_of_consumers(channel, name):
    queue = filled(channel, declares(channel, name), 4)
    expect_ready(channel, queue, 4)
    held = get(channel, queue, auto_ack=False)
    assert held.method.message_count == 3
    told = channel.queue_declare(queue, passive=True).method
    assert (told.message_count, told.consumer_count) == (3, 0)
    channel.basic_nack(held.method.delivery_tag)
    expect_ready(channel, queue, 4)
    held = get(channel, queue, auto_ack=False)
    assert channel.queue_purge(queue).method.message_count == 3
    assert channel.queue_delete(queue, if_empty=True).method.message_count == 0  # though one is out
    channel.basic_ack(held.method.delivery_tag)
    assert channel.is_open and channel.queue_declare(queue).method.message_count == 0


def test_an_ack_of_many_needs_its_very_tag(connection, name):
    channel = connection.channel()
    queue = filled(channel, declares(channel, name), 3)
    expect_ready(channel, queue, 3)
    tags = [get(channel, queue, auto_ack=auto_ack).method.delivery_tag for auto_ack in (False, True, False)]
    channel.basic_ack(tags[1], multiple=True)
    with channel_closed_with(406, f"unknown delivery tag {tags[1]}"):
        channel.queue_declare(queue, passive=True)
    assert seen(get_all(connection.channel(), queue)) == [("0", True), ("2", True)]


# --- consumers are told ---


def test_every_consumer_of_a_deleted_queue_is_told_whoever_owns_it(connection, name):
    channels = [connection.channel() for _ in range(2)]
    queue, cancelled = name(), []
    channels[0].queue_declare(queue, exclusive=True)
    tags = []
    for channel in channels:
        channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
        tags.append(channel.basic_consume(queue, lambda *_: None))
    channels[1].queue_delete(queue)
    pump(connection, lambda: len(cancelled) == 2, what="both cancels")
    assert sorted(cancelled) == sorted(tags)
    assert all(channel.is_open for channel in channels)


# --- limits ---


@pytest.mark.parametrize("limit", [{"max_length": 3}, {"max_length_bytes": 6}], ids=["length", "bytes"])
@pytest.mark.parametrize("overflow", [None, "drop-head", "reject-publish", "reject-publish-dlx"])
def test_a_limited_queue_says_what_it_refuses(channel, name, limit, overflow):
    queue = declares(channel, name, **limit, **({"overflow": overflow} if overflow else {}))
    channel.confirm_delivery()
    refused = []
    for number in range(10, 16):
        try:
            filled(channel, queue, 1, start=number)
        except pika.exceptions.NackError:
            refused.append(number)
    drops = overflow in (None, "drop-head")
    assert refused == ([] if drops else [13, 14, 15])
    expect_ready(channel, queue, 3)
    held = get(channel, queue, auto_ack=False)
    filled(channel, queue, 1, start=16)  # what is out does not count
    channel.basic_nack(held.method.delivery_tag)  # and what comes back is the oldest
    expect_ready(channel, queue, 3 if drops else 4)
    assert bodies(get_all(channel, queue)) == (numbers(14, 15, 16) if drops else numbers(10, 11, 12, 16))


def test_one_full_queue_is_a_refusal_and_the_others_have_it(channel, name):
    full, free, exchange = declares(channel, name, max_length=1, overflow="reject-publish"), declares(channel, name), name("x")
    channel.exchange_declare(exchange, "fanout")
    for queue in (full, free):
        channel.queue_bind(queue, exchange)
    channel.confirm_delivery()
    channel.basic_publish(exchange, "", b"1")
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish(exchange, "", b"2")
    assert (bodies(get_all(channel, full)), bodies(get_all(channel, free))) == ([b"1"], [b"1", b"2"])


def test_a_full_queue_drops_the_head_of_its_highest_priority(channel, name):
    dead = declares(channel, name)
    queue = declares(channel, name, max_length=2, max_priority=5, dead_letter_exchange="", dead_letter_routing_key=dead)
    for number, priority in enumerate([1, 5, 3, 0]):
        filled(channel, queue, 1, start=number, priority=priority)
    expect_ready(channel, dead, 2)
    assert (bodies(get_all(channel, dead)), bodies(get_all(channel, queue))) == (numbers(1, 2), numbers(0, 3))


def test_bytes_are_counted_exactly(channel, name):
    queue = declares(channel, name, max_length_bytes=10)
    publish_all(channel, queue, [b"x" * 10, b"", b""])
    expect_ready(channel, queue, 3)
    publish_all(channel, queue, [b"y"])
    assert until(lambda: bodies(get_all(channel, queue)), what="messages") == [b"", b"", b"y"]
    channel.confirm_delivery()
    publish_all(channel, queue, [b"z" * 11])
    assert channel.basic_get(queue)[0] is None


def test_a_transaction_that_would_overflow_a_queue_that_refuses_is_406(connection, name, dialect):
    channel = connection.channel()
    queue = declares(channel, name, max_length=1, overflow="reject-publish")
    channel.tx_select()
    filled(channel, queue, 3)
    with channel_closed_with(406, "PRECONDITION_FAILED - partial tx completion"):
        channel.tx_commit()
    left = bodies(get_all(connection.channel(), queue))
    assert left == ([] if dialect["transactions are atomic"] else numbers(0))


# --- expiry ---


def test_a_requeued_message_expires_when_it_would_have(channel, name):
    dead = declares(channel, name)
    queue = declares(channel, name, message_ttl=200, dead_letter_exchange="", dead_letter_routing_key=dead)
    filled(channel, queue, 2)
    held = get(channel, queue, auto_ack=False)
    assert get(channel, dead).body == b"1"  # time is up
    channel.basic_nack(held.method.delivery_tag)
    letter = get(channel, dead)
    assert (letter.body, letter.properties.headers["x-death"][0]["reason"]) == (b"0", "expired")


def test_a_message_that_is_out_does_not_expire(channel, name):
    dead = declares(channel, name)
    queue = declares(channel, name, dead_letter_exchange="", dead_letter_routing_key=dead)
    filled(channel, queue, 2, expiration="100")
    held = get(channel, queue, auto_ack=False)
    assert get(channel, dead).body == b"1"
    channel.basic_reject(held.method.delivery_tag, requeue=False)
    assert get(channel, dead).properties.headers["x-death"][0]["reason"] == "rejected"


def test_a_zero_ttl_message_without_credit_for_it_expires(connection, name):
    channel, publisher = connection.channel(), connection.channel()
    dead = declares(channel, name)
    queue = declares(channel, name, message_ttl=0, dead_letter_exchange="", dead_letter_routing_key=dead)
    channel.basic_qos(prefetch_count=1)
    inbox = Inbox(channel, queue)
    filled(publisher, queue, 2)
    assert bodies(inbox.take(1)) == numbers(0)
    assert get(publisher, dead).body == b"1"
    channel.basic_nack(1)
    assert get(publisher, dead).body == b"0"
