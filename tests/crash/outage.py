"""A broker whose every kill is a power failure: what was not synced may be gone. CRASH_POWER chooses it for tests that kill brokers."""

import collections
import os
import random

from broker_process import OwnBroker
from power_failure import fail_power


class OutageBroker(OwnBroker):
    """`losses` counts what the power failures took. Syncs are noted but not passed on to the machine's own disk, which would only be slower."""

    def __init__(self, seed, **more):
        super().__init__(journal=True, **more)
        self.disk.set_quick_sync(True)
        self.rng = random.Random(seed)
        self.losses = collections.Counter()
        self.failures = 0

    def kill(self):
        was_running = self.running()
        super().kill()
        if was_running:
            self.failures += 1
            self.losses.update(fail_power(self.disk, self.rng.randrange(1 << 32)))


def broker_to_kill():
    """An OwnBroker, or an OutageBroker with the seed that CRASH_POWER says."""
    seed = os.environ.get("CRASH_POWER")
    return OutageBroker(int(seed)) if seed else OwnBroker()
