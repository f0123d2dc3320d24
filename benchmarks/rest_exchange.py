"""A small exchange on loopback for measuring clients: it checks signatures and answers at once.

A bare protocol on uvloop where there is one, in a process of its own, so that a client's figures
hold nothing of it. Prints its port when it listens. It checks the HMAC of every signed call and
that a body is JSON; it keeps no books and no windows.
"""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64decode, b64encode
from contextlib import suppress
from decimal import Decimal
from hmac import compare_digest, digest
from typing import Any, Final

from memory_exchange import PAIRS, Pair, pair_rules

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.market import Ticker
from btcturk_kit.wire import encode, encode_public

__all__ = ["API_KEY", "API_SECRET", "NOW_MS", "main"]

API_KEY: Final = "11111111-2222-3333-4444-555555555555"
API_SECRET: Final = "a2V5IG9mIHRoZSBiZW5jaCwgMzIgYnl0ZXMgbG9uZyE="
NOW_MS: Final = 1_790_133_600_000
PAIRS_LISTED: Final = 100

ORDER: Final = json.dumps(
    {
        "data": {
            "id": 9932534,
            "quantity": "0.01",
            "price": "4000000",
            "stopPrice": None,
            "newOrderClientId": "kit-1",
            "type": "buy",
            "method": "limit",
            "pairSymbol": "BTCTRY",
            "pairSymbolNormalized": "BTC_TRY",
            "datetime": NOW_MS,
        },
        "success": True,
        "message": "SUCCESS",
        "code": 0,
    }
).encode()


class Bodies:
    """What is answered, made once."""

    def __init__(self) -> None:
        pairs = [*PAIRS]
        pairs += [Pair(f"IDLE{n}", 3, 8, 50.0) for n in range(PAIRS_LISTED - len(pairs))]
        rules = [pair_rules(pair) for pair in pairs]
        rows = [
            encode_public.ticker_row(
                _ticker(pair), base=rule.base, quote=Asset("TRY"), average=Decimal(3)
            )
            for pair, rule in zip(pairs, rules, strict=True)
        ]
        self.by_path = {
            b"/api/v1/order": ORDER,
            b"/api/v2/ticker": encode.envelope(rows),
            b"/api/v2/ticker?pairSymbol=BTCTRY": encode.envelope(rows[:1]),
            b"/api/v2/server/exchangeinfo": encode.envelope(
                encode_public.exchange_data(rules, now_ms=NOW_MS)
            ),
        }


class Connection(asyncio.Protocol):
    """One client: requests are answered in order, as soon as they are whole."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._secret = b64decode(API_SECRET)
        self._unread = b""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvloop's is of no known kind
        """Take note of where answers go."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._unread[:end].split(b"\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(b":")
                headers[name.lower()] = value.strip()
            size = int(headers.get(b"content-length", b"0"))
            if len(self._unread) < end + 4 + size:
                return
            body = self._unread[end + 4 : end + 4 + size]
            self._unread = self._unread[end + 4 + size :]
            self._answer(first.split(b" ")[1], headers, body)

    def _answer(self, target: bytes, headers: dict[bytes, bytes], body: bytes) -> None:
        status, answer = b"200 OK", self._bodies.by_path.get(target)
        if answer is None:
            status, answer = b"404 Not Found", b""
        elif target.startswith(b"/api/v1/"):
            json.loads(body)
            signed = digest(self._secret, headers[b"x-pck"] + headers[b"x-stamp"], "sha256")
            if not compare_digest(b64encode(signed), headers[b"x-signature"]):
                status, answer = b"401 Unauthorized", b'{"success":false,"message":"signature"}'
        self._transport.write(
            b"HTTP/1.1 %s\r\nDate: Wed, 23 Sep 2026 03:20:00 GMT\r\n"
            b"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s"
            % (status, len(answer), answer)
        )


async def main() -> None:
    """Serve until standard input ends."""
    bodies = Bodies()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(bodies), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def _ticker(pair: Pair) -> Ticker:
    price = Decimal(str(pair.price))
    return Ticker(
        symbol=pair_rules(pair).symbol,
        last=price,
        bid=price - 1,
        ask=price + 1,
        high=price + 2,
        low=price - 2,
        open=price,
        volume=Decimal("123.456"),
        event_time_ms=NOW_MS,
    )


if __name__ == "__main__":
    with suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(main())
