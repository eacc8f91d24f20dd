"""Lives of a broker under load, each ended by a kill or a power failure, and the audit of them all."""

import random
import time
from collections import Counter

from audit import Audit
from broker_process import OwnBroker, brokerd_program
from configurations import Setup
from faulty_disk import DELAY, LIE, sanitizer_of
from load import Consumer, Drain, Publisher, counts, declare
from outage import OutageBroker
from waiting import until

JOIN_SECONDS = 60
DRAIN_SECONDS = 180
DRAINS_AT_ONCE = 8
START_DEADLINE = 120.0
SETTLE_DEADLINE = 60.0
KILLED_AT_START = 0.15   # share of starts that are killed on the way
LONGEST_START_S = 0.5    # before that kill


def start_limit_s():
    """How long a start may take, on a machine that has other things to do as well; sanitizers take their time."""
    return 90.0 if sanitizer_of(brokerd_program()) else 30.0


class Run:
    """One broker in one configuration: `lives` lives, then everything is drained and the books are balanced."""

    def __init__(self, row, lives, seed, power=False, start_limit=None, lie=False):
        self.setup = Setup(row)
        self.lives = lives
        self.rng = random.Random(f"{seed} {row.name}")
        options = [word for setting in row.options for word in ("--set", setting)]
        if power:
            self.broker = OutageBroker(self.rng.random(), options=options, start_deadline=START_DEADLINE)
        else:
            self.broker = OwnBroker(options=options, start_deadline=START_DEADLINE, faulty=bool(row.slow))
        self.start_limit = start_limit or start_limit_s()
        self.audit = Audit(self.setup)
        self.next_number = [0] * row.publishers
        self.unconfirmed = [{} for _ in range(row.publishers)]
        self.slowest_start = 0.0
        self.counts = Counter()
        self.delays = []
        self.lie = lie  # the disk says that the log was synced, and it was not

    # --- one life ---

    def client_rng(self):
        return random.Random(self.rng.random())

    def make_clients(self):
        row = self.setup.row
        publishers = [Publisher(self.broker, self.client_rng(), self.setup, identity, first, self.unconfirmed[identity].values())
                      for identity, first in enumerate(self.next_number)]
        if self.rng.random() < row.absent:
            return publishers, []
        # At times a queue has no consumer or several; that is decided anew in each life.
        consumers = [Consumer(self.broker, self.client_rng(), self.setup, self.rng.choice(self.setup.every_queue))
                     for _ in range(row.consumers)]
        return publishers, consumers

    def live_once(self, life):
        """Load until the kill; the clients end because their connections do."""
        publishers, consumers = self.make_clients()
        for client in [*publishers, *consumers]:
            client.start()
        time.sleep(self.rng.uniform(*self.setup.row.life_s))  # the length of this life, not a wait for anything
        self.kill()
        self.stop([*publishers, *consumers])
        self.next_number = [first + len(publisher.sent) for first, publisher in zip(self.next_number, publishers)]
        if self.setup.row.resends:
            self.remember_unconfirmed(publishers)
        self.audit.absorb(life, publishers, consumers)

    def remember_unconfirmed(self, publishers):
        for known, publisher in zip(self.unconfirmed, publishers):
            known.update((sent.number, sent) for sent in publisher.sent)
            for number in publisher.confirmed:
                known.pop(number, None)

    def kill(self):
        if not self.broker.running():
            self.audit.faults.append(f"the broker ended by itself, with {self.broker.process.returncode}")
        self.broker.kill()
        self.counts["kills"] += 1

    def stop(self, clients):
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(JOIN_SECONDS)
            if client.is_alive():
                self.audit.faults.append(f"{type(client).__name__} did not end")

    def start(self):
        while self.rng.random() < KILLED_AT_START:
            self.broker.launch()
            time.sleep(self.rng.uniform(0, LONGEST_START_S))  # a short life
            self.kill()
            self.counts["kills while starting"] += 1
        took = self.broker.start()
        self.slowest_start = max(self.slowest_start, took)
        if took > self.start_limit:
            self.audit.faults.append(f"a start took {took:.1f} s, the limit is {self.start_limit:g} s")

    # --- the end ---

    def expect_calm(self):
        """Waits until what expires, waits or is delayed has done so; returns the counts then."""
        last, since = None, time.monotonic()

        def calm():
            nonlocal last, since
            now = counts(self.broker, self.setup)
            if now != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since >= self.setup.row.calm_after_s

        until(calm, within=SETTLE_DEADLINE, every=0.05, what="the queues to come to rest")
        return last

    def drain(self, life):
        """Takes everything out of every queue, and compares with what these said they have."""
        said = self.expect_calm()
        drains = [Drain(self.broker, self.client_rng(), self.setup, queue) for queue in self.setup.every_queue]
        for first in range(0, len(drains), DRAINS_AT_ONCE):
            together = drains[first:first + DRAINS_AT_ONCE]
            for drain in together:
                drain.start()
            for drain in together:
                drain.join(DRAIN_SECONDS)
        self.audit.absorb_drain(life, drains)
        for drain in drains:
            if drain.done and said[drain.queue] != len(drain.seen):
                self.audit.faults.append(f"{drain.queue} said it had {said[drain.queue]} messages, and gave {len(drain.seen)}")
        return sum(len(drain.seen) for drain in drains)

    def balance(self, life):
        """Drains, balances the books, and looks once more after a polite stop."""
        self.drain(life)
        self.audit.close(life)
        if self.broker.terminate(within=JOIN_SECONDS) != 0:
            self.audit.faults.append(f"a polite stop ended with {self.broker.process.returncode}")
        self.start()
        left = self.drain(life + 1)
        if left:
            self.audit.faults.append(f"{left} acked messages were back after a polite stop and start")

    def go(self):
        """Returns the faults. Raises RuntimeError or AssertionError where the broker does not start."""
        if self.setup.row.slow:
            self.delays = [self.broker.disk.begin(DELAY, calls, delay_s=seconds, pattern=pattern) for seconds, calls, pattern in self.setup.row.slow]
        self.broker.start()
        declare(self.broker, self.setup)
        if self.lie:
            self.broker.disk.begin(LIE, ["sync"], pattern="*.log")
        for life in range(1, self.lives + 1):
            self.live_once(life)
            if self.audit.faults:
                return self.audit.faults
            self.start()
        self.balance(self.lives + 1)
        return self.audit.faults

    def told(self):
        """What happened, as counts."""
        found = Counter(self.audit.counts) + Counter(self.counts)
        if isinstance(self.broker, OutageBroker):
            found["power failures"] = self.broker.failures
            found.update({f"lost {what}": count for what, count in self.broker.losses.items()})
        found["delayed calls of the disk"] = sum(delay.hits for delay in self.delays)
        return +found
