#!/usr/bin/python3
"""Puts a brokerd under loads that no client should put on it, and tells what became of it and of a client beside.

    tests/load/run.py list                     which loads there are
    tests/load/run.py all --seconds 60         each for a minute
    tests/load/run.py queue-churn --seconds 3600

Each load has a brokerd of its own, on free ports and in a folder that goes with it. A load fails the run when something was lost, or came
in the wrong order, when memory or descriptors grew beyond what they may, or a bound did not hold. How long things took is told, and fails
nothing: it depends on what else the machine does. BROKERD names the program (default: build/release/brokerd, with brokerbench beside it).
"""

import argparse
import contextlib
import json
import pathlib
import resource
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import scenarios_connections as connections  # noqa: E402
import scenarios_flow as flow  # noqa: E402
import scenarios_topology as topology  # noqa: E402
from broker_process import OwnBroker  # noqa: E402
from measure import MIB, Bystander, Sampler, descriptors_of, memory_of, sockets_of  # noqa: E402
from waiting import until  # noqa: E402

LOADS = {
    "never-reading-consumer": flow.never_reading_consumer,
    "line-rate-publisher": flow.line_rate_publisher,
    "twice-the-drain-rate": flow.twice_the_drain_rate,
    "many-unacked": flow.many_unacked,
    "nack-requeue-storm": flow.nack_requeue_storm,
    "ttl-storm": flow.ttl_storm,
    "huge-bodies": flow.huge_bodies,
    "unread-answers": flow.unread_answers,
    "publish-rate": flow.publish_rate,
    "large-headers": flow.large_headers,
    "many-connections": connections.many_connections,
    "many-channels": connections.many_channels,
    "connection-churn": connections.connection_churn,
    "channel-churn": connections.channel_churn,
    "consumer-churn": connections.consumer_churn,
    "slow-loris": connections.slow_loris,
    "heartbeat-timeouts": connections.heartbeat_timeouts,
    "half-open": connections.half_open,
    "one-key-many-queues": topology.one_key_ten_thousand_queues,
    "queue-churn": topology.queue_churn,
    "short-lived-queues": topology.short_lived_queues,
    "http-list-flood": topology.http_list_flood,
    "held-back": topology.held_back_while_memory_is_short,
    "bounds": topology.no_more_than_allowed,
}

IDLE_SECONDS = 4
OPEN_FILES = 120_000  # what fifty thousand connections take, with room to spare
SETTLE_SECONDS = 20
FLAT_MIB = 48  # what a process may grow by without growing


class World:
    """What a load sees: the broker, what it is limited to, and where to say what was found."""

    resident_mib = 64
    unacked_per_connection = 50_000
    consumers_per_channel = 1000
    handshake_seconds = 3
    drain_within = 120

    def __init__(self):
        settings = {"flow.queue_resident": "16MiB", "flow.total_resident": f"{self.resident_mib}MiB",
                    "limits.unacked_per_connection": self.unacked_per_connection,
                    "limits.consumers_per_channel": self.consumers_per_channel,
                    "amqp.handshake_timeout": f"{self.handshake_seconds}s"}
        self.broker = OwnBroker([option for key, value in settings.items() for option in ("--set", f"{key}={value}")])
        self.notes = {}
        self.failures = []
        self.memory_at_start = 0
        self.most_growth_mib = None
        self.flat = False

    # --- what a load may say ---
    def note(self, name, value):
        self.notes[name] = value

    def check(self, holds, otherwise):
        if not holds and len(self.failures) < 10:
            self.failures.append(otherwise)

    def memory_grew_at_most(self, mib):
        self.most_growth_mib = mib

    def memory_is_flat(self):
        """It was higher in the last third than in the second by less than a process may grow by."""
        self.flat = True

    def memory_now(self):
        return memory_of(self.broker.process.pid)

    def configure(self, section, key, value):
        """Takes effect at once: the broker reads its configuration again."""
        settings = {"flow": {"queue_resident": '"16MiB"', "total_resident": f'"{self.resident_mib}MiB"'}}
        settings.setdefault(section, {})[key] = value
        text = "".join(f"[{name}]\n" + "".join(f"{each} = {its}\n" for each, its in keys.items()) for name, keys in settings.items())
        (self.broker.home / "brokerd.toml").write_text(text, encoding="utf-8")
        self.broker.process.send_signal(1)

    @staticmethod
    def idle(seconds):
        time.sleep(seconds)

    # --- afterwards ---
    def look_at_memory(self, sampler):
        grew_mib = (sampler.peak_memory() - self.memory_at_start) / MIB
        if self.most_growth_mib is not None:
            self.check(grew_mib <= self.most_growth_mib, f"memory grew by {grew_mib:.0f} MiB, more than {self.most_growth_mib:.0f}")
        if self.flat and len(sampler.samples) >= 15:
            earlier, later = sampler.memory_between(1 / 3, 2 / 3), sampler.memory_between(2 / 3, 1)
            self.check(later - earlier <= FLAT_MIB * MIB, f"memory went on growing, by {(later - earlier) / MIB:.0f} MiB in a third of the time")


