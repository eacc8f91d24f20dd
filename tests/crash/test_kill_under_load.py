"""The crash test as a test: eight lives. CRASH_SEED and CRASH_ROUNDS choose others."""

import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).parent / "crash_test.py"


@pytest.mark.skipif("AMQP_URL" in os.environ, reason="a broker named by AMQP_URL is not ours to kill")
def test_a_broker_killed_under_load_keeps_its_word():
    rounds = os.environ.get("CRASH_ROUNDS", "8")
    seed = os.environ.get("CRASH_SEED", "1")
    done = subprocess.run([sys.executable, str(PROGRAM), "--rounds", rounds, "--seed", seed], capture_output=True, text=True, timeout=600)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
