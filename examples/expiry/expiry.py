#!/usr/bin/env python3
"""Messages that expire on time wherever they stand in their queue. AMQP_URL chooses the broker."""
import os
import time

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")))
channel = connection.channel()
channel.queue_declare("expiry.dead", durable=True)
channel.queue_declare("expiry.offers", durable=True, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "expiry.dead"})
channel.confirm_delivery()
published = time.monotonic()
for seconds in (3, 0.2, 2, 0.1):
    properties = pika.BasicProperties(delivery_mode=2, expiration=str(int(seconds * 1000)))
    channel.basic_publish("", "expiry.offers", f"expiration {seconds} s", properties)

order = []
for method, properties, body in channel.consume("expiry.dead", auto_ack=True, inactivity_timeout=10):
    assert method is not None, "nothing expired for ten seconds"
    print(f"expired after {time.monotonic() - published:.1f} s: {body.decode()}")
    assert properties.headers["x-first-death-reason"] == "expired"
    order.append(body)
    if len(order) == 4:
        break
assert order == [b"expiration 0.1 s", b"expiration 0.2 s", b"expiration 2 s", b"expiration 3 s"]
channel.cancel()
for queue in ("expiry.offers", "expiry.dead"):
    channel.queue_delete(queue)
connection.close()
