"""What must hold after a broker was killed: the books of the crash test.

Every life of the broker (from one start to the next kill) brings the records of its publishers and consumers. From them:

  nothing invented     what is delivered was published, to this queue, with this body (the body is checked on arrival)
  nothing lost         a confirmed message was acked by a consumer, or is there at the end (or died, and is where its queue's dead letters go)
  whole transactions   what was committed together is there together, or none of it
  once per life        no message is delivered twice in one life unless it was given back
  order kept           each consumer is delivered each publisher's messages in the order of publishing, given-back ones aside
  honest flag          whatever is delivered again, in this life or a later one, says redelivered
  acks are kept        an ack the queue had taken before a publish that was synced and confirmed does not come back after a kill

The last rule needs evidence of a sync: a message that was published after the ack was taken, confirmed, and not acked itself before
its confirm was read (a message settled before it is written need not be written at all). Where a configuration has other rules, its row in
configurations.py says so.
"""

from collections import Counter, defaultdict

from configurations import EVERY_QUEUE, dead_letters_of

SHOWN = 5


class Audit:
    """Absorbs one life after the other, then judges. `faults` are sentences; none means all is well."""

    def __init__(self, setup):
        self.setup = setup
        self.faults = []
        self.drained_short = False
        self.counts = Counter()
        self.published = {}                  # (publisher, number) -> key
        self.transactions = []               # messages of each
        self.confirmed = set()
        self.acked = defaultdict(set)        # queue -> messages whose ack was sent
        self.seen = defaultdict(set)         # queue -> messages seen in lives before
        self.settled = defaultdict(set)      # queue -> messages that must never come back

    def fault(self, life, text, messages):
        examples = ", ".join(map(str, sorted(messages)[:SHOWN]))
        self.faults.append(f"life {life}: {text}: {len(messages)} ({examples})")

    def expected_in(self, queue, message):
        return self.published.get(message) in self.setup.sources_of(queue)

    def absorb(self, life, publishers, consumers):
        """One life, ended by a kill. Threads are joined."""
        for client in [*publishers, *consumers]:
            if client.trouble:
                self.faults.append(f"life {life}: a client met {client.trouble!r}")
        for publisher in publishers:
            self.published.update({(sent.publisher, sent.number): sent.key for sent in publisher.sent})
            self.confirmed.update((publisher.identity, number) for number in publisher.confirmed)
            if publisher.refused:
                self.fault(life, "messages refused without a reason", set(publisher.refused))
            self.transactions += [{(publisher.identity, number) for number in numbers} for numbers in publisher.transactions]
            self.counts["published"] += len(publisher.sent)
            self.counts["confirmed"] += len(publisher.confirmed)
        for queue in self.setup.every_queue:
            mine = [consumer for consumer in consumers if consumer.queue == queue]
            if not mine:
                continue
            self.judge_deliveries(life, queue, [(consumer.seen, consumer.given_back) for consumer in mine])
            for consumer in mine:
                self.acked[queue].update(consumer.acked)
                self.counts["acked"] += len(consumer.acked)
            if self.setup.row.confirms_show_acks and queue in self.setup.queues:
                kept = kept_acks(self.setup, queue, publishers, mine)
                self.settled[queue] |= kept
                self.settled[dead_letters_of(queue)] |= kept
                self.counts["acked for good"] += len(kept)

    def absorb_drain(self, life, drains):
        """What was left at the end. Counts as acked."""
        for drain in drains:
            if drain.trouble or not drain.done:
                self.drained_short = True
                self.faults.append(f"life {life}: draining {drain.queue} did not reach its end, {len(drain.seen)} taken: {drain.trouble!r}")
            self.judge_deliveries(life, drain.queue, [(drain.seen, set())])
            self.acked[drain.queue].update((seen.publisher, seen.number) for seen in drain.seen)
            self.counts["drained"] += len(drain.seen)

    def judge_deliveries(self, life, queue, views):
        """`views` are (deliveries in order of arrival, messages given back) of this queue's consumers in this life."""
        given_back = set().union(*(back for _seen, back in views)) if views else set()
        arrivals = Counter((seen.publisher, seen.number) for view, _back in views for seen in view)
        self.counts["delivered"] += sum(arrivals.values())
        self.expect_none(life, f"{queue} delivered what was never published to it",
                         {message for message in arrivals if not self.expected_in(queue, message)})
        self.expect_none(life, f"{queue} delivered twice", {message for message, times in arrivals.items() if times > 1} - given_back)
        self.expect_none(life, f"{queue} delivered what had been acked for good", self.settled[queue] & set(arrivals))
        for view, _back in views:
            self.judge_order(life, queue, view, given_back)
        self.judge_flags(life, queue, views)
        # What is sent again may come as if for the first time, if the first time was never confirmed and is lost.
        self.seen[queue] |= set(arrivals) & self.confirmed if self.setup.row.resends else set(arrivals)

    def judge_order(self, life, queue, view, given_back):
        last, early = {}, set()
        for seen in view:
            message = (seen.publisher, seen.number)
            stream = self.setup.stream_of(queue, *message)
            if stream is None or message in given_back or seen.by_get:
                continue  # a get may overtake deliveries that are under way
            if seen.number <= last.get(stream, -1):
                early.add(message)
            last[stream] = seen.number
        self.expect_none(life, f"{queue} delivered out of order", early)

    def judge_flags(self, life, queue, views):
        unflagged = set()
        for view, _back in views:
            for seen in view:
                message = (seen.publisher, seen.number)
                if message in self.seen[queue] and not seen.redelivered:
                    unflagged.add(message)
                self.counts["flagged though never seen"] += seen.redelivered and message not in self.seen[queue]
        times = Counter((seen.publisher, seen.number) for view, _back in views for seen in view if not seen.redelivered)
        unflagged |= {message for message, count in times.items() if count > 1}
        self.counts["came again"] += len({(seen.publisher, seen.number) for view, _back in views for seen in view} & self.seen[queue])
        self.expect_none(life, f"{queue} delivered again without saying so", unflagged)

    def expect_none(self, life, text, messages):
        if messages:
            self.fault(life, text, messages)

    def close(self, life):
        """After the final drain: is every confirmed message accounted for? Not asked if the drain did not reach the end."""
        if self.drained_short:
            return
        for queue in self.setup.queues:
            due = {message for message in self.confirmed if self.expected_in(queue, message) and self.setup.is_durable(message[1])}
            self.expect_none(life, f"{queue} lost confirmed messages", due - self.acked[queue] - self.acked[dead_letters_of(queue)])
            self.counts["audited"] += len(due)
        for messages in self.transactions:
            self.judge_transaction(life, messages)

    def judge_transaction(self, life, messages):
        missing, there = set(), 0
        for queue in self.setup.queues:
            for message in messages:
                if not self.expected_in(queue, message):
                    continue
                if message in self.seen[queue] or message in self.seen[dead_letters_of(queue)]:
                    there += 1
                else:
                    missing.add((queue, message))
        if there and missing:
            self.fault(life, f"a transaction is there in part, with {there} of its messages and without", missing)


def kept_acks(setup, queue, publishers, consumers):
    """Messages of `queue` whose ack was followed by a synced confirm on the same queue."""
    acked_at = {}
    for consumer in consumers:
        for message, at in consumer.acked.items():
            acked_at[message] = min(at, acked_at.get(message, at))
    evidence = 0.0  # when the last publish was sent that surely was synced
    for publisher in publishers:
        for sent in publisher.sent:
            confirmed = publisher.confirmed.get(sent.number)
            if sent.key not in (queue, EVERY_QUEUE) or confirmed is None or not setup.is_durable(sent.number):
                continue
            if acked_at.get((sent.publisher, sent.number), float("inf")) > confirmed:
                evidence = max(evidence, sent.at)
    return {message for consumer in consumers for fence in consumer.fences if fence.at < evidence for message in fence.messages}
