"""Logins as strangers meet them: what they are told, how they are slowed down, and that no password shows up anywhere."""

import base64
import http.client
import os
import pathlib
import subprocess

import pika
import pytest

from broker_process import OwnBroker, brokerd_program, started
from conftest import parameters_for
from waiting import until

pytestmark = pytest.mark.skipif("AMQP_URL" in os.environ, reason="about the program brokerd, not about a broker somewhere")

REFUSED = "Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
SECRETS = ("correct-horse", "battery-staple", "wrong-guess")


def amqp_login(broker, user, password):
    """None when it is let in, else the text it is refused with."""
    try:
        pika.BlockingConnection(parameters_for(broker, credentials=pika.PlainCredentials(user, password))).close()
        return None
    except pika.exceptions.ProbableAuthenticationError as refusal:
        return str(refusal)


def http_login(broker, user, password):
    """The status and body of an answer."""
    connection = http.client.HTTPConnection(broker.host, broker.management_port, timeout=20)
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    connection.request("GET", "/api/whoami", headers={"Authorization": "Basic " + token})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def written(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded(tmp_path):
    """A broker whose first user is ann, which slows down guesses from this machine too."""
    secret = written(tmp_path / "secret", "correct-horse\n")
    options = ["--set", "auth.default_user=ann", "--set", f"auth.default_password_file={secret}", "--set", "auth.throttle_loopback=true",
               "--set", "auth.max_login_failures=2", "--set", "auth.login_bar_max=1s", "--log-level", "trace"]
    with started(OwnBroker(options)) as broker:
        yield broker


def holds_no_secret(text):
    return not any(secret in text or base64.b64encode(secret.encode()).decode() in text for secret in SECRETS)


# --- what a stranger learns ---

def test_a_login_is_refused_with_one_text_whatever_is_wrong(guarded):
    told = {amqp_login(guarded, user, "wrong-guess") for user in ("ann", "nobody")}
    assert len(told) == 1 and REFUSED in told.pop()


def test_http_refuses_likewise(guarded):
    told = {http_login(guarded, user, "wrong-guess") for user in ("ann", "nobody")}
    assert told == {(401, '{"error":"not_authorized","reason":"Login failed"}')}


def test_amqp_and_http_let_the_same_user_in(guarded):
    assert amqp_login(guarded, "ann", "correct-horse") is None
    assert http_login(guarded, "ann", "correct-horse")[0] == 200
    assert amqp_login(guarded, "ann", "correct-horse") is None


# --- who guesses ---

def test_who_guesses_over_http_is_refused_over_amqp_too_and_let_in_later(guarded):
    assert amqp_login(guarded, "ann", "correct-horse") is None
    for guess in range(3):
        assert http_login(guarded, "ann", f"wrong-guess{guess}")[0] == 401
    assert REFUSED in amqp_login(guarded, "ann", "correct-horse")
    until(lambda: amqp_login(guarded, "ann", "correct-horse") is None, within=20, what="the bar to end")


def test_connections_that_are_open_do_not_notice(guarded):
    with pika.BlockingConnection(parameters_for(guarded, credentials=pika.PlainCredentials("ann", "correct-horse"))) as connection:
        for guess in range(4):
            amqp_login(guarded, "ann", f"wrong-guess{guess}")
        channel = connection.channel()
        channel.queue_declare("q")
        channel.basic_publish("", "q", b"m")
        assert channel.basic_get("q", auto_ack=True)[2] == b"m"


def test_a_bar_is_logged_once(guarded):
    for guess in range(8):
        amqp_login(guarded, "ann", f"wrong-guess{guess}")
    lines = [line for line in guarded.log_tail().splitlines() if "are refused for 1000 ms" in line]
    assert lines and all("user 'ann' from 127.0.0.1" in line for line in lines)
    assert len(lines) <= 8 - 2  # one per bar at most, and the first two guesses are free


# --- secrets ---

def test_no_password_is_logged(guarded):
    amqp_login(guarded, "ann", "correct-horse")
    amqp_login(guarded, "ann", "wrong-guess")
    amqp_login(guarded, "nobody", "battery-staple")
    http_login(guarded, "ann", "correct-horse")
    http_login(guarded, "ann", "battery-staple")
    assert "login of user 'ann' refused" in guarded.log_tail()
    assert holds_no_secret(guarded.log.read_text())


def test_no_password_is_told_by_the_process_list(guarded):
    assert holds_no_secret(pathlib.Path(f"/proc/{guarded.process.pid}/cmdline").read_bytes().decode())


def test_no_password_lies_in_the_data(guarded):
    amqp_login(guarded, "ann", "correct-horse")
    guarded.terminate()
    for file in guarded.data.rglob("*"):
        assert not file.is_file() or not any(secret.encode() in file.read_bytes() for secret in SECRETS), file


def test_a_password_on_the_command_line_is_refused(tmp_path):
    ended = subprocess.run([brokerd_program(), "--data-dir", ":memory:", "--set", "auth.default_password=correct-horse"], cwd=tmp_path,
                           capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "auth.default_password would be seen by all who can list processes; use auth.default_password_file" in ended.stderr
    assert holds_no_secret(ended.stdout + ended.stderr)


def test_a_password_file_that_cannot_be_read_stops_the_start(tmp_path):
    ended = subprocess.run([brokerd_program(), "--data-dir", ":memory:", "--bind", "127.0.0.1", "--amqp-port", "0", "--management-port", "0",
                            "--set", f"auth.default_password_file={tmp_path}/none"], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert f"the secret in '{tmp_path}/none' cannot be read" in ended.stderr


@pytest.mark.parametrize("how", ["credential", "environment"])
def test_the_first_password_may_come_from(how, tmp_path, monkeypatch):
    if how == "credential":
        written(tmp_path / "default_password", "battery-staple")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    else:
        monkeypatch.setenv("BROKERD_DEFAULT_PASSWORD", "battery-staple")
    with started(OwnBroker()) as broker:
        assert amqp_login(broker, "guest", "battery-staple") is None
        assert amqp_login(broker, "guest", "guest") is not None


# --- brokerctl ---

def brokerctl(broker, *options, **how):
    return subprocess.run([brokerd_program().parent / "brokerctl", "list_policies", "--url", f"http://{broker.host}:{broker.management_port}",
                           "--user", "ann", *map(str, options)], capture_output=True, text=True, timeout=20, **how)


def test_brokerctl_reads_the_password_from_a_file(guarded, tmp_path):
    assert brokerctl(guarded, "--password-file", written(tmp_path / "p", "correct-horse\n")).returncode == 0
    assert brokerctl(guarded, "--password-file", tmp_path / "none").returncode == 2


def test_brokerctl_reads_the_password_from_standard_input(guarded):
    assert brokerctl(guarded, "--password-file", "-", input="correct-horse\n").returncode == 0


def test_brokerctl_reads_the_password_from_the_environment(guarded):
    assert brokerctl(guarded, env={**os.environ, "BROKERD_PASSWORD": "correct-horse"}).returncode == 0


def test_brokerctl_asks_for_the_password_without_showing_it(guarded):
    leader, follower = os.openpty()
    command = [brokerd_program().parent / "brokerctl", "list_policies", "--url", f"http://{guarded.host}:{guarded.management_port}", "--user",
               "ann", "--ask-password"]
    # setsid and the first terminal opened: that is the one asked at.
    def at_terminal():
        os.setsid()
        os.close(os.open(os.ttyname(follower), os.O_RDWR))
    asking = subprocess.Popen(command, preexec_fn=at_terminal, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    seen = b""
    while b"password: " not in seen:
        seen += os.read(leader, 100)
    until(lambda: not echoes(follower), what="the terminal to stop showing what is typed")
    os.write(leader, b"correct-horse\n")
    assert asking.wait(timeout=20) == 0
    asking.communicate()
    os.set_blocking(leader, False)
    try:
        seen += os.read(leader, 1000)
    except BlockingIOError:
        pass
    assert b"correct-horse" not in seen
    os.close(leader)
    os.close(follower)


def echoes(terminal):
    import termios
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def test_brokerctl_hides_a_password_of_its_command_line(guarded):
    command = [brokerd_program().parent / "brokerctl", "await-startup", "--port", "1", "--user", "ann", "--password", "correct-horse",
               "--timeout", "20"]
    waiting = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: b"*****" in pathlib.Path(f"/proc/{waiting.pid}/cmdline").read_bytes(), what="the password to be hidden")
        assert b"correct-horse" not in pathlib.Path(f"/proc/{waiting.pid}/cmdline").read_bytes()
    finally:
        waiting.kill()
        waiting.wait()
