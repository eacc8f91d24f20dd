"""The management API at the level of HTTP: what it takes, what it refuses, and that nothing harms it."""

import base64
import json
import socket

import pytest

from broker_process import OwnBroker, started
from management import VHOST, Management

GUEST = "Authorization: Basic " + base64.b64encode(b"guest:guest").decode() + "\r\n"


@pytest.fixture
def management(broker):
    if not hasattr(broker, "management_port"):
        pytest.skip("the broker named by AMQP_URL has a management API we do not know")
    return Management(broker)


@pytest.fixture
def says(broker, management):
    """Sends bytes, ends sending, and returns all that comes back."""
    def say(*parts, then_end=True):
        with socket.create_connection((broker.host, broker.management_port), timeout=20) as peer:
            for part in parts:
                peer.sendall(part if isinstance(part, bytes) else part.encode())
            if then_end:
                peer.shutdown(socket.SHUT_WR)
            heard = b""
            while chunk := peer.recv(65536):
                heard += chunk
            return heard

    yield say
    assert management.get("whoami")["name"] == "guest"  # it still serves


def status_of(heard):
    assert heard.startswith(b"HTTP/1.1 "), heard[:100]
    return int(heard.split(b" ", 2)[1])


def test_a_connection_serves_many_requests(says):
    heard = says("GET /api/whoami HTTP/1.1\r\nHost: x\r\n" + GUEST + "\r\n",
                 "GET /api/nonsense HTTP/1.1\r\nHost: x\r\n" + GUEST + "\r\n"
                 "GET /api/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + GUEST + "\r\n", then_end=False)
    assert heard.count(b"HTTP/1.1 200 OK") == 2 and heard.count(b"HTTP/1.1 404 Not Found") == 1


def test_head_gives_the_header_only(says):
    heard = says("HEAD /api/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + GUEST + "\r\n")
    assert status_of(heard) == 200 and heard.endswith(b"\r\n\r\n") and b"Content-Length: 41" in heard


def test_options_tells_the_verbs(management):
    assert management.request("OPTIONS", f"policies/{VHOST}/p")[0] == 200


def test_a_body_may_come_in_chunks(says, management, name):
    policy = name("policy")
    body = json.dumps({"pattern": "^none$", "definition": {"max-length": 1}})
    chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (body[:10], body[10:])) + "0\r\n\r\n"
    heard = says(f"PUT /api/policies/{VHOST}/{policy} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{GUEST}\r\n", chunks)
    assert status_of(heard) == 201
    management.clear_policy(policy)


def test_a_body_is_asked_for_when_the_client_waits_for_that(broker, management):
    with socket.create_connection((broker.host, broker.management_port), timeout=20) as peer:
        body = b'{"value":1}'
        peer.sendall(f"PUT /api/global-parameters/expected HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n{GUEST}\r\n".encode())
        assert peer.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        peer.sendall(body)
        assert status_of(peer.recv(1000)) in (201, 204)
    management.delete("global-parameters/expected")


def test_no_login_no_answer(says):
    assert status_of(says("GET /api/whoami HTTP/1.1\r\nHost: x\r\n\r\n")) == 401


def test_a_stranger_sends_no_body(says):
    """The refusal comes before the body is read, and is not lost although the body is still coming."""
    wrong = "Authorization: Basic " + base64.b64encode(b"guest:wrong").decode()
    heard = says(f"PUT /api/policies/{VHOST}/p HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n{wrong}\r\n\r\n", b"x" * 1_000_000)
    assert status_of(heard) == 401


@pytest.mark.parametrize("request_text", [
    "GARBAGE\r\n\r\n",
    "\x16\x03\x01\x00\xc8\x01\x00",
    "AMQP\x00\x00\x09\x01",
    "GET\r\n\r\n",
    "GET /api/whoami HTTP/9.9\r\n\r\n",
    "GET /api/whoami HTTP/1.1\r\nbad header\r\n\r\n",
    "GET /api/whoami HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "GET /api/whoami HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "GET http://x/api/whoami HTTP/1.1\r\n" + GUEST + "\r\n",
    "GET /api/%ZZ HTTP/1.1\r\n" + GUEST + "\r\n",
    "GET /" + "a" * 100_000 + " HTTP/1.1\r\n\r\n",
    "GET /api/whoami HTTP/1.1\r\n" + "X: " + "y" * 100_000 + "\r\n\r\n",
    "GET /api/whoami HTTP/1.1\r\n" + "X: y\r\n" * 10_000 + "\r\n",
], ids=lambda text: repr(text[:30]))
def test_what_is_no_request_is_refused(says, request_text):
    heard = says(request_text)
    assert heard == b"" or 400 <= status_of(heard) < 500


def test_a_request_cut_short_harms_nobody(says):
    whole = f"PUT /api/policies/{VHOST}/p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n{GUEST}\r\n{{}}   "
    for length in range(0, len(whole), 7):
        says(whole[:length])


def test_a_body_too_large_is_refused(tmp_path):
    with started(OwnBroker(["--set", "management.max_body_size=2KiB"])) as broker:
        management = Management(broker)
        assert management.put("global-parameters/a", {"value": "x" * 1000})[0] == 201
        assert management.put("global-parameters/a", {"value": "x" * 5000})[0] == 413
        assert management.get("global-parameters/a")["value"] == "x" * 1000


def test_a_slow_peer_is_cut_off():
    with started(OwnBroker(["--set", "management.idle_timeout=200ms"])) as broker:
        for beginning in (b"", b"GET /api/whoami HTT", f"PUT /api/global-parameters/a HTTP/1.1\r\nContent-Length: 5\r\n{GUEST}\r\n".encode()):
            with socket.create_connection((broker.host, broker.management_port), timeout=20) as peer:
                peer.sendall(beginning)
                assert peer.recv(1000) == b""


def test_connections_beyond_the_limit_are_refused():
    with started(OwnBroker(["--set", "management.max_connections=2"])) as broker:
        held = [socket.create_connection((broker.host, broker.management_port), timeout=20) for _ in range(2)]
        for peer in held:
            peer.sendall(b"GET /api/whoami HTTP/1.1\r\n" + GUEST.encode() + b"\r\n")
            assert status_of(peer.recv(1000)) == 200
        with socket.create_connection((broker.host, broker.management_port), timeout=20) as peer:
            assert peer.recv(1000) == b""
        for peer in held:
            peer.close()


def test_it_can_be_switched_off():
    with started(OwnBroker(["--set", "management.enabled=false"])) as broker:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((broker.host, broker.management_port), timeout=5)


def test_a_port_in_use_stops_the_start(own_broker):
    other = OwnBroker()
    other.management_port = own_broker.management_port
    with pytest.raises(RuntimeError, match="cannot listen on 127.0.0.1:.* \\(management API\\)"):
        with started(other):
            pass