def run_load(name, seconds, idle_seconds=IDLE_SECONDS):
    """One load, on a broker of its own; what was found, as a row."""
    world = World()
    broker = world.broker
    broker.config = broker.home / "brokerd.toml"
    broker.config.write_text("", encoding="utf-8")
    row = {"load": name, "seconds": seconds}
    try:
        broker.start()
        idle = Bystander(broker, idle_seconds, "bystander-before").result(within=idle_seconds + 30)
        pid = broker.process.pid
        world.memory_at_start, descriptors, sockets = memory_of(pid), descriptors_of(pid), sockets_of(pid)
        sampler = Sampler(pid)
        sampler.start()
        bystander = Bystander(broker, seconds)
        began = time.monotonic()
        try:
            LOADS[name](world, seconds)
        finally:
            row["took_s"] = round(time.monotonic() - began, 1)
            sampler.stop()
            with contextlib.ExitStack() as cleanup:
                cleanup.callback(bystander.stop)
                under = bystander.result(within=seconds + 120)
        with contextlib.suppress(AssertionError, TimeoutError):
            until(lambda: sockets_of(pid) <= sockets, within=SETTLE_SECONDS, what="sockets to be let go")
        row["fds_after"] = descriptors_of(pid)
        world.check(sockets_of(pid) <= sockets, f"{sockets_of(pid)} sockets are open where {sockets} were")
        world.look_at_memory(sampler)
        row |= {"rss_start_mib": world.memory_at_start / MIB, "rss_peak_mib": sampler.peak_memory() / MIB, "rss_after_mib": memory_of(pid) / MIB,
                "fds_start": descriptors, "fds_peak": sampler.peak_descriptors(), "threads": sampler.threads,
                "idle_ms": idle, "under_ms": under}
    except (Exception, subprocess.SubprocessError) as error:  # noqa: BLE001  (a row of the table)
        world.check(False, f"{type(error).__name__}: {error}")
        if not broker.running():
            world.check(False, f"the broker ended:\n{broker.log_tail()[-2000:]}")
    finally:
        broker.stop()
    row |= {"notes": world.notes, "failures": world.failures}
    return row


def told(row):
    """A row of the table."""
    facts = ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in row["notes"].items())
    if "under_ms" not in row:
        return f"| {row['load']} | {row['seconds']:g} | | | | | | {facts} | FAILED |"
    idle, under = row["idle_ms"], row["under_ms"]
    ratio = {kind: under[kind][1] / max(idle[kind][1], 0.001) for kind in under}
    latencies = [f"{idle[kind][1]:.1f} → {under[kind][1]:.1f} ({ratio[kind]:.1f} ×)" for kind in ("delivery", "confirm")]
    return (f"| {row['load']} | {row['seconds']:g} | {row['rss_start_mib']:.0f} → {row['rss_peak_mib']:.0f} → {row['rss_after_mib']:.0f} | "
            f"{row['fds_start']} → {row['fds_peak']} → {row['fds_after']} | {row['threads']} | {latencies[0]} | {latencies[1]} | {facts} | "
            f"{'FAILED' if row['failures'] else 'held'} |")


HEADING = ("| load | s | RSS MiB: start → peak → after | descriptors | threads | p99 delivery ms: idle → under | p99 confirm ms | what it was | |\n"
           "|---|---|---|---|---|---|---|---|---|")


def raise_open_files():
    """The broker inherits it. Beyond the hard limit only who may change that."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for wanted in (OPEN_FILES, most):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, most)))
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loads", nargs="+", metavar="LOAD", help="names, or all, or list")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", metavar="FILE", help="writes what was found to this file too, a line for each load")
    arguments = parser.parse_args()
    if arguments.loads == ["list"]:
        for name, load in LOADS.items():
            print(f"{name:24} {load.__doc__.splitlines()[0]}")
        return 0
    names = list(LOADS) if arguments.loads == ["all"] else arguments.loads
    if unknown := [name for name in names if name not in LOADS]:
        parser.error(f"no load {unknown[0]!r}; there are: {', '.join(LOADS)}")
    raise_open_files()
    print(HEADING, flush=True)
    failed = 0
    for name in names:
        row = run_load(name, arguments.seconds)
        print(told(row), flush=True)
        for failure in row["failures"]:
            print(f"    {name}: {failure}", flush=True)
        failed += bool(row["failures"])
        if arguments.json:
            with open(arguments.json, "a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
