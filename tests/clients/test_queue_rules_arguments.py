"""What queue.declare and basic.consume make of arguments: every kind of value, which mistake is told first, what counts as the same."""

import struct

import pika
import pytest

from pika_talk import channel_closed_with, get, publish_all
from wire import QUEUE_DECLARE_OK, consume_with, field, longstr, queue_declare, shortstr, table

INTEGERS = [  # tag, how it is packed, RabbitMQ's name for the type
    (b"b", ">b", "byte"), (b"B", ">B", "unsignedbyte"), (b"s", ">h", "short"), (b"u", ">H", "unsignedshort"),
    (b"I", ">i", "signedint"), (b"i", ">I", "unsignedint"), (b"l", ">q", "long"),
]
NO_INTEGERS = [  # tag, octets, RabbitMQ's name for the type
    (b"S", longstr("5"), "longstr"), (b"t", b"\1", "bool"), (b"f", struct.pack(">f", 5), "float"), (b"d", struct.pack(">d", 5), "double"),
    (b"D", struct.pack(">BI", 0, 5), "decimal"), (b"T", struct.pack(">Q", 5), "timestamp"), (b"F", table(), "table"),
    (b"A", longstr(""), "array"), (b"x", longstr("5"), "binary"), (b"V", b"", "void"),
]
SMALLEST = {"x-expires": 1, "x-message-ttl": 0, "x-max-length": 0, "x-max-length-bytes": 0, "x-max-priority": 0}
LARGEST = {"x-expires": 315360000000, "x-message-ttl": 315360000000, "x-max-length": 2 ** 63 - 1, "x-max-length-bytes": 2 ** 63 - 1,
           "x-max-priority": 255}
EXCLUSIVE, DURABLE = 4, 2


def declares(peer, queue, *fields):
    peer.send(queue_declare(1, queue, EXCLUSIVE, table(*fields)))
    peer.expect(QUEUE_DECLARE_OK)


def refusal(peer, queue, *fields, flags=EXCLUSIVE):
    """The text after PRECONDITION_FAILED with which this declaration closes its channel."""
    peer.send(queue_declare(1, queue, flags, table(*fields)))
    scope, code, text = peer.expect_close()
    assert (scope, code) == ("channel", 406), text
    return text.removeprefix("PRECONDITION_FAILED - ")


@pytest.fixture
def raw(peer):
    return peer.shake_hands().with_channel()


@pytest.mark.parametrize("argument", SMALLEST)
@pytest.mark.parametrize("tag, packing, kind", INTEGERS, ids=[kind for _, _, kind in INTEGERS])
def test_integers_of_every_width_are_taken(raw, name, argument, tag, packing, kind):
    queue = name()
    declares(raw, queue, field(argument, tag, struct.pack(packing, 100)))
    declares(raw, queue, field(argument, b"l", struct.pack(">q", 100)))  # the same value
    assert refusal(raw, queue) == (f"inequivalent arg '{argument}' for queue '{queue}' in vhost '/': "
                                   f"received none but current is the value '100' of type '{kind}'")


@pytest.mark.parametrize("argument", SMALLEST)
@pytest.mark.parametrize("tag, octets, kind", NO_INTEGERS, ids=[kind for _, _, kind in NO_INTEGERS])
def test_what_is_no_integer_is_named_by_its_type(raw, name, argument, tag, octets, kind):
    queue = name()
    assert refusal(raw, queue, field(argument, tag, octets)) == (
        f"invalid arg '{argument}' for queue '{queue}' in vhost '/': \"expected integer, got {kind}\"")


@pytest.mark.parametrize("argument", SMALLEST)
def test_negative_integers_are_refused(raw, name, argument):
    queue = name()
    assert refusal(raw, queue, field(argument, b"b", b"\xff")) == (
        f"invalid arg '{argument}' for queue '{queue}' in vhost '/': {{value_negative,-1}}")


@pytest.mark.parametrize("argument", SMALLEST)
def test_the_bounds_themselves_are_taken(raw, name, argument):
    # Neither queue is there when the next is declared: x-expires may be a millisecond.
    for bound in (LARGEST[argument], SMALLEST[argument]):
        declares(raw, name(), field(argument, b"l", struct.pack(">q", bound)))


