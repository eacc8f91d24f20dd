"""brokerctl store verify, repair, restore, and backup, with a real brokerd and its files."""

import json
import os
import shutil
import subprocess
import threading

import pika
import pytest

from broker_process import OwnBroker, brokerd_program
from conftest import parameters_for
from management import Management
from pika_talk import PERSISTENT, get_all
from waiting import until

BROKERCTL = brokerd_program().parent / "brokerctl"
FINE, DAMAGED, UNKNOWN = 0, 1, 2
pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="needs a data directory")


@pytest.fixture
def broker():
    made = OwnBroker()
    yield made
    made.stop()


def run(*words, broker=None):
    environment = {**os.environ}
    if broker is not None:
        environment["BROKERD_URL"] = f"http://127.0.0.1:{broker.management_port}"
    return subprocess.run([str(BROKERCTL), *map(str, words)], capture_output=True, text=True, timeout=120, check=False, env=environment)


def store(command, directory, *words, ends=FINE):
    ended = run("store", command, *words, "--data-dir", directory)
    assert ended.returncode == ends, ended.stdout + ended.stderr
    return ended.stdout if ends != UNKNOWN else ended.stderr


def publish(broker, queue, bodies):
    with pika.BlockingConnection(parameters_for(broker)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True)
        for body in bodies:
            channel.basic_publish("", queue, body, PERSISTENT)


def bodies_in(broker, queue):
    with pika.BlockingConnection(parameters_for(broker)) as connection:
        return [delivery.body for delivery in get_all(connection.channel(), queue)]


def flip(directory, text):
    """Changes one octet where that text stands in one of the files that hold messages."""
    for file in sorted(directory.iterdir()):
        if file.suffix in (".log", ".sst", ".blob") and text in (contents := file.read_bytes()):
            file.write_bytes(contents.replace(text, text.swapcase(), 1))
            return
    raise AssertionError(f"{text} is in no file")


def to_files(broker):
    """What the log holds goes to files: a start does that."""
    assert broker.terminate() == 0
    broker.start()
    assert broker.terminate() == 0


# --- verify and repair ---

def test_a_directory_in_use_is_not_looked_at(broker):
    broker.start()
    assert f"process {broker.process.pid}" in store("verify", broker.data, ends=UNKNOWN)
    assert "stop it first" in store("repair", broker.data, ends=UNKNOWN)


def test_what_is_whole_is_fine(broker):
    broker.start()
    publish(broker, "q", [b"1", b"2"])
    assert broker.terminate() == 0
    assert "nothing is damaged" in store("verify", broker.data)
    assert "nothing was changed" in store("repair", broker.data)
    assert json.loads(store("verify", broker.data, "--json"))["whole"]["messages"] == 2


def test_there_has_to_be_a_directory(broker):
    assert "there is no directory" in store("verify", broker.home / "none", ends=UNKNOWN)


def test_a_damaged_message_is_named_and_repair_leaves_the_others(broker):
    broker.start()
    publish(broker, "orders", [b"message number %d" % number + b"." * 3000 for number in range(5)])
    to_files(broker)
    flip(broker.data, b"message number 2")
    report = json.loads(store("verify", broker.data, "--json", ends=DAMAGED))
    [damage] = [each for each in report["damage"] if each["lost_messages"]]
    assert (damage["vhost"], damage["queue"], damage["lost_messages"]) == ("/", "orders", 1)
    [lost] = damage["messages"]
    assert (lost["routing_key"], lost["offset_min"], lost["offset_max"], lost["size"]) == ("orders", 2, 2, 3016)
    assert "queue 'orders' in vhost '/'" in store("repair", broker.data, "--dry-run", ends=DAMAGED)

    salvage = broker.home / "salvage"
    told = store("repair", broker.data, "--salvage", salvage)
    assert "was written anew" in told and "lost: offset 2" in told
    assert any(b"MESSAGE NUMBER 2" in file.read_bytes() for file in salvage.iterdir())
    assert store("verify", broker.data).endswith("nothing is damaged\n")
    broker.start()
    assert [body[:16] for body in bodies_in(broker, "orders")] == [b"message number %d" % number for number in (0, 1, 3, 4)]


def test_a_start_goes_on_without_a_damaged_message(broker):
    broker.start()
    publish(broker, "orders", [b"message number %d" % number + b"." * 3000 for number in range(3)])
    to_files(broker)
    flip(broker.data, b"message number 1")
    broker.start()
    assert [body[:16] for body in bodies_in(broker, "orders")] == [b"message number 0", b"message number 2"]
    assert "queue 'orders'" in broker.log_tail()


def test_a_log_that_is_damaged_inside_keeps_the_broker_from_losing_the_rest(broker):
    broker.start()
    publish(broker, "q", [b"message number %d" % number for number in range(8)])
    broker.kill()
    flip(broker.data, b"message number 3")
    with pytest.raises(RuntimeError):
        broker.start()
    assert "brokerctl store repair" in broker.log_tail() and ".log is damaged at octet" in broker.log_tail()
    store("verify", broker.data, ends=DAMAGED)
    store("repair", broker.data)
    broker.start()
    assert bodies_in(broker, "q") == [b"message number %d" % number for number in range(8) if number != 3]


