"""brokerd as whoever runs it sees it: its command line, its exit codes, its signals; and brokerctl beside it."""

import os
import pathlib
import signal
import socket
import subprocess

import pika
import pytest

from broker_process import OwnBroker, brokerd_program, free_port, started
from conftest import parameters_for
from waiting import until

pytestmark = pytest.mark.skipif("AMQP_URL" in os.environ, reason="about the program brokerd, not about a broker somewhere")

PROGRAM = brokerd_program()
BROKERCTL = PROGRAM.parent / "brokerctl"


def brokerd(*options, cwd):
    """Runs brokerd to its end, which must come by itself."""
    return subprocess.run([PROGRAM, *map(str, options)], cwd=cwd, capture_output=True, text=True, timeout=20)


def brokerctl(*options):
    return subprocess.run([BROKERCTL, *map(str, options)], capture_output=True, text=True, timeout=20)


def refuses_to_start(cwd, *options):
    """What it says: one line."""
    ended = brokerd("--bind", "127.0.0.1", *options, cwd=cwd)
    assert ended.returncode == 1, ended
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def written(tmp_path):
    """Writes a configuration file."""
    def write(text):
        path = tmp_path / "brokerd.toml"
        path.write_text(text)
        return path
    return write


# --- the command line ---

def test_help_names_every_key_of_the_default_configuration(tmp_path):
    text = brokerd("--help", cwd=tmp_path).stdout
    default = brokerd("--print-default-config", cwd=tmp_path).stdout
    table, keys = "", []
    for line in default.splitlines():
        line = line.removeprefix("#").strip()
        if line.startswith("[") and line.endswith("]"):
            table = line[1:-1]
        elif " = " in line and line.split(" = ")[0].isidentifier():
            keys.append(f"{table}.{line.split(' = ')[0]}")
    assert len(keys) > 10
    assert [key for key in keys if key + " = " not in text] == []


def test_the_version_is_told(tmp_path):
    assert brokerd("--version", cwd=tmp_path).stdout.startswith("brokerd ")


def test_an_unknown_option_is_wrong_usage(tmp_path):
    assert brokerd("--no-such-option", cwd=tmp_path).returncode == 2


def test_a_good_configuration_is_called_good(tmp_path, written):
    ended = brokerd("--config", written("[amqp]\nport = 5673\n"), "--check-config", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "brokerd: the configuration is good\n")


@pytest.mark.parametrize("text, complaint", [
    ("[amqp]\nprot = 1\n", ":2:1: unknown key 'amqp.prot'; the nearest known key is 'amqp.port'"),
    ("[amqp]\nport = \"x\"\n", ":2:8: amqp.port must be a whole number"),
    ("[amqp]\nport = 70000\n", ":2:8: amqp.port must be between 0 and 65535"),
], ids=["key", "type", "bounds"])
def test_a_mistake_in_the_configuration_is_named_with_its_line(tmp_path, written, text, complaint):
    path = written(text)
    ended = brokerd("--config", path, "--check-config", cwd=tmp_path)
    assert ended.returncode == 1
    assert f"{path}{complaint}" in ended.stderr


def test_a_missing_configuration_file_stops_the_start(tmp_path):
    assert refuses_to_start(tmp_path, "--config", "none.toml").endswith("none.toml: cannot be read")


# --- what stops a start ---

def test_a_second_broker_on_the_same_data_does_not_start(tmp_path, own_broker):
    line = refuses_to_start(tmp_path, "--data-dir", own_broker.data, "--amqp-port", 0)
    assert "in use by a running broker" in line


def test_a_broker_does_not_start_on_a_port_in_use(tmp_path, own_broker):
    line = refuses_to_start(tmp_path, "--data-dir", "data", "--amqp-port", own_broker.port)
    assert f"127.0.0.1:{own_broker.port}" in line and "already in use" in line


def test_a_broker_does_not_start_where_it_cannot_write(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot open the data directory" in refuses_to_start(tmp_path, "--data-dir", tmp_path / "file", "--amqp-port", 0)


# --- signals ---

@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_broker_told_to_stop_says_goodbye_and_ends_well(own_broker, ending):
    connection = pika.BlockingConnection(parameters_for(own_broker))
    own_broker.process.send_signal(ending)
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        while True:
            connection.process_data_events(1)
    assert closed.value.reply_code == 320
    assert own_broker.process.wait(timeout=10) == 0


@pytest.fixture
def configured(written):
    """A broker with a configuration of its own, which the test may write anew."""
    with started(OwnBroker(config=written(""))) as broker:
        yield broker


def test_a_hang_up_signal_rereads_the_configuration(configured, written):
    written("[amqp]\nmax_connections = 1\n")
    configured.process.send_signal(signal.SIGHUP)
    until(lambda: "amqp.max_connections: 0 -> 1" in configured.log_tail(), what="the change in the log", detail=configured.log_tail)
    with pika.BlockingConnection(parameters_for(configured)), pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(parameters_for(configured))


def test_a_hang_up_signal_with_a_bad_configuration_changes_nothing(configured, written):
    written("[amqp]\nprot = 1\n")
    configured.process.send_signal(signal.SIGHUP)
    until(lambda: "configuration not reloaded" in configured.log_tail(), what="the complaint in the log", detail=configured.log_tail)
    assert configured.alive()


def test_the_service_manager_is_told_of_start_and_stop(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        process = subprocess.Popen([PROGRAM, "--data-dir", ":memory:", "--bind", "127.0.0.1", "--amqp-port", "0", "--management-port", "0"], cwd=tmp_path,
                                   env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert manager.recv(100) == b"READY=1"
            process.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
            process.wait()


# --- without a configuration ---

def test_data_go_where_the_service_manager_says(tmp_path):
    state = tmp_path / "state"
    process = subprocess.Popen([PROGRAM, "--bind", "127.0.0.1", "--amqp-port", "0", "--management-port", "0"], cwd=tmp_path, env={**os.environ, "STATE_DIRECTORY": str(state)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: (state / "LOCK").exists() or list(state.rglob("CURRENT")), what="data in the state directory")
    finally:
        process.terminate()
        process.wait(timeout=10)
    assert not (tmp_path / "brokerd-data").exists()


def test_nothing_is_written_for_data_in_memory(tmp_path):
    broker = OwnBroker()
    broker.data = pathlib.Path(":memory:")
    with started(broker):
        channel = pika.BlockingConnection(parameters_for(broker)).channel()
        channel.confirm_delivery()
        channel.queue_declare("q", durable=True)
        channel.basic_publish("", "q", b"m", pika.BasicProperties(delivery_mode=2))
        assert sorted(path.name for path in broker.home.iterdir()) == ["log"]


# --- brokerctl ---

def test_brokerctl_tells_that_a_broker_answers(own_broker):
    ended = brokerctl("ping", "--port", own_broker.port, "--user", "guest", "--password", "guest")
    assert (ended.returncode, ended.stdout.startswith("brokerd ")) == (0, True)


def test_brokerctl_tells_that_no_broker_answers():
    assert brokerctl("ping", "--port", free_port()).returncode == 1


def test_brokerctl_tells_that_the_broker_refuses(own_broker):
    assert brokerctl("ping", "--port", own_broker.port, "--user", "guest", "--password", "wrong").returncode == 3
