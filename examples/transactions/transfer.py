#!/usr/bin/env python3
"""Publishes to two queues and an acknowledgement on a third, all or nothing. AMQP_URL chooses the broker."""
import os

import pika

URL = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F"))
ORDERS, INVOICES, SHIPMENTS = "transactions.orders", "transactions.invoices", "transactions.shipments"
PERSISTENT = pika.BasicProperties(delivery_mode=2)

connection = pika.BlockingConnection(URL)
channel = connection.channel()
for queue in (ORDERS, INVOICES, SHIPMENTS):
    channel.queue_declare(queue, durable=True)
channel.confirm_delivery()
for order in range(20):
    channel.basic_publish("", ORDERS, str(order), PERSISTENT)

died = rolled_back = 0
attempts = 0
while True:
    worker_connection = pika.BlockingConnection(URL)
    worker = worker_connection.channel()
    worker.tx_select()
    lost = False
    while not lost:
        method, _, body = worker.basic_get(ORDERS)
        if method is None:
            break
        worker.basic_publish("", INVOICES, body, PERSISTENT)
        worker.basic_publish("", SHIPMENTS, body, PERSISTENT)
        worker.basic_ack(method.delivery_tag)
        attempts += 1
        if attempts % 6 == 0:  # the connection is gone, and with it everything that was not committed
            died += 1
            lost = True
        elif attempts == 10:
            worker.tx_rollback()
            worker.basic_recover(requeue=True)
            rolled_back += 1
        else:
            worker.tx_commit()
    worker_connection.close()
    if not lost:
        break


def drain(queue):
    bodies = []
    while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
        bodies.append(int(got[2]))
    return sorted(bodies)


assert drain(ORDERS) == []
invoices, shipments = drain(INVOICES), drain(SHIPMENTS)
assert invoices == shipments == list(range(20)), (invoices, shipments)
print(f"20 orders, {len(invoices)} invoices, {len(shipments)} shipments")
print(f"{died} workers died before their commit, {rolled_back} rolled back")
for queue in (ORDERS, INVOICES, SHIPMENTS):
    channel.queue_delete(queue)
connection.close()
