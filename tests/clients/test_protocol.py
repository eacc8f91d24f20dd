"""Malformed input on an open connection, over a raw socket. A healthy connection beside it must go on working."""

import socket
import struct

import pytest

import wire
from malformed import expect
from pika_talk import get
from waiting import until
from wire import field, longstr, octet, short, shortstr, table

pytestmark = pytest.mark.usefixtures("healthy")


# ---- frames

def test_a_bad_frame_end_is_501(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.frame(wire.METHOD, 1, struct.pack(">HH", 20, 10) + shortstr(""), end=0x00))
    expect(peer, "connection", 501, "FRAME_ERROR")


def test_an_unknown_frame_type_is_501(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.frame(5, 1, b"what"))
    expect(peer, "connection", 501, "FRAME_ERROR")


def test_an_oversized_frame_is_501(peer):
    peer.shake_hands(frame_max=8192).with_channel()
    peer.send_into_the_void(wire.publish(1, "nowhere"), wire.content_header(1, 20_000), wire.body(1, b"x" * 20_000))
    expect(peer, "connection", 501, "FRAME_ERROR")


def test_a_frame_that_claims_gigabytes_is_501_at_once(peer):
    peer.shake_hands().with_channel()
    peer.send(struct.pack(">BHI", wire.BODY, 1, 0xFFFFFFFF))
    expect(peer, "connection", 501, "FRAME_ERROR")


def test_garbage_after_the_handshake_ends_the_connection(peer):
    peer.shake_hands()
    peer.send_into_the_void(b"\xde\xad\xbe\xef" * 1000)
    expect(peer, "connection", 501, "FRAME_ERROR")


def test_a_heartbeat_on_a_channel_ends_the_connection(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.frame(wire.HEARTBEAT, 1, b""))
    scope, code, _text = peer.outcome()
    assert (scope, code) in (("connection", 505), ("connection", 501))


def test_an_empty_method_frame_ends_the_connection(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.frame(wire.METHOD, 1, b""))
    scope, code, _text = peer.outcome()
    assert scope in ("connection", "silence") and code in (501, 502, 505, 541, 0)


@pytest.mark.parametrize("ids", [(60, 999), (777, 10), (0, 0), (65535, 65535)], ids=str)
def test_an_unknown_method_ends_the_connection(peer, ids):
    peer.shake_hands().with_channel()
    peer.send(wire.method(1, ids))
    scope, code, _text = peer.outcome()
    assert scope in ("connection", "silence") and code in (501, 502, 503, 505, 540, 541, 0)


def test_a_method_cut_short_ends_the_connection(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.method(1, wire.QUEUE_DECLARE, short(0) + octet(200) + b"short"))
    scope, code, _text = peer.outcome()
    assert scope in ("connection", "silence") and code in (501, 502, 541, 0)


# ---- the order of frames

def test_a_method_where_a_header_is_due_is_505(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, "k"), wire.publish(1, "k"))
    expect(peer, "connection", 505, "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead")


def test_a_body_where_a_header_is_due_is_505(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, "k"), wire.body(1, b"x"))
    expect(peer, "connection", 505, "expected content header for class 60, got non content header frame instead")


def test_a_header_of_another_class_is_505(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, "k"), wire.content_header(1, 1, class_id=50))
    expect(peer, "connection", 505, "expected content header for class 60, got one for class 50 instead")


def test_a_method_where_a_body_is_due_is_505(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, "k"), wire.content_header(1, 10), wire.publish(1, "k"))
    expect(peer, "connection", 505, "expected content body, got non content body frame instead")


def test_a_header_where_a_method_is_due_is_505(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.content_header(1, 10))
    expect(peer, "connection", 505, "expected method frame, got non method frame instead")


def test_more_body_than_announced_is_501(peer, dialect):
    if not dialect["body sizes are checked"]:
        pytest.skip("this peer waits for more")
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, "k"), wire.content_header(1, 3), wire.body(1, b"too much"))
    expect(peer, "connection", 501, "content body frame exceeds remaining content size|FRAME_ERROR")


def test_frames_of_two_channels_may_interleave(peer, name, healthy):
    queues = [name(), name()]
    for queue in queues:
        healthy.queue_declare(queue)
    peer.shake_hands().with_channel(1).with_channel(2)
    peer.send(wire.publish(1, queues[0]), wire.publish(2, queues[1]), wire.content_header(2, 4), wire.content_header(1, 6),
              wire.body(1, b"abc"), wire.body(2, b"wxyz"), wire.body(1, b"def"))
    assert get(healthy, queues[0]).body == b"abcdef"
    assert get(healthy, queues[1]).body == b"wxyz"