@pytest.mark.parametrize("lost", ["MANIFEST-*", "CURRENT", "*.sst"])
def test_a_directory_that_does_not_open_is_repaired(broker, lost):
    broker.start()
    publish(broker, "q", [b"%d" % number + b"." * 3000 for number in range(5)])
    to_files(broker)
    for file in list(broker.data.glob(lost))[:1]:
        file.unlink()
    with pytest.raises(RuntimeError):
        broker.start()
    store("verify", broker.data, ends=DAMAGED)
    assert "the old files are in" in store("repair", broker.data)
    store("verify", broker.data)
    broker.start()
    if lost != "*.sst":
        assert [body[:1] for body in bodies_in(broker, "q")] == [b"0", b"1", b"2", b"3", b"4"]


# --- backups ---

def test_a_backup_is_refused_where_it_cannot_be(broker):
    broker.start()
    publish(broker, "q", [b"1"])
    for directory, why in [("relative", "absolute"), (broker.home, "exists"), (broker.data / "in", "inside"), (broker.home / "no" / "b", "there is no")]:
        ended = run("backup", directory, broker=broker)
        assert ended.returncode == 4 and why in ended.stderr, ended.stderr
    assert Management(broker).request("POST", "backup", {"directory": 5})[0] == 400
    assert Management(broker).request("POST", "backup", {})[0] == 400
    assert Management(broker, "guest", "wrong").request("POST", "backup", {"directory": "/tmp/x"})[0] == 401


def test_a_backup_needs_files():
    broker = OwnBroker()
    broker.data = ":memory:"
    try:
        broker.start()
        ended = run("backup", broker.home / "b", broker=broker)
        assert ended.returncode == 4 and "in memory" in ended.stderr
    finally:
        broker.stop()


def test_a_backup_is_restored_to_a_new_directory_only(broker):
    broker.start()
    publish(broker, "q", [b"1", b"2"])
    backup = broker.home / "backup"
    ended = run("backup", backup, broker=broker)
    assert ended.returncode == 0 and "files," in ended.stdout, ended.stderr
    assert backup.stat().st_mode & 0o077 == 0, "for its owner only"
    assert "not empty" in run("store", "restore", backup, "--data-dir", broker.home).stderr
    store("restore", broker.home / "restored", backup)
    publish(broker, "q", [b"3"])
    broker.kill()
    shutil.rmtree(broker.data)
    (broker.home / "restored").rename(broker.data)
    broker.start()
    assert bodies_in(broker, "q") == [b"1", b"2"]


def test_a_damaged_backup_is_not_restored(broker):
    broker.start()
    publish(broker, "q", [b"message number %d" % number for number in range(4)])
    assert run("backup", broker.home / "backup", broker=broker).returncode == 0
    flip(broker.home / "backup", b"message number 1")
    ended = run("store", "restore", broker.home / "backup", "--data-dir", broker.home / "restored")
    assert ended.returncode == UNKNOWN and "damaged" in ended.stderr
    assert not (broker.home / "restored").exists()


class Publisher(threading.Thread):
    """Publishes numbered messages with confirms until it is told to stop; knows which are confirmed."""

    def __init__(self, broker, queue):
        super().__init__()
        self.broker, self.queue = broker, queue
        self.confirmed = 0  # all below this
        self.stopping = False

    def run(self):
        with pika.BlockingConnection(parameters_for(self.broker)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(self.queue, durable=True)
            while not self.stopping:
                size = 3000 if self.confirmed % 7 == 0 else 20
                channel.basic_publish("", self.queue, b"%d " % self.confirmed + b"x" * size, PERSISTENT)
                self.confirmed += 1
        self.published = self.confirmed


def test_backups_under_load_hold_all_that_was_confirmed_before_them(broker):
    broker.start()
    publishers = [Publisher(broker, f"load.{number}") for number in range(3)]
    for publisher in publishers:
        publisher.start()
    taken = []
    try:
        for number in range(4):
            goal = sum(publisher.confirmed for publisher in publishers) + 150
            until(lambda goal=goal: sum(publisher.confirmed for publisher in publishers) >= goal, within=60, what="publishers to go on")
            confirmed = [publisher.confirmed for publisher in publishers]
            directory = broker.home / f"backup{number}"
            ended = run("backup", directory, broker=broker)
            assert ended.returncode == 0, ended.stderr
            taken.append((directory, confirmed))
    finally:
        for publisher in publishers:
            publisher.stopping = True
        for publisher in publishers:
            publisher.join()
    broker.kill()
    for directory, confirmed in taken:
        store("verify", directory)
        restored = OwnBroker()
        try:
            store("restore", restored.data, directory)
            restored.start()
            for publisher, least in zip(publishers, confirmed):
                numbers = [int(body.split()[0]) for body in bodies_in(restored, publisher.queue)]
                assert numbers == list(range(len(numbers))), "in order, none twice, none left out"
                assert least <= len(numbers) <= publisher.published, "all that was confirmed, none invented"
        finally:
            restored.stop()
