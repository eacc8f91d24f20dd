"""Some of the loads for a moment each: what they find must hold here too. run.py runs all of them, for as long as one likes."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import run  # noqa: E402

SHORT = ["never-reading-consumer", "unread-answers", "many-unacked", "publish-rate", "channel-churn", "queue-churn", "bounds"]


@pytest.mark.parametrize("load", SHORT)
def test_a_load_costs_no_more_than_it_may(load):
    row = run.run_load(load, seconds=3, idle_seconds=0.5)
    print(run.told(row))
    assert row["failures"] == []
