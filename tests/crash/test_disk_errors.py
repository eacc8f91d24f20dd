"""A disk that fails: nothing is confirmed that may not be on it, the broker ends and says why, and the next start has everything."""

import errno
import os

import pytest

from disk_story import Story

pytestmark = pytest.mark.skipif("AMQP_URL" in os.environ, reason="the disk of a broker named by AMQP_URL is not ours to break")

FAULTS = {
    "the log cannot be synced": lambda disk: disk.fault(errno.EIO, ["sync"], pattern="*.log"),
    "the log cannot be written": lambda disk: disk.fault(errno.EIO, ["write"], pattern="*.log"),
    "a sync finds no space": lambda disk: disk.fault(errno.ENOSPC, ["sync"], pattern="*.log"),
    "the file system is read-only all of a sudden": lambda disk: disk.read_only(),
}
FAULTS_OF_FLUSHES = {
    "what is flushed cannot be written": lambda disk: disk.fault(errno.EIO, ["write"], pattern="*.sst"),
    "what is flushed cannot be synced": lambda disk: disk.fault(errno.EIO, ["sync"], pattern="*.sst"),
    "the manifest cannot be synced": lambda disk: disk.fault(errno.EIO, ["sync"], pattern="*MANIFEST*"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_broker_whose_disk_fails_ends_and_has_everything_it_confirmed(what):
    with Story() as story:
        for _ in range(2):
            story.begin_load()
            with FAULTS[what](story.disk) as fault:
                story.expect_end()
                assert fault.hits > 0
                story.end_load()
            story.broker.start()
        assert len(story.log_lines("the store failed, nothing can be confirmed any more")) == 2
        story.begin_load()
        story.end_load()
        story.balance()


@pytest.mark.parametrize("what", FAULTS_OF_FLUSHES)
def test_a_broker_whose_store_cannot_flush_ends_at_its_next_commit(what):
    with Story() as story:
        story.begin_load()
        with FAULTS_OF_FLUSHES[what](story.disk) as fault:
            story.set_limit("1TiB")  # space is short now, so all that is in memory is flushed
            story.expect_end()
            assert fault.hits > 0
            story.end_load()
        story.write_limit("0")
        story.broker.start()
        assert len(story.log_lines("the store failed, nothing can be confirmed any more")) == 1
        story.begin_load()
        story.end_load()
        story.balance()


def test_what_a_sync_failed_for_is_not_confirmed():
    with Story(consumers=0) as story:
        story.begin_load()
        with story.disk.fault(errno.EIO, ["sync"], times=1, pattern="*.log"):
            story.expect_end()
            story.end_load()
        confirmed = len(story.audit.confirmed)
        story.broker.start()
        story.balance()
        assert confirmed < len(story.audit.published), "some were under way"
