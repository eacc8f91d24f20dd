"""Celery: a real worker process and the example application (examples/celery)."""

import contextlib
import datetime
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

import celery
import pytest

from waiting import until

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "celery"
START_LIMIT = 30


@contextlib.contextmanager
def environment(**values):
    """Environment variables for the length of the block."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def load_application(broker, queue):
    """The example's module, told this broker and queue."""
    with environment(AMQP_URL=broker.url(), CELERY_QUEUE=queue):
        spec = importlib.util.spec_from_file_location("tasks", EXAMPLE / "tasks.py")
        tasks = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tasks)
    return tasks


@contextlib.contextmanager
def worker(broker, queue, pool, tasks):
    """A celery worker in a process group of its own, up and answering pings inside the block."""
    home = tempfile.mkdtemp(prefix="celery-test-")
    log = open(pathlib.Path(home) / "log", "wb")
    name = f"test-{uuid.uuid4().hex[:8]}@localhost"
    variables = dict(os.environ, AMQP_URL=broker.url(), CELERY_QUEUE=queue, PYTHONDONTWRITEBYTECODE="1", C_FORCE_ROOT="1")
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "--app", "tasks", "--workdir", str(EXAMPLE), "worker", "--pool", pool, "--concurrency", "2",
         "--hostname", name, "--loglevel", "info"],
        env=variables, cwd=EXAMPLE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def text():
        return pathlib.Path(log.name).read_text(errors="replace")[-4000:]

    def up():
        assert process.poll() is None, f"the worker ended:\n{text()}"
        return tasks.app.control.ping(destination=[name], timeout=0.3)

    try:
        until(up, within=START_LIMIT, what="the worker to answer a ping", detail=text)
        yield name
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module", params=["solo", "prefork"])
def running(request, shared_broker):
    """(tasks, worker name, pool): the example with one worker, for all tests of this file that need no restart."""
    queue = f"celery.{uuid.uuid4().hex[:8]}"
    tasks = load_application(shared_broker, queue)
    with worker(shared_broker, queue, request.param, tasks) as name:
        yield tasks, name, request.param
    with tasks.app.connection() as connection:
        connection.default_channel.queue_delete(queue)
        connection.default_channel.exchange_delete(queue)


def test_a_task_returns_its_result(running):
    tasks, *_ = running
    assert tasks.add.delay(2, 3).get(timeout=10) == 5


def test_many_tasks_all_come_back(running):
    tasks, *_ = running
    results = celery.group(tasks.add.s(number, number) for number in range(50)).apply_async()
    assert results.get(timeout=20) == [number * 2 for number in range(50)]


def test_a_chain_passes_results_on(running):
    tasks, *_ = running
    assert celery.chain(tasks.add.s(1, 2), tasks.add.s(10), tasks.add.s(100)).apply_async().get(timeout=10) == 113


def test_a_task_is_retried_until_it_succeeds(running):
    tasks, *_ = running
    assert tasks.succeed_at_attempt.delay(3).get(timeout=15) == 3


def test_a_failing_task_raises_its_error(running):
    tasks, *_ = running
    with pytest.raises(ValueError, match="on purpose"):
        tasks.fail.delay("on purpose").get(timeout=10)


def test_a_task_with_an_eta_waits_for_it(running):
    tasks, *_ = running
    eta = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    result = tasks.add.apply_async((1, 1), eta=eta)
    assert result.get(timeout=15) == 2
    assert datetime.datetime.now(datetime.timezone.utc) >= eta


def test_a_big_argument_arrives(running):
    tasks, *_ = running
    assert tasks.total.delay(list(range(200_000))).get(timeout=20) == sum(range(200_000))


def test_the_worker_answers_inspection(running):
    tasks, name, _pool = running
    inspect = tasks.app.control.inspect(destination=[name], timeout=2)
    assert inspect.ping() == {name: {"ok": "pong"}}
    assert "tasks.add" in inspect.registered()[name]
    assert inspect.active_queues()[name][0]["name"] == tasks.app.conf.task_default_queue


def test_the_prefetch_can_be_changed_while_working(running):
    tasks, name, pool = running
    if pool == "solo":
        pytest.skip("a solo pool does not grow")

    def prefetch():
        return tasks.app.control.inspect([name], timeout=1).stats()[name]["prefetch_count"]

    before = prefetch()
    tasks.app.control.pool_grow(1, destination=[name], reply=True, timeout=3)
    until(lambda: prefetch() > before, what="a higher prefetch")
    assert tasks.add.delay(4, 5).get(timeout=10) == 9


def test_a_worker_outlives_a_restart_of_the_broker(own_broker):
    tasks = load_application(own_broker, "celery.restart")
    with worker(own_broker, "celery.restart", "solo", tasks) as name:
        assert tasks.add.delay(1, 1).get(timeout=10) == 2
        own_broker.restart()
        until(lambda: answers(tasks, name), within=30, what="the worker to be back")
        tasks = load_application(own_broker, "celery.restart")
        assert tasks.add.delay(2, 2).get(timeout=20) == 4


def answers(tasks, name):
    try:
        return tasks.app.control.ping(destination=[name], timeout=0.5)
    except OSError:
        return None
