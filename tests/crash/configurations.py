"""What the crash test can be run with: a table of brokers, queues, messages and clients."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Configuration:
    """One row. Where a rule of the audit does not hold for it, that is said here."""

    name: str
    options: tuple = ()              # brokerd's, for --set
    queues: int = 4
    publishers: int = 3
    consumers: int = 6
    arguments: dict = field(default_factory=dict)  # of each queue
    dead_letters: bool = False       # what dies in a queue goes to another, named after it
    sizes: tuple = ((90, 0, 300), (10, 300, 30_000), (0.3, 150_000, 150_000))  # weight, from, to
    frame_max: int = 131072
    transactions: bool = False       # instead of confirms
    priorities: int = 0              # so many levels; order is promised within each
    transient_every: int = 0         # every so manieth message is transient: it may be lost
    longest_delay_ms: int = 0        # publishes wait up to so long
    resends: bool = False            # what was not confirmed is sent again in the next life, and some of the rest at once
    absent: float = 0.1              # share of lives without consumers
    given_back: float = 0.02         # share of deliveries
    ordered: bool = True             # messages of one publisher come in their order
    confirms_show_acks: bool = True  # a confirm of a publish shows that the acks the queue took before are on disk
    calm_after_s: float = 0.0        # how long the queues may move by themselves after the last start
    slow: tuple = ()                 # (seconds, calls, pattern): what the disk takes longer for
    life_s: tuple = (0.05, 1.2)      # how long the load lasts before a kill


SLOW_SYNC = ((0.01, ("sync",), "*.log"),)
SLOW_FILES = ((0.15, ("sync", "sync_dir"), "*MANIFEST*"), (0.1, ("sync",), "*.sst"), (0.1, ("sync_dir",), ""), (0.05, ("sync",), "*.dbtmp"))
SMALL_MEMORY = ("flow.queue_resident=64KiB", "flow.total_resident=256KiB")
LARGE = ((60, 0, 2_000), (38, 2_000, 60_000), (2, 60_000, 1_000_000))
LONG = (0.3, 2.5)

TABLE = (
    Configuration("plain"),
    Configuration("one-thread", options=("server.threads=1",)),
    Configuration("four-threads", options=("server.threads=4",), queues=8, publishers=4, consumers=8),
    Configuration("small-memory", options=SMALL_MEMORY, sizes=((80, 0, 2_000), (20, 2_000, 60_000)), transient_every=5, absent=0.6),
    Configuration("backlog", options=(*SMALL_MEMORY, "server.threads=2"), queues=2, consumers=4, absent=0.8, sizes=LARGE, life_s=LONG),
    Configuration("large-memory", options=("flow.queue_resident=256MiB",), sizes=LARGE, life_s=LONG, queues=2),
    Configuration("small-frames", frame_max=4096, sizes=((60, 0, 300), (40, 300, 30_000))),
    Configuration("small-messages", sizes=((1, 0, 30),), publishers=4, queues=3),
    Configuration("many-queues", queues=150, consumers=20),
    Configuration("quorum", arguments={"x-queue-type": "quorum"}),
    Configuration("priorities", arguments={"x-max-priority": 5}, priorities=5),
    Configuration("priorities-backlog", options=SMALL_MEMORY, arguments={"x-max-priority": 3}, priorities=3, absent=0.6, sizes=LARGE, life_s=LONG),
    Configuration("expiring", arguments={"x-message-ttl": 150}, dead_letters=True, absent=0.4, confirms_show_acks=False, calm_after_s=0.5),
    Configuration("delayed", longest_delay_ms=600, ordered=False, confirms_show_acks=False, calm_after_s=1.0),
    Configuration("deduplicating", arguments={"x-message-deduplication": True, "x-cache-size": 1_000_000}, resends=True, ordered=False,
                  confirms_show_acks=False),
    Configuration("retrying", arguments={"x-delayed-retry-type": "all", "x-delayed-retry-min": 20, "x-delayed-retry-max": 200,
                                         "x-delivery-limit": 4}, dead_letters=True, given_back=0.3, calm_after_s=0.5),
    Configuration("transactions", transactions=True, confirms_show_acks=False),
    Configuration("transactions-dying", transactions=True, confirms_show_acks=False, dead_letters=True, arguments={"x-message-ttl": 300},
                  calm_after_s=0.7, absent=0.3),
    Configuration("untouched", sizes=((1, 0, 200),), absent=1.0, queues=2),
    Configuration("slow-sync", slow=SLOW_SYNC),
    Configuration("slow-files", slow=SLOW_FILES, sizes=LARGE, life_s=LONG, absent=0.5),
)

BY_NAME = {row.name: row for row in TABLE}
EVERY_QUEUE = "all"
EXCHANGE = "crash"


class Setup:
    """A configuration with its queues, and what follows from both."""

    def __init__(self, row):
        self.row = row
        self.queues = [f"crash.{number}" for number in range(row.queues)]

    @property
    def dead_queues(self):
        return [dead_letters_of(queue) for queue in self.queues] if self.row.dead_letters else []

    @property
    def every_queue(self):
        return [*self.queues, *self.dead_queues]

    def arguments_of(self, queue):
        if queue not in self.queues:
            return {}
        dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_letters_of(queue)} if self.row.dead_letters else {}
        return {**self.row.arguments, **dead}

    def sources_of(self, queue):
        """The routing keys that lead to this queue, at once or by dying."""
        source = queue.removesuffix(DEAD)
        return (source, EVERY_QUEUE)

    def is_durable(self, number):
        return not (self.row.transient_every and number % self.row.transient_every == 0)

    def stream_of(self, queue, publisher, number):
        """Messages of one stream come in their order; None: no promise."""
        if not self.row.ordered or queue not in self.queues:
            return None
        return (publisher, self.priority_of(number))

    def priority_of(self, number):
        return number * 7 % self.row.priorities if self.row.priorities else 0


DEAD = ".dead"


def dead_letters_of(queue):
    return queue + DEAD
