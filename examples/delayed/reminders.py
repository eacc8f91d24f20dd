"""Reminders: messages that are published now and delivered later.

    python3 reminders.py remind 5s "call back"        in five seconds (also ms, m, h, d)
    python3 reminders.py remind 18:30 "go home"       at that time, today or tomorrow
    python3 reminders.py wait                         prints each reminder when it is due; Ctrl-C ends it

AMQP_URL names the broker, REMINDERS_QUEUE the queue (default "reminders").
"""

import datetime
import os
import re
import sys

import pika

URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
QUEUE = os.environ.get("REMINDERS_QUEUE", "reminders")
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3600_000, "d": 86_400_000}


def headers_for(when, now=None):
    """`x-delay` for a length of time, `x-deliver-at` for a time of day."""
    length = re.fullmatch(r"(\d+)(ms|s|m|h|d)", when)
    if length:
        return {"x-delay": int(length[1]) * UNITS_MS[length[2]]}
    now = now or datetime.datetime.now().astimezone()
    at = now.replace(hour=int(when[:2]), minute=int(when[3:]), second=0, microsecond=0)
    if at <= now:
        at += datetime.timedelta(days=1)
    return {"x-deliver-at": at}


def remind(channel, when, text):
    channel.confirm_delivery()  # once confirmed, the reminder is on disk
    properties = pika.BasicProperties(headers=headers_for(when), delivery_mode=2)
    channel.basic_publish("", QUEUE, text.encode(), properties, mandatory=True)
    print("noted", flush=True)


def wait(channel):
    for method, _properties, body in channel.consume(QUEUE):
        print(body.decode(), flush=True)
        channel.basic_ack(method.delivery_tag)


def main(arguments):
    with pika.BlockingConnection(pika.URLParameters(URL)) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True)
        if arguments[:1] == ["wait"] and len(arguments) == 1:
            wait(channel)
        elif arguments[:1] == ["remind"] and len(arguments) == 3:
            remind(channel, *arguments[1:])
        else:
            sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        pass
