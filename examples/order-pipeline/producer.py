"""Publishes orders, persistent and confirmed: producer.py FIRST COUNT [--poison EVERY]

Prints the number of each order once the broker has confirmed it, so that whoever reads knows what must not be lost.
Every order is created; every fifth is also cancelled, which only the audit queue is interested in.
"""

import argparse
import json

import pika

import topology

REGIONS = ("eu", "us", "asia")


def publish(channel, number, event, poison):
    region = REGIONS[number % len(REGIONS)]
    order = {"number": number, "region": region, "event": event, "items": [] if poison else ["book", "lamp"]}
    channel.basic_publish(
        topology.EXCHANGE, f"order.{region}.{event}", json.dumps(order), mandatory=True,
        properties=pika.BasicProperties(delivery_mode=2, content_type="application/json", message_id=f"{number}.{event}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--poison", type=int, default=0, help="every how many orders one is empty and will be rejected")
    options = parser.parse_args()

    connection = topology.connect()
    channel = connection.channel()
    topology.declare(channel)
    channel.confirm_delivery()  # from here on basic_publish returns when the broker has taken charge of the message
    for number in range(options.first, options.first + options.count):
        poison = bool(options.poison) and number % options.poison == 0
        publish(channel, number, "created", poison)
        if number % 5 == 0:
            publish(channel, number, "cancelled", poison)
        print(number, flush=True)
    connection.close()


if __name__ == "__main__":
    main()
