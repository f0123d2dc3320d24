"""Local exchanges on real sockets, and a caller that signs as strangers' clients do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.setup import Account
from btcturk_kit.sandbox.venue.listing import bundled_listing
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.testing.exchange_thread import ExchangeThread
from btcturk_kit.wire.signing import Credentials

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
    """Connections to the ports of a local exchange: REST and control interface.

    Args:
        address: Where the exchange is.
        source: The address to call from.
    """

    def __init__(self, address: SandboxAddress, *, source: str = "127.0.0.1") -> None:
        self.address = address
        self._connections = {
            url: http.client.HTTPConnection(
                urlsplit(url).netloc, timeout=60, source_address=(source, 0)
            )
            for url in (address.rest, address.control)
        }

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
        if "graph" in vars(self):
            self.graph.close()

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        base: str = "",
    ) -> Reply:
        """Send one request as it is and read the reply."""
        connection = self._connections[base or self.address.rest]
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
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

    @cached_property
    def graph(self) -> Caller:
        """Return a caller of the graph host."""
        return Caller(self.address._replace(rest=self.address.graph))

    def control(
        self, method: str, target: str, fields: object = None, *, token: str | None = None
    ) -> Reply:
        """Call the control interface."""
        body = None if fields is None else json.dumps(fields).encode()
        token = self.address.control_token if token is None else token
        headers = {"Authorization": f"Bearer {token}"}
        return self.send(method, target, headers=headers, body=body, base=self.address.control)

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
    with ExitStack() as running:

        def begin(
            *, clock: ClockKind = ClockKind.VIRTUAL, quirks: Quirks = AS_EVER, **options: Any
        ) -> Caller:
            exchange = LocalExchange(
                listings=[listing],
                clock=clock,
                api_key="ann",
                api_secret="QUFBQQ==",
                accounts=[Account(api_key="bob", api_secret="QkJCQg==", balances={"TRY": 100_000})],
                quirks=quirks._asdict(),
                **options,
            )
            address = running.enter_context(ExchangeThread(exchange)).address
            return running.enter_context(closing(Caller(address)))

        yield begin


@pytest.fixture
def exchange(start: Start) -> Caller:
    """Return a caller of an exchange on a virtual clock."""
    return start()
