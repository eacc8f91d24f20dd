#!/usr/bin/env python3
"""Consumer filters: several kinds of workers share one queue and get what they ask for. AMQP_URL chooses the broker."""
import collections
import os

import pika

URL = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F"))
QUEUE = "filters.orders"
WANTS = {
    "eu": {"region": "eu"},
    "large": "region <> 'eu' AND amount >= 75",
    "others": "NOT (region = 'eu' OR amount >= 75)",
}
got = collections.defaultdict(list)

connection = pika.BlockingConnection(URL)
channel = connection.channel()
channel.queue_declare(QUEUE, durable=True)
channel.confirm_delivery()
for number in range(400):
    headers = {"region": ("eu", "uk", "us", "jp")[number % 4], "amount": 5 * (number % 19) + 1}
    channel.basic_publish("", QUEUE, str(number), pika.BasicProperties(delivery_mode=2, headers=headers))


def worker(name):
    def handle(on, method, properties, body):
        got[name].append((int(body), properties.headers))
        on.basic_ack(method.delivery_tag)

    return handle


for name, wanted in WANTS.items():
    channel.basic_consume(QUEUE, worker(name), arguments={"x-filter": wanted})
while sum(len(orders) for orders in got.values()) < 400:
    connection.process_data_events(time_limit=1)

for name, orders in sorted(got.items()):
    print(f"{name}: {len(orders)} orders")
assert all(headers["region"] == "eu" for _, headers in got["eu"])
assert all(headers["amount"] >= 75 for _, headers in got["large"])
assert all([number for number, _ in orders] == sorted(number for number, _ in orders) for orders in got.values())
channel.queue_delete(QUEUE)
connection.close()
