"""The crash test with power failures: some lives in a few of the configurations. CRASH_SEED and CRASH_ROUNDS choose others."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]

from broker_process import OwnBroker, started  # noqa: E402
from power_failure import Outage  # noqa: E402

PROGRAM = pathlib.Path(__file__).parent / "crash_test.py"
SEED = os.environ.get("CRASH_SEED", "1")
LIVES = os.environ.get("CRASH_ROUNDS", "2")


def run(*words):
    done = subprocess.run([sys.executable, str(PROGRAM), "--power", "--seed", SEED, *words], capture_output=True, text=True, timeout=800)
    print(done.stdout)
    return done


def test_the_data_directory_and_those_above_it_outlive_a_power_failure_from_the_first_start_on():
    broker = OwnBroker(journal=True)
    broker.data = broker.disk.root / "not" / "there" / "yet"
    with started(broker):
        broker.kill()
        outage = Outage(broker.disk)
        for seed in range(200):
            tree, _changed, _losses = outage.draw(seed)
            assert "not/there/yet/CURRENT" in tree, seed


@pytest.mark.skipif("AMQP_URL" in os.environ, reason="a broker named by AMQP_URL is not ours to kill")
@pytest.mark.parametrize("configuration", ["plain", "small-memory", "transactions-dying", "slow-files"])
def test_what_was_confirmed_outlives_power_failures(configuration):
    done = run(configuration, "--lives", LIVES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif("AMQP_URL" in os.environ, reason="a broker named by AMQP_URL is not ours to kill")
def test_a_disk_that_lies_about_syncs_is_found_out():
    done = run("untouched", "--lives", "4", "--lie")
    lost = done.returncode == 1 and "lost confirmed messages" in done.stdout
    refused = done.returncode == 2 and "they were synced and would be lost" in done.stdout  # the broker has noticed it by itself
    assert lost or refused, done.stdout + done.stderr
