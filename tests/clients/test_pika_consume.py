"""pika: consuming - acks and their errors, prefetch, redelivery, order, cancels, priorities, single active consumers."""

import pytest

from pika_talk import (Inbox, channel_closed_with, connection_closed_with, consumer_count, expect_ready, get, get_all, publish_all,
                       pump)


@pytest.fixture
def queue(channel, name):
    made = name()
    channel.queue_declare(made)
    return made


def numbers(count, start=0):
    return [str(number).encode() for number in range(start, start + count)]


def test_delivery_tags_count_from_one_and_are_shared_with_get(channel, queue):
    publish_all(channel, queue, numbers(3))
    assert get(channel, queue, auto_ack=True).method.delivery_tag == 1
    inbox = Inbox(channel, queue)
    assert [item.method.delivery_tag for item in inbox.take(2)] == [2, 3]


def test_get_tells_how_many_are_left(channel, queue):
    publish_all(channel, queue, numbers(3))
    assert [get(channel, queue).method.message_count for _ in range(3)] == [2, 1, 0]


def test_get_of_an_empty_queue_says_so(channel, queue):
    assert channel.basic_get(queue) == (None, None, None)


def test_get_from_a_missing_queue_is_404(channel, name):
    with channel_closed_with(404, "no queue"):
        channel.basic_get(name())


def test_consuming_from_a_missing_queue_is_404(channel, name):
    with channel_closed_with(404, "no queue"):
        channel.basic_consume(name(), lambda *_: None)


def test_acked_messages_do_not_come_back(connection, queue):
    channel = connection.channel()
    publish_all(channel, queue, numbers(3))
    for item in Inbox(channel, queue).take(3):
        channel.basic_ack(item.method.delivery_tag)
    channel.close()
    assert connection.channel().basic_get(queue) == (None, None, None)


def test_multiple_acks_all_up_to_the_tag(connection, queue):
    channel = connection.channel()
    publish_all(channel, queue, numbers(5))
    Inbox(channel, queue).take(5)
    channel.basic_ack(3, multiple=True)
    channel.close()
    assert [item.body for item in get_all(connection.channel(), queue)] == [b"3", b"4"]


def test_multiple_ack_of_zero_acks_everything(connection, queue):
    channel = connection.channel()
    publish_all(channel, queue, numbers(3))
    Inbox(channel, queue).take(3)
    channel.basic_ack(0, multiple=True)
    channel.close()
    assert connection.channel().basic_get(queue) == (None, None, None)


@pytest.mark.parametrize("settle", ["basic_ack", "basic_nack", "basic_reject"])
def test_an_unknown_delivery_tag_is_406(channel, queue, settle):
    getattr(channel, settle)(99)
    with channel_closed_with(406, "PRECONDITION_FAILED - unknown delivery tag 99"):
        channel.queue_declare(queue, passive=True)


def test_acking_twice_is_406(channel, queue):
    channel.basic_publish("", queue, b"x")
    Inbox(channel, queue).take(1)
    channel.basic_ack(1)
    channel.basic_ack(1)
    with channel_closed_with(406, "PRECONDITION_FAILED - unknown delivery tag 1"):
        channel.queue_declare(queue, passive=True)


def test_acking_an_automatically_acked_delivery_is_406(channel, queue):
    channel.basic_publish("", queue, b"x")
    Inbox(channel, queue, auto_ack=True).take(1)
    channel.basic_ack(1)
    with channel_closed_with(406, "PRECONDITION_FAILED - unknown delivery tag 1"):
        channel.queue_declare(queue, passive=True)


def test_requeued_messages_come_back_first_and_flagged(channel, queue):
    publish_all(channel, queue, numbers(3))
    first = get(channel, queue, auto_ack=False)
    assert first.method.redelivered is False
    channel.basic_reject(first.method.delivery_tag, requeue=True)
    got = [(item.body, item.method.redelivered) for item in get_all(channel, queue)]
    assert got == [(b"0", True), (b"1", False), (b"2", False)]


def test_nack_multiple_requeues_in_order(connection, queue):
    channel = connection.channel()
    publish_all(channel, queue, numbers(6))
    for _ in range(4):
        get(channel, queue, auto_ack=False)
    channel.basic_nack(4, multiple=True, requeue=True)
    assert [item.body for item in get_all(channel, queue)] == numbers(6)


