"""Fixtures of the client suites: one broker for the run, unique names, connections that are closed, a limit per test."""

import itertools
import os
import pathlib
import signal
import sys
import uuid

import pika
import pytest

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))

from broker_process import OwnBroker, make_broker, started  # noqa: E402  (needs the path above)
from dialect import Dialect  # noqa: E402
from pika_talk import get  # noqa: E402
from wire import Peer  # noqa: E402

TEST_LIMIT_SECONDS = 60


@pytest.fixture(scope="session")
def shared_broker():
    with started(make_broker()) as broker:
        yield broker


@pytest.fixture
def broker(shared_broker):
    """The broker of this run. If an earlier test brought it down, it is started again, so that one crash is one failure."""
    if shared_broker.can_restart and not shared_broker.running():
        shared_broker.start()
    yield shared_broker
    if shared_broker.can_restart and not shared_broker.running():
        pytest.fail(f"the broker ended with {shared_broker.process.returncode}:\n{shared_broker.log_tail()}")


@pytest.fixture
def own_broker():
    """A broker of this test alone, which it may kill and restart."""
    if os.environ.get("AMQP_URL"):
        pytest.skip("a broker named by AMQP_URL is not ours to restart")
    with started(OwnBroker()) as broker:
        yield broker


@pytest.fixture(autouse=True)
def limit():
    """Ends a test that hangs: a client waiting for a reply that never comes would wait for ever."""
    def too_long(_signal, _frame):
        raise TimeoutError(f"the test took longer than {TEST_LIMIT_SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_LIMIT_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its broker's log."""
    report = (yield).get_result()
    if report.failed and hasattr(item, "funcargs"):
        for fixture in ("own_broker", "shared_broker", "broker"):
            broker = item.funcargs.get(fixture)
            if broker is not None and broker.log_tail():
                report.sections.append(("broker log", broker.log_tail()))
                break


def parameters_for(broker, **changes):
    values = {
        "host": broker.host, "port": broker.port, "virtual_host": broker.vhost,
        "credentials": pika.PlainCredentials(broker.user, broker.password), "heartbeat": 0,
        "connection_attempts": 1, "socket_timeout": 10, "stack_timeout": 15,
    }
    values.update(changes)
    return pika.ConnectionParameters(**values)


@pytest.fixture
def parameters(broker):
    """pika parameters for the broker of the run; keyword arguments change them."""
    return lambda **changes: parameters_for(broker, **changes)


@pytest.fixture
def connect(parameters):
    """Opens BlockingConnections that are closed when the test ends."""
    opened = []

    def open_one(**changes):
        connection = pika.BlockingConnection(parameters(**changes))
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        if connection.is_open:
            connection.close()


@pytest.fixture
def connection(connect):
    return connect()


@pytest.fixture
def channel(connection):
    return connection.channel()


@pytest.fixture
def dialect(connection):
    return Dialect(connection._impl.server_properties)


def sweep(broker, names):
    """Deletes queues and exchanges of these names; absent ones count as deleted."""
    connection = pika.BlockingConnection(parameters_for(broker))
    channel = connection.channel()
    for name in names:
        for remove in ("queue_delete", "exchange_delete"):
            try:
                getattr(channel, remove)(name)
            except pika.exceptions.ChannelClosed:
                channel = connection.channel()
    connection.close()


@pytest.fixture
def name(request, broker):
    """Makes unique names; whatever the test declared under them is deleted afterwards."""
    made = []
    test = request.node.name.split("[")[0].removeprefix("test_")[:40]
    run = uuid.uuid4().hex[:8]
    counter = itertools.count()

    def make(label="q"):
        made.append(f"{label}.{test}.{run}.{next(counter)}")
        return made[-1]

    yield make
    if made and broker.alive():
        sweep(broker, made)


@pytest.fixture
def healthy(channel, name):
    """A connection that was open before the trouble and must still work after it."""
    queue = name("healthy")
    channel.queue_declare(queue)
    yield channel
    channel.basic_publish("", queue, b"still here")
    assert get(channel, queue).body == b"still here"


@pytest.fixture
def peer(broker):
    with Peer(broker) as made:
        yield made
