"""Works on one queue: worker.py QUEUE [--idle SECONDS]

Takes ten orders at a time at most, acks each when it is done, and rejects an order without items: the queue's dead-letter
exchange takes it from there. Prints a line per order: its number, its event, what became of it, and whether it came again.
Ends after --idle seconds without an order.
"""

import argparse
import json

import topology

PREFETCH = 10


def work(order):
    if not order["items"]:
        raise ValueError("an order without items")


def handle(channel, method, body):
    order = json.loads(body)
    try:
        work(order)
    except ValueError:
        outcome = "rejected"
        channel.basic_reject(method.delivery_tag, requeue=False)
    else:
        outcome = "done"
        channel.basic_ack(method.delivery_tag)
    print(order["number"], order["event"], outcome, "again" if method.redelivered else "first", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queue", choices=topology.QUEUES)
    parser.add_argument("--idle", type=float, default=5.0)
    options = parser.parse_args()

    connection = topology.connect()
    channel = connection.channel()
    topology.declare(channel)
    channel.basic_qos(prefetch_count=PREFETCH)
    for method, _properties, body in channel.consume(options.queue, inactivity_timeout=options.idle):
        if method is None:
            break
        handle(channel, method, body)
    channel.cancel()
    connection.close()


if __name__ == "__main__":
    main()