def test_rejected_without_requeue_is_gone(channel, queue):
    publish_all(channel, queue, numbers(2))
    channel.basic_reject(get(channel, queue, auto_ack=False).method.delivery_tag, requeue=False)
    assert [item.body for item in get_all(channel, queue)] == [b"1"]


def test_a_closed_channel_gives_its_messages_back_in_order(connection, queue):
    channel = connection.channel()
    publish_all(channel, queue, numbers(10))
    Inbox(channel, queue).take(10)
    channel.close()
    got = get_all(connection.channel(), queue)
    assert [item.body for item in got] == numbers(10)
    assert all(item.method.redelivered for item in got)


def test_recover_redelivers_what_is_not_acked(channel, queue):
    publish_all(channel, queue, numbers(3))
    inbox = Inbox(channel, queue)
    inbox.take(3)
    channel.basic_ack(2)
    channel.basic_recover(requeue=True)
    again = inbox.take(2)
    assert [(item.body, item.method.redelivered) for item in again] == [(b"0", True), (b"2", True)]


def test_recover_without_requeue_is_540(connect):
    channel = connect().channel()
    with connection_closed_with(540, "NOT_IMPLEMENTED - requeue=false"):
        channel.basic_recover(requeue=False)


def test_prefetch_per_consumer_bounds_what_is_outstanding(channel, queue):
    publish_all(channel, queue, numbers(10))
    channel.basic_qos(prefetch_count=2)
    one = Inbox(channel, queue)
    one.take(2)
    expect_ready(channel, queue, 8)
    two = Inbox(channel, queue)
    two.take(2)
    expect_ready(channel, queue, 6)
    assert not one.items and not two.items
    channel.basic_ack(1)
    assert one.bodies(1) == [b"4"]


def test_global_prefetch_is_shared_by_the_consumers_of_a_channel(channel, name):
    queues = [name(), name()]
    channel.basic_qos(prefetch_count=3, global_qos=True)
    for queue in queues:
        channel.queue_declare(queue)
        publish_all(channel, queue, numbers(5))
        expect_ready(channel, queue, 5)
    inboxes = [Inbox(channel, queue) for queue in queues]
    pump(channel.connection, lambda: sum(len(inbox.items) for inbox in inboxes) == 3, what="three deliveries in all")
    for queue, inbox in zip(queues, inboxes):
        expect_ready(channel, queue, 5 - len(inbox.items))
    assert sum(len(inbox.items) for inbox in inboxes) == 3


def test_a_later_qos_does_not_change_earlier_consumers(channel, queue):
    channel.basic_qos(prefetch_count=1)
    inbox = Inbox(channel, queue)
    channel.basic_qos(prefetch_count=5)
    publish_all(channel, queue, numbers(4))
    expect_ready(channel, queue, 3)
    assert inbox.bodies(1) == [b"0"]


def test_prefetch_zero_means_no_limit(channel, queue):
    channel.basic_qos(prefetch_count=0)
    publish_all(channel, queue, numbers(300))
    assert Inbox(channel, queue).bodies(300) == numbers(300)


def test_prefetch_does_not_bound_automatic_acks(channel, queue):
    channel.basic_qos(prefetch_count=1)
    publish_all(channel, queue, numbers(20))
    assert Inbox(channel, queue, auto_ack=True).bodies(20) == numbers(20)


def test_a_prefetch_size_is_540(connect):
    channel = connect().channel()
    with connection_closed_with(540, "NOT_IMPLEMENTED - prefetch_size!=0 \\(100\\)"):
        channel.basic_qos(prefetch_size=100)


def test_consumers_of_a_queue_take_turns(channel, queue):
    inboxes = [Inbox(channel, queue) for _ in range(3)]
    publish_all(channel, queue, numbers(9))
    assert [inbox.bodies(3) for inbox in inboxes] == [[b"0", b"3", b"6"], [b"1", b"4", b"7"], [b"2", b"5", b"8"]]


def test_a_cancelled_consumer_gets_nothing_more_and_keeps_what_it_has(channel, queue):
    channel.basic_publish("", queue, b"held")
    inbox = Inbox(channel, queue)
    inbox.take(1)
    channel.basic_cancel(inbox.tag)
    channel.basic_publish("", queue, b"later")
    expect_ready(channel, queue, 1)
    assert not inbox.items
    channel.basic_ack(1)
    assert [item.body for item in get_all(channel, queue)] == [b"later"]


