"""Running the server: the listening socket, the ready line, signals, and the end.

Imported only to serve: it needs the extra `sandbox`. Never add: routes, rules of the exchange.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import uvicorn

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
from btcturk_kit.sandbox.hands import Hands, wall_ms
from btcturk_kit.sandbox.listening import LOOPBACK, listen
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.server import by_port, make_app, make_graph_app
from btcturk_kit.sandbox.stream.hub import StreamHub
from btcturk_kit.sandbox.stream.server import StreamLimits, StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.listing import bundled_listing

__all__ = ["ServeOptions", "serve"]

# A pooled connection must outlive the pauses of a bot: a close in the moment of a submit would
# leave that order's outcome unknown for no reason.
_KEEP_ALIVE_S = 600
_GRACE_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What a local exchange is started with.

    Attributes:
        port: 0 picks a free one. The graph host always listens on another one that is free.
        clock: `real` follows this machine's clock, `virtual` stands until it is advanced.
        seed: Draws the start hour and everything random.
        opening: First balances of the account.
        api_key: Empty to make one up.
        api_secret: Empty to make one up.
        dataset: A tape other than the bundled one.
        ends_with_stdin: Whether the end of standard input ends the server.
        ws_port: Port of the stream; 0 picks a free one.
        stream_limits: Times and bounds of the stream's connections.
    """

    port: int
    clock: ClockKind
    seed: int
    opening: Mapping[Asset, Decimal]
    api_key: str = ""
    api_secret: str = ""
    dataset: Path | None = None
    ends_with_stdin: bool = False
    ws_port: int = 0
    stream_limits: StreamLimits = field(default_factory=StreamLimits)


def serve(options: ServeOptions, *, on_ready: Callable[[SandboxAddress], None]) -> int:
    """Serve until a signal or the end of standard input; return the exit code.

    Args:
        options: What to serve.
        on_ready: Called once, when connections are accepted.

    Returns:
        143 after SIGTERM, 130 after SIGINT, 0 after the end of standard input.

    Raises:
        ConfigurationError: The port is taken, the tape is damaged, or a key cannot be used.
    """
    listing = bundled_listing()
    if options.dataset is not None:
        listing = listing._replace(tape=CandleTape.read(options.dataset))
    is_real = options.clock is ClockKind.REAL
    exchange = Exchange(
        [listing],
        seed=options.seed,
        start_ms=wall_ms() if is_real else None,
        has_latency=not is_real,
    )
    api_key = options.api_key or secrets.token_hex(16)
    api_secret = options.api_secret or b64encode(secrets.token_bytes(32)).decode()
    access = Access()
    access.add_key(api_key, api_secret)
    exchange.open_account(api_key, options.opening)
    token = secrets.token_urlsafe(32)
    with (
        listen(options.port) as main,
        listen(0) as graph,
        listen(options.ws_port) as stream,
    ):
        base = f"http://{LOOPBACK}:{_port(main)}"
        address = SandboxAddress(
            rest=base,
            graph=f"http://{LOOPBACK}:{_port(graph)}",
            ws=f"ws://{LOOPBACK}:{_port(stream)}",
            control=base,
            control_token=token,
            clock=options.clock.value,
            api_key=api_key,
            api_secret=api_secret,
        )
        return asyncio.run(
            _run(
                exchange,
                access,
                options,
                _Sockets(main, graph, stream),
                token=token,
                on_ready=lambda: on_ready(address),
            )
        )


class _Sockets(NamedTuple):
    """What is listened on."""

    main: socket.socket
    graph: socket.socket
    stream: socket.socket


async def _run(
    exchange: Exchange,
    access: Access,
    options: ServeOptions,
    sockets: _Sockets,
    *,
    token: str,
    on_ready: Callable[[], None],
) -> int:
    """Serve requests and stream in one event loop; return the exit code."""
    is_real = options.clock is ClockKind.REAL
    stream = StreamServer(
        StreamHub(exchange, access, seed=options.seed),
        access,
        listener=sockets.stream,
        wall_ms=wall_ms if is_real else None,
        limits=options.stream_limits,
    )
    hands = Hands(exchange, stream, is_real=is_real)
    app = make_app(exchange, access, hands=hands, control_token=token, stream=stream)
    graph = make_graph_app(exchange, access, hands=hands)
    config = uvicorn.Config(
        by_port(app, {_port(sockets.graph): graph}),
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        date_header=False,  # the real date would differ between equal virtual runs
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config, on_ready=on_ready, ends_with_stdin=options.ends_with_stdin)
    async with stream:
        await server.serve(sockets=[sockets.main, sockets.graph])
    return server.exit_code


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


class _Server(uvicorn.Server):
    """A server that says when it is ready and turns signals into an exit code."""

    def __init__(
        self, config: uvicorn.Config, *, on_ready: Callable[[], None], ends_with_stdin: bool
    ) -> None:
        super().__init__(config)
        self.exit_code = 0
        self._on_ready = on_ready
        self._ends_with_stdin = ends_with_stdin

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, then tell."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on SIGTERM and SIGINT with the code of the signal, without raising it again."""
        if self._ends_with_stdin:
            # A daemon: a read that never returns must not keep this process alive.
            threading.Thread(target=self._wait_for_stdin, daemon=True).start()
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may handle signals
            return
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.exit_code = 128 + number
        self.should_exit = True

    def _wait_for_stdin(self) -> None:
        # Not sys.stdin: its lock would be held by this thread when the interpreter ends.
        while os.read(0, 4096):
            pass
        self.should_exit = True
