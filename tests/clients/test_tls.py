"""AMQP and the management API over TLS: what clients get, who is refused, certificates of clients, and new certificates on SIGHUP."""

import base64
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess

import amqp
import pika
import pytest

from broker_process import ROOT, OwnBroker, brokerd_program, free_port, started
from certificates import Authority
from conftest import parameters_for
from waiting import until

pytestmark = pytest.mark.skipif("AMQP_URL" in os.environ, reason="about the program brokerd, not about a broker somewhere")

LARGE_BODY = os.urandom(1 << 20) * 5


class TlsBroker(OwnBroker):
    def __init__(self, certificate, key, *options):
        self.tls_port = free_port()
        self.tls_management_port = free_port()
        self.certificate, self.key = certificate, key
        super().__init__(["--set", f"tls.certificate={certificate}", "--set", f"tls.key={key}", "--set", f"tls.amqp_port={self.tls_port}",
                          "--set", f"tls.management_port={self.tls_management_port}",
                          *[text for option in options for text in ("--set", option)]])

    def hang_up(self, until_logged="configuration reloaded"):
        told = self.log.read_text().count(until_logged)
        self.process.send_signal(signal.SIGHUP)
        until(lambda: self.log.read_text().count(until_logged) > told, what=until_logged, detail=self.log_tail)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls_broker(authority):
    with started(TlsBroker(*authority.sign("server"))) as broker:
        yield broker


@pytest.fixture(scope="module")
def mutual_broker(authority):
    """Wants certificates of clients, which name their users."""
    options = ["tls.verify=required", f"tls.ca={authority.certificate}", "tls.login_from=common_name"]
    with started(TlsBroker(*authority.sign("mutual"), *options)) as broker:
        yield broker


def trusting(authority, client=None, **changes):
    context = ssl.create_default_context(cafile=authority.certificate)
    if client:
        context.load_cert_chain(*client)
    for name, value in changes.items():
        setattr(context, name, value)
    return context


def tls_parameters(broker, context, **changes):
    return parameters_for(broker, port=broker.tls_port, ssl_options=pika.SSLOptions(context, "localhost"), **changes)


