#!/usr/bin/env python3
"""A full priority queue that drops what is least urgent. AMQP_URL chooses the broker."""
import collections
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")))
channel = connection.channel()
channel.queue_declare("alarms.dropped", durable=True)
channel.queue_declare("alarms", durable=True, arguments={
    "x-max-priority": 10, "x-max-length": 10, "x-overflow": "drop-lowest",
    "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "alarms.dropped",
})
channel.confirm_delivery()
for number in range(35):
    priority = (0, 5, 0, 5, 0, 5, 9)[number % 7]
    channel.basic_publish("", "alarms", f"{priority}/{number}", pika.BasicProperties(delivery_mode=2, priority=priority))


def take(queue):
    tags, bodies = [], []
    while (got := channel.basic_get(queue))[0] is not None:
        tags.append(got[0].delivery_tag)
        bodies.append(got[2].decode())
    return tags, bodies


def by_priority(bodies):
    return collections.Counter(int(body.split("/")[0]) for body in bodies)


tags, kept = take("alarms")
print("kept:", ", ".join(f"{by_priority(kept)[priority]} of priority {priority}" for priority in (9, 5, 0)))
for tag in tags:
    channel.basic_nack(tag)
assert take("alarms")[1] == kept
print("given back and delivered again in the same order")
dropped = by_priority(take("alarms.dropped")[1])
print("dropped:", ", ".join(f"{dropped[priority]} of priority {priority}" for priority in (5, 0)))
for queue in ("alarms", "alarms.dropped"):
    channel.queue_delete(queue)
connection.close()
