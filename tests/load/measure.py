"""What is looked at while a scenario runs: the broker's memory, descriptors and threads, and how a bystander fares.

The bystander is brokerbench at a modest rate, a process of its own: what the load costs this Python does not show in its latencies.
"""

import json
import os
import pathlib
import subprocess
import threading
import time

SAMPLE_EVERY_SECONDS = 0.2
BYSTANDER_RATE = 200
MIB = 1 << 20


def memory_of(pid):
    """Resident bytes of a process."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets_of(pid):
    """Descriptors without the files of the store, which are as many as what it holds takes."""
    count = 0
    for each in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{each}").startswith("socket:")
        except OSError:
            continue  # closed meanwhile
    return count


def threads_of(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


class Sampler(threading.Thread):
    """Samples a process until stopped: (seconds since it began, resident bytes, descriptors)."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.samples = []
        self.threads = 0
        self.began = time.monotonic()
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(SAMPLE_EVERY_SECONDS):
            try:
                self.samples.append((time.monotonic() - self.began, memory_of(self.pid), descriptors_of(self.pid)))
                self.threads = max(self.threads, threads_of(self.pid))
            except OSError:
                return  # it is gone; whoever waits for it says so

    def stop(self):
        self.stopping.set()
        self.join()

    def peak_memory(self):
        return max((memory for _, memory, _ in self.samples), default=0)

    def peak_descriptors(self):
        return max((descriptors for _, _, descriptors in self.samples), default=0)

    def memory_between(self, begin, end):
        """The highest memory in that part of the time, as shares of all of it."""
        last = self.samples[-1][0]
        part = [memory for at, memory, _ in self.samples if begin * last <= at <= end * last]
        return max(part, default=self.peak_memory())


class Bystander:
    """A client that has nothing to do with the load: publishes with confirms and consumes with acks, so many messages a second."""

    def __init__(self, broker, seconds, name="bystander"):
        bench = broker.program.parent / "brokerbench"
        self.process = subprocess.Popen(
            [str(bench), "--uri", broker.url(), "--queue", name, "--rate", str(BYSTANDER_RATE), "--confirm", "100", "--size", "100",
             "--ack-each", "--seconds", f"{seconds:g}", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self, within):
        """Milliseconds as {"delivery": (p50, p99), "confirm": (p50, p99)}; raises when it was cut off or could not go on."""
        try:
            out, err = self.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise RuntimeError("the bystander did not come to an end") from None
        if self.process.returncode != 0:
            raise RuntimeError(f"the bystander failed: {err.strip()[-500:]}")
        return latencies_of(json.loads(out))

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def latencies_of(report):
    return {kind: (report[f"{kind}_ms"]["p50"], report[f"{kind}_ms"]["p99"]) for kind in ("delivery", "confirm")}
