"""librabbitmq: a small C program, and the command-line tools that come with the library (amqp-tools)."""

import pathlib
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).parent / "c" / "talk.c"


@pytest.fixture(scope="session")
def talk(tmp_path_factory):
    """The compiled C program."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    program = tmp_path_factory.mktemp("c") / "talk"
    flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Wshadow", "-Wno-deprecated-declarations"]
    built = subprocess.run([compiler, *flags, str(SOURCE), "-o", str(program), "-lrabbitmq"], capture_output=True, text=True)
    if "amqp.h" in built.stderr:
        pytest.skip("librabbitmq's headers are not installed")
    assert built.returncode == 0, built.stderr
    return program


@pytest.fixture
def tool(broker):
    """Runs one of the amqp-tools against the broker; returns the finished process."""
    def run(program, *arguments, text="", check=True):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        words = [program, "--server", broker.host, "--port", str(broker.port), "--vhost", broker.vhost, "--username", broker.user,
                 "--password", broker.password, *arguments]
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=20)
        assert not check or done.returncode == 0, f"{program}: {done.stderr}"
        return done

    return run


@pytest.mark.parametrize("messages", [1, 1000])
def test_a_c_program_declares_publishes_confirms_consumes_and_gets(talk, broker, name, messages):
    done = subprocess.run([talk, broker.host, str(broker.port), broker.user, broker.password, broker.vhost, name(), str(messages)],
                          capture_output=True, text=True, timeout=40)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_a_c_program_is_told_that_its_password_is_wrong(talk, broker, name):
    done = subprocess.run([talk, broker.host, str(broker.port), broker.user, "wrong", broker.vhost, name(), "1"],
                          capture_output=True, text=True, timeout=40)
    assert done.returncode == 1 and "login" in done.stderr


def test_the_tools_declare_publish_get_and_delete(tool, name):
    queue = name()
    assert tool("amqp-declare-queue", "--queue", queue, "--durable").stdout.strip() == queue
    tool("amqp-publish", "--routing-key", queue, "--persistent", "--body", "by hand", "--content-type", "text/plain")
    assert tool("amqp-get", "--queue", queue).stdout == "by hand"
    assert tool("amqp-delete-queue", "--queue", queue).stdout.strip() == "0"


def test_get_of_an_empty_queue_exits_with_2(tool, name):
    queue = name()
    tool("amqp-declare-queue", "--queue", queue)
    assert tool("amqp-get", "--queue", queue, check=False).returncode == 2


def test_each_line_becomes_a_message_and_consume_runs_a_command_for_each(tool, name):
    queue = name()
    tool("amqp-declare-queue", "--queue", queue)
    tool("amqp-publish", "--routing-key", queue, "--line-buffered", text="one\ntwo\nthree\n")
    done = tool("amqp-consume", "--queue", queue, "--count", "3", "--prefetch-count", "1", "cat")
    assert done.stdout.split() == ["one", "two", "three"]
    assert tool("amqp-delete-queue", "--queue", queue).stdout.strip() == "0"


def test_publishing_to_a_missing_exchange_fails(tool, name):
    done = tool("amqp-publish", "--exchange", name("x"), "--routing-key", "k", "--body", "x", check=False)
    # The tool does not wait for confirms, so the broker's answer may come too late for it; it must not hang either way.
    assert done.returncode in (0, 1)