def test_an_empty_body_frame_is_harmless(peer, name, healthy):
    queue = name()
    healthy.queue_declare(queue)
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, queue), wire.content_header(1, 3), wire.body(1, b"a"), wire.body(1, b""), wire.body(1, b"bc"))
    assert get(healthy, queue).body == b"abc"


def test_a_conversation_cut_into_single_octets_is_understood(peer, name, healthy):
    queue = name()
    healthy.queue_declare(queue)
    peer.shake_hands().with_channel()
    for piece in wire.publish(1, queue) + wire.content_header(1, 5) + wire.body(1, b"slow!"):
        peer.send(bytes([piece]))
    assert get(healthy, queue).body == b"slow!"


# ---- channels

def test_a_method_on_a_channel_that_is_not_open_is_504(peer):
    peer.shake_hands()
    peer.send(wire.queue_declare(3, "q"))
    expect(peer, "connection", 504, "CHANNEL_ERROR - expected 'channel.open'")


def test_opening_a_channel_twice_is_504(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.channel_open(1))
    expect(peer, "connection", 504, "CHANNEL_ERROR - second 'channel.open' seen")


def test_a_channel_method_on_channel_zero_ends_the_connection(peer):
    peer.shake_hands()
    peer.send(wire.queue_declare(0, "q"))
    scope, code, _text = peer.outcome()
    assert scope in ("connection", "silence") and code in (503, 504, 505, 541, 0)


def test_a_second_connection_open_ends_the_connection(peer):
    peer.shake_hands()
    peer.send(wire.connection_open("/"))
    scope, code, _text = peer.outcome()
    assert scope == "connection" and code in (503, 504, 505, 540)


def test_more_channels_than_agreed_is_530(peer):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send(wire.start_ok(peer.user, peer.password))
    peer.expect(wire.CONNECTION_TUNE)
    peer.send(wire.tune_ok(channel_max=2), wire.connection_open(peer.vhost))
    peer.expect(wire.CONNECTION_OPEN_OK)
    peer.with_channel(1).with_channel(2)
    peer.send(wire.channel_open(3))
    expect(peer, "connection", 530, "number of channels opened \\(2\\) has reached the negotiated channel_max \\(2\\)")


def test_a_close_that_crosses_an_error_is_answered(peer):
    """Both sides close the channel at once: each must answer the other's close."""
    peer.shake_hands().with_channel()
    peer.send(wire.queue_declare(1, "no-such-queue-ever", flags=1),
              wire.method(1, wire.CHANNEL_CLOSE, short(200) + shortstr("bye") + short(0) + short(0)))
    seen = set()
    while seen != {wire.CHANNEL_CLOSE, wire.CHANNEL_CLOSE_OK}:
        _channel, ids, _arguments = peer.read_method()
        seen.add(ids)
        if ids == wire.CHANNEL_CLOSE:
            peer.send(wire.method(1, wire.CHANNEL_CLOSE_OK))
    peer.with_channel(1)


def test_nothing_follows_the_close_ok_of_a_connection(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.method(0, wire.CONNECTION_CLOSE, short(200) + shortstr("bye") + short(0) + short(0)))
    peer.expect(wire.CONNECTION_CLOSE_OK)
    peer.send_into_the_void(wire.queue_declare(1, "too late"))
    peer.end_of_speech()
    assert peer.expect_end() == b""


def test_frames_that_cross_a_close_find_the_socket_open(peer):
    """A client may have acks under way when it closes; a socket closed at once would be an error to it, not a goodbye."""
    peer.shake_hands().with_channel()
    peer.send(wire.method(0, wire.CONNECTION_CLOSE, short(200) + shortstr("bye") + short(0) + short(0)))
    peer.expect(wire.CONNECTION_CLOSE_OK)
    for _ in range(3):  # the first write into a closed socket succeeds, the next would fail
        peer.send(wire.frame(wire.HEARTBEAT, 0, b""))
    peer.end_of_speech()
    assert peer.expect_end() == b""


# ---- what is inside methods

def test_a_table_longer_than_its_frame_ends_the_connection(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.queue_declare(1, "q", arguments=struct.pack(">I", 1_000_000) + b"x"))
    scope, code, _text = peer.outcome()
    assert scope in ("connection", "silence") and code in (501, 502, 541, 0)


def test_an_unknown_field_tag_ends_the_connection(peer):
    peer.shake_hands().with_channel()
    peer.send(wire.queue_declare(1, "q", arguments=table(field("odd", b"?", b""))))
    scope, code, _text = peer.outcome()
    assert scope in ("connection", "silence") and code in (501, 502, 541, 0)


