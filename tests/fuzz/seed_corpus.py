#!/usr/bin/env python3
"""Cuts recorded conversations (tests/support/record_conversations.py) into inputs of the fuzz targets.

    tests/fuzz/seed_corpus.py RECORDINGS build/fuzz/corpus
    scripts/fuzz --seconds 30 --minimise

The second line keeps the least of them that reaches as much, in tests/fuzz/corpus.
"""
import argparse
import hashlib
import pathlib
import struct

PROTOCOL = b"AMQP"
MOST_BYTES = 4000  # of an input that is committed


def frames(stream):
    """(type, channel, payload, whole) of each frame."""
    at = 8 if stream.startswith(PROTOCOL) else 0
    while at + 8 <= len(stream):
        kind, channel, size = struct.unpack_from(">BHI", stream, at)
        end = at + 8 + size
        if end > len(stream):
            return
        yield kind, channel, stream[at + 7 : end - 1], stream[at:end]
        at = end


def method_tables(payload):
    """What may be a table among the fields of a method: whatever a plausible length is in front of."""
    for at in range(4, len(payload) - 4):
        (size,) = struct.unpack_from(">I", payload, at)
        if 4 <= size == len(payload) - at - 4 or 8 <= size < len(payload) - at - 4 < 2000:
            yield payload[at + 4 : at + 4 + size]


class Corpus:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def add(self, target, data):
        if not data or len(data) > MOST_BYTES:
            return
        folder = self.folder / target
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / hashlib.sha1(data).hexdigest()
        self.count += not file.exists()
        file.write_bytes(data)


def of_amqp(corpus, side, stream):
    whole = list(frames(stream))
    for kind, _, payload, frame in whole:
        corpus.add("amqp/frame", b"\x01" + frame)
        if kind == 1:
            corpus.add("amqp/methods", payload)
            for table in method_tables(payload):
                corpus.add("amqp/table", table)
                if len(table) > MOST_BYTES:
                    continue
                corpus.add("broker/values", struct.pack(">H", len(table)) + table)
                corpus.add("broker/arguments", b"\x09" + bytes([min(len(table), 255)]) + table)
        if kind == 2:
            corpus.add("amqp/properties", payload[12:])
            if len(payload) > 1000:
                continue
            corpus.add("broker/content", struct.pack(">H", len(payload)) + payload + b"body")
            headers = payload[18:] if payload[12:13] and payload[12] & 0x20 else b""
            if headers:
                corpus.add("broker/headers", b"\x02" + struct.pack(">H", len(headers)) + headers)
    if side == "client":
        for way in (0x00, 0x30, 0x0A):
            corpus.add("session/conversation", bytes([way]) + stream[: MOST_BYTES - 1])
        for kind, channel, payload, _ in whole[:1]:
            mechanism = b"AMQPLAIN" in payload
            start = payload.rfind(b"\x00\x00\x00")
            if kind == 1 and channel == 0 and start > 0:
                corpus.add("session/sasl", bytes([int(mechanism)]) + payload[start + 4 : -6])
    else:
        corpus.add("client/channel", b"".join(frame for _, channel, _, frame in whole if channel == 1)[:MOST_BYTES])
        corpus.add("client/connection", stream[:MOST_BYTES])


def of_http(corpus, side, stream):
    if side != "client":
        return
    for how in (0, 1, 2):
        corpus.add("http/requests", bytes([how]) + stream[:MOST_BYTES])
    for request in stream.split(b"\r\n\r\n"):
        if request[:1] in (b"{", b"["):
            corpus.add("http/json", request)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=pathlib.Path)
    parser.add_argument("corpus", type=pathlib.Path)
    options = parser.parse_args()
    corpus = Corpus(options.corpus)
    for file in sorted(options.recordings.iterdir()):
        side, stream = file.suffix[1:], file.read_bytes()
        text = stream.startswith((b"GET ", b"PUT ", b"POST ", b"DELETE ", b"HEAD ", b"HTTP/", b"OPTIONS "))
        (of_http if text else of_amqp)(corpus, side, stream)
    for target, text in (("server/config", pathlib.Path(__file__).parents[2] / "config" / "brokerd.toml"),):
        lines = text.read_text().splitlines()
        settings = [line.lstrip("#") for line in lines if line.startswith("[") or line[:1] == "#" and line[1:2].islower() and " = " in line]
        corpus.add(target, b"\x80" + "\n".join(settings).encode()[: MOST_BYTES - 1])
        section = ""
        for line in settings:
            section = line if line.startswith("[") else section
            corpus.add(target, f"\x7f{section}\n{line}".encode().replace(b"\x7f", b"\x80"))
    print(f"{corpus.count} inputs")


if __name__ == "__main__":
    main()
