#!/usr/bin/env python3
"""Message groups: the movements of each account are handled in order, different accounts at the same time.

Three workers share one queue; each takes a moment for a movement. AMQP_URL chooses the broker.
"""
import collections
import os
import random
import threading
import time

import pika

URL = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F"))
ACCOUNTS, MOVEMENTS, WORKERS = 6, 20, 3
done = collections.defaultdict(list)  # by account: movements in the order in which they were finished
by_worker = collections.Counter()
finished = threading.Event()


def work(name):
    connection = pika.BlockingConnection(URL)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    for method, properties, body in channel.consume("groups.movements", inactivity_timeout=0.2):
        if method is None:
            if finished.is_set():
                break
            continue
        time.sleep(random.uniform(0, 0.005))
        done[properties.headers["account"]].append(int(body))
        by_worker[name] += 1
        if sum(by_worker.values()) == ACCOUNTS * MOVEMENTS:
            finished.set()
        channel.basic_ack(method.delivery_tag)
    channel.cancel()
    connection.close()


connection = pika.BlockingConnection(URL)
channel = connection.channel()
channel.queue_declare("groups.movements", durable=True, arguments={"x-group-header": "account"})
channel.confirm_delivery()
for movement in range(MOVEMENTS):
    for account in range(ACCOUNTS):
        channel.basic_publish("", "groups.movements", str(movement),
                              pika.BasicProperties(delivery_mode=2, headers={"account": f"account {account}"}))

workers = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(WORKERS)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()

for account in sorted(done):
    print(f"{account}: {len(done[account])} movements, {'in order' if done[account] == list(range(MOVEMENTS)) else 'OUT OF ORDER'}")
print(f"{len(by_worker)} workers had a share")
assert all(movements == list(range(MOVEMENTS)) for movements in done.values())
channel.queue_delete("groups.movements")
connection.close()
