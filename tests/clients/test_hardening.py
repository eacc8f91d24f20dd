"""The programs are built so that a mistake with memory is hard to exploit: what readelf says of them."""

import os
import pathlib
import re
import subprocess

import pytest

BROKERD = pathlib.Path(os.environ.get("BROKERD", "build/release/brokerd")).resolve()
PROGRAMS = ["brokerd", "brokerctl", "brokerbench"]


def readelf(program, *options):
    return subprocess.run(["readelf", "-W", *options, BROKERD.parent / program], check=True, capture_output=True, text=True).stdout


def is_sanitized():
    return bool(re.search(r"__(asan|tsan)_init", readelf("brokerd", "--dyn-syms", "--syms")))


pytestmark = pytest.mark.skipif(is_sanitized(), reason="sanitizers do more than hardening, and exclude it")


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_loaded_at_an_address_nobody_knows(program):
    assert re.search(r"Type:\s+DYN", readelf(program, "-h"))
    assert re.search(r"FLAGS_1\).*\bPIE\b", readelf(program, "-d"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_the_loader_has_bound_cannot_be_written_any_more(program):
    assert "GNU_RELRO" in readelf(program, "-l")
    assert re.search(r"\(FLAGS(_1)?\).*\b(BIND_NOW|NOW)\b", readelf(program, "-d"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_its_stack_cannot_be_executed(program):
    stack = re.search(r"GNU_STACK.*", readelf(program, "-l"))
    assert stack and " RWE " not in stack.group(0)


@pytest.mark.parametrize("program", PROGRAMS)
def test_functions_with_buffers_notice_when_the_stack_is_overwritten(program):
    assert "__stack_chk_fail" in readelf(program, "--dyn-syms")


def test_calls_of_the_c_library_know_the_sizes_of_their_buffers():
    assert re.search(r"__(mem|str|read|recv|v?snprintf|fd)\w*_chk", readelf("brokerd", "--dyn-syms"))
