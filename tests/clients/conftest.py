"""Where the exchange is, for programs that know nothing of it; no test beside this file knows.

These tests need the packages of strangers: `nox -s clients_python` and `nox -s clients_node`
install them. Never add: a client, an answer that is not the exchange's own.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from btcturk_kit.sandbox import ClockKind, SandboxAddress, SandboxProcess

OPENING = ("TRY=200000", "BTC=1")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of this machine send a request by way of another."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def exchange() -> Iterator[SandboxAddress]:
    """Run an exchange in real time; its account holds what `OPENING` says."""
    with SandboxProcess(clock=ClockKind.REAL, seed=7, balances=OPENING) as address:
        assert_loopback(address.rest, address.graph)
        yield address


@pytest.fixture
def exchange_of_another_time() -> Iterator[SandboxAddress]:
    """Run an exchange whose clock is nowhere near this machine's."""
    with SandboxProcess(clock=ClockKind.VIRTUAL, seed=7, balances=OPENING) as address:
        assert_loopback(address.rest, address.graph)
        yield address


@pytest.fixture
def ccxt_urls() -> Callable[[SandboxAddress], dict[str, str]]:
    """Return what ccxt has in the place of an address."""

    def urls(found: SandboxAddress) -> dict[str, str]:
        return {
            "public": f"{found.rest}/api/v2",
            "private": f"{found.rest}/api/v1",
            "graph": f"{found.graph}/v1",
        }

    return urls


@pytest.fixture(scope="session")
def loopback_only() -> Callable[..., None]:
    """Return the check that no address leaves this machine, to be made before the first call."""
    return assert_loopback


@pytest.fixture
def truth(exchange: SandboxAddress) -> Callable[[], Any]:
    """Return a function that reads the exchange's own books of the account."""

    def read() -> Any:
        return _control(exchange, "GET", f"/v1/truth?api_key={exchange.api_key}")

    return read


@pytest.fixture
def transfer(exchange: SandboxAddress) -> Callable[..., None]:
    """Return a function that pays something in (`deposit`) or out (`withdraw`)."""

    def move(what: str, asset: str, amount: str) -> None:
        fields = {"api_key": exchange.api_key, "asset": asset, "amount": amount}
        _control(exchange, "POST", f"/v1/{what}", fields)

    return move


def assert_loopback(*urls: str) -> None:
    """Fail if an address is not of this machine."""
    for url in urls:
        host = urlsplit(url).hostname
        assert host is not None
        assert ipaddress.ip_address(host).is_loopback, url


def _control(found: SandboxAddress, method: str, target: str, fields: object = None) -> Any:
    place = urlsplit(found.control)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {found.control_token}"}
        body = None if fields is None else json.dumps(fields)
        connection.request(method, target, body=body, headers=headers)
        reply = connection.getresponse()
        assert reply.status == http.client.OK
        return json.loads(reply.read())
    finally:
        connection.close()
