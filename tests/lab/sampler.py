#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a URL at a steady rate, one connection a request, and writes a line for each answer.

usage: sampler.py HOST PORT RATE FILE, until SIGTERM. A line: start (CLOCK_REALTIME, s), duration (s),
who answered (first line of the body) or "!reason".
"""
import asyncio
import os
import signal
import sys
import time

PATIENCE = 1.0


async def ask(host, port):
    """One request; the first line of the body."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        return "!status " + (status[0].decode() if status else "none")
    return body.split(b"\n")[0].decode()


async def one(host, port, out):
    """One line of the file."""
    began = time.time()
    try:
        who = await asyncio.wait_for(ask(host, port), PATIENCE)
    except asyncio.TimeoutError:
        who = "!timeout"
    except OSError as e:
        who = "!" + (os.strerror(e.errno).lower() if e.errno else str(e))
    out.write(f"{began:.6f} {time.time() - began:.6f} {who}\n")
    out.flush()


async def main(host, port, rate, path):
    """Starts requests on schedule, whatever became of those before."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pending = set()
    due = time.monotonic()
    with open(path, "a", encoding="utf-8") as out:
        while not stop.is_set():
            task = asyncio.ensure_future(one(host, port, out))
            pending.add(task)
            task.add_done_callback(pending.discard)
            due += 1 / rate
            await asyncio.sleep(max(0, due - time.monotonic()))
        if pending:
            await asyncio.wait(pending)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
