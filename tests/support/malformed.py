"""How a broker may end a conversation that went wrong: checks of the suites that send malformed input."""

import re


def expect(peer, scope, code, text=""):
    """The broker must end the conversation with this scope, code and a text that matches."""
    got = peer.outcome()
    assert got[:2] == (scope, code), got
    assert re.search(text, got[2]), got


def expect_or_silence(peer, code, text):
    """Before a connection is open RabbitMQ logs what was wrong and closes after a pause; saying it is just as good."""
    got = peer.outcome()
    assert got[0] == "silence" or (got[:2] == ("connection", code) and re.search(text, got[2])), got