@pytest.mark.parametrize("argument, value, reason", [
    ("x-expires", 0, "{value_zero,0}"),
    ("x-expires", 315360000001, "{value_too_large,315360000001}"),
    ("x-message-ttl", 315360000001, "{value_too_large,315360000001}"),
    ("x-max-priority", 256, "{max_value_exceeded,256}"),
], ids=["expires-zero", "expires", "message-ttl", "max-priority"])
def test_what_is_beyond_the_bounds_is_refused(raw, name, argument, value, reason):
    queue = name()
    assert refusal(raw, queue, field(argument, b"l", struct.pack(">q", value))) == (
        f"invalid arg '{argument}' for queue '{queue}' in vhost '/': {reason}")


@pytest.mark.parametrize("fields, text", [
    ([("x-dead-letter-exchange", b"I", struct.pack(">i", 1))], "invalid type 'signedint' for arg 'x-dead-letter-exchange' in {q}"),
    ([("x-dead-letter-exchange", b"S", longstr("x")), ("x-dead-letter-routing-key", b"t", b"\1")],
     "invalid arg 'x-dead-letter-routing-key' for {q}: {{unacceptable_type,bool}}"),
    ([("x-overflow", b"t", b"\1")], "invalid arg 'x-overflow' for {q}: {{unacceptable_type,bool}}"),
    ([("x-single-active-consumer", b"S", longstr("true"))],
     "invalid arg 'x-single-active-consumer' for {q}: {{unacceptable_type,longstr}}"),
    ([("x-queue-type", b"S", longstr("bogus"))], "invalid arg 'x-queue-type' for {q}: \"unsupported queue type 'bogus'\""),
    ([("x-max-age", b"S", longstr("1D"))], "invalid arg 'x-max-age' for {q} of queue type rabbit_classic_queue"),
], ids=["dead-letter-exchange", "dead-letter-routing-key", "overflow", "single-active-consumer", "queue-type", "max-age"])
def test_values_that_are_no_good_are_refused_in_words_of_their_own(raw, name, fields, text):
    queue = name()
    assert refusal(raw, queue, *(field(*each) for each in fields)) == text.format(q=f"queue '{queue}' in vhost '/'")


@pytest.mark.parametrize("first, second", [
    ("x-dead-letter-exchange", "x-queue-type"), ("x-queue-type", "x-expires"), ("x-expires", "x-message-ttl"),
    ("x-message-ttl", "x-dead-letter-routing-key"), ("x-dead-letter-routing-key", "x-max-length"), ("x-max-length", "x-max-length-bytes"),
    ("x-max-length-bytes", "x-max-priority"), ("x-max-priority", "x-overflow"), ("x-max-priority", "x-max-age"),
])
def test_of_two_mistakes_the_same_one_is_told_whatever_their_order(raw, name, first, second):
    wrong = [field(argument, b"I", struct.pack(">i", -1)) for argument in (second, first)]
    assert f"arg '{first}'" in refusal(raw, name(), *wrong)


def test_wrong_arguments_of_a_queue_that_is_there_are_another_declaration(raw, name):
    queue = name()
    declares(raw, queue)
    assert refusal(raw, queue, field("x-message-ttl", b"I", struct.pack(">i", -1))) == (
        f"inequivalent arg 'x-message-ttl' for queue '{queue}' in vhost '/': "
        "received the value '-1' of type 'signedint' but current is none")


@pytest.mark.parametrize("flag, word", [(DURABLE, "durable"), (8, "auto_delete")])
def test_flags_are_compared_before_arguments(raw, name, flag, word):
    queue = name()
    raw.send(queue_declare(1, queue, 0, table()))
    raw.expect(QUEUE_DECLARE_OK)
    text = refusal(raw, queue, field("x-max-length", b"b", b"\1"), flags=flag)
    assert text == f"inequivalent arg '{word}' for queue '{queue}' in vhost '/': received 'true' but current is 'false'"


def test_a_passive_declare_does_not_look_at_flags_and_arguments(channel, name):
    queue = name()
    channel.queue_declare(queue, arguments={"x-max-length": 5})
    assert channel.queue_declare(queue, passive=True, durable=True, auto_delete=True, arguments={"x-max-length": -5}).method.queue == queue


