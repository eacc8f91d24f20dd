"""The Node clients (tests/clients/node: amqplib and @cloudamqp/amqp-client), run by node:test against the broker of this run."""

import os
import pathlib
import shutil
import subprocess

import pytest

NODE_SUITES = pathlib.Path(__file__).parent / "node"


@pytest.mark.parametrize("suite", sorted(path.name for path in NODE_SUITES.glob("*.test.js")))
def test_node_client(broker, suite):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not (NODE_SUITES / "node_modules").is_dir():
        pytest.skip("the Node clients are not installed: run npm ci in tests/clients/node")
    done = subprocess.run(["node", "--test", suite], cwd=NODE_SUITES, env=dict(os.environ, AMQP_URL=broker.url()), capture_output=True,
                          text=True, timeout=55)
    assert done.returncode == 0, done.stdout + done.stderr
