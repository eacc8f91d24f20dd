"""What the tests of a disk in trouble share: a broker above a disk that fails when told to, load with books that are balanced, and how the
broker says that it is."""

import pathlib
import random
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from audit import Audit  # noqa: E402
from broker_process import OwnBroker  # noqa: E402
from configurations import Configuration, Setup  # noqa: E402
from load import Consumer, Drain, Publisher, declare  # noqa: E402
from management import Management  # noqa: E402
from waiting import until  # noqa: E402

STORE_FAILED = 74
LONG = 120  # seconds; the machine may be busy


class Story:
    """One broker, its lives, the audit. Use as a context."""

    def __init__(self, options=(), limit="0", publishers=2, consumers=2, seed=1):
        self.broker = OwnBroker(options, start_deadline=LONG, faulty=True)
        self.broker.config = self.broker.home / "brokerd.toml"
        self.write_limit(limit)
        self.disk = self.broker.disk
        self.rng = random.Random(seed)
        self.setup = Setup(Configuration("disk", queues=2, publishers=publishers, consumers=consumers))
        self.audit = Audit(self.setup)
        self.life = 0
        self.next_number = [0] * publishers
        self.publishers, self.consumers = [], []

    def __enter__(self):
        self.broker.start()
        declare(self.broker, self.setup)
        return self

    def __exit__(self, *_):
        for client in [*self.publishers, *self.consumers]:
            client.stopping.set()
        self.broker.stop()

    def write_limit(self, limit):
        self.broker.config.write_text(f'[flow]\ndisk_free_limit = "{limit}"\n')

    def set_limit(self, limit):
        """Of free space, while the broker runs."""
        self.write_limit(limit)
        self.broker.process.send_signal(signal.SIGHUP)

    # --- load ---

    def begin_load(self):
        self.life += 1
        queues = self.setup.queues
        self.publishers = [Publisher(self.broker, random.Random(self.rng.random()), self.setup, identity, first)
                           for identity, first in enumerate(self.next_number)]
        self.consumers = [Consumer(self.broker, random.Random(self.rng.random()), self.setup, queues[number % len(queues)])
                          for number in range(self.setup.row.consumers)]
        for client in [*self.publishers, *self.consumers]:
            client.start()
        self.expect_confirms()

    def expect_confirms(self, more=200):
        """Each publisher gets so many confirms from here on."""
        aims = [(publisher, len(publisher.confirmed) + more) for publisher in self.publishers]
        until(lambda: all(len(publisher.confirmed) >= aim for publisher, aim in aims), LONG, what="confirms", detail=self.broker.log_tail)

    def end_load(self, closed=False):
        """Joins the clients, whether the broker is there or not, and takes their records. `closed`: it has closed their connections."""
        clients = [*self.publishers, *self.consumers]
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(LONG)
            assert not client.is_alive(), f"{type(client).__name__} did not end\n{self.broker.log_tail()}"
            if closed and "(10, 50) came" in str(client.trouble):
                client.trouble = None
        self.next_number = [first + len(publisher.sent) for first, publisher in zip(self.next_number, self.publishers)]
        self.audit.absorb(self.life, self.publishers, self.consumers)
        self.publishers, self.consumers = [], []

    def drain(self):
        """Takes everything out of the queues; returns who did."""
        drains = [Drain(self.broker, random.Random(1), self.setup, queue) for queue in self.setup.queues]
        for drain in drains:
            drain.start()
        for drain in drains:
            drain.join(3 * LONG)
        return drains

    def balance(self):
        """Everything that was confirmed is there, in order; nothing else is."""
        self.life += 1
        self.audit.absorb_drain(self.life, self.drain())
        self.audit.close(self.life)
        assert not self.audit.faults, "\n".join(self.audit.faults) + "\n" + self.broker.log_tail()

    # --- what the broker says ---

    def node(self):
        return Management(self.broker).get("nodes")[0]

    def expect_store(self, state):
        until(lambda: self.node()["store_state"] == state, LONG, what=f"the store to be {state}", detail=lambda: str(self.node()))

    def expect_alarm(self, on):
        until(lambda: self.node()["disk_free_alarm"] is on, LONG, what=f"the alarm to be {on}", detail=lambda: str(self.node()))

    def health(self):
        return Management(self.broker).request("GET", "health/checks/local-alarms")

    def expect_end(self, code=STORE_FAILED):
        until(lambda: not self.broker.running(), LONG, what="the broker to end", detail=self.broker.log_tail)
        assert self.broker.process.returncode == code, self.broker.log_tail()

    def log_lines(self, text):
        return [line for line in self.broker.log.read_text(errors="replace").splitlines() if text in line]
