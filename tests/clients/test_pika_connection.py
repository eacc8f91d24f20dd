"""pika, BlockingConnection: how a connection begins, lives and ends."""

import re
import threading

import pika
import pytest

from pika_talk import channel_closed_with, connection_closed_with, get, pump
from waiting import until


def test_says_what_it_is_and_what_it_can(connection):
    properties = connection._impl.server_properties
    capabilities = properties["capabilities"]
    for capability in ("publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
                       "connection.blocked", "consumer_priorities", "authentication_failure_close", "per_consumer_qos",
                       "direct_reply_to"):
        assert capabilities[capability] is True, capability
    assert properties["product"] and properties["version"]


def test_wrong_password_is_refused_with_403(parameters):
    wrong = parameters(credentials=pika.PlainCredentials("guest", "not the password"))
    with pytest.raises(pika.exceptions.ProbableAuthenticationError) as caught:
        pika.BlockingConnection(wrong)
    assert "403" in str(caught.value) and "ACCESS_REFUSED" in str(caught.value)


def test_unknown_user_is_refused_with_403(parameters):
    wrong = parameters(credentials=pika.PlainCredentials("nobody-of-that-name", "secret"))
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(wrong)


def test_unknown_vhost_is_refused_with_530(parameters):
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError) as caught:
        pika.BlockingConnection(parameters(virtual_host="no-such-vhost"))
    assert re.search("530.*NOT_ALLOWED - vhost '?no-such-vhost'? not found", str(caught.value))


def test_closes_with_close_ok(connect):
    connection = connect()
    connection.close(reply_code=200, reply_text="done")
    assert connection.is_closed


def test_tune_offers_frame_max_and_channel_max(connect):
    connection = connect()
    assert connection._impl.params.frame_max == 131072
    assert connection._impl.params.channel_max == 2047


def test_small_frames_carry_a_big_body_in_pieces(connect, name, dialect):
    queue = name()
    channel = connect(frame_max=min(dialect["smallest frame_max"])).channel()
    channel.queue_declare(queue)
    body = bytes(range(256)) * 400
    channel.basic_publish("", queue, body)
    assert get(channel, queue).body == body


def test_a_body_published_in_big_frames_arrives_at_a_small_frame_peer(connect, name):
    queue = name()
    big = connect().channel()
    big.queue_declare(queue)
    small = connect(frame_max=8192).channel()
    body = b"0123456789abcdef" * 8000
    big.basic_publish("", queue, body)
    assert get(small, queue).body == body


@pytest.mark.parametrize("size", [0, 1, 131064, 131065, 5_000_000])
def test_bodies_of_all_sizes_come_back_unchanged(channel, name, size):
    queue = name()
    channel.queue_declare(queue)
    body = (b"0123456789" * (size // 10 + 1))[:size]
    channel.basic_publish("", queue, body)
    assert get(channel, queue).body == body


def test_heartbeats_keep_an_idle_connection(connect, name):
    connection = connect(heartbeat=1)
    assert connection._impl.params.heartbeat == 1
    beats = connection._impl._heartbeat_checker
    # The broker sends its own heartbeats while nothing else is said; pika counts the idle intervals it has seen.
    pump(connection, lambda: beats.connection_is_idle is False and beats._heartbeat_frames_sent >= 3
         and beats._heartbeat_frames_received >= 3, within=8, what="three heartbeats each way")
    assert connection.channel().queue_declare(name()).method.queue


def test_a_peer_that_stops_talking_is_dropped_after_missed_heartbeats(broker, connect, name):
    queue = name()
    channel = connect().channel()
    channel.queue_declare(queue)
    silent = connect(heartbeat=1)
    silent.channel().basic_consume(queue, lambda *_: None)
    # `silent` processes no events from here on, so it sends no heartbeats; the broker lets its consumer go.
    until(lambda: channel.queue_declare(queue, passive=True).method.consumer_count == 0, within=10,
          what="the broker to drop the silent connection")
    with pytest.raises(pika.exceptions.AMQPError):
        pump(silent, lambda: False, within=5)


def test_a_hundred_channels_work_side_by_side(connection, name):
    queue = name()
    channels = [connection.channel() for _ in range(100)]
    channels[0].queue_declare(queue)
    for number, channel in enumerate(channels):
        channel.basic_publish("", queue, str(number).encode())
    channels[0].queue_declare(queue, passive=True)
    seen = {get(channel, queue).body for channel in channels}
    assert seen == {str(number).encode() for number in range(100)}
    for channel in channels:
        channel.close()


def test_more_channels_than_channel_max_are_refused_by_the_client_library(connect):
    connection = connect(channel_max=3)
    for _ in range(3):
        connection.channel()
    with pytest.raises(pika.exceptions.NoFreeChannels):
        connection.channel()


def test_a_closed_channel_number_can_be_used_again(connection, name):
    channel = connection.channel(7)
    with channel_closed_with(404):
        channel.queue_declare(name(), passive=True)
    again = connection.channel(7)
    assert again.queue_declare(name()).method.message_count == 0


def test_a_channel_error_leaves_other_channels_alone(connection, name):
    bystander = connection.channel()
    failing = connection.channel()
    with channel_closed_with(404, "NOT_FOUND - no queue '.*' in vhost '/'"):
        failing.queue_declare(name(), passive=True)
    assert bystander.is_open
    assert bystander.queue_declare(name()).method.queue


def test_reusing_a_consumer_tag_closes_the_connection_with_530(connect, name):
    queue = name()
    channel = connect().channel()
    channel.queue_declare(queue)
    channel.basic_consume(queue, lambda *_: None, consumer_tag="twice")
    channel._impl._consumers.clear()  # pika would refuse by itself; the broker's answer is what is asked for
    channel._consumer_infos.clear()
    with connection_closed_with(530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'"):
        channel.basic_consume(queue, lambda *_: None, consumer_tag="twice")


def test_immediate_publish_closes_the_connection_with_540(connect, name):
    channel = connect().channel()
    queue = name()
    channel.queue_declare(queue)
    implementation = channel._impl
    implementation._send_method(
        pika.spec.Basic.Publish(exchange="", routing_key=queue, immediate=True), (pika.BasicProperties(), b"now"))
    with connection_closed_with(540, "NOT_IMPLEMENTED - immediate=true"):
        pump(channel.connection, lambda: False, within=5)


def test_channel_flow_off_closes_the_connection_with_540(connect):
    channel = connect().channel()
    with connection_closed_with(540, "NOT_IMPLEMENTED - active=false"):
        channel.flow(False)


def test_channel_flow_on_is_answered(channel):
    assert channel.flow(True) is True


def test_many_connections_open_and_close_at_once(parameters, name):
    queue = name()
    failures = []

    def visit():
        try:
            for _ in range(5):
                connection = pika.BlockingConnection(parameters())
                connection.channel().queue_declare(queue)
                connection.close()
        except Exception as error:  # noqa: BLE001  (whatever went wrong is shown below)
            failures.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(10)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert not failures


def test_a_connection_name_and_odd_client_properties_are_taken(connect, name):
    connection = connect(client_properties={"connection_name": "näme", "nested": {"list": [1, "two", None, True]}})
    assert connection.channel().queue_declare(name()).method.queue
