"""The order pipeline's exchanges and queues. Every program declares them, so they may be started in any order.

    producer -> orders (topic) --order.*.created--> orders.billing
                               --order.*.created--> orders.shipping
                               --order.*.*--------> orders.audit

    rejected by a worker -> orders.dead (fanout) -> orders.dead-letters
"""

import os

import pika

EXCHANGE = "orders"
DEAD_EXCHANGE = "orders.dead"
DEAD_QUEUE = "orders.dead-letters"

QUEUES = {
    "orders.billing": "order.*.created",
    "orders.shipping": "order.*.created",
    "orders.audit": "order.*.*",
}


def connect():
    """A connection to the broker AMQP_URL names (default: guest on this machine)."""
    return pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")))


def declare(channel):
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    channel.exchange_declare(DEAD_EXCHANGE, "fanout", durable=True)
    channel.queue_declare(DEAD_QUEUE, durable=True)
    channel.queue_bind(DEAD_QUEUE, DEAD_EXCHANGE)
    for queue, pattern in QUEUES.items():
        channel.queue_declare(queue, durable=True, arguments={"x-dead-letter-exchange": DEAD_EXCHANGE})
        channel.queue_bind(queue, EXCHANGE, pattern)


def remove(channel):
    for queue in [*QUEUES, DEAD_QUEUE]:
        channel.queue_delete(queue)
    for exchange in (EXCHANGE, DEAD_EXCHANGE):
        channel.exchange_delete(exchange)


if __name__ == "__main__":
    import sys

    connection = connect()
    (remove if sys.argv[1:] == ["remove"] else declare)(connection.channel())
    connection.close()
