"""A small blocking client of the control interface of a local exchange.

Standard library only. Never add: waiting, repeating, anything the exchange itself offers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import quote, urlsplit

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.address import SandboxAddress

__all__ = ["ControlClient"]

_TIMEOUT_S: Final = 60.0
_OK: Final = 200


class ControlClient:
    """What a test does to a local exchange from outside.

    It blocks, so it must not be used in the event loop that the exchange runs in; a
    `LocalExchange` of one's own loop has methods for the same.

    Args:
        address: The ready line of the exchange.

    Every method raises `ConfigurationError` with the exchange's words if it refuses.
    """

    def __init__(self, address: SandboxAddress) -> None:
        self._address = address

    def now_ms(self) -> int:
        """Return market time."""
        return int(self.call("GET", "/v1/clock")["now_ms"])

    def advance(self, *, ms: int) -> int:
        """Let market time pass on a virtual clock; return what it is then."""
        return self.advance_to(self.now_ms() + ms)

    def advance_to(self, now_ms: int) -> int:
        """Let market time pass up to an instant; one in the past does nothing."""
        return int(self.call("POST", "/v1/clock/advance", {"to_ms": now_ms})["now_ms"])

    def truth(self, api_key: str = "") -> dict[str, Any]:
        """Return the exchange's own books of an account, the first one if none is named.

        Money is text; orders and trades are oldest first.
        """
        return self.call("GET", f"/v1/truth?api_key={quote(self._whose(api_key))}")

    def history(self, *, after: int = 0) -> list[dict[str, Any]]:
        """Return what happened, without the first `after` entries of all."""
        text = self._send("GET", f"/v1/history?after={after}", None)
        return [json.loads(line) for line in text.splitlines()]

    def deposit(self, asset: str, amount: Decimal | int | str, *, api_key: str = "") -> None:
        """Pay something in."""
        self._move("deposit", asset, amount, api_key)

    def withdraw(self, asset: str, amount: Decimal | int | str, *, api_key: str = "") -> None:
        """Take free money out."""
        self._move("withdraw", asset, amount, api_key)

    def add_account(self, api_key: str, api_secret: str, **options: Any) -> None:  # noqa: ANN401 - JSON fields
        """Let another customer in: `balances`, `fee_level`, `permissions`, `addresses`."""
        self.call("POST", "/v1/accounts", {"api_key": api_key, "api_secret": api_secret, **options})

    def set_permissions(self, *permissions: str, api_key: str = "") -> None:
        """Change what a key opens: some of `funds`, `trade`, `account`, `websocket`, or nothing."""
        fields = {"api_key": self._whose(api_key), "permissions": permissions}
        self.call("POST", "/v1/accounts/permissions", fields)

    def set_fee_level(self, fee_level: int, *, api_key: str = "") -> None:
        """Let a customer's next orders trade at another level, 1 to 8."""
        fields = {"api_key": self._whose(api_key), "fee_level": fee_level}
        self.call("POST", "/v1/accounts/fee-level", fields)

    def set_pair(self, symbol: str, **changes: Any) -> None:  # noqa: ANN401 - JSON fields
        """Change a pair: `state` (open, halted, maintenance), `market_orders`, `band`.

        A band is `{"low": "90", "high": "110"}`, or None for none.
        """
        self.call("POST", "/v1/pairs", {"symbol": symbol, **changes})

    def rest_faults(self, *faults: Mapping[str, Any], **others: Any) -> None:  # noqa: ANN401 - JSON fields
        """Replace the plan of faults of requests; without any, end it."""
        self.call("POST", "/v1/rest/faults", {"faults": faults, **others})

    def stream_faults(self, *faults: Mapping[str, Any], **others: Any) -> None:  # noqa: ANN401 - JSON fields
        """Replace the plan of faults of the stream; without any, end it."""
        self.call("POST", "/v1/stream/faults", {"faults": faults, **others})

    def restart(self, *, down_ms: int = 0) -> None:
        """Let the exchange fall over and come back with the same books at the same ports."""
        self.call("POST", "/v1/restart", {"down_ms": down_ms})

    def call(self, method: str, target: str, fields: object = None) -> dict[str, Any]:
        """Call a route for which there is no method here."""
        answer: dict[str, Any] = json.loads(self._send(method, target, fields))
        return answer

    def _move(self, route: str, asset: str, amount: Decimal | int | str, api_key: str) -> None:
        text = format(amount, "f") if isinstance(amount, Decimal) else str(amount)
        fields = {"api_key": self._whose(api_key), "asset": asset, "amount": text}
        self.call("POST", f"/v1/{route}", fields)

    def _whose(self, api_key: str) -> str:
        return api_key or self._address.api_key

    def _send(self, method: str, target: str, fields: object) -> bytes:
        """Send one request on a connection of its own."""
        at = urlsplit(self._address.control)
        connection = HTTPConnection(at.hostname or "", at.port, timeout=_TIMEOUT_S)
        try:
            connection.request(
                method,
                target,
                body=None if fields is None else json.dumps(fields).encode(),
                headers={"Authorization": f"Bearer {self._address.control_token}"},
            )
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != _OK:
            raise ConfigurationError(f"{method} {target}: {_said(body) or response.reason}")
        return body


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        return ""
