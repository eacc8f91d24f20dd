"""Data directories that older brokers left are opened by this one, and everything is found in them."""

import os
import shutil
import subprocess

import pytest

from broker_process import ROOT, OwnBroker, brokerd_program
from stored_world import check, fill

FIXTURES = ROOT / "tests" / "golden" / "store" / "fixtures"
BROKERCTL = brokerd_program().parent / "brokerctl"
pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="needs a data directory")

# One row per format version and older shape of values; a new one adds a row and the directory that fixtures/make.py makes.
VERSIONS = [
    "1-plain-metadata",
    "1",
]


@pytest.fixture
def broker():
    made = OwnBroker()
    yield made
    made.stop()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_directory_of_each_version_is_opened_and_all_is_found(broker, version):
    shutil.copytree(FIXTURES / version, broker.data)
    ended = subprocess.run([str(BROKERCTL), "store", "verify", "--data-dir", str(broker.data)], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    broker.start()
    check(broker)
    assert "damaged" not in broker.log_tail()


def test_each_directory_has_its_row():
    assert sorted(VERSIONS) == sorted(entry.name for entry in FIXTURES.iterdir() if entry.is_dir() and entry.name != "__pycache__")


def test_what_is_stored_today_is_found_too(broker):
    broker.start()
    fill(broker)
    broker.restart()
    check(broker)
