"""brokerctl's commands over the management API, spelled as rabbitmqctl's."""

import json
import os
import socket
import subprocess

import pika
import pytest

from broker_process import brokerd_program, free_port
from conftest import parameters_for
from management import Management
from pika_talk import expect_ready, publish_all

BROKERCTL = brokerd_program().parent / "brokerctl"


@pytest.fixture
def brokerctl(own_broker):
    """Runs a command against the broker of this test; returns its standard output, or all of it and the code where one is expected."""
    def run(*words, ends=0, url=None):
        ended = subprocess.run([str(BROKERCTL), *map(str, words)], capture_output=True, text=True, timeout=30, check=False,
                               env={**os.environ, "BROKERD_URL": url or f"http://127.0.0.1:{own_broker.management_port}"})
        assert ended.returncode == ends, ended.stdout + ended.stderr
        return ended.stdout if ends == 0 else ended.stderr
    return run


@pytest.mark.parametrize("kind, listing, what", [("policy", "policies", "policies"), ("operator_policy", "operator_policies", "operator policy overrides")])
def test_policies_are_set_listed_and_cleared(brokerctl, kind, listing, what):
    brokerctl(f"set_{kind}", "-p", "/", "--priority", 3, "--apply-to", "queues", "p", "^q", '{"max-length":1,"expires":9000}')
    assert brokerctl(f"list_{listing}") == (f'Listing {what} for vhost "/" ...\n'
                                            "vhost\tname\tpattern\tapply-to\tdefinition\tpriority\n"
                                            '/\tp\t^q\tqueues\t{"expires":9000,"max-length":1}\t3\n')
    assert json.loads(brokerctl(f"list_{listing}", "--formatter", "json")) == [
        {"vhost": "/", "name": "p", "pattern": "^q", "apply-to": "queues", "definition": '{"expires":9000,"max-length":1}', "priority": 3}]
    brokerctl(f"clear_{kind}", "p")
    assert brokerctl(f"list_{listing}", "-q") == ""


def test_parameters_are_set_listed_and_cleared(brokerctl):
    brokerctl("set_parameter", "vhost-limits", "limits", '{"max-queues":3}')
    assert brokerctl("list_parameters", "-s") == 'vhost-limits\tlimits\t{"max-queues":3}\n'
    brokerctl("clear_parameter", "vhost-limits", "limits")
    brokerctl("set_global_parameter", "a", '[1,{"x":null}]')
    assert brokerctl("list_global_parameters", "-q") == 'name\tvalue\na\t[1,{"x":null}]\n'
    brokerctl("clear_global_parameter", "a")
    assert brokerctl("list_parameters", "-q") == brokerctl("list_global_parameters", "-q") == ""


def test_limits_of_a_vhost_are_set_listed_and_cleared(brokerctl):
    brokerctl("set_vhost_limits", '{"max-queues":3}')
    assert brokerctl("list_vhost_limits", "-q") == '{"max-queues":3}\n'
    assert brokerctl("list_vhost_limits", "--global", "-q") == 'vhost\tlimits\n/\t{"max-queues":3}\n'
    brokerctl("clear_vhost_limits")
    assert brokerctl("list_vhost_limits", "-q") == "{}\n"


def test_limits_of_a_user_are_set_listed_and_cleared(brokerctl):
    brokerctl("set_user_limits", "guest", '{"max-channels":3,"max-connections":5}')
    assert brokerctl("list_user_limits", "--user", "guest", "-q") == '{"max-channels":3,"max-connections":5}\n'
    brokerctl("clear_user_limits", "guest", "max-channels")
    assert brokerctl("list_user_limits", "--global", "-q") == 'user\tlimits\nguest\t{"max-connections":5}\n'
    brokerctl("clear_user_limits", "guest", "all")
    assert brokerctl("list_user_limits", "-q") == "{}\n"


