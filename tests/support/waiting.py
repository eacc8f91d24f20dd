"""Waiting for conditions with deadlines, so that no test sleeps for a guessed time."""

import time


class DeadlinePassed(AssertionError):
    """What was waited for did not happen in time."""


def until(condition, within=10.0, every=0.02, what="the condition", detail=None):
    """Polls condition() until it returns something true and returns that; raises DeadlinePassed after `within` seconds.

    `detail`, if given, is called for text to add to the failure (a log's end, say).
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            more = f"\n{detail()}" if detail else ""
            raise DeadlinePassed(f"waited {within:g} s for {what}{more}")
        time.sleep(every)
