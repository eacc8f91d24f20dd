"""A broker for tests that speak to it over TCP.

Two kinds, one interface:
  * OwnBroker: a brokerd process on a free loopback port with a data folder of its own. It can be killed (kill -9) and
    started again on the same data. BROKERD names the program (default: build/release/brokerd).
  * RunningBroker: whatever listens at AMQP_URL, for example a RabbitMQ. It cannot be restarted, so tests that need that
    are skipped.

Nothing here sleeps for a fixed time: each wait is for a condition and has a deadline.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from faulty_disk import FaultyDisk
from waiting import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOG_TAIL_BYTES = 16_000


def free_port():
    """A loopback port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_amqp(host, port, timeout=1.0):
    """True when a peer at host:port answers the protocol header with a method frame (connection.start)."""
    try:
        with socket.create_connection((host, port), timeout=timeout) as peer:
            peer.sendall(b"AMQP\x00\x00\x09\x01")
            return peer.recv(1) == b"\x01"
    except OSError:
        return False


class Broker:
    """Where a broker listens. Subclasses own its life."""

    host = "127.0.0.1"
    port = 0
    user = "guest"
    password = "guest"
    vhost = "/"
    can_restart = False

    def url(self, heartbeat=None):
        quoted = urllib.parse.quote(self.vhost, safe="")
        query = "" if heartbeat is None else f"?heartbeat={heartbeat}"
        return f"amqp://{self.user}:{self.password}@{self.host}:{self.port}/{quoted}{query}"

    def alive(self):
        return answers_amqp(self.host, self.port)

    def log_tail(self):
        return ""


class RunningBroker(Broker):
    """A broker somebody else started, named by an amqp:// URL."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 5672
        self.user = urllib.parse.unquote(parts.username or "guest")
        self.password = urllib.parse.unquote(parts.password or "guest")
        path = parts.path[1:]
        self.vhost = urllib.parse.unquote(path) if path else "/"

    def start(self):
        if not self.alive():
            raise RuntimeError(f"no AMQP broker answers at {self.host}:{self.port}")

    def stop(self):
        pass


def brokerd_program():
    return pathlib.Path(os.environ.get("BROKERD", ROOT / "build" / "release" / "brokerd"))


class OwnBroker(Broker):
    """A brokerd process of our own. Use from one thread."""

    can_restart = True

    def __init__(self, options=(), start_deadline=20.0, config=ROOT / "config" / "brokerd.toml", faulty=False, journal=False):
        """`faulty` puts the layer of faulty_disk.py below its data (`disk` then is that), `journal` makes it note what is synced."""
        self.program = brokerd_program()
        self.options = list(options)
        self.config = config
        self.start_deadline = start_deadline
        self.port = free_port()
        self.management_port = free_port()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="brokerd-test-"))
        self.disk = FaultyDisk(self.home, journal) if faulty or journal else None
        self.data = (self.disk.root if self.disk else self.home) / "data"
        self.log = self.home / "log"
        self.process = None

    def command(self):
        return [str(self.program), "--data-dir", str(self.data), "--bind", self.host, "--amqp-port", str(self.port),
                "--management-port", str(self.management_port),
                "--config", str(self.config), *self.options]

    def launch(self):
        """Starts the process and does not wait for anything."""
        if not self.program.exists():
            raise RuntimeError(f"{self.program} does not exist: build it, or name another with BROKERD, or set AMQP_URL")
        environment = dict(os.environ, **self.disk.environment(self.program)) if self.disk else None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=subprocess.STDOUT, cwd=self.home, env=environment)

    def start(self):
        """Starts the process and returns the seconds until it answered AMQP."""
        began = time.monotonic()
        self.launch()

        def answered():
            if self.process.poll() is not None:
                raise RuntimeError(f"brokerd ended with {self.process.returncode} at start:\n{self.log_tail()}")
            return self.alive()

        until(answered, within=self.start_deadline, every=0.01, what="brokerd to accept AMQP", detail=self.log_tail)
        return time.monotonic() - began

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9: no goodbye, nothing flushed."""
        if self.running():
            self.process.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def terminate(self, within=20.0):
        """A polite SIGTERM; returns the exit code."""
        if self.running():
            self.process.terminate()
        return self.process.wait(timeout=within)

    def restart(self):
        """Kill -9 and start again on the same data and port; returns the seconds the start took."""
        self.kill()
        return self.start()

    def stop(self):
        """Ends the process for good and removes its data."""
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def log_tail(self):
        try:
            return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
        except OSError:
            return ""


@contextlib.contextmanager
def started(broker):
    """The broker, started, for the length of the block; nothing is left of it even if it did not start."""
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def make_broker(options=()):
    """The broker the environment asks for: AMQP_URL's, else a brokerd of our own. Not started yet."""
    url = os.environ.get("AMQP_URL")
    return RunningBroker(url) if url else OwnBroker(options)
