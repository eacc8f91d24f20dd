#!/usr/bin/env python3
"""The arguments of a queue in use are changed, and it is declared again with the old ones. AMQP_URL and MANAGEMENT_URL choose the broker."""
import base64
import json
import os
import urllib.parse
import urllib.request

import pika

QUEUE = "change-arguments.jobs"
OLD = {"x-max-length": 2}
MANAGEMENT = urllib.parse.urlsplit(os.environ.get("MANAGEMENT_URL", "http://guest:guest@127.0.0.1:15672"))


def manage(verb, path, body):
    request = urllib.request.Request(f"http://{MANAGEMENT.hostname}:{MANAGEMENT.port}/api/{path}", method=verb, data=json.dumps(body).encode())
    login = base64.b64encode(f"{MANAGEMENT.username}:{MANAGEMENT.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    urllib.request.urlopen(request).close()


connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")))
channel = connection.channel()
channel.confirm_delivery()


def publish(*bodies, priority=None):
    for body in bodies:
        channel.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2, priority=priority))


def length():
    return channel.queue_declare(QUEUE, passive=True).method.message_count


channel.queue_declare(QUEUE, durable=True, arguments=OLD)
publish("1", "2", "3", "4")
print(f"declared with x-max-length 2: {length()} of 4 messages stay")

manage("PUT", f"queues/%2F/{QUEUE}/arguments", {"x-max-length": 10, "x-max-priority": 5, "x-message-ttl": 3_600_000})
publish("5", "6")
publish("urgent", priority=5)
print(f"x-max-length is 10 now: {length()} messages, the first two are still there")
order = [channel.basic_get(QUEUE, auto_ack=True)[2] for _ in range(5)]
assert order == [b"urgent", b"3", b"4", b"5", b"6"], order
print("with priorities: the urgent one comes first")

try:
    connection.channel().queue_declare(QUEUE, durable=True, arguments=OLD)
    raise SystemExit("other arguments were taken for the same")
except pika.exceptions.ChannelClosedByBroker as error:
    print(f"declaring it as before is refused: {error.reply_text.split(' - ')[0]}")

manage("PUT", "vhosts/%2F", {"redeclare": "relaxed"})
try:
    connection.channel().queue_declare(QUEUE, durable=True, arguments=OLD)
    print("in a relaxed vhost it is not")
finally:
    manage("PUT", "vhosts/%2F", {"redeclare": "strict"})
channel.queue_delete(QUEUE)
connection.close()
