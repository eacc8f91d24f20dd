#!/usr/bin/env python3
"""Deduplication: a publisher that does not know whether its orders arrived sends all of them again; each is there once.

AMQP_URL chooses the broker (amqp://guest:guest@127.0.0.1:5672/%2F).
"""
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")))
channel = connection.channel()
channel.confirm_delivery()

# --- one queue that takes each id once ---
channel.queue_declare("dedup.orders", durable=True, arguments={
    "x-message-deduplication": True,
    "x-cache-size": 100_000,             # how many ids are remembered,
    "x-cache-ttl": 24 * 3600 * 1000,     # and how long at most: a day
})


def send(exchange, routing_key, number):
    properties = pika.BasicProperties(delivery_mode=2, headers={"x-deduplication-header": f"order-{number}"})
    channel.basic_publish(exchange, routing_key, f"order {number}".encode(), properties)  # returns when confirmed


for attempt in (1, 2):                   # "did the first attempt arrive?" need not be answered
    for number in range(5):
        send("", "dedup.orders", number)
waiting = channel.queue_declare("dedup.orders", passive=True).method.message_count
print(f"sent 5 orders twice, the queue has {waiting}")
assert waiting == 5

channel.basic_get("dedup.orders", auto_ack=True)
send("", "dedup.orders", 0)
waiting = channel.queue_declare("dedup.orders", passive=True).method.message_count
print(f"order 0 was consumed; sent once more it is still known: {waiting} left")
assert waiting == 4

# --- an exchange that lets each id through once, to all its queues or to none; duplicates go to a queue of their own ---
channel.exchange_declare("dedup.events", "x-message-deduplication", durable=True, arguments={
    "x-cache-size": 100_000, "x-duplicate-exchange": "", "x-duplicate-routing-key": "dedup.twins"})
channel.queue_declare("dedup.twins", durable=True)
for queue in ("dedup.billing", "dedup.shipping"):
    channel.queue_declare(queue, durable=True)
    channel.queue_bind(queue, "dedup.events")
for attempt in (1, 2):
    send("dedup.events", "", 7)
found = {queue: channel.queue_declare(queue, passive=True).method.message_count
         for queue in ("dedup.billing", "dedup.shipping", "dedup.twins")}
print(f"an event sent twice: {found}")
assert set(found.values()) == {1}

for queue in ("dedup.orders", "dedup.twins", "dedup.billing", "dedup.shipping"):
    channel.queue_delete(queue)
channel.exchange_delete("dedup.events")
connection.close()