def test_deleting_a_queue_cancels_its_consumers(channel, queue):
    cancelled = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    inbox = Inbox(channel, queue)
    channel.queue_delete(queue)
    pump(channel.connection, lambda: cancelled, what="basic.cancel from the broker")
    assert cancelled == [inbox.tag]


def test_consumer_tags_can_be_chosen(channel, queue):
    inbox = Inbox(channel, queue, consumer_tag="my tag")
    channel.basic_publish("", queue, b"x")
    assert inbox.tag == "my tag"
    assert inbox.take(1)[0].method.consumer_tag == "my tag"


def test_an_exclusive_consumer_keeps_others_out_with_403(connection, queue):
    connection.channel().basic_consume(queue, lambda *_: None, exclusive=True)
    with channel_closed_with(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"):
        connection.channel().basic_consume(queue, lambda *_: None)


def test_an_exclusive_consumer_cannot_join_others(connection, queue):
    connection.channel().basic_consume(queue, lambda *_: None)
    with channel_closed_with(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"):
        connection.channel().basic_consume(queue, lambda *_: None, exclusive=True)


def test_consumers_of_higher_priority_are_served_first(channel, queue):
    channel.basic_qos(prefetch_count=2)
    low = Inbox(channel, queue, arguments={"x-priority": -1})
    high = Inbox(channel, queue, arguments={"x-priority": 10})
    publish_all(channel, queue, numbers(4))
    assert high.bodies(2) == numbers(2)
    assert low.bodies(2) == numbers(2, start=2)


def test_a_single_active_consumer_gets_all_and_the_next_takes_over(connection, name):
    queue = name()
    first, second = connection.channel(), connection.channel()
    first.queue_declare(queue, arguments={"x-single-active-consumer": True})
    active, waiting = Inbox(first, queue, auto_ack=True), Inbox(second, queue, auto_ack=True)
    publish_all(first, queue, numbers(4))
    assert active.bodies(4) == numbers(4)
    assert not waiting.items
    first.basic_cancel(active.tag)
    publish_all(first, queue, numbers(2, start=4))
    assert waiting.bodies(2) == numbers(2, start=4)


def test_exclusive_consume_of_a_single_active_consumer_queue_is_403(channel, name):
    queue = name()
    channel.queue_declare(queue, arguments={"x-single-active-consumer": True})
    with channel_closed_with(403):
        channel.basic_consume(queue, lambda *_: None, exclusive=True)


def test_the_consumer_count_follows_consume_and_cancel(connection, queue):
    channel = connection.channel()
    tags = [channel.basic_consume(queue, lambda *_: None) for _ in range(3)]
    assert consumer_count(channel, queue) == 3
    channel.basic_cancel(tags[0])
    assert consumer_count(channel, queue) == 2
    channel.close()
    assert consumer_count(connection.channel(), queue) == 0


def test_the_consume_generator_hands_back_what_was_not_taken(connection, queue):
    channel = connection.channel()
    publish_all(channel, queue, numbers(5))
    expect_ready(channel, queue, 5)
    for method, _properties, body in channel.consume(queue, inactivity_timeout=10):
        channel.basic_ack(method.delivery_tag)
        if body == b"1":
            break
    channel.cancel()
    assert [item.body for item in get_all(connection.channel(), queue)] == numbers(3, start=2)


def test_direct_reply_to_answers_without_a_queue(connection, queue):
    asking, answering = connection.channel(), connection.channel()
    replies = Inbox(asking, "amq.rabbitmq.reply-to", auto_ack=True)
    publish_all(asking, queue, [b"question"], reply_to="amq.rabbitmq.reply-to", correlation_id="1")
    request = get(answering, queue)
    assert request.properties.reply_to.startswith("amq.rabbitmq.reply-to.")
    answering.basic_publish("", request.properties.reply_to, b"answer")
    assert replies.bodies(1) == [b"answer"]


def test_direct_reply_to_needs_automatic_acks(channel):
    with channel_closed_with(406, "reply consumer cannot acknowledge"):
        channel.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=False)


def test_asking_for_a_direct_reply_without_a_reply_consumer_is_406(channel, queue):
    publish_all(channel, queue, [b"x"], reply_to="amq.rabbitmq.reply-to")
    with channel_closed_with(406, "fast reply consumer does not exist"):
        channel.queue_declare(queue, passive=True)
