"""The crash test as a test: kill -9 in some lives of two configurations. CRASH_SEED and CRASH_ROUNDS choose others."""

import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).parent / "crash_test.py"


@pytest.mark.skipif("AMQP_URL" in os.environ, reason="a broker named by AMQP_URL is not ours to kill")
@pytest.mark.parametrize("configuration", ["plain", "retrying"])
def test_a_broker_killed_under_load_keeps_its_word(configuration):
    lives = os.environ.get("CRASH_ROUNDS", "4")
    seed = os.environ.get("CRASH_SEED", "1")
    done = subprocess.run([sys.executable, str(PROGRAM), configuration, "--lives", lives, "--seed", seed], capture_output=True, text=True,
                          timeout=800)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
