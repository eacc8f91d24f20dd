"""Where RabbitMQ 3.x and 4.x differ on the wire on purpose.

The suites describe RabbitMQ. brokerd answers errors as 4.x does and stays as permissive as 3.13, so a few expectations depend
on the generation of the peer. Each of them is a row here; a test asks `dialect["name of the row"]`.
"""

#   row                                     3.x                                      4.x and brokerd
ROWS = {
    # exchange.declare with a type nobody knows: reply code, and whether the whole connection goes.
    "unknown exchange type":                ((503, "COMMAND_INVALID", "connection"), (406, "PRECONDITION_FAILED", "channel")),
    # The protocol header sent to a peer that speaks something else. 4.x offers AMQP 1.0; a broker without it says 0-9-1.
    "answer to a foreign header":           ((b"AMQP\x00\x00\x09\x01",), (b"AMQP\x00\x00\x09\x01", b"AMQP\x03\x01\x00\x00")),
    # The smallest frame_max a server accepts in tune-ok (4.1 refuses less than 8192; brokerd stays with 4096).
    "smallest frame_max":                   ((4096,), (4096, 8192)),
    # Whether bodies beyond the announced size, and announced sizes beyond all limits, are refused (3.10 waits for more).
    "body sizes are checked":               (False, True),
    # x-death in a published message: 3.x goes on counting from it, 4.x starts anew.
    "published x-death is believed":        (True, False),
    # A dead letter with a new routing key: 3.x (before 3.13) strips the CC header, later versions keep it.
    "CC survives a dead-letter routing key": (False, True),
    # tx.commit when a queue refuses: RabbitMQ does the rest of it.
    "transactions are atomic":              (False, False),
}

# Where brokerd keeps to 3.13 though 4.x has moved on; docs/semantics.md says why.
OURS = {
    "published x-death is believed": True,
    "transactions are atomic": True,
}


class Dialect:
    """The column of ROWS that fits the peer, chosen by its server-properties."""

    def __init__(self, server_properties):
        def text(key):
            value = server_properties.get(key, "")
            return value.decode() if isinstance(value, bytes) else str(value)

        erlang = "Erlang" in text("platform")
        self.column = 0 if erlang and text("version").startswith("3.") else 1
        self.ours = {} if erlang else OURS

    def __getitem__(self, row):
        return self.ours.get(row, ROWS[row][self.column])
