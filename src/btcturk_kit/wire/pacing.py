"""Pacing: the documented request windows as data, and how the exchange counts.

Inside: the endpoints, the table of https://docs.btcturk.com/docs/private-endpoints/rate-limits (as
of November 2026) and `FixedWindows`. How a client stays inside them, whatever their phase, is in
`client_windows`. Never add: a clock, waiting, asyncio.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final, Literal, NamedTuple

__all__ = [
    "RULES",
    "Endpoint",
    "FixedWindows",
    "Lane",
    "Policy",
    "Refusal",
    "WindowRule",
    "endpoint_of",
    "lane_of",
    "rules_by_endpoint",
]

Policy = Literal["account", "ip"]
"""What a window counts: the requests of one account, or those of one address."""

_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60_000


class Endpoint(StrEnum):
    """Method and path pattern of everything the exchange serves, as used in errors and windows."""

    SERVER_TIME = "GET /api/v2/server/time"
    SERVER_PING = "GET /api/v2/server/ping"
    EXCHANGE_INFO = "GET /api/v2/server/exchangeinfo"
    TICKER = "GET /api/v2/ticker"
    TICKER_CURRENCY = "GET /api/v2/ticker/currency"
    ORDER_BOOK = "GET /api/v2/orderbook"
    TRADES = "GET /api/v2/trades"
    BALANCES = "GET /api/v1/users/balances"
    OPEN_ORDERS = "GET /api/v1/openOrders"
    ALL_ORDERS = "GET /api/v1/allOrders"
    SUBMIT = "POST /api/v1/order"
    CANCEL = "DELETE /api/v1/order"
    ORDER = "GET /api/v1/order/{id}"
    TRADE_HISTORY = "GET /api/v1/users/transactions/trade"
    CRYPTO_HISTORY = "GET /api/v1/users/transactions/crypto"
    FIAT_HISTORY = "GET /api/v1/users/transactions/fiat"
    OHLCS = "GET /v1/ohlcs"
    KLINES = "GET /v1/klines/history"
    GRAPH = "GET /v1/*"
    WEBSOCKET = "GET /"


class Lane(IntEnum):
    """Who goes first when several requests may go at the same instant: the smaller number."""

    CANCEL = 0
    SUBMIT = 1
    READ = 2


class WindowRule(NamedTuple):
    """At most `limit` requests in a period that the first of them opens.

    Exceeding it blocks the endpoint for as long as the period. Two policies mean two counts.
    """

    endpoint: Endpoint
    limit: int
    period_ms: int
    policies: tuple[Policy, ...]


_BOTH: Final[tuple[Policy, ...]] = ("account", "ip")
_IP: Final[tuple[Policy, ...]] = ("ip",)

RULES: Final = (
    WindowRule(Endpoint.SUBMIT, 300, _MINUTE_MS, _BOTH),
    WindowRule(Endpoint.SUBMIT, 10, _SECOND_MS, _BOTH),
    WindowRule(Endpoint.CANCEL, 300, _MINUTE_MS, _BOTH),
    WindowRule(Endpoint.CANCEL, 10, _SECOND_MS, _BOTH),
    WindowRule(Endpoint.ORDER, 900, _MINUTE_MS, _BOTH),
    WindowRule(Endpoint.ORDER, 30, _SECOND_MS, _BOTH),
    WindowRule(Endpoint.OPEN_ORDERS, 300, _MINUTE_MS, _IP),
    WindowRule(Endpoint.ALL_ORDERS, 300, _MINUTE_MS, _IP),
    WindowRule(Endpoint.BALANCES, 120, _MINUTE_MS, _IP),
    WindowRule(Endpoint.TRADE_HISTORY, 120, _MINUTE_MS, _IP),
    WindowRule(Endpoint.CRYPTO_HISTORY, 90, _MINUTE_MS, _IP),
    WindowRule(Endpoint.FIAT_HISTORY, 90, _MINUTE_MS, _IP),
    WindowRule(Endpoint.TICKER, 600, _MINUTE_MS, _IP),
    WindowRule(Endpoint.ORDER_BOOK, 180, _MINUTE_MS, _IP),
    WindowRule(Endpoint.TRADES, 90, _MINUTE_MS, _IP),
    WindowRule(Endpoint.OHLCS, 120, _MINUTE_MS, _IP),
    WindowRule(Endpoint.GRAPH, 600, 10 * _MINUTE_MS, _IP),
    WindowRule(Endpoint.WEBSOCKET, 15, _MINUTE_MS, _IP),
)
"""The documented windows. Server time, ping and exchange info are not listed there."""

# The graph host counts all its requests together, beside the window of an endpoint.
_COUNTED_TOGETHER: Final = {Endpoint.OHLCS: Endpoint.GRAPH, Endpoint.KLINES: Endpoint.GRAPH}

_LANES: Final = {Endpoint.CANCEL: Lane.CANCEL, Endpoint.SUBMIT: Lane.SUBMIT}

_BY_ROUTE: Final = {endpoint.lower(): endpoint for endpoint in Endpoint}
_ORDER_PREFIX: Final = "get /api/v1/order/"


def lane_of(endpoint: Endpoint) -> Lane:
    """Return the lane of an endpoint: cancels before submits before everything that reads."""
    return _LANES.get(endpoint, Lane.READ)


def endpoint_of(method: str, path: str) -> Endpoint | None:
    """Return the endpoint a request belongs to, None if the exchange serves no such path.

    Letter case is ignored, as the exchange does (its documentation writes `orderBook`).

    Args:
        method: The HTTP method.
        path: The path without its query.

    Example:
        >>> endpoint_of("GET", "/api/v1/order/42")
        <Endpoint.ORDER: 'GET /api/v1/order/{id}'>
    """
    route = f"{method} {path}".lower()
    if route.startswith(_ORDER_PREFIX):
        number = route[len(_ORDER_PREFIX) :]
        return Endpoint.ORDER if number.isascii() and number.isdigit() else None
    found = _BY_ROUTE.get(route)
    return None if found is Endpoint.GRAPH else found


class Refusal(NamedTuple):
    """Why a request is one too many, in the words of the exchange's 429 answer.

    Attributes:
        period: `1s`, `1m` or `10m`.
        retry_after_s: Whole seconds until the block ends, rounded up.
    """

    limit: int
    period: str
    policy: Policy
    retry_after_s: int

    @property
    def details(self) -> str:
        """The sentence of the answer's `details` field."""
        return f"Quota exceeded. Maximum allowed: {self.limit} per {self.period}."


