#!/usr/bin/env python3
"""A worker that is stuck with one message loses that message and nothing else. AMQP_URL chooses the broker."""
import os

import pika

URL = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F"))
QUEUE = "late-acks.orders"
connection = pika.BlockingConnection(URL)
channel = connection.channel()
channel.queue_declare(QUEUE, durable=True, arguments={"x-consumer-timeout": 500})
channel.confirm_delivery()


def publish(number):
    channel.basic_publish("", QUEUE, str(number), pika.BasicProperties(delivery_mode=2))


handled, stuck_with = [], []


def work(on, method, _properties, body):
    if body == b"4":
        stuck_with.append(method.delivery_tag)
        return
    handled.append(int(body))
    on.basic_ack(method.delivery_tag)


for order in range(10):
    publish(order)
stuck = connection.channel()
stuck.basic_consume(QUEUE, work)
while len(handled) < 9:
    connection.process_data_events(time_limit=1)
print(f"the stuck worker handled {len(handled)} orders")

other_connection = pika.BlockingConnection(URL)
other = other_connection.channel()
for method, _, body in other.consume(QUEUE, arguments={"x-priority": 1}, inactivity_timeout=10):
    print(f"the other worker got order {body.decode()}, {'redelivered' if method.redelivered else 'for the first time'}")
    assert body == b"4" and method.redelivered
    other.basic_ack(method.delivery_tag)
    break
other_connection.close()

stuck.basic_ack(stuck_with[0])  # too late, and forgiven
publish(10)
while len(handled) < 10:
    connection.process_data_events(time_limit=1)
print(f"the stuck worker handled order {handled[-1]} on the same channel")
channel.queue_delete(QUEUE)
connection.close()
