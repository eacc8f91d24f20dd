#!/usr/bin/env python3
"""Kills a broker under load, again and again, and audits what it kept: crash_test.py [--rounds N] [--seed S]

Each round runs publishers with confirms and consumers with acks against one brokerd (BROKERD names the program), kills it with
kill -9 after a random time, and starts it again on the same data. At the end everything is drained, the books are balanced
(audit.py lists the rules), and a polite stop and start must find every queue empty.

The seed decides sizes, keys, acks and the moments of the kills; what the clients' threads do in between depends on the machine, so
the same seed repeats the same plan, not the same interleaving. Exit code 0: no fault. 1: faults, each on a line. 2: no start.
"""

import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from audit import Audit  # noqa: E402
from broker_process import OwnBroker  # noqa: E402
from load import Consumer, Drain, Publisher, declare  # noqa: E402

JOIN_SECONDS = 20
DRAIN_SECONDS = 120


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=None, help="default: chosen and printed")
    parser.add_argument("--queues", type=int, default=4)
    parser.add_argument("--publishers", type=int, default=3)
    parser.add_argument("--consumers", type=int, default=6)
    parser.add_argument("--life", type=float, nargs=2, default=(0.05, 1.2), metavar=("MIN", "MAX"), help="seconds of load before a kill")
    parser.add_argument("--start-limit", type=float, default=5.0, help="seconds a restart may take")
    parser.add_argument("--keep", action="store_true", help="keep data and log after a failure")
    return parser.parse_args()


class Run:
    """One run: a broker, its lives, the audit."""

    def __init__(self, settings):
        self.settings = settings
        self.rng = random.Random(settings.seed)
        self.queues = [f"crash.{number}" for number in range(settings.queues)]
        self.broker = OwnBroker(start_deadline=max(20.0, settings.start_limit * 2))
        self.audit = Audit(self.queues)
        self.next_number = [0] * settings.publishers
        self.slowest_start = 0.0

    def client_rng(self):
        return random.Random(self.rng.random())

    def make_clients(self):
        publishers = [Publisher(self.broker, self.client_rng(), identity, first, self.queues)
                      for identity, first in enumerate(self.next_number)]
        # At times a queue has no consumer or several; that is decided anew in each life.
        consumers = [Consumer(self.broker, self.client_rng(), self.rng.choice(self.queues)) for _ in range(self.settings.consumers)]
        return publishers, consumers

    def live_once(self, life):
        """Load until the kill; the clients end because their connections do."""
        publishers, consumers = self.make_clients()
        for client in [*publishers, *consumers]:
            client.start()
        time.sleep(self.rng.uniform(*self.settings.life))  # the length of this life, not a wait for anything
        self.broker.kill()
        self.stop([*publishers, *consumers])
        self.next_number = [first + len(publisher.sent) for first, publisher in zip(self.next_number, publishers)]
        self.audit.absorb(life, publishers, consumers)

    def stop(self, clients):
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(JOIN_SECONDS)
            if client.is_alive():
                self.audit.faults.append(f"{type(client).__name__} did not end")

    def start(self):
        took = self.broker.start()
        self.slowest_start = max(self.slowest_start, took)
        if took > self.settings.start_limit:
            self.audit.faults.append(f"a start took {took:.1f} s, the limit is {self.settings.start_limit:g} s")

    def drain(self, life):
        drains = [Drain(self.broker, self.client_rng(), queue) for queue in self.queues]
        for drain in drains:
            drain.start()
        for drain in drains:
            drain.join(DRAIN_SECONDS)
        self.audit.absorb_drain(life, drains)
        return sum(len(drain.seen) for drain in drains)

    def balance(self, life):
        """Drains, balances the books, and looks once more after a polite stop."""
        self.drain(life)
        self.audit.close(life)
        if self.broker.terminate() != 0:
            self.audit.faults.append(f"a polite stop ended with {self.broker.process.returncode}")
        self.start()
        left = self.drain(life + 1)
        if left:
            self.audit.faults.append(f"{left} acked messages were back after a polite stop and start")

    def go(self):
        self.broker.start()
        declare(self.broker, self.queues)
        for life in range(1, self.settings.rounds + 1):
            self.live_once(life)
            self.start()
            if self.audit.faults:
                break
        self.balance(self.settings.rounds + 1)
        return self.audit.faults


def main():
    settings = options()
    if settings.seed is None:
        settings.seed = random.randrange(1 << 32)
    print(f"crash test: seed {settings.seed}, {settings.rounds} rounds", flush=True)
    run = Run(settings)
    began = time.monotonic()
    try:
        faults = run.go()
    except (RuntimeError, AssertionError) as error:
        print(f"the broker did not start: {error}")
        run.broker.stop()
        return 2
    counts = ", ".join(f"{count} {what}" for what, count in run.audit.counts.items())
    print(f"{counts}; slowest start {run.slowest_start:.2f} s; {time.monotonic() - began:.1f} s in all")
    for fault in faults:
        print("FAULT:", fault)
    if faults:
        print(run.broker.log_tail())
    if faults and settings.keep:
        run.broker.kill()
        print("kept:", run.broker.home)
    else:
        run.broker.stop()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
