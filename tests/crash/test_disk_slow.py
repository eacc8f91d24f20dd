"""A disk whose syncs take seconds: it is said once, and costs nobody who does not wait for it."""

import os

import pytest

from disk_story import Story
import wire

pytestmark = pytest.mark.skipif("AMQP_URL" in os.environ, reason="the disk of a broker named by AMQP_URL is not ours to slow down")

SYNC_SECONDS = 2.0


def test_a_slow_disk_is_told_once_when_it_begins_and_once_when_it_is_over():
    with Story() as story:
        story.begin_load()
        with story.disk.delay(SYNC_SECONDS, ["sync"], pattern="*.log"):
            story.expect_store("slow")
            assert story.node()["disk_free_alarm"] is False
            story.expect_confirms(more=10)
        story.expect_store("ok")
        story.expect_confirms()
        story.end_load()
        # A busy machine may have been slow before; each time is told once.
        assert len(story.log_lines("the disk is slow")) == len(story.log_lines("as quick again")) > 0
        story.balance()


def test_messages_that_need_no_disk_overtake_those_that_wait_for_it():
    with Story(publishers=1, consumers=0) as story:
        with wire.Peer(story.broker) as slow, wire.Peer(story.broker) as quick:
            for peer in (slow, quick):
                peer.shake_hands().with_channel()
                peer.send(wire.method(1, wire.CONFIRM_SELECT, b"\0"))
                peer.expect(wire.CONFIRM_SELECT_OK)
            quick.send(wire.queue_declare(1, "quick"))
            quick.expect(wire.QUEUE_DECLARE_OK)
            with story.disk.delay(2 * SYNC_SECONDS, ["sync"], pattern="*.log"):
                slow.send(one_message(story.setup.queues[0], persistent=True))
                rounds = 0
                while not slow.poll(0):
                    quick.send(one_message("quick", persistent=False))
                    quick.expect(wire.BASIC_ACK)
                    quick.send(wire.get(1, "quick", no_ack=True))
                    quick.expect(wire.BASIC_GET_OK)
                    quick.read_frame(), quick.read_frame()
                    rounds += 1
                assert rounds > 2, "they waited for the sync"


def one_message(queue, persistent):
    properties = (1 << 12, b"\x02") if persistent else (0, b"")  # delivery-mode
    return wire.publish(1, queue, "") + wire.content_header(1, 1, *properties) + wire.body(1, b"x")
