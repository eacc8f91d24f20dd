"""The examples that run by themselves print what their READMEs say they print."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
ALONE = ["change-arguments/grow.py", "deduplication/deduplication.py", "expiry/expiry.py", "filters/filters.py", "groups/groups.py",
         "late-acks/late_acks.py", "pause/maintenance.py", "priorities/alarms.py", "retry/retry.py", "transactions/transfer.py"]
pytestmark = pytest.mark.skipif(bool(os.environ.get("AMQP_URL")), reason="they show what other brokers do not do")


def promised(readme):
    """The lines of the block after `prints`; None stands for any lines."""
    lines = readme.read_text().split("\nprints\n\n", 1)[1].splitlines()
    block = [line[4:] for line in lines[:next((at for at, line in enumerate(lines) if not line.startswith("    ")), len(lines))]]
    return [None if line == "..." else without_times(line) for line in block]


def without_times(line):
    return re.sub(r" *\d+\.\d\d? s", " time", line)


@pytest.mark.parametrize("example", ALONE)
def test_prints_what_its_readme_says(broker, example):
    script = EXAMPLES / example
    where = {"AMQP_URL": broker.url(), "MANAGEMENT_URL": f"http://{broker.user}:{broker.password}@{broker.host}:{broker.management_port}"}
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=50, env=os.environ | where)
    assert run.returncode == 0, run.stderr
    printed = [without_times(line) for line in run.stdout.splitlines()]
    wanted = promised(script.parent / "README.md")
    if None in wanted:
        gap = wanted.index(None)
        printed = printed[:gap] + [None] + printed[len(printed) - (len(wanted) - gap - 1):]
    assert printed == wanted
