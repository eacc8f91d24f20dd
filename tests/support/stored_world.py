"""One of every kind of thing a broker keeps on disk: made by fill(), found again by check().

A data directory filled so is kept in tests/golden/store/fixtures for each format version and each older shape of values; see make.py there.
"""

import pika

from management import VHOST, Management
from pika_talk import PERSISTENT, get, get_all

TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000
UNIQUE = {"x-message-deduplication": True}


def parameters(broker):
    return pika.ConnectionParameters(broker.host, broker.port, broker.vhost, pika.PlainCredentials(broker.user, broker.password))


def named(identity):
    return pika.BasicProperties(headers={"x-deduplication-header": identity}, delivery_mode=2)


def api(broker, method, path, body=None):
    status, answer = Management(broker).request(method, path, body)
    assert status in (200, 201, 204), (path, status, answer)


def declare(channel):
    channel.exchange_declare("events", "topic", durable=True, arguments={"alternate-exchange": "unrouted"})
    channel.exchange_declare("unrouted", "fanout", durable=True, internal=True)
    channel.exchange_declare("once", "x-message-deduplication", durable=True, arguments={"x-cache-size": 100})
    channel.queue_declare("plain", durable=True)
    channel.queue_declare("priorities", durable=True, arguments={"x-max-priority": 3})
    channel.queue_declare("quorum", durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 5})
    channel.queue_declare("retries", durable=True, arguments={"x-delayed-retry-type": "all", "x-delayed-retry-min": TEN_YEARS_MS,
                                                              "x-delayed-retry-backoff": "fixed"})
    channel.queue_declare("unique", durable=True, arguments=UNIQUE)
    channel.queue_declare("expiring", durable=True, arguments={"x-message-ttl": TEN_YEARS_MS // 200})
    channel.queue_declare("paused", durable=True)
    channel.queue_declare("caught", durable=True)
    channel.queue_bind("plain", "events", "a.#", arguments={"note": "kept"})
    channel.queue_bind("caught", "unrouted")
    channel.queue_bind("caught", "once")


def fill(broker):
    """Everything is confirmed when this returns."""
    with pika.BlockingConnection(parameters(broker)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        declare(channel)
        for number in range(12):
            channel.basic_publish("events", "a.b", b"plain %d" % number, pika.BasicProperties(delivery_mode=2, message_id=f"m{number}"))
        channel.basic_publish("", "plain", b"L" * 3000, PERSISTENT)
        for number in range(6):
            channel.basic_publish("", "priorities", b"%d" % number, pika.BasicProperties(delivery_mode=2, priority=number % 3))
            channel.basic_publish("", "quorum", b"%d" % number, PERSISTENT)
        for body in (b"first", b"second", b"third"):
            channel.basic_publish("", "retries", body, PERSISTENT)
        channel.basic_publish("", "unique", b"u", named("one"))
        channel.basic_publish("once", "", b"o", named("two"))
        channel.basic_publish("", "expiring", b"e", PERSISTENT)
        channel.basic_publish("", "paused", b"p", PERSISTENT)
        channel.basic_publish("events", "nobody", b"unrouted", PERSISTENT)
        channel.basic_publish("", "plain", b"later", pika.BasicProperties(headers={"x-delay": TEN_YEARS_MS}, delivery_mode=2, message_id="later"))
        settle(channel)
    api(broker, "PUT", f"policies/{VHOST}/short", {"pattern": "^caught$", "definition": {"max-length": 1000}, "priority": 2})
    api(broker, "PUT", f"operator-policies/{VHOST}/cap", {"pattern": "^plain$", "definition": {"max-length": 5000}})
    api(broker, "PUT", f"vhost-limits/{VHOST}/max-queues", {"value": 50})
    api(broker, "PUT", "user-limits/guest/max-channels", {"value": 90})
    api(broker, "PUT", "global-parameters/note", {"value": {"kept": True}})
    api(broker, "PUT", f"queues/{VHOST}/paused/pause", {"what": "delivery"})


def settle(channel):
    """Marks of every kind: settled ones, returned ones, one that waits. The last word is confirmed, so all of it is on disk."""
    tags = [channel.basic_get("plain")[0].delivery_tag for _ in range(4)]
    channel.basic_ack(tags[0])
    channel.basic_ack(tags[2])
    channel.basic_nack(tags[1], requeue=True)
    channel.basic_nack(channel.basic_get("quorum")[0].delivery_tag, requeue=True)
    channel.basic_nack(channel.basic_get("retries")[0].delivery_tag, requeue=True)
    for queue in ("plain", "quorum", "retries"):
        channel.basic_publish("", queue, b"last", PERSISTENT)


def bodies(channel, queue):
    return [delivery.body for delivery in get_all(channel, queue)]


def check(broker):
    """Finds everything that fill() made; takes it away."""
    management = Management(broker)
    with pika.BlockingConnection(parameters(broker)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        declare(channel)  # with the same arguments: refused if anything differed
        plain = [get(channel, "plain") for _ in range(12)]
        assert [each.body for each in plain] == [b"plain 1", *(b"plain %d" % number for number in range(3, 12)), b"L" * 3000, b"last"]
        assert [each.method.redelivered for each in plain[:2]] == [True, True], "they were given out before"
        assert plain[2].properties.message_id == "m4" and plain[2].method.routing_key == "a.b" and plain[2].method.exchange == "events"
        assert bodies(channel, "priorities") == [b"2", b"5", b"1", b"4", b"0", b"3"]
        quorum = get_all(channel, "quorum")
        assert [each.body for each in quorum] == [b"0", b"1", b"2", b"3", b"4", b"5", b"last"]
        assert quorum[0].properties.headers["x-delivery-count"] == 1
        assert bodies(channel, "retries") == [b"second", b"third", b"last"], "the first one waits"
        channel.basic_publish("", "unique", b"again", named("one"))
        channel.basic_publish("once", "", b"again", named("two"))
        assert bodies(channel, "unique") == [b"u"]
        assert sorted(bodies(channel, "caught")) == [b"o", b"unrouted"]
        assert bodies(channel, "expiring") in ([b"e"], []), "it lives half a month"
        assert channel.basic_get("paused")[0] is None
    assert [each["message_id"] for each in management.get(f"delayed/{VHOST}")["items"]] == ["later"]
    assert management.queue("caught")["policy"] == "short"
    assert management.queue("plain")["operator_policy"] == "cap"
    assert management.get(f"vhost-limits/{VHOST}")[0]["value"] == {"max-queues": 50}
    assert management.get("user-limits/guest")[0]["value"] == {"max-channels": 90}
    assert management.get("global-parameters/note")["value"] == {"kept": True}
    api(broker, "PUT", f"queues/{VHOST}/paused/resume", {"what": "delivery"})
    with pika.BlockingConnection(parameters(broker)) as connection:
        assert bodies(connection.channel(), "paused") == [b"p"]
