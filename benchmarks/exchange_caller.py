"""One client for measuring a server: 50 connections of signed limit orders, as cheap as can be.

`exchange_caller.py ADDRESS KEY SECRET PID ORDERS` sends so many after a warm-up and prints one JSON
line: `rate`, orders per second, and `cpu_us`, what each cost the server `PID` where the system
tells. Raw streams, so that the client is not what is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from base64 import b64decode
from pathlib import Path
from typing import Final

from btcturk_kit.wire.signing import signature

__all__ = ["main"]

CONNECTIONS: Final = 50
WARM_UP: Final = 500
BODY: Final = json.dumps(
    {
        "pairSymbol": "BTCTRY",
        "orderMethod": "limit",
        "orderType": "buy",
        "quantity": "0.001",
        "price": "200000",
    }
).encode()


class Flood:
    """Orders that still have to be sent, and who sends them."""

    def __init__(self, host: str, port: int, key: str, secret: bytes) -> None:
        self._host, self._port, self._key, self._secret = host, port, key, secret
        self._left = 0

    async def send(self, count: int) -> float:
        """Send so many orders and return how long it took."""
        self._left = count
        streams = [
            await asyncio.open_connection(self._host, self._port) for _ in range(CONNECTIONS)
        ]
        began = time.perf_counter()
        await asyncio.gather(*(self._one_by_one(*stream) for stream in streams))
        took = time.perf_counter() - began
        for _, writer in streams:
            writer.close()
        return took

    async def _one_by_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._left > 0:
            self._left -= 1
            stamp = str(time.time_ns() // 1_000_000)
            signed = signature(self._key, self._secret, stamp)
            head = (
                f"POST /api/v1/order HTTP/1.1\r\nHost: {self._host}\r\nX-PCK: {self._key}\r\n"
                f"X-Stamp: {stamp}\r\nX-Signature: {signed}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(BODY)}\r\n\r\n"
            )
            writer.write(head.encode() + BODY)
            top = await reader.readuntil(b"\r\n\r\n")
            size = int(top.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(size)
            if not top.startswith(b"HTTP/1.1 200") or b'"success":true' not in body:
                raise SystemExit(f"an order was refused: {top!r} {body!r}")


def cpu_us_of(pid: int) -> float:
    """Return the CPU time of another program; zero where the system does not tell."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


async def main() -> None:
    """Warm up, send, print."""
    address, key, secret, pid, orders = sys.argv[1:]
    host, _, port = address.removeprefix("http://").partition(":")
    flood = Flood(host, int(port), key, b64decode(secret))
    await flood.send(WARM_UP)
    before_us = cpu_us_of(int(pid))
    took = await flood.send(int(orders))
    cpu_us = (cpu_us_of(int(pid)) - before_us) / int(orders)
    print(json.dumps({"rate": int(orders) / took, "cpu_us": cpu_us}))


if __name__ == "__main__":
    asyncio.run(main())
