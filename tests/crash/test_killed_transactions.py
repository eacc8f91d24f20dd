"""Transactions over five queues, and kill -9 in the middle of them: each is whole or not at all.

Every worker moves jobs: it gets one from each of its two queues, publishes results to three shared ones (by priority, plainly, and with a
limit that is reached before the work is done), acknowledges both jobs, commits. A job is named by the same body wherever it is.
"""

import collections
import pathlib
import random
import sys
import threading

import pika
import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]

from broker_process import started  # noqa: E402
from outage import broker_to_kill  # noqa: E402
from waiting import until  # noqa: E402

PERSISTENT, LIVES, WORKERS, JOBS, LIMIT = 2, 6, 4, 400, 250
RESULTS = {"tx.urgent": {"x-max-priority": 5}, "tx.plain": {}, "tx.limited": {"x-max-length": LIMIT, "x-overflow": "reject-publish"}}
LOST = (pika.exceptions.AMQPError, OSError)


def sources(worker):
    return [f"tx.first.{worker}", f"tx.second.{worker}"]


def connect(broker):
    return pika.BlockingConnection(pika.URLParameters(broker.url(heartbeat=0)))


def properties(priority=None):
    return pika.BasicProperties(delivery_mode=PERSISTENT, priority=priority)


def prepare(broker):
    connection = connect(broker)
    channel = connection.channel()
    for queue, arguments in RESULTS.items():
        channel.queue_declare(queue, durable=True, arguments=arguments)
    for worker in range(WORKERS):
        for queue in sources(worker):
            channel.queue_declare(queue, durable=True)
    channel.tx_select()
    for worker in range(WORKERS):
        for queue in sources(worker):
            for number in range(JOBS):
                channel.basic_publish("", queue, f"{worker}/{number}", properties())
    channel.tx_commit()
    connection.close()


class Worker(threading.Thread):
    """Works until the broker is gone, there is nothing left to do, or a commit is refused."""

    def __init__(self, broker, number):
        super().__init__(daemon=True)
        self.broker, self.number = broker, number
        self.done, self.trouble = [], None

    def run(self):
        try:
            channel = connect(self.broker).channel()
            channel.tx_select()
            while self.work(channel):
                pass
        except pika.exceptions.ChannelClosedByBroker as error:
            assert (error.reply_code, error.reply_text) == (406, "PRECONDITION_FAILED - partial tx completion"), error
        except LOST:
            pass  # killed; that is the point
        except Exception as error:  # noqa: BLE001  (shown by the test)
            self.trouble = error

    def work(self, channel):
        jobs = [channel.basic_get(queue) for queue in sources(self.number)]
        if jobs[0][0] is None or jobs[1][0] is None:
            assert jobs[0][0] is jobs[1][0], "a job is in one queue only"
            return False
        assert jobs[0][2] == jobs[1][2], "jobs have lost their order"
        body = jobs[0][2]
        for queue in RESULTS:
            channel.basic_publish("", queue, body, properties(priority=len(body) % 6))
        for job in jobs:
            channel.basic_ack(job[0].delivery_tag)
        channel.tx_commit()
        self.done.append(body)
        return True


def drain(broker):
    """The bodies in each queue, with how often each is there."""
    connection = connect(broker)
    channel = connection.channel()
    found = {}
    for queue in [*RESULTS, *(queue for worker in range(WORKERS) for queue in sources(worker))]:
        found[queue] = collections.Counter()
        while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found[queue][got[2]] += 1
    connection.close()
    return found


def check(found, done):
    results = [found[queue] for queue in RESULTS]
    assert results[0] == results[1] == results[2], "results are in some queues only"
    assert set(results[0].values()) <= {1}, "a job was done twice"
    assert done <= set(results[0]), "a commit that was answered is lost"
    for worker in range(WORKERS):
        left = [found[queue] for queue in sources(worker)]
        assert left[0] == left[1], "jobs are left in one queue only"
        everything = {f"{worker}/{number}".encode() for number in range(JOBS)}
        mine = {body for body in results[0] if body in everything}
        assert set(left[0]) == everything - mine, "a job is in both places, or in none"


@pytest.mark.parametrize("seed", [1, 2])
def test_transactions_are_whole_or_not_at_all(seed):
    rng = random.Random(seed)
    done = set()
    with started(broker_to_kill()) as broker:
        prepare(broker)
        for life in range(LIVES):
            workers = [Worker(broker, number) for number in range(WORKERS)]
            for worker in workers:
                worker.start()
            if life == 0:  # the others are killed whenever it may be, before anything was committed too
                until(lambda: any(each.done for each in workers), what="a first transaction")
            workers[0].join(rng.uniform(0.05, 0.4))  # the length of this life, not a wait for anything
            broker.kill()
            for worker in workers:
                worker.join(20)
                assert not worker.is_alive() and worker.trouble is None, worker.trouble
                done.update(worker.done)
            broker.start()
        check(drain(broker), done)
    assert done, "nothing was committed in any life"
    print(len(done), "transactions")
