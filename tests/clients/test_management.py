"""The management API as tools use it, with clients at work on the same broker."""

import json
import shutil
import subprocess

import pika
import pytest

from conftest import parameters_for
from management import VHOST, Management
from pika_talk import channel_closed_with, get
from waiting import until


@pytest.fixture
def management(broker):
    if not hasattr(broker, "management_port"):
        pytest.skip("the broker named by AMQP_URL has a management API we do not know")
    return Management(broker)


@pytest.fixture
def policy(management, name):
    """Sets policies that are cleared when the test ends."""
    made = []

    def set_one(pattern, definition, kind="policies", **more):
        made.append((name("policy"), kind))
        management.set_policy(made[-1][0], pattern, definition, kind, **more)
        return made[-1][0]

    yield set_one
    for each, kind in made:
        management.delete(f"{kind}/{VHOST}/{each}")


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


# --- policies at work ---

def test_a_policy_trims_a_queue_in_use(channel, name, policy, management):
    queue = name()
    channel.queue_declare(queue)
    for number in range(5):
        channel.basic_publish("", queue, str(number))
    until(lambda: ready(channel, queue) == 5, what="five messages")
    chosen = policy(f"^{queue}$", {"max-length": 2})
    assert ready(channel, queue) == 2
    assert get(channel, queue).body == b"3"
    assert management.queue(queue)["policy"] == chosen
    assert management.queue(queue)["effective_policy_definition"] == {"max-length": 2}


def test_a_policy_gives_later_messages_a_ttl(channel, name, policy):
    queue = name()
    channel.queue_declare(queue)
    channel.basic_publish("", queue, "before")
    assert ready(channel, queue) == 1
    policy(f"^{queue}$", {"message-ttl": 50})
    channel.basic_publish("", queue, "after")
    until(lambda: ready(channel, queue) == 1, what="the later message to expire")
    assert get(channel, queue).body == b"before"


def test_a_policy_dead_letters(channel, name, policy):
    queue, morgue = name(), name("morgue")
    channel.queue_declare(queue)
    channel.queue_declare(morgue)
    policy(f"^{queue}$", {"dead-letter-exchange": "", "dead-letter-routing-key": morgue})
    channel.basic_publish("", queue, "m")
    delivery = until(lambda: get(channel, queue, auto_ack=False), what="the message")
    channel.basic_reject(delivery.method.delivery_tag, requeue=False)
    until(lambda: ready(channel, morgue) == 1, what="the dead letter")


def test_a_policy_removes_an_unused_queue(channel, name, policy, management):
    queue = name()
    channel.queue_declare(queue)
    policy(f"^{queue}$", {"expires": 50})
    until(lambda: management.request("GET", f"queues/{VHOST}/{queue}")[0] == 404, what="the queue to expire")


def test_a_policy_gives_an_exchange_its_alternate(channel, name, policy, management):
    queue, exchange = name(), name("x")
    channel.queue_declare(queue)
    channel.exchange_declare(exchange, "direct")
    channel.queue_bind(queue, "amq.fanout")
    channel.basic_publish(exchange, "k", "lost")
    assert ready(channel, queue) == 0
    chosen = policy(f"^{exchange}$", {"alternate-exchange": "amq.fanout"}, **{"apply-to": "exchanges"})
    channel.basic_publish(exchange, "k", "found")
    assert until(lambda: get(channel, queue), what="the message").body == b"found"
    assert management.get(f"exchanges/{VHOST}/{exchange}")["policy"] == chosen


def test_an_operators_policy_bounds_another(channel, name, policy, management):
    queue = name()
    channel.queue_declare(queue)
    policy(f"^{queue}$", {"max-length": 5, "expires": 600000})
    policy(f"^{queue}$", {"max-length": 3}, kind="operator-policies")
    assert management.queue(queue)["effective_policy_definition"] == {"expires": 600000, "max-length": 3}
    for number in range(5):
        channel.basic_publish("", queue, str(number))
    until(lambda: get(channel, queue), what="a message")
    assert ready(channel, queue) == 2


def test_a_bad_policy_is_refused_and_changes_nothing(management, name):
    status, body = management.put(f"policies/{VHOST}/{name()}", {"pattern": "^q", "definition": {"max-length": -1}})
    assert (status, body) == (400, {"error": "bad_request", "reason": "Validation failed\n\n-1 is not a valid maximum length\n"})