def nested_tables(depth):
    value = b"\0\0\0\0"
    for _ in range(depth):
        value = longstr(field("n", b"F", value))
    return value


def nested_arrays(depth):
    value = b"\0\0\0\0"
    for _ in range(depth):
        value = longstr(b"A" + value)
    return table(field("a", b"A", value))


@pytest.mark.parametrize("bomb", [nested_tables(15_000), nested_arrays(20_000)], ids=["tables", "arrays"])
def test_a_nesting_bomb_does_no_harm(peer, bomb, name):
    """Thousands of tables in each other fit into one frame; the broker may take them or refuse, and must live on."""
    peer.shake_hands().with_channel()
    queue = name()
    peer.send(wire.queue_declare(1, queue, arguments=bomb))
    try:
        _channel, ids, _arguments = peer.read_method()
        assert ids in (wire.QUEUE_DECLARE_OK, wire.CHANNEL_CLOSE, wire.CONNECTION_CLOSE)
    except wire.PeerClosed:
        pass


def test_a_nesting_bomb_in_message_headers_does_no_harm(peer, name, healthy):
    queue = name()
    healthy.queue_declare(queue)
    peer.shake_hands().with_channel()
    headers_present = 1 << 13
    peer.send(wire.publish(1, queue), wire.content_header(1, 0, headers_present, nested_tables(15_000)))
    peer.send_into_the_void(wire.queue_declare(1, queue, flags=1))
    try:
        _channel, ids, _arguments = peer.read_method()
        assert ids in (wire.QUEUE_DECLARE_OK, wire.CHANNEL_CLOSE, wire.CONNECTION_CLOSE)
    except wire.PeerClosed:
        pass


def test_property_flags_without_their_values_do_no_harm(peer, name, healthy):
    queue = name()
    healthy.queue_declare(queue)
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, queue), wire.content_header(1, 0, 0xFFFC))
    scope, code, _text = peer.outcome()
    assert scope in ("connection", "silence") and code in (501, 502, 541, 0)


def test_a_body_size_beyond_all_limits_is_refused_before_it_comes(peer, dialect):
    if not dialect["body sizes are checked"]:
        pytest.skip("this peer waits for the body")
    peer.shake_hands().with_channel()
    peer.send(wire.publish(1, "k"), wire.content_header(1, 1 << 62))
    scope, code, _text = peer.outcome()
    assert (scope, code) in (("connection", 501), ("channel", 406))


# ---- how connections end

def test_an_abrupt_end_gives_unacked_messages_back(peer, name, healthy):
    queue = name()
    healthy.queue_declare(queue)
    healthy.basic_publish("", queue, b"held")
    peer.shake_hands().with_channel()
    peer.send(wire.consume(1, queue))
    peer.expect(wire.BASIC_CONSUME_OK)
    peer.expect(wire.BASIC_DELIVER)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()
    back = get(healthy, queue)
    assert (back.body, back.method.redelivered) == (b"held", True)


def test_a_message_cut_off_in_its_body_is_never_seen(peer, name, healthy):
    queue = name()
    healthy.queue_declare(queue)
    peer.shake_hands().with_channel()
    peer.send(wire.consume(1, queue, flags=2))
    peer.expect(wire.BASIC_CONSUME_OK)
    peer.send(wire.publish(1, queue), wire.content_header(1, 100), wire.body(1, b"half of it"))
    peer.socket.close()
    until(lambda: healthy.queue_declare(queue, passive=True).method.consumer_count == 0, what="the broker to notice the end")
    assert healthy.basic_get(queue) == (None, None, None)


def test_connections_that_say_nothing_do_not_keep_others_out(broker, connect, name):
    idle = [socket.create_connection((broker.host, broker.port)) for _ in range(50)]
    try:
        assert connect().channel().queue_declare(name()).method.message_count == 0
    finally:
        for one in idle:
            one.close()


def test_a_reader_that_stops_reading_does_not_stop_others(peer, name, healthy):
    """A consumer that takes nothing from its socket while megabytes wait for it."""
    queue, other = name(), name()
    healthy.queue_declare(queue)
    healthy.queue_declare(other)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.shake_hands().with_channel()
    peer.send(wire.consume(1, queue, flags=2))
    peer.expect(wire.BASIC_CONSUME_OK)
    for _ in range(60):
        healthy.basic_publish("", queue, b"x" * 500_000)
    healthy.basic_publish("", other, b"not held up")
    assert get(healthy, other).body == b"not held up"
