"""The load tool as its users run it: against a broker, from the command line, with its files."""

import csv
import html.parser
import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from broker_process import brokerd_program, free_port
from waiting import until

PROGRAM = brokerd_program().parent / "brokerbench"
LIMIT_SECONDS = 50


def preset_names():
    listing = subprocess.run([PROGRAM, "presets"], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=True).stdout
    return [line for line in listing.splitlines() if re.fullmatch(r"[a-z0-9-]+", line)]


@pytest.fixture
def bench(broker, name):
    """Runs brokerbench against the broker with a queue name of its own."""
    def run(*options, code=0, queue=None, address=None):
        where = ["--uri", address or broker.url(), "--queue", queue or name("bench")]
        done = subprocess.run([PROGRAM, *where, *map(str, options)], capture_output=True, text=True, timeout=LIMIT_SECONDS)
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def result(bench):
    """Runs brokerbench and returns its JSON."""
    return lambda *options, **more: json.loads(bench("--json", *options, **more).stdout)


class Page(html.parser.HTMLParser):
    """What a page would load, and what it says."""

    def __init__(self, text):
        super().__init__()
        self.loads = []
        self.words = []
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.loads += [value for key, value in attributes if key in ("src", "href", "xlink:href", "data")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_counts_add_up(result):
    r = result("--count", 5000, "--size", 16)
    assert (r["published"], r["consumed"], r["error"]) == (5000, 5000, None)
    assert r["delivery_ms"]["count"] == 5000
    assert 0 < r["delivery_ms"]["p50"] <= r["delivery_ms"]["p99"] <= r["delivery_ms"]["max"]


def test_counts_of_several_workers_add_up(result):
    r = result("--count", 4000, "--producers", 3, "--consumers", 2, "--queues", 5, "--confirm", 50)
    assert (r["published"], r["confirmed"], r["consumed"], r["nacked"]) == (4000, 4000, 4000, 0)
    assert r["confirm_ms"]["count"] == 4000


@pytest.mark.parametrize("options", [["--prefetch", 0], ["--ack-each"], ["--ack-every", 7], ["--prefetch", 1],
                                     ["--tx-acks", 20], ["--consumer-rate", 5000]])
def test_every_way_to_ack_leaves_the_queue_empty(result, channel, name, options):
    queue = name()
    channel.queue_declare(queue + ".0")
    r = result("--count", 1000, *options, queue=queue)
    assert r["consumed"] == 1000
    assert channel.queue_declare(queue + ".0", passive=True).method.message_count == 0
    channel.queue_delete(queue + ".0")


def test_transactions_commit_all(result):
    r = result("--count", 1005, "--tx", 10, "--persistent", "--durable")
    assert (r["published"], r["committed"], r["consumed"]) == (1005, 1005, 1005)
    assert r["commit_ms"]["count"] == 101


def test_fanout_delivers_every_copy(result, name):
    r = result("--exchange", name("x"), "--exchange-type", "fanout", "--queues", 3, "--consumers", 3, "--count", 500)
    assert (r["published"], r["consumed"]) == (500, 1500)


def test_topic_keys_find_their_bindings(result, name):
    r = result("--exchange", name("x"), "--exchange-type", "topic", "--key", "a.{n}.b", "--keys", 10, "--binding", "a.{n}.*",
               "--bindings", 10, "--queues", 2, "--consumers", 2, "--count", 500)
    assert r["consumed"] == 500


def test_returned_messages_are_counted(result, name):
    r = result("--exchange", name("x"), "--key", "somewhere", "--binding", "elsewhere", "--mandatory", "--count", 200, "--confirm", 50)
    assert (r["returned"], r["confirmed"], r["consumed"]) == (200, 200, 0)


def test_size_mix_is_what_arrives(bench, channel, name):
    queue = name()
    bench("--count", 400, "--size", "10:3,1KiB:1", "--consumers", 0, "--keep", queue=queue)
    sizes = [len(channel.basic_get(queue + ".0", auto_ack=True)[2]) for _ in range(400)]
    channel.queue_delete(queue + ".0")
    assert set(sizes) == {10, 1024}
    assert 60 <= sizes.count(1024) <= 140


def test_one_run_may_fill_and_another_drain(result, channel, name):
    queue = name()
    filled = result("--count", 700, "--consumers", 0, "--keep", queue=queue)
    drained = result("--count", 700, "--producers", 0, queue=queue)
    channel.queue_delete(queue + ".0")
    assert (filled["published"], filled["consumed"], drained["published"], drained["consumed"]) == (700, 0, 0, 700)


def test_ttl_priority_and_headers_are_set(bench, channel, name):
    queue = name()
    bench("--count", 30, "--ttl-ms", 60000, "--priority", "0-2", "--header", "colour=red", "--persistent", "--consumers", 0, "--keep",
          "--queue-arg", "x-max-priority=5", queue=queue)
    seen = [channel.basic_get(queue + ".0", auto_ack=True)[1] for _ in range(30)]
    channel.queue_delete(queue + ".0")
    assert {p.expiration for p in seen} == {"60000"}
    assert {p.delivery_mode for p in seen} == {2}
    assert {p.headers["colour"] for p in seen} == {"red"}
    assert [p.priority for p in seen] == sorted((p.priority for p in seen), reverse=True)
    assert {p.priority for p in seen} == {0, 1, 2}


def test_expired_messages_do_not_arrive(result):
    r = result("--count", 2000, "--ttl-ms", 1, "--fill-first", "--rate", 20000)
    assert r["published"] == 2000
    assert r["consumed"] < 2000


def test_fill_first_drains_all(result):
    r = result("--count", 3000, "--fill-first", "--durable", "--persistent", "--confirm", 100)
    assert (r["confirmed"], r["consumed"]) == (3000, 3000)


def test_requests_get_their_replies(result):
    r = result("--work", "rpc", "--producers", 2, "--consumers", 2, "--outstanding", 5, "--count", 1000)
    assert (r["requested"], r["replied"], r["served"]) == (1000, 1000, 1000)
    assert r["round_trip_ms"]["count"] == 1000


def test_a_rate_is_kept(result):
    r = result("--rate", 1000, "--count", 500, "--size", 16)
    assert r["consumed"] == 500
    assert r["published_per_s"] <= 1010


def test_connections_churn_and_idle(result):
    churned = result("--work", "churn", "--producers", 2, "--count", 50)
    assert churned["opened"] == churned["closed"] == 50
    held = result("--work", "idle", "--connections", 20, "--seconds", 0.1)
    assert held["opened"] == 20
    assert held["opening_ms"]["count"] == 20


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_runs(result, preset):
    r = result("--preset", preset, "--seconds", 0.2, "--count", 2000, "--connections", 10)
    assert r["preset"] == preset
    assert r["error"] is None
    assert r.get("consumed", 1) > 0
    assert any(r.get(word, 0) > 0 for word in ("published", "requested", "opened"))


def test_files_appear_and_parse(bench, broker, tmp_path):
    pid = broker.process.pid if broker.can_restart else None
    bench("--seconds", 0.5, "--interval", 0.1, "--confirm", 100, "--title", "A <title> & more", "--save", tmp_path / "run",
          *(["--pid", pid] if pid else []))
    r = json.loads((tmp_path / "run.json").read_text())
    assert r["scenario"] == "A <title> & more"
    assert len(r["series"]) >= 3
    assert sum(sample["published"] for sample in r["series"]) <= r["published"]
    assert r["delivery_distribution"][-1][1] == r["consumed"]
    rows = list(csv.DictReader((tmp_path / "run.csv").open()))
    assert len(rows) == len(r["series"])
    assert all(float(row["published_per_s"]) >= 0 for row in rows)
    page = Page((tmp_path / "run.html").read_text())
    assert page.loads == [] and page.open == []
    assert "A <title> & more" in page.words
    if pid:
        assert r["figures"]["broker_peak_mib"] > 0


def test_warm_up_is_left_out(result):
    r = result("--rate", 1000, "--warmup", 0.5, "--seconds", 0.5, "--size", 16)
    assert r["published"] <= 600


def test_leaves_no_queue_behind_unless_told(bench, connect, channel, name):
    import pika

    queue = name()
    bench("--count", 10, queue=queue)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        channel.queue_declare(queue + ".0", passive=True)
    bench("--count", 10, "--keep", queue=queue)
    again = connect().channel()
    again.queue_declare(queue + ".0", passive=True)
    again.queue_delete(queue + ".0")


@pytest.mark.parametrize("options, sentence", [
    (["--user", "nobody", "--password", "wrong"], "ACCESS_REFUSED"),
    (["--vhost", "nowhere"], "530"),
    (["--queue-arg", "x-max-priority=many"], "PRECONDITION_FAILED"),
    (["--exchange", "brokerbench.refused", "--exchange-type", "no-such-type"], "unknown exchange type"),
])
def test_a_refusal_is_exit_1_and_a_sentence(bench, options, sentence):
    done = bench(*options, "--seconds", 0.1, code=1)
    assert done.stderr.startswith("brokerbench: the broker closed")
    assert sentence in done.stderr
    assert done.stdout == ""


def test_a_queue_that_is_another_is_refused(bench, channel, name):
    queue = name()
    channel.queue_declare(queue + ".0", durable=True)
    done = bench("--seconds", 0.1, queue=queue, code=1)
    channel.queue_delete(queue + ".0")
    assert "406 PRECONDITION_FAILED - inequivalent arg 'durable'" in done.stderr


def test_nobody_there_is_exit_1(bench):
    done = bench("--seconds", 0.1, address=f"amqp://127.0.0.1:{free_port()}", code=1)
    assert "cannot connect" in done.stderr


def test_wrong_usage_is_exit_2(bench):
    assert "no preset 'nope'" in bench("--preset", "nope", code=2).stderr
    assert "cannot write" in bench("--count", 1, "--json-file", "/nowhere/at/all", code=1).stderr


def test_interrupted_it_ends_with_a_summary(broker, name):
    bench = subprocess.Popen([PROGRAM, "--uri", broker.url(), "--queue", name("bench"), "--seconds", "0", "--interval", "0.1"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "published" in bench.stderr.readline()
        bench.send_signal(signal.SIGINT)
        out, _ = bench.communicate(timeout=LIMIT_SECONDS)
    finally:
        bench.kill()
        bench.wait()
    assert bench.returncode == 0
    assert re.search(r"published +\d+ in", out) and "interrupted" in out


def test_a_broker_that_dies_is_told(own_broker):
    bench = subprocess.Popen([PROGRAM, "--uri", own_broker.url(), "--seconds", "0", "--interval", "0.1"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    try:
        assert "published" in bench.stderr.readline()
        own_broker.kill()
        _, err = bench.communicate(timeout=LIMIT_SECONDS)
    finally:
        bench.kill()
        bench.wait()
    assert bench.returncode == 1
    assert "failed: " in err


def test_compare_relates_two_brokers(broker, own_broker, name, tmp_path):
    done = subprocess.run(
        [PROGRAM, "compare", f"first={broker.url()}", f"second={own_broker.url()}", "--preset", "small-transient,request-reply",
         "--seconds", "0.2", "--rounds", "2", "--queue", name("bench"), "--save", tmp_path / "two",
         "--markdown-file", tmp_path / "two.md", "--svg-file", tmp_path / "two.svg"],
        capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert [line.split()[3] for line in done.stderr.splitlines()] == 2 * ["first", "second", "second", "first"]
    r = json.loads((tmp_path / "two.json").read_text())
    assert [s["preset"] for s in r["scenarios"]] == ["small-transient", "request-reply"]
    rate = next(f for f in r["scenarios"][0]["figures"] if f["key"] == "consumed_per_s")
    assert len(rate["a_rounds"]) == len(rate["b_rounds"]) == 2
    assert rate["ratio"]["lowest"] <= rate["ratio"]["median"] <= rate["ratio"]["highest"]
    assert Page((tmp_path / "two.html").read_text()).loads == []
    assert xml.etree.ElementTree.parse(tmp_path / "two.svg").getroot().tag.endswith("svg")
    assert "| `small-transient` | consumed |" in (tmp_path / "two.md").read_text()
    assert len(list(csv.DictReader((tmp_path / "two.csv").open()))) > 5


def test_compare_goes_on_when_one_broker_refuses(broker, name):
    done = subprocess.run([PROGRAM, "compare", f"good={broker.url()}", f"bad=amqp://127.0.0.1:{free_port()}", "--seconds", "0.1",
                           "--rounds", "1", "--queue", name("bench")], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 1
    assert "bad: cannot connect" in done.stderr


def test_a_comparison_interrupted_is_130(broker, name):
    both = subprocess.Popen([PROGRAM, "compare", broker.url(), broker.url(), "--preset", "small-transient", "--seconds", "0.3",
                             "--rounds", "100", "--queue", name("bench")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "round 1" in both.stderr.readline()
        both.send_signal(signal.SIGINT)
        out, _ = both.communicate(timeout=LIMIT_SECONDS)
    finally:
        both.kill()
        both.wait()
    assert both.returncode == 130
    assert "interrupted" in out


def test_a_terminal_gets_a_panel(broker, name):
    import pty

    main, side = pty.openpty()
    bench = subprocess.Popen([PROGRAM, "--uri", broker.url(), "--queue", name("bench"), "--seconds", "0.5", "--interval", "0.1"],
                             stdout=subprocess.DEVNULL, stderr=side)
    shown = b""
    try:
        os.close(side)

        def has_panel():
            nonlocal shown
            try:
                shown += os.read(main, 65536)
            except OSError:  # the other side has hung up
                return True
            return shown.count(b"\x1b[J") >= 2

        until(has_panel, within=20, what="the panel to be drawn anew")
        assert bench.wait(timeout=LIMIT_SECONDS) == 0
    finally:
        bench.kill()
        bench.wait()
        os.close(main)
    assert "backlog".encode() in shown and "▁".encode() in shown or "█".encode() in shown