def test_arguments_of_a_queue_are_changed_and_kept(brokerctl, own_broker):
    with pika.BlockingConnection(parameters_for(own_broker)) as connection:
        connection.channel().queue_declare("q", durable=True, arguments={"x-expires": 60_000})
    brokerctl("set_queue_arguments", "q", '{"x-max-length":2,"x-expires":null}')
    assert Management(own_broker).queue("q")["arguments"] == {"x-max-length": 2}
    assert "unsupported queue type" in brokerctl("set_queue_arguments", "q", '{"x-queue-type":"ring"}', ends=4)
    assert "no JSON object" in brokerctl("set_queue_arguments", "q", "[]", ends=2)
    own_broker.restart()
    with pika.BlockingConnection(parameters_for(own_broker)) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True, arguments={"x-max-length": 2})
        publish_all(channel, "q", [b"1", b"2", b"3"])
        expect_ready(channel, "q", 2)


def test_a_queue_of_another_type_goes_by_its_delivery_limit_at_once(brokerctl, own_broker):
    with pika.BlockingConnection(parameters_for(own_broker)) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True)
        publish_all(channel, "q", [b"m"])
        for _ in range(25):  # more often than the default limit of quorum queues
            channel.basic_reject(channel.basic_get("q")[0].delivery_tag)
        brokerctl("set_queue_arguments", "q", '{"x-queue-type":"quorum"}')
        assert Management(own_broker).queue("q")["type"] == "quorum"
        channel.basic_reject(channel.basic_get("q")[0].delivery_tag)
        expect_ready(channel, "q", 0)


def test_a_vhost_may_let_queues_be_declared_again_with_other_arguments(brokerctl, own_broker):
    def declare(arguments):
        with pika.BlockingConnection(parameters_for(own_broker)) as connection:
            connection.channel().queue_declare("q", durable=True, arguments=arguments)

    declare({"x-max-length": 2})
    brokerctl("set_vhost_redeclare", "relaxed")
    own_broker.restart()
    for length in (3, 4):
        declare({"x-max-length": length})
    assert Management(own_broker).queue("q")["arguments"] == {"x-max-length": 2}
    assert own_broker.log.read_text().count("declared again with other arguments") == 1
    brokerctl("set_vhost_redeclare", "strict")
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        declare({"x-max-length": 3})
    assert "strict or relaxed" in brokerctl("set_vhost_redeclare", "loose", ends=4)


def test_names_may_hold_anything(brokerctl, own_broker):
    brokerctl("set_policy", "a/b c%ä", "", '{"max-length":1}')
    assert [each["name"] for each in Management(own_broker).get("policies")] == ["a/b c%ä"]
    brokerctl("clear_policy", "a/b c%ä")


@pytest.mark.parametrize("words, code, says", [
    (("set_policy", "p", "^q", '{"foo":1}'), 4, '[{<<"foo">>,1}] are not recognised policy settings'),
    (("set_policy", "p", "^q", "{bad"), 2, "no JSON"),
    (("set_policy", "-p", "none", "p", "^q", '{"max-length":1}'), 4, "the virtual host does not exist"),
    (("clear_policy", "p"), 4, "not found"),
    (("set_policy", "p"), 2, "required"),
    (("set_parameter", "foo", "n", "1"), 4, "component foo not found"),
    (("list_policies", "--password", "wrong"), 3, "Login failed"),
    (("list_policies", "--url", "http://127.0.0.1:1"), 1, "Connection refused"),
    (("list_policies", "--url", "elsewhere"), 1, "not a URL"),
])
def test_it_says_what_is_wrong_and_ends_with_a_code(brokerctl, words, code, says):
    assert says in brokerctl(*words, ends=code)


def test_it_does_not_wait_for_ever(brokerctl):
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        assert "no answer in time" in brokerctl("list_policies", "--timeout", "0.2", ends=1, url=f"http://127.0.0.1:{silent.getsockname()[1]}")
