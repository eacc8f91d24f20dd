#!/usr/bin/env python3
"""Delivery and publishing of a queue are paused and resumed. AMQP_URL and MANAGEMENT_URL choose the broker."""
import base64
import json
import os
import urllib.parse
import urllib.request

import pika

QUEUE = "pause.orders"
MANAGEMENT = urllib.parse.urlsplit(os.environ.get("MANAGEMENT_URL", "http://guest:guest@127.0.0.1:15672"))


def manage(verb, path, body=None):
    request = urllib.request.Request(f"http://{MANAGEMENT.hostname}:{MANAGEMENT.port}/api/{path}", method=verb,
                                     data=json.dumps(body).encode() if body is not None else None)
    login = base64.b64encode(f"{MANAGEMENT.username}:{MANAGEMENT.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")))
publisher, worker = connection.channel(), connection.channel()
publisher.queue_declare(QUEUE, durable=True)
publisher.confirm_delivery()
handled = []
worker.basic_consume(QUEUE, lambda channel, method, _, body: (handled.append(body), channel.basic_ack(method.delivery_tag)))


def publish(count=1):
    for number in range(count):
        publisher.basic_publish("", QUEUE, str(number), pika.BasicProperties(delivery_mode=2))


manage("PUT", f"queues/%2F/{QUEUE}/pause")
publish(10)
connection.process_data_events(time_limit=0.3)
state = manage("GET", f"queues/%2F/{QUEUE}")["state"]
print(f"delivery paused: 10 orders taken, {len(handled)} delivered, state {state}")
assert not handled

manage("PUT", f"queues/%2F/{QUEUE}/resume")
while len(handled) < 10:
    connection.process_data_events(time_limit=1)
print(f"delivery resumed: {len(handled)} delivered")

manage("PUT", f"queues/%2F/{QUEUE}/pause", {"what": "publish"})
try:
    publish()
    raise SystemExit("a paused queue took a message")
except pika.exceptions.NackError:
    print("publishing paused: the publisher got a nack")

manage("PUT", f"queues/%2F/{QUEUE}/resume", {"what": "publish"})
publish()
print("publishing resumed: taken")
publisher.queue_delete(QUEUE)
connection.close()
