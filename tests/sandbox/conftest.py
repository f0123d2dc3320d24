"""Local exchanges on real sockets, and a caller that signs as strangers' clients do."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
import uvicorn

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.server import by_port, make_app, make_graph_app
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.listing import bundled_listing
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.wire.signing import Credentials

TOKEN = "control-token"
ANN = Credentials("ann", "QUFBQQ==")
BOB = Credentials("bob", "QkJCQg==")


AS_EVER = Quirks()


class Reply(NamedTuple):
    """Status, headers with lower-case names, and body of one response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body, numbers with a point as text."""
        return json.loads(self.body, parse_float=str)


class Caller:
    """One connection to a local exchange, and one to its graph host."""

    def __init__(
        self, port: int, *, graph: Caller | None = None, address: str = "127.0.0.1"
    ) -> None:
        self.port = port
        self._graph = graph
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=60, source_address=(address, 0)
        )

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
        if self._graph is not None:
            self._graph.close()

    @property
    def graph(self) -> Caller:
        """Return the connection to the graph host."""
        assert self._graph is not None
        return self._graph

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Send one request as it is and read the reply."""
        self._connection.request(method, target, body=body, headers=headers or {})
        response = self._connection.getresponse()
        lower = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, lower, response.read())

    def get(self, target: str) -> Reply:
        """Read something public."""
        return self.send("GET", target)

    def signed(
        self,
        method: str,
        target: str,
        *,
        fields: dict[str, Any] | None = None,
        keys: Credentials = ANN,
        skew_ms: int = 0,
    ) -> Reply:
        """Send one signed call, stamped with the exchange's clock and a skew."""
        stamp = str(self.now_ms() + skew_ms)
        headers = {
            "X-PCK": keys.api_key,
            "X-Stamp": stamp,
            "X-Signature": keys.sign(stamp),
            "Content-Type": "application/json",
        }
        body = None if fields is None else json.dumps(fields).encode()
        return self.send(method, target, headers=headers, body=body)

    def submit(self, **fields: Any) -> Reply:
        """Place an order of BTCTRY."""
        return self.signed("POST", "/api/v1/order", fields={"pairSymbol": "BTCTRY", **fields})

    def control(self, method: str, target: str, fields: object = None, token: str = TOKEN) -> Reply:
        """Call the control interface."""
        body = None if fields is None else json.dumps(fields).encode()
        headers = {"Authorization": f"Bearer {token}"}
        return self.send(method, target, headers=headers, body=body)

    def now_ms(self) -> int:
        """Return the exchange's clock."""
        return int(self.control("GET", "/v1/clock").json["now_ms"])

    def advance(self, by_ms: int) -> int:
        """Move a virtual clock."""
        reply = self.control("POST", "/v1/clock/advance", {"to_ms": self.now_ms() + by_ms})
        return int(reply.json["now_ms"])

    def truth(self, name: str = "ann") -> Any:
        """Return the exchange's own books of an account."""
        return self.control("GET", f"/v1/truth?api_key={name}").json


Start = Callable[..., Caller]


@pytest.fixture(scope="session")
def listing() -> Listing:
    """Return the bundled pair, its tape read once."""
    return bundled_listing()


@pytest.fixture(scope="session")
def start(listing: Listing) -> Iterator[Start]:
    """Return a function that starts an exchange on a socket and connects to it."""
    running: list[tuple[uvicorn.Server, threading.Thread, Caller]] = []

    def begin(
        *, seed: int = 1, clock: ClockKind = ClockKind.VIRTUAL, quirks: Quirks = AS_EVER
    ) -> Caller:
        is_real = clock is ClockKind.REAL
        start_ms = time.time_ns() // 1_000_000 if is_real else None
        exchange = Exchange(
            [listing], seed=seed, start_ms=start_ms, has_latency=not is_real, quirks=quirks
        )
        access = Access()
        for keys, secret in ((ANN, "QUFBQQ=="), (BOB, "QkJCQg==")):
            access.add_key(keys.api_key, secret)
            exchange.open_account(keys.api_key, {Asset("TRY"): Decimal(100_000)})
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        port, graph_port = (one.getsockname()[1] for one in sockets)
        hands = Hands(exchange, None, is_real=is_real)
        faults = RestFaults(exchange)
        graph = make_graph_app(exchange, access, hands=hands, faults=faults)
        app = by_port(
            make_app(exchange, access, hands=hands, control_token=TOKEN, faults=faults),
            {graph_port: graph},
        )
        server = uvicorn.Server(
            uvicorn.Config(app, lifespan="off", ws="none", log_level="error", date_header=False)
        )
        thread = threading.Thread(target=server.run, args=(sockets,))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        caller = Caller(port, graph=Caller(graph_port))
        running.append((server, thread, caller))
        return caller

    yield begin
    # All are told before any is waited for: a server takes a moment to notice.
    for server, _, caller in running:
        caller.close()
        server.should_exit = True
    for _, thread, _ in running:
        thread.join()


@pytest.fixture
def exchange(start: Start) -> Caller:
    """Return a caller of an exchange on a virtual clock."""
    return start()
