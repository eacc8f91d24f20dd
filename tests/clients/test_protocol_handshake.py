"""Malformed input before a connection is open, over a raw socket. A healthy connection beside it must go on working."""

import time

import pytest

import wire
from malformed import expect_or_silence
from wire import field, longstr, table

pytestmark = pytest.mark.usefixtures("healthy")


@pytest.mark.parametrize("greeting", [b"AMQP\x00\x02\x00\x00", b"AMQP\x00\x00\x08\x00", b"HTTP/1.1",
                                      b"GET / HT", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\x00" * 8],
                         ids=["sasl-2", "0-8-0", "http", "get", "tls", "zeros"])
def test_a_foreign_header_is_answered_with_the_right_one(peer, greeting, dialect):
    peer.send(greeting)
    assert peer.expect_end() in dialect["answer to a foreign header"]


def test_the_0_9_form_of_the_header_is_accepted(peer):
    peer.send(b"AMQP\x01\x01\x00\x09")
    peer.expect(wire.CONNECTION_START)


def test_a_header_in_pieces_is_accepted(peer):
    for octet_ in wire.HEADER:
        peer.send(bytes([octet_]))
    peer.expect(wire.CONNECTION_START)


def test_a_whole_handshake_in_one_write_is_accepted(peer):
    peer.send(wire.HEADER, wire.start_ok(peer.user, peer.password), wire.tune_ok(), wire.connection_open(peer.vhost),
              wire.channel_open(1))
    for due in (wire.CONNECTION_START, wire.CONNECTION_TUNE, wire.CONNECTION_OPEN_OK, wire.CHANNEL_OPEN_OK):
        peer.expect(due)


def test_a_half_open_handshake_times_out(peer):
    peer.socket.settimeout(30)
    began = time.monotonic()
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.expect_end()
    assert time.monotonic() - began < 25


def test_garbage_instead_of_start_ok_ends_the_connection(peer):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send(b"\xde\xad\xbe\xef" * 64)
    scope, code, _text = peer.outcome()
    assert (scope, code) in (("connection", 501), ("silence", 0))


def test_a_huge_start_ok_is_refused(peer):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send_into_the_void(wire.start_ok(client_properties=table(field("fat", b"S", longstr(b"x" * 50_000)))))
    scope, code, _text = peer.outcome()
    assert (scope, code) in (("connection", 501), ("silence", 0))


def test_an_unknown_mechanism_ends_the_connection(peer):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send(wire.start_ok(mechanism="MAGIC"))
    expect_or_silence(peer, 503, "unknown authentication mechanism 'MAGIC'")


def test_amqplain_logs_in(peer):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    response = field("LOGIN", b"S", longstr(peer.user)) + field("PASSWORD", b"S", longstr(peer.password))
    peer.send(wire.start_ok(mechanism="AMQPLAIN", response=response))
    peer.expect(wire.CONNECTION_TUNE)


@pytest.mark.parametrize("response", [b"", b"guest", b"\0guest", b"\0\0\0\0", b"\xff\xfe\xfd"],
                         ids=["empty", "no-nul", "half", "nuls", "binary"])
def test_a_malformed_plain_response_does_not_log_in(peer, response):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send(wire.start_ok(response=response))
    scope, code, _text = peer.outcome()
    assert (scope, code) in (("connection", 403), ("connection", 502), ("connection", 501), ("silence", 0))


def test_a_failed_login_without_the_capability_is_silence(peer):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send(wire.start_ok("guest", "wrong", client_properties=table()))
    assert peer.expect_end() == b""


@pytest.mark.parametrize("answer, text", [
    (wire.tune_ok(frame_max=1000), "negotiated frame_max = 1000 is lower than the minimum allowed value"),
    (wire.tune_ok(frame_max=200_000), "negotiated frame_max = 200000 is higher than the maximum allowed value \\(131072\\)"),
    (wire.tune_ok(frame_max=0), "negotiated frame_max = 0 \\(no limit\\) is higher than the maximum allowed value \\(131072\\)"),
    (wire.tune_ok(channel_max=5000), "negotiated channel_max = 5000 is higher than the maximum allowed value \\(2047\\)"),
], ids=["frame-low", "frame-high", "frame-none", "channels-high"])
def test_a_tune_ok_out_of_bounds_is_530(peer, answer, text):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send(wire.start_ok(peer.user, peer.password))
    peer.expect(wire.CONNECTION_TUNE)
    peer.send(answer, wire.connection_open(peer.vhost))
    expect_or_silence(peer, 530, text)


def test_a_channel_before_the_connection_is_open_ends_it(peer):
    peer.send(wire.HEADER)
    peer.expect(wire.CONNECTION_START)
    peer.send(wire.channel_open(1))
    scope, code, _text = peer.outcome()
    assert (scope, code) in (("connection", 505), ("connection", 504), ("connection", 503), ("silence", 0))