class _Window:
    """One count of one rule, as the exchange keeps it."""

    __slots__ = ("blocked_until_ms", "count", "opened_ms", "rule")

    def __init__(self, rule: WindowRule) -> None:
        self.rule = rule
        self.count = 0
        self.opened_ms = 0
        self.blocked_until_ms = 0


class FixedWindows:
    """The exchange's count for one account or one address.

    The first request of a period opens it; one request over the limit blocks the endpoint for as
    long as the period. A refused request is not counted and does not prolong the block. Both are
    our reading of the documentation, which is silent on them.

    Args:
        policy: Which rules apply: keep one object per account and one per address.
        rules: The table of windows.

    Example:
        >>> windows = FixedWindows(policy="ip")
        >>> [windows.offer(Endpoint.SUBMIT, 0) for _ in range(10)][-1] is None
        True
        >>> windows.offer(Endpoint.SUBMIT, 0)
        Refusal(limit=10, period='1s', policy='ip', retry_after_s=1)
    """

    __slots__ = ("_policy", "_windows")

    def __init__(self, *, policy: Policy, rules: Iterable[WindowRule] = RULES) -> None:
        self._policy = policy
        by_rule = {rule: _Window(rule) for rule in rules if policy in rule.policies}
        self._windows = {
            endpoint: tuple(by_rule[rule] for rule in counted)
            for endpoint, counted in rules_by_endpoint(by_rule).items()
        }

    def offer(self, endpoint: Endpoint, now_ms: int) -> Refusal | None:
        """Count one request that arrives at `now_ms`, or say why it is refused."""
        windows = self._windows.get(endpoint, ())
        for window in windows:
            if now_ms < window.blocked_until_ms:
                return self._refuse(window, now_ms)
        for window in windows:
            if now_ms - window.opened_ms >= window.rule.period_ms:
                window.count = 0
            if window.count >= window.rule.limit:
                window.blocked_until_ms = now_ms + window.rule.period_ms
                return self._refuse(window, now_ms)
        for window in windows:
            if not window.count:
                window.opened_ms = now_ms
            window.count += 1
        return None

    def _refuse(self, window: _Window, now_ms: int) -> Refusal:
        rule = window.rule
        retry_after_s = -(-(window.blocked_until_ms - now_ms) // _SECOND_MS)
        return Refusal(rule.limit, _period_text(rule.period_ms), self._policy, retry_after_s)


def rules_by_endpoint(rules: Iterable[WindowRule]) -> dict[Endpoint, list[WindowRule]]:
    """Return the rules that count a request of each endpoint; unlisted endpoints are missing.

    Example:
        >>> [rule.limit for rule in rules_by_endpoint(RULES)[Endpoint.OHLCS]]
        [120, 600]
    """
    counted: dict[Endpoint, list[WindowRule]] = {}
    known = tuple(rules)
    for endpoint in Endpoint:
        also = _COUNTED_TOGETHER.get(endpoint)
        found = [rule for rule in known if rule.endpoint in (endpoint, also)]
        if found:
            counted[endpoint] = found
    return counted


def _period_text(period_ms: int) -> str:
    """Write a period as the exchange does: `1s`, `1m`, `10m`."""
    minutes, rest_ms = divmod(period_ms, _MINUTE_MS)
    return f"{minutes}m" if not rest_ms else f"{period_ms // _SECOND_MS}s"