def test_an_exclusive_queue_redeclared_as_a_shared_one_is_405(channel, name):
    queue = name()
    channel.queue_declare(queue, exclusive=True)
    with channel_closed_with(405, f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'"):
        channel.queue_declare(queue)


@pytest.mark.parametrize("flag, word", [("auto_delete", "auto-delete"), ("exclusive", "exclusive-owner")])
def test_quorum_queues_are_for_good(channel, name, flag, word):
    queue = name()
    with channel_closed_with(406, f"invalid property '{word}' for queue '{queue}' in vhost '/'"):
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"}, **{flag: True})


def test_quorum_queues_must_be_durable(channel, name):
    with channel_closed_with(406, "invalid property 'non-durable'"):
        channel.queue_declare(name(), arguments={"x-queue-type": "quorum"})


def test_quorum_queues_have_names_of_their_own(channel):
    with channel_closed_with(406, "Cannot declare a server-named queue for type rabbit_quorum_queue"):
        channel.queue_declare("", durable=True, arguments={"x-queue-type": "quorum"})


def test_quorum_queues_have_no_priorities_of_their_own(channel, name):
    queue = name()
    with channel_closed_with(406, f"invalid arg 'x-max-priority' for queue '{queue}' in vhost '/' of queue type rabbit_quorum_queue"):
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum", "x-max-priority": 5})


# --- names ---


@pytest.mark.parametrize("queue", ["amq.", "amq.gen-mine", "amq.\nx"])
def test_names_of_the_server_are_not_for_queues_of_clients(channel, queue):
    with channel_closed_with(403, "contains reserved prefix 'amq.\\*'"):
        channel.queue_declare(queue)


def test_a_server_named_queue_cannot_be_declared_by_its_name(channel):
    queue = channel.queue_declare("", exclusive=True).method.queue
    assert channel.queue_declare(queue, passive=True).method.queue == queue
    with channel_closed_with(403, f"ACCESS_REFUSED - queue name '{queue}' contains reserved prefix 'amq.\\*'"):
        channel.queue_declare(queue, exclusive=True)


def test_line_breaks_in_the_name_of_a_new_queue_are_left_out(raw, name):
    queue = name()
    raw.send(queue_declare(1, "\r\n" + queue + "\n"))
    assert raw.expect(QUEUE_DECLARE_OK)[1].startswith(shortstr(queue))


def test_an_error_text_that_is_too_long_ends_in_dots(channel):
    with channel_closed_with(404, "^NOT_FOUND - no queue 'x{230}\\.\\.\\.$"):
        channel.queue_declare("x" * 255, passive=True)


# --- consumers ---


@pytest.mark.parametrize("tag, octets, kind", NO_INTEGERS, ids=[kind for _, _, kind in NO_INTEGERS])
def test_a_consumer_priority_is_an_integer(raw, name, tag, octets, kind):
    queue = name()
    declares(raw, queue)
    raw.send(consume_with(1, queue, table(field("x-priority", tag, octets))))
    assert raw.expect_close() == ("channel", 406, "PRECONDITION_FAILED - "
                                  f"invalid arg 'x-priority' for queue '{queue}' in vhost '/': \"expected integer, got {kind}\"")


def test_a_missing_queue_is_told_before_a_wrong_argument(channel, name):
    queue = name()
    with channel_closed_with(404, f"no queue '{queue}' in vhost '/'"):
        channel.basic_consume(queue, lambda *_: None, arguments={"x-priority": "high"})


def test_a_stream_offset_is_not_for_queues(channel, name):
    queue = name()
    channel.queue_declare(queue)
    with channel_closed_with(406, f"invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/' of queue type rabbit_classic_queue"):
        channel.basic_consume(queue, lambda *_: None, arguments={"x-stream-offset": "first"})


def test_a_consumer_tag_may_be_used_again_after_its_cancel_and_on_other_channels(connection, name):
    queue, first, second = name(), connection.channel(), connection.channel()
    first.queue_declare(queue)
    for channel in (first, second, first):
        channel.basic_consume(queue, lambda *_: None, consumer_tag="t")
        if channel is first:
            first.basic_cancel("t")


def test_a_tag_in_use_is_told_before_a_missing_queue(raw, name):
    queue = name()
    declares(raw, queue)
    raw.send(consume_with(1, queue, table(), tag="t"), consume_with(1, name(), table(), tag="t"))
    assert raw.expect_close() == ("connection", 530, "NOT_ALLOWED - attempt to reuse consumer tag 't'")


# --- messages ---


@pytest.mark.parametrize("expiration, reason", [
    ("", "no_integer"), ("abc", "no_integer"), ("+", "no_integer"), ("--5", "no_integer"), (" 5", "no_integer"),
    ("5x", '{leftover_string,"x"}'), ("1.5", '{leftover_string,".5"}'), ("5\n", '{leftover_string,"\\n"}'),
    ("-1", "{value_negative,-1}"), ("315360000001", "{value_too_large,315360000001}"),
])
def test_an_expiration_that_is_none_says_why(channel, name, expiration, reason):
    queue = name()
    channel.queue_declare(queue)
    publish_all(channel, queue, [b"x"], expiration=expiration)
    with pytest.raises(Exception) as caught:
        channel.queue_declare(queue, passive=True)
    assert (caught.value.reply_code, caught.value.reply_text) == (
        406, f"PRECONDITION_FAILED - invalid expiration '{expiration}': {reason}")


@pytest.mark.parametrize("expiration", ["0060000", "+60000", "315360000000"])
def test_expirations_are_numbers_however_they_are_written(channel, name, expiration):
    queue = name()
    channel.queue_declare(queue)
    publish_all(channel, queue, [b"x"], expiration=expiration)
    assert get(channel, queue).properties.expiration == expiration


@pytest.mark.parametrize("wrong", [{"expiration": "x"}, {"user_id": "somebody else"}, {"headers": {"CC": "no array"}}],
                         ids=["expiration", "user-id", "cc"])
def test_a_missing_exchange_is_told_before_wrong_properties(channel, name, wrong):
    exchange = name("x")
    channel.confirm_delivery()
    with channel_closed_with(404, f"no exchange '{exchange}' in vhost '/'"):
        channel.basic_publish(exchange, "k", b"x", pika.BasicProperties(**wrong))


@pytest.mark.parametrize("header", ["CC", "BCC"])
@pytest.mark.parametrize("value, kind", [("text", "longstr"), (5, "signedint"), (True, "bool"), ({}, "table"), (None, "void")],
                         ids=["longstr", "signedint", "bool", "table", "void"])
def test_copies_go_to_an_array_of_keys(channel, name, header, value, kind):
    queue = name()
    channel.queue_declare(queue)
    publish_all(channel, queue, [b"x"], headers={header: value})
    with channel_closed_with(406, f'invalid message: {{unacceptable_type_in_header,"{header}",{kind}}}'):
        channel.queue_declare(queue, passive=True)


# --- direct replies ---


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_the_queue_of_direct_replies_is_always_there(channel, passive):
    told = channel.queue_declare("amq.rabbitmq.reply-to", passive=passive).method
    assert (told.message_count, told.consumer_count) == (0, 1)


@pytest.mark.parametrize("queue", ["amq.rabbitmq.reply-to.nobody", "amq.rabbitmq.reply-tomorrow"])
def test_other_queues_of_replies_are_not(channel, queue):
    with channel_closed_with(404, f"no queue '{queue}' in vhost '/'"):
        channel.queue_declare(queue)


def test_a_channel_has_one_consumer_of_replies(channel):
    channel.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
    with channel_closed_with(406, "reply consumer already set"):
        channel.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)


def test_a_reply_name_is_there_as_long_as_its_consumer(connection, name):
    queue, asking, answering = name(), connection.channel(), connection.channel()
    asking.queue_declare(queue)
    tag = asking.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
    publish_all(asking, queue, [b"?"], reply_to="amq.rabbitmq.reply-to")
    reply_name = get(answering, queue).properties.reply_to
    assert answering.queue_declare(reply_name, passive=True).method.consumer_count == 1
    asking.basic_cancel(tag)
    with channel_closed_with(404, "no queue"):
        answering.queue_declare(reply_name, passive=True)
