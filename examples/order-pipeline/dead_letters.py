"""Shows the orders nobody could work on, and why: dead_letters.py [--keep]

Prints a line per dead letter: its number, the queue it died in, the reason and how often. With --keep they stay where they are.
"""

import argparse
import json

import topology


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()

    connection = topology.connect()
    channel = connection.channel()
    topology.declare(channel)
    while True:
        method, properties, body = channel.basic_get(topology.DEAD_QUEUE)
        if method is None:
            break
        death = properties.headers["x-death"][0]
        print(json.loads(body)["number"], death["queue"], death["reason"], death["count"], flush=True)
        if not options.keep:
            channel.basic_ack(method.delivery_tag)
    connection.close()  # what was not acked goes back into the queue


if __name__ == "__main__":
    main()
