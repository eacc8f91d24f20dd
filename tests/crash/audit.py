"""What must hold after a broker was killed: the books of the crash test.

Every life of the broker (from one start to the next kill) brings the records of its publishers and consumers. From them:

  nothing invented     what is delivered was published, to this queue, with this body (the body is checked on arrival)
  nothing lost         a confirmed message was acked by a consumer, or is there at the end
  once per life        no message is delivered twice in one life unless it was given back
  order kept           each consumer is delivered each publisher's messages in the order of publishing, given-back ones aside
  honest flag          whatever is delivered again, in this life or a later one, says redelivered
  acks are kept        an ack the queue had taken before a publish that was synced and confirmed does not come back after a kill

The last rule needs evidence of a sync: a message that was published after the ack was taken, confirmed, and not acked itself before
its confirm was read (a message settled before it is written need not be written at all).
"""

from collections import Counter, defaultdict

from load import EVERY_QUEUE

SHOWN = 5


class Audit:
    """Absorbs one life after the other, then judges. `faults` are sentences; none means all is well."""

    def __init__(self, queues):
        self.queues = queues
        self.faults = []
        self.drained_short = False
        self.counts = Counter()
        self.published = {}                  # (publisher, number) -> key
        self.confirmed = set()
        self.acked = defaultdict(set)        # queue -> messages whose ack was sent
        self.seen = defaultdict(set)         # queue -> messages seen in lives before
        self.settled = defaultdict(set)      # queue -> messages that must never come back

    def fault(self, life, text, messages):
        examples = ", ".join(map(str, sorted(messages)[:SHOWN]))
        self.faults.append(f"life {life}: {text}: {len(messages)} ({examples})")

    def expected_in(self, queue, message):
        return self.published.get(message) in (queue, EVERY_QUEUE)

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
            self.counts["published"] += len(publisher.sent)
            self.counts["confirmed"] += len(publisher.confirmed)
        for queue in self.queues:
            mine = [consumer for consumer in consumers if consumer.queue == queue]
            self.judge_deliveries(life, queue, [(consumer.seen, consumer.given_back) for consumer in mine])
            for consumer in mine:
                self.acked[queue].update(consumer.acked)
                self.counts["acked"] += len(consumer.acked)
            self.settled[queue] |= kept_acks(queue, publishers, mine)

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
        self.seen[queue] |= set(arrivals)

    def judge_order(self, life, queue, view, given_back):
        last, early = {}, set()
        for seen in view:
            message = (seen.publisher, seen.number)
            if message in given_back or seen.by_get:
                continue  # a get may overtake deliveries that are under way
            if seen.number <= last.get(seen.publisher, -1):
                early.add(message)
            last[seen.publisher] = seen.number
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
        for queue in self.queues:
            due = {message for message in self.confirmed if self.expected_in(queue, message)}
            self.expect_none(life, f"{queue} lost confirmed messages", due - self.acked[queue])


def kept_acks(queue, publishers, consumers):
    """Messages of `queue` whose ack was followed by a synced confirm on the same queue."""
    acked_at = {}
    for consumer in consumers:
        for message, at in consumer.acked.items():
            acked_at[message] = min(at, acked_at.get(message, at))
    evidence = 0.0  # when the last publish was sent that surely was synced
    for publisher in publishers:
        for sent in publisher.sent:
            confirmed = publisher.confirmed.get(sent.number)
            if sent.key not in (queue, EVERY_QUEUE) or confirmed is None:
                continue
            if acked_at.get((sent.publisher, sent.number), float("inf")) > confirmed:
                evidence = max(evidence, sent.at)
    return {message for consumer in consumers for fence in consumer.fences if fence.at < evidence for message in fence.messages}