def shakes_hands(broker, context, port=None):
    """What the handshake comes to: the version, or the failure. With TLS 1.3 a refusal of the client comes behind it."""
    with socket.create_connection((broker.host, port or broker.tls_port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(b"AMQP\x00\x00\x09\x01")
                return secure.version() if secure.recv(1) else "closed"
        except OSError as failure:
            return failure


# --- AMQP ---

def test_pika_publishes_and_consumes(tls_broker, authority):
    with pika.BlockingConnection(tls_parameters(tls_broker, trusting(authority))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        queue = channel.queue_declare("", exclusive=True).method.queue
        for body in (b"", b"small", LARGE_BODY):
            channel.basic_publish("", queue, body)
            assert channel.basic_get(queue, auto_ack=True)[2] == body


def test_many_messages_go_both_ways_in_order(tls_broker, authority):
    with pika.BlockingConnection(tls_parameters(tls_broker, trusting(authority))) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        bodies = [b"%d " % number * (number % 300) for number in range(5000)]
        for body in bodies:
            channel.basic_publish("", queue, body)
        got = []
        for _, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=20):
            got.append(body)
            if len(got) == len(bodies) or body is None:
                break
        assert got == bodies


def test_py_amqp_talks_tls(tls_broker, authority):
    options = {"ca_certs": str(authority.certificate), "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "localhost"}
    with amqp.Connection(f"{tls_broker.host}:{tls_broker.tls_port}", ssl=options) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).queue
        channel.basic_publish(amqp.Message("m"), routing_key=queue)
        assert channel.basic_get(queue, no_ack=True).body == "m"


def test_amqplib_talks_tls(tls_broker, authority):
    modules = ROOT / "tests" / "clients" / "node" / "node_modules"
    if not shutil.which("node") or not (modules / "amqplib").exists():
        pytest.skip("Node or its packages are not there")
    script = f"""
        const amqp = require('amqplib');
        (async () => {{
          const connection = await amqp.connect('amqps://guest:guest@localhost:{tls_broker.tls_port}', {{ca: [require('fs').readFileSync('{authority.certificate}')]}});
          const channel = await connection.createChannel();
          const {{queue}} = await channel.assertQueue('', {{exclusive: true}});
          channel.sendToQueue(queue, Buffer.from('m'));
          for (;;) {{
            const message = await channel.get(queue, {{noAck: true}});
            if (message) {{ console.log(message.content.toString()); break; }}
          }}
          await connection.close();
        }})().catch(error => {{ console.error(error); process.exit(1); }});"""
    ended = subprocess.run(["node", "-e", script], cwd=modules.parent, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (0, "m\n"), ended.stderr


def test_a_client_that_does_not_know_the_authority_goes_away(tls_broker, tmp_path):
    other = Authority(tmp_path)
    assert isinstance(shakes_hands(tls_broker, trusting(other)), ssl.SSLCertVerificationError)
    assert tls_broker.running()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_versions_are_spoken(tls_broker, authority, version):
    context = trusting(authority)
    context.minimum_version = context.maximum_version = version
    assert shakes_hands(tls_broker, context) == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]


def told_lately(broker, text):
    until(lambda: text in broker.log.read_text(), what=f"'{text}' in the log", detail=broker.log_tail)


def test_old_versions_are_refused(tls_broker, authority):
    context = trusting(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    assert isinstance(shakes_hands(tls_broker, context), ssl.SSLError)
    told_lately(tls_broker, "TLS handshake failed: unsupported protocol")


def test_weak_ciphers_are_refused(tls_broker, authority):
    context = trusting(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    assert isinstance(shakes_hands(tls_broker, context), ssl.SSLError)
    told_lately(tls_broker, "TLS handshake failed: no shared cipher")


@pytest.mark.parametrize("said", [b"AMQP\x00\x00\x09\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x00" * 100],
                         ids=["amqp", "http", "broken", "zeros"])
def test_what_is_no_tls_is_cut_off(tls_broker, authority, said):
    with socket.create_connection((tls_broker.host, tls_broker.tls_port), timeout=20) as peer:
        peer.sendall(said)
        try:
            while peer.recv(100):
                pass
        except ConnectionResetError:
            pass
    told_lately(tls_broker, "TLS handshake failed")
    assert shakes_hands(tls_broker, trusting(authority)) == "TLSv1.3"


def test_a_handshake_that_takes_too_long_is_cut_off(authority):
    with started(TlsBroker(*authority.sign("slow"), "amqp.handshake_timeout=300ms")) as broker:
        for said in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection((broker.host, broker.tls_port), timeout=20) as peer:
                peer.sendall(said)
                assert peer.recv(1) == b""
        told_lately(broker, "handshake timed out")


def test_a_client_that_vanishes_in_the_middle_costs_nothing(tls_broker, authority):
    for _ in range(20):
        context = trusting(authority)
        with socket.create_connection((tls_broker.host, tls_broker.tls_port), timeout=10) as plain:
            secure = context.wrap_socket(plain, server_hostname="localhost")
            secure.sendall(b"AMQP\x00\x00\x09\x01"[:5])
            secure.close()
    assert shakes_hands(tls_broker, trusting(authority)) == "TLSv1.3"


def test_sessions_are_resumed(tls_broker, authority):
    context = trusting(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    first = ssl_session(tls_broker, context)
    with socket.create_connection((tls_broker.host, tls_broker.tls_port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost", session=first) as secure:
            assert secure.session_reused


def ssl_session(broker, context):
    with socket.create_connection((broker.host, broker.tls_port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            return secure.session


def test_plain_clients_are_served_beside(tls_broker):
    pika.BlockingConnection(parameters_for(tls_broker)).close()


# --- the management API ---

def api(broker, context, path="/api/overview", login="guest:guest"):
    connection = http.client.HTTPSConnection("localhost", broker.tls_management_port, context=context, timeout=20)
    connection.request("GET", path, headers={"Authorization": "Basic " + base64.b64encode(login.encode()).decode()})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_the_api_is_served_over_tls(tls_broker, authority):
    status, body = api(tls_broker, trusting(authority))
    assert status == 200 and '"amqp/ssl"' in body
    assert api(tls_broker, trusting(authority), login="guest:wrong")[0] == 401


def test_a_connection_serves_several_requests(tls_broker, authority):
    connection = http.client.HTTPSConnection("localhost", tls_broker.tls_management_port, context=trusting(authority), timeout=20)
    for _ in range(3):
        connection.request("GET", "/api/whoami", headers={"Authorization": "Basic " + base64.b64encode(b"guest:guest").decode()})
        assert connection.getresponse().read().startswith(b"{")
    connection.close()


def brokerctl(broker, *options):
    return subprocess.run([brokerd_program().parent / "brokerctl", "list_policies", "--url", f"https://localhost:{broker.tls_management_port}",
                           *map(str, options)], capture_output=True, text=True, timeout=20)


def test_brokerctl_talks_https(tls_broker, authority):
    assert brokerctl(tls_broker, "--ca", authority.certificate).returncode == 0


def test_brokerctl_trusts_no_stranger(tls_broker, tmp_path):
    for options in ((), ("--ca", Authority(tmp_path).certificate)):
        ended = brokerctl(tls_broker, *options)
        assert ended.returncode == 1 and "certificate verify failed" in ended.stderr, ended


# --- certificates of clients ---

def test_a_client_without_a_certificate_is_refused_where_one_is_required(mutual_broker, authority):
    assert shakes_hands(mutual_broker, trusting(authority)) not in ("TLSv1.2", "TLSv1.3")
    told_lately(mutual_broker, "TLS handshake failed: peer did not return a certificate")


def test_a_certificate_of_somebody_else_is_refused(mutual_broker, authority, tmp_path):
    stranger = Authority(tmp_path).sign("guest", "/CN=guest")
    assert shakes_hands(mutual_broker, trusting(authority, stranger)) not in ("TLSv1.2", "TLSv1.3")
    told_lately(mutual_broker, "TLS handshake failed: certificate verify failed")


def test_an_expired_certificate_is_refused(mutual_broker, authority):
    expired = authority.sign("expired", "/CN=guest", expired=True)
    assert shakes_hands(mutual_broker, trusting(authority, expired)) not in ("TLSv1.2", "TLSv1.3")


def test_a_certificate_logs_its_user_in(mutual_broker, authority):
    context = trusting(authority, authority.sign("guest", "/CN=guest"))
    external = pika.credentials.ExternalCredentials()
    pika.BlockingConnection(tls_parameters(mutual_broker, context, credentials=external)).close()


def test_a_certificate_of_no_user_is_refused(mutual_broker, authority):
    context = trusting(authority, authority.sign("nobody", "/CN=nobody"))
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(tls_parameters(mutual_broker, context, credentials=pika.credentials.ExternalCredentials()))
    told_lately(mutual_broker, "login of user 'nobody' by certificate refused")


def test_who_has_a_certificate_may_use_a_password_too(mutual_broker, authority):
    context = trusting(authority, authority.sign("other", "/CN=other"))
    pika.BlockingConnection(tls_parameters(mutual_broker, context)).close()


def test_the_whole_subject_may_be_the_user(authority):
    options = ["tls.verify=optional", f"tls.ca={authority.certificate}", "auth.default_user=CN=ann,O=Example", "auth.loopback_users=guest"]
    with started(TlsBroker(*authority.sign("subject"), *options)) as broker:
        context = trusting(authority, authority.sign("ann", "/O=Example/CN=ann"))
        pika.BlockingConnection(tls_parameters(broker, context, credentials=pika.credentials.ExternalCredentials())).close()
        assert shakes_hands(broker, trusting(authority)) == "TLSv1.3"  # without one the password counts


def test_there_is_no_external_login_without_a_certificate(tls_broker, authority):
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(tls_parameters(tls_broker, trusting(authority), credentials=pika.credentials.ExternalCredentials()))


# --- certificates of the broker ---

def serial(broker, context):
    with socket.create_connection((broker.host, broker.tls_port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            return secure.getpeercert()["serialNumber"]


@pytest.fixture
def renewing(authority, tmp_path):
    """A broker whose files the test may replace."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    for source, to in zip(authority.sign("first"), (certificate, key)):
        shutil.copy(source, to)
    with started(TlsBroker(certificate, key)) as broker:
        yield broker


def test_a_hang_up_signal_takes_over_a_new_certificate(renewing, authority):
    context = trusting(authority)
    before = serial(renewing, context)
    with pika.BlockingConnection(tls_parameters(renewing, context)) as connection:
        for source, to in zip(authority.sign("second"), (renewing.certificate, renewing.key)):
            shutil.copy(source, to)
        assert serial(renewing, context) == before
        renewing.hang_up()
        until(lambda: serial(renewing, context) != before, what="the new certificate")
        assert api(renewing, context)[0] == 200
        assert connection.channel().queue_declare("q").method.queue == "q"  # who is there already goes on


def test_a_hang_up_signal_with_a_broken_certificate_changes_nothing(renewing, authority):
    before = serial(renewing, trusting(authority))
    renewing.certificate.write_text("nonsense")
    renewing.hang_up("TLS goes on with the certificate it has")
    assert serial(renewing, trusting(authority)) == before


def refuses_to_start(folder, *options):
    ended = subprocess.run([brokerd_program(), "--data-dir", ":memory:", "--bind", "127.0.0.1", "--amqp-port", "0", "--management-port", "0",
                            *[text for option in options for text in ("--set", str(option))]], cwd=folder, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    return ended.stdout + ended.stderr


def test_files_that_are_no_good_stop_the_start(authority, tmp_path):
    certificate, key = authority.sign("good")
    _, other_key = authority.sign("unlike")
    assert "cannot use the certificate" in refuses_to_start(tmp_path, f"tls.certificate={tmp_path}/none", f"tls.key={key}")
    assert "key values mismatch" in refuses_to_start(tmp_path, f"tls.certificate={certificate}", f"tls.key={other_key}")
    assert "tls.certificate and tls.key go together" in refuses_to_start(tmp_path, f"tls.certificate={certificate}")
    assert "tls.ca does not say" in refuses_to_start(tmp_path, "tls.verify=required")
    assert "cannot use the ciphers" in refuses_to_start(tmp_path, f"tls.certificate={certificate}", f"tls.key={key}", "tls.ciphers=ROT13")


def test_an_encrypted_key_needs_its_password(authority, tmp_path):
    certificate, key = authority.sign("locked", password="open sesame")
    password = tmp_path / "password"
    password.write_text("open sesame\n")
    assert "cannot use the key" in refuses_to_start(tmp_path, f"tls.certificate={certificate}", f"tls.key={key}")
    with started(TlsBroker(certificate, key, f"tls.key_password_file={password}")) as broker:
        assert shakes_hands(broker, trusting(authority)) == "TLSv1.3"
        assert "open sesame" not in broker.log.read_text()


def test_a_certificate_that_has_expired_is_said_so_at_the_start(authority):
    with started(TlsBroker(*authority.sign("past", expired=True))) as broker:
        assert "has expired" in broker.log_tail()


def test_ports_without_tls_can_be_closed(authority):
    broker = TlsBroker(*authority.sign("only"), "tls.only=true")
    broker.alive = lambda: shakes_hands_or_not(broker, authority)
    with started(broker):
        for port in (broker.port, broker.management_port):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((broker.host, port), timeout=5)
        pika.BlockingConnection(tls_parameters(broker, trusting(authority))).close()


def shakes_hands_or_not(broker, authority):
    try:
        return shakes_hands(broker, trusting(authority)) == "TLSv1.3"
    except OSError:
        return False


# --- load ---

def test_a_client_that_stops_reading_is_delivered_the_rest_later(tls_broker, authority):
    context = trusting(authority)
    with pika.BlockingConnection(tls_parameters(tls_broker, context)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        for _ in range(20):
            channel.basic_publish("", queue, LARGE_BODY)
        channel.basic_qos(prefetch_count=20)
        got = []
        channel.basic_consume(queue, lambda *message: got.append(message[3]), auto_ack=True)
        until(lambda: (connection.process_data_events(0.1), len(got) == 20)[1], within=40, what="all deliveries")
        assert all(body == LARGE_BODY for body in got)