# --- what a crash leaves ---

def test_policies_parameters_and_limits_survive_a_crash(own_broker):
    management = Management(own_broker)
    management.set_policy("p", "^q", {"max-length": 2}, priority=7, **{"apply-to": "queues"})
    management.set_policy("o", "^q", {"max-length": 1}, kind="operator-policies")
    assert management.put("global-parameters/a", {"value": {"deep": [1, None, "x"]}})[0] == 201
    assert management.put(f"vhost-limits/{VHOST}/max-queues", {"value": 1})[0] == 204
    assert management.put("user-limits/guest/max-channels", {"value": 3})[0] == 204
    connection = pika.BlockingConnection(parameters_for(own_broker))
    connection.channel().queue_declare("q", durable=True)

    def all_of_it():
        return [management.get(each) for each in ("policies", "operator-policies", "parameters", "global-parameters", "user-limits")]

    before = all_of_it()
    own_broker.restart()
    assert all_of_it() == before
    assert management.queue("q")["effective_policy_definition"] == {"max-length": 1}
    connection = pika.BlockingConnection(parameters_for(own_broker))
    channel = connection.channel()
    for number in range(3):
        channel.basic_publish("", "q", str(number))
    until(lambda: get(channel, "q"), what="a message")
    assert ready(channel, "q") == 0
    with channel_closed_with(406, "queue limit in vhost '/' \\(1\\) is reached"):
        channel.queue_declare("more")
    for _ in range(3):
        connection.channel()
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="maximum allowed user limit of \\(3\\)"):
        connection.channel()


def test_what_was_cleared_stays_cleared_after_a_crash(own_broker):
    management = Management(own_broker)
    management.set_policy("p", "^q", {"max-length": 2})
    management.clear_policy("p")
    own_broker.restart()
    assert management.get("policies") == []


# --- limits ---

def test_a_connection_too_many_is_refused(own_broker):
    management = Management(own_broker)
    assert management.put(f"vhost-limits/{VHOST}/max-connections", {"value": 1})[0] == 204
    first = pika.BlockingConnection(parameters_for(own_broker))
    with pytest.raises(pika.exceptions.AMQPConnectionError, match="connection limit \\(1\\) is reached"):
        pika.BlockingConnection(parameters_for(own_broker))
    first.close()
    pika.BlockingConnection(parameters_for(own_broker)).close()


def test_open_connections_and_channels_are_counted(own_broker):
    management = Management(own_broker)
    connection = pika.BlockingConnection(parameters_for(own_broker))
    connection.channel()
    connection.channel().close()
    totals = management.get("overview")["object_totals"]
    assert (totals["connections"], totals["channels"]) == (1, 1)
    connection.close()
    totals = management.get("overview")["object_totals"]
    assert (totals["connections"], totals["channels"]) == (0, 0)


# --- rabbitmqadmin ---

RABBITMQADMIN = shutil.which("rabbitmqadmin")


@pytest.mark.skipif(RABBITMQADMIN is None, reason="rabbitmqadmin is not installed")
def test_rabbitmqadmin_declares_lists_and_deletes_policies(broker, management, name):
    def rabbitmqadmin(*words):
        done = subprocess.run(["/usr/bin/python3", RABBITMQADMIN, "-H", broker.host, "-P", str(broker.management_port), *words],
                              capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for kind in ("policy", "operator_policy"):
        chosen = name("policy")
        rabbitmqadmin("declare", kind, f"name={chosen}", "pattern=^none$", 'definition={"max-length":7}', "priority=2", "apply-to=queues")
        listed = json.loads(rabbitmqadmin("-f", "raw_json", "list", kind[:-1] + "ies"))
        assert {"vhost": "/", "name": chosen, "pattern": "^none$", "apply-to": "queues", "definition": {"max-length": 7}, "priority": 2} in listed
        rabbitmqadmin("delete", kind, f"name={chosen}")
        assert chosen not in [each["name"] for each in json.loads(rabbitmqadmin("-f", "raw_json", "list", kind[:-1] + "ies"))]
    assert broker.host and "rabbitmq_version" in rabbitmqadmin("show", "overview")
