#!/usr/bin/env python3
"""Retry with backoff: a worker that fails twice, then succeeds; and an order that never works and ends as a dead letter.

AMQP_URL chooses the broker (amqp://guest:guest@127.0.0.1:5672/%2F).
"""
import os
import time

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")))
channel = connection.channel()
channel.queue_declare("retry.dead", durable=True)
channel.queue_declare("retry.orders", durable=True, arguments={
    "x-delayed-retry-type": "all",               # every return waits: nack, reject with requeue, a consumer that is gone
    "x-delayed-retry-backoff": "exponential",
    "x-delayed-retry-min": 200,                  # 200 ms, 400, 800, ...
    "x-delayed-retry-max": 5000,
    "x-delivery-limit": 3,                       # the fourth return is the last
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": "retry.dead",
})
channel.confirm_delivery()
persistent = pika.BasicProperties(delivery_mode=2)
for order in (b"works at the third try", b"never works"):
    channel.basic_publish("", "retry.orders", order, persistent)

started = time.monotonic()
for method, properties, body in channel.consume("retry.orders", inactivity_timeout=4):
    if method is None:
        break
    attempt = 1 + (properties.headers or {}).get("x-delivery-count", 0)
    print(f"{time.monotonic() - started:5.2f} s  attempt {attempt}: {body.decode()}")
    if body.startswith(b"works") and attempt == 3:
        channel.basic_ack(method.delivery_tag)
    else:
        channel.basic_nack(method.delivery_tag)  # requeue=True

method, properties, body = channel.basic_get("retry.dead", auto_ack=True)
print(f"dead letter: {body.decode()} ({properties.headers['x-first-death-reason']})")
assert body == b"never works"
assert channel.basic_get("retry.orders")[0] is None
for queue in ("retry.orders", "retry.dead"):
    channel.queue_delete(queue)
connection.close()
