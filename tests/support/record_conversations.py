#!/usr/bin/env python3
"""Stands between clients and a broker on this machine and keeps what either says: the corpus of the fuzz targets begins with that.

    tests/support/record_conversations.py --listen 5700 --broker 5672 RECORDINGS

Each connection becomes two files, NNNN.client and NNNN.broker. Whoever stops it (SIGTERM, SIGINT) has all that was said until then.
"""
import argparse
import asyncio
import pathlib
import signal

MOST_BYTES = 256 * 1024  # of one side of one connection; more teaches nothing


async def carry(reader, writer, record):
    kept = 0
    try:
        while data := await reader.read(64 * 1024):
            record.write(data[: MOST_BYTES - kept])
            kept = min(MOST_BYTES, kept + len(data))
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        try:
            writer.write_eof()
        except (OSError, RuntimeError):
            pass


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=pathlib.Path)
    parser.add_argument("--listen", type=int, required=True, help="port on 127.0.0.1 for the clients")
    parser.add_argument("--broker", type=int, required=True, help="port on 127.0.0.1 of the broker")
    options = parser.parse_args()
    options.recordings.mkdir(parents=True, exist_ok=True)
    number = 0

    async def connected(reader, writer):
        nonlocal number
        number += 1
        name = options.recordings / f"{options.listen}-{number:04d}"
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", options.broker)
        except OSError:
            writer.close()
            return
        with open(f"{name}.client", "wb") as said, open(f"{name}.broker", "wb") as heard:
            await asyncio.gather(carry(reader, broker_writer, said), carry(broker_reader, writer, heard))
        writer.close()
        broker_writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", options.listen)
    stopped = asyncio.Event()
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number_of_signal, stopped.set)
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
