"""A disk that is full for a while: publishers wait, nothing is confirmed that is not on it, and all goes on when there is space."""

import errno
import os

import pytest

from disk_story import LONG, Story
import wire

pytestmark = pytest.mark.skipif("AMQP_URL" in os.environ, reason="the disk of a broker named by AMQP_URL is not ours to fill")


def no_space_at_all(disk):
    """The file system says so beforehand, too."""
    return disk.full_after(0)


def no_space_to_be_seen(disk):
    """Only writing shows it: a quota, or another program that is quicker."""
    return disk.fault(errno.ENOSPC, ["write", "open", "name"])


def short_writes(disk):
    """What is left is too little for the flushes of the store, and some of them are cut in the middle."""
    return disk.full_after(6 << 20)


@pytest.mark.parametrize("lack", [no_space_at_all, no_space_to_be_seen, short_writes])
def test_a_disk_that_fills_under_load_is_waited_for(lack):
    with Story() as story:
        story.begin_load()
        with lack(story.disk):
            story.expect_store("full")
            story.expect_alarm(True)
            status, body = story.health()
            assert (status, body["alarms"][0]["resource"]) == (503, "disk")
        story.expect_store("ok")
        story.expect_alarm(False)
        assert story.health()[0] == 200
        story.expect_confirms()
        story.end_load()
        assert len(story.log_lines("the disk is full, commits wait")) == 1
        assert len(story.log_lines("the disk is not full any more")) == 1
        story.balance()


@pytest.mark.parametrize("lack", [no_space_at_all, no_space_to_be_seen, short_writes])
def test_a_broker_killed_while_its_disk_is_full_has_everything_it_confirmed(lack):
    with Story() as story:
        for _ in range(2):
            story.begin_load()
            with lack(story.disk):
                story.expect_store("full")
                story.broker.kill()
                story.end_load()
            story.broker.start()
        story.begin_load()
        story.end_load()
        story.balance()


# The layer gives nothing back of what is deleted, and the store rewrites what it keeps: there is room for that.
def test_consumers_empty_their_queues_while_publishers_are_blocked():
    with Story(limit="70MB", consumers=0) as story:
        story.begin_load()
        with story.disk.full_after(80 << 20):
            story.expect_alarm(True)
            drains = story.drain()
            assert all(drain.done and drain.seen for drain in drains), [drain.trouble for drain in drains]
            assert story.node()["disk_free_alarm"] is True
        story.expect_alarm(False)
        story.expect_confirms()
        story.end_load()
        story.audit.absorb_drain(story.life, drains)
        story.broker.restart()
        story.balance()


def test_others_are_served_while_the_disk_is_full():
    with Story() as story:
        story.begin_load()
        with story.disk.full_after(0):
            story.expect_store("full")
            with wire.Peer(story.broker) as peer:
                peer.shake_hands().with_channel()
                peer.send(wire.queue_declare(1, story.setup.queues[0], flags=1))
                peer.expect(wire.QUEUE_DECLARE_OK)
        story.expect_confirms()
        story.end_load()
        story.balance()


def test_a_broker_that_is_told_to_stop_does_not_wait_for_a_full_disk_for_ever():
    with Story(["--set", "server.shutdown_timeout=2s"]) as story:
        story.begin_load()
        with no_space_to_be_seen(story.disk):
            story.expect_store("full")
            assert story.broker.terminate(within=LONG) == 0
            story.end_load(closed=True)
        story.broker.start()
        story.balance()


def test_a_broker_does_not_start_on_a_full_disk_and_does_no_harm_to_it():
    with Story() as story:
        story.begin_load()
        story.broker.kill()
        story.end_load()
        with story.disk.full_after(0):
            with pytest.raises(RuntimeError, match="ended with 1 at start"):
                story.broker.start()
            assert story.log_lines("cannot open the data directory")
        story.broker.start()
        story.balance()


def test_the_limit_of_free_space_blocks_publishers_before_the_disk_is_full():
    with Story(limit="70MB") as story:
        story.begin_load()
        with story.disk.full_after(80 << 20) as fault:
            story.expect_alarm(True)
            assert story.node()["store_state"] != "full", "it was stopped in time"
            assert fault.left_bytes > 0
        story.expect_alarm(False)
        story.expect_confirms()
        story.end_load()
        assert not story.log_lines("the disk is full")
        story.balance()
