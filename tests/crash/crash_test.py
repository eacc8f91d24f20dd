#!/usr/bin/env python3
"""Kills a broker under load, again and again, and audits what it kept: crash_test.py [CONFIGURATION...] [--lives N] [--seed S] [--power]

Each life runs publishers with confirms (or transactions) and consumers with acks against one brokerd (BROKERD names the program), kills it
with kill -9 after a random time, at times again while it starts, and starts it on the same data. With --power each kill is a power failure
as well: what was not synced may be gone (tests/support/power_failure.py). In the end everything is drained, the books are balanced (audit.py
lists the rules), and a polite stop and start must find every queue empty.

Configurations are rows of configurations.py; without any, all of them are run. The seed decides sizes, keys, acks, the moments of the kills
and what a power failure leaves; what the clients' threads do in between depends on the machine, so the same seed repeats the same plan, not
the same interleaving. Exit code 0: no fault. 1: faults, each on a line. 2: a broker did not start.
"""

import argparse
import pathlib
import random
import sys
import time
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from broker_process import OwnBroker  # noqa: E402
from configurations import BY_NAME, TABLE  # noqa: E402
from lives import Run  # noqa: E402


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", nargs="*", metavar="CONFIGURATION", help=", ".join(BY_NAME))
    parser.add_argument("--lives", type=int, default=8, help="of each configuration")
    parser.add_argument("--seed", type=int, default=None, help="default: chosen and printed")
    parser.add_argument("--power", action="store_true", help="kills are power failures")
    parser.add_argument("--lie", action="store_true", help="with --power: syncs of the log do nothing; the audit has to find that")
    parser.add_argument("--start-limit", type=float, default=None, help="seconds a restart may take")
    parser.add_argument("--keep", action="store_true", help="keep data and log after a failure")
    settings = parser.parse_args()
    for name in settings.configurations:
        if name not in BY_NAME:
            parser.error(f"no configuration {name}; there are: {', '.join(BY_NAME)}")
    return settings


def run_one(row, settings):
    """Returns the exit code and the counts."""
    run = Run(row, settings.lives, settings.seed, settings.power, settings.start_limit, settings.lie)
    began = time.monotonic()
    code = 0
    try:
        faults = run.go()
    except (RuntimeError, AssertionError) as error:
        code, faults = 2, [f"the broker did not start: {error}"]
    told = run.told()
    print(f"{row.name}: {', '.join(f'{count} {what}' for what, count in sorted(told.items()))}; slowest start {run.slowest_start:.2f} s; "
          f"{time.monotonic() - began:.1f} s in all", flush=True)
    for fault in faults:
        print("FAULT:", fault)
    if faults:
        print(run.broker.log_tail())
        code = code or 1
    if faults and settings.keep:
        OwnBroker.kill(run.broker)  # and no power failure, which would change what is to be looked at
        print("kept:", run.broker.home, flush=True)
    else:
        run.broker.stop()
    return code, told, run.slowest_start


def main():
    settings = options()
    if settings.seed is None:
        settings.seed = random.randrange(1 << 32)
    print(f"crash test: seed {settings.seed}, {settings.lives} lives each{', power failures' if settings.power else ''}", flush=True)
    rows = [BY_NAME[name] for name in settings.configurations] or TABLE
    totals, slowest, worst = Counter(), 0.0, 0
    for row in rows:
        code, told, took = run_one(row, settings)
        totals.update(told)
        slowest, worst = max(slowest, took), max(worst, code)
    print(f"in all: {', '.join(f'{count} {what}' for what, count in sorted(totals.items()))}; slowest start {slowest:.2f} s")
    return worst


if __name__ == "__main__":
    sys.exit(main())
