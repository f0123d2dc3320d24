"""A server for measuring: the local exchange without rate windows, or a bare answer beside it.

`exchange_server.py exchange|bare h11|httptools asyncio|uvloop` serves on loopback until its
standard input ends, and prints one JSON line when it listens (`rest`, `api_key`, `api_secret`).
The windows are off because a thousand orders a second from one address are what they are there to
stop.
"""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64encode
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.serving import serve

with suppress(ImportError):
    import uvloop

__all__ = ["main"]

OPENING: Final = Decimal(10**9)
ANSWER: Final = b'{"data":{},"success":true,"message":"SUCCESS","code":0}'.ljust(350)
KEY: Final = "11111111-2222-3333-4444-555555555555"
SECRET: Final = b64encode(b"key of the bench, 32 bytes long!").decode()


def main() -> None:
    """Serve what the arguments say."""
    what, parser, loop = sys.argv[1:4]
    if parser == "h11":
        # uvicorn takes the other one wherever it can be imported, so it must not be.
        missing: Any = None
        sys.modules["httptools"] = missing
    if loop == "uvloop":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if what == "bare":
        asyncio.run(_serve_bare())
    else:
        _serve_exchange()


def _serve_exchange() -> None:
    exchange = LocalExchange(
        clock=ClockKind.REAL,
        balances={"TRY": OPENING},
        api_key=KEY,
        api_secret=SECRET,
        rate_windows=False,
    )
    serve(exchange, on_ready=lambda address: _tell(address.rest), ends_with_stdin=True)


async def _serve_bare() -> None:
    """Answer every request alike, as fast as the framework can with the body read."""

    async def respond(request: Request) -> Response:
        await request.body()
        return Response(ANSWER, media_type="application/json")

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 - as in uvicorn
            await super().startup(sockets)
            port = self.servers[0].sockets[0].getsockname()[1]
            _tell(f"http://127.0.0.1:{port}")
            asyncio.get_running_loop().run_in_executor(None, self._wait_for_stdin)

        def _wait_for_stdin(self) -> None:
            sys.stdin.read()
            self.should_exit = True

    app = Starlette(routes=[Route("/api/{rest:path}", respond, methods=["POST"])])
    config = uvicorn.Config(
        app,
        port=0,
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        date_header=False,
        server_header=False,
    )
    await Server(config).serve()


def _tell(rest: str) -> None:
    print(json.dumps({"rest": rest, "api_key": KEY, "api_secret": SECRET}), flush=True)


if __name__ == "__main__":
    main()
