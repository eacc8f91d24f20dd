"""The audit must notice each kind of fault: books cooked by hand."""

import pathlib
import sys
from types import SimpleNamespace

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]

from audit import Audit  # noqa: E402
from configurations import Configuration, Setup  # noqa: E402
from load import Fence, Seen, Sent, body_of, identify  # noqa: E402

QUEUE = "crash.0"


def publisher(count, confirmed=None, sent_at=0.0, confirmed_at=1.0):
    numbers = range(count) if confirmed is None else confirmed
    return SimpleNamespace(identity=0, sent=[Sent(0, number, QUEUE, 10, sent_at) for number in range(count)], refused=[], trouble=None,
                           transactions=[], confirmed={number: confirmed_at for number in numbers})


def consumer(seen, acked=(), given_back=(), fences=(), acked_at=2.0):
    return SimpleNamespace(queue=QUEUE, seen=[Seen(0, number, redelivered, False) for number, redelivered in seen], trouble=None,
                           acked={(0, number): acked_at for number in acked}, given_back={(0, number) for number in given_back},
                           fences=list(fences))


def drain(seen):
    return SimpleNamespace(queue=QUEUE, seen=[Seen(0, number, redelivered, False) for number, redelivered in seen], trouble=None, done=True)


def first_times(*numbers):
    return [(number, False) for number in numbers]


@pytest.fixture
def audit():
    return Audit(Setup(Configuration("one queue", queues=1)))


def test_honest_books_have_no_faults(audit):
    audit.absorb(1, [publisher(4, confirmed=[0, 1, 2])], [consumer(first_times(0, 1, 2), acked=[0, 1])])
    audit.absorb_drain(2, [drain([(2, True), (3, False)])])
    audit.close(2)
    assert audit.faults == []


def test_a_lost_confirmed_message_is_noticed(audit):
    audit.absorb(1, [publisher(3)], [consumer(first_times(0), acked=[0])])
    audit.absorb_drain(2, [drain(first_times(1))])
    audit.close(2)
    assert ["lost confirmed messages" in fault for fault in audit.faults] == [True]


def test_a_lost_unconfirmed_message_is_no_fault(audit):
    audit.absorb(1, [publisher(3, confirmed=[0])], [consumer(first_times(0), acked=[0])])
    audit.close(2)
    assert audit.faults == []


def test_an_invented_message_is_noticed(audit):
    audit.absorb(1, [publisher(1)], [consumer(first_times(0, 7), acked=[0, 7])])
    assert "never published" in audit.faults[0]


def test_a_message_delivered_twice_is_noticed(audit):
    audit.absorb(1, [publisher(1)], [consumer([(0, False), (0, True)], acked=[0])])
    assert "delivered twice" in audit.faults[0]


def test_a_given_back_message_may_be_delivered_twice(audit):
    audit.absorb(1, [publisher(2)], [consumer([(0, False), (1, False), (0, True)], acked=[0, 1], given_back=[0])])
    assert audit.faults == []


def test_a_wrong_order_is_noticed(audit):
    audit.absorb(1, [publisher(3)], [consumer(first_times(0, 2, 1), acked=[0, 1, 2])])
    assert "out of order" in audit.faults[0]


def test_a_dishonest_flag_is_noticed(audit):
    audit.absorb(1, [publisher(1)], [consumer(first_times(0))])
    audit.absorb_drain(2, [drain(first_times(0))])
    assert "without saying so" in audit.faults[0]


def test_an_ack_kept_by_a_synced_confirm_must_not_come_back(audit):
    fence = Fence(3.0, [(0, 0)])
    later = publisher(2, sent_at=4.0, confirmed_at=5.0)
    audit.absorb(1, [later], [consumer(first_times(0, 1), acked=[0], fences=[fence])])
    audit.absorb_drain(2, [drain([(0, True), (1, True)])])
    assert any("acked for good" in fault for fault in audit.faults)


def test_an_ack_without_a_later_sync_may_come_back(audit):
    fence = Fence(3.0, [(0, 0)])
    audit.absorb(1, [publisher(1)], [consumer(first_times(0), acked=[0], fences=[fence])])
    audit.absorb_drain(2, [drain([(0, True)])])
    audit.close(2)
    assert audit.faults == []


def test_an_acked_message_must_not_die_later(audit):
    audit = Audit(Setup(Configuration("dying", queues=1, dead_letters=True)))
    later = publisher(2, sent_at=4.0, confirmed_at=5.0)
    audit.absorb(1, [later], [consumer(first_times(0, 1), acked=[0], fences=[Fence(3.0, [(0, 0)])])])
    dead = drain([(0, False)])
    dead.queue = QUEUE + ".dead"
    audit.absorb_drain(2, [drain([(1, True)]), dead])
    assert any("acked for good" in fault for fault in audit.faults)


def test_a_dead_letter_is_not_lost():
    audit = Audit(Setup(Configuration("dying", queues=1, dead_letters=True)))
    audit.absorb(1, [publisher(2)], [consumer(first_times(0), acked=[0])])
    dead = drain([(1, False)])
    dead.queue = QUEUE + ".dead"
    audit.absorb_drain(2, [drain([]), dead])
    audit.close(2)
    assert audit.faults == []


def test_a_transaction_in_part_is_noticed(audit):
    unanswered = publisher(3, confirmed=[])
    unanswered.transactions = [[0, 1], [2]]
    audit.absorb(1, [unanswered], [])
    audit.absorb_drain(2, [drain(first_times(1))])
    audit.close(2)
    assert ["in part" in fault for fault in audit.faults] == [True]


def test_messages_of_different_priorities_have_no_order():
    audit = Audit(Setup(Configuration("priorities", queues=1, priorities=2)))
    audit.absorb(1, [publisher(4)], [consumer(first_times(1, 3, 0, 2), acked=[0, 1, 2, 3])])
    assert audit.faults == []
    audit.absorb(2, [], [consumer([(2, True), (1, True), (0, True)])])
    assert ["out of order: 1 " in fault for fault in audit.faults] == [True]


def test_a_damaged_body_is_noticed():
    body = body_of(1, 2, 50)
    assert identify(body) == (1, 2)
    with pytest.raises(ValueError):
        identify(body[:-1] + b"!")
