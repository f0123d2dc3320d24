"""What the page shows of a running exchange: one document, a picture of one moment.

Lists are bounded and texts are cut, so that an exchange of any age and size gives a small document;
the numbers beside them say how much there is. API keys are shortened here already, so that a page
left open or photographed gives none away. Never add: HTTP, anything that changes the exchange.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, islice
from typing import Any, Final, NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.money import add, sub
from btcturk_kit.domain.orders import LimitOrder
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.rest.faults import RestFault, RestFaultPlan
from btcturk_kit.sandbox.stream.faults import Fault, Script
from btcturk_kit.sandbox.stream.session import SessionRow
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder

__all__ = [
    "HISTORY_ROWS",
    "LEVELS",
    "ROWS_MAX",
    "TRADES",
    "FaultRow",
    "overview_of",
    "rest_faults",
    "short_key",
    "stream_faults",
]

LEVELS: Final = 15
"""Levels of each side of the book."""

TRADES: Final = 60
"""Trades of everybody."""

HISTORY_ROWS: Final = 50
"""Entries of the history."""

ROWS_MAX: Final = 50
"""Accounts, open orders of each, sessions and faults that are shown."""

_TEXT_MAX = 160
_KEY_MAX, _KEY_HEAD, _KEY_TAIL = 12, 6, 4
_WHOLE_BPS = 10_000


class FaultRow(NamedTuple):
    """One fault in force.

    Attributes:
        where: What it strikes: `stream` or `rest`.
        what: What it does to whom, in words.
        hits: How often it has struck.
        hits_max: How often it strikes at most, None for no end.
    """

    where: str
    what: str
    hits: int
    hits_max: int | None


def short_key(name: str) -> str:
    """Return an API key as it may be shown: long ones without their middle.

    Example:
        >>> short_key("ann"), short_key("0123456789abcdef")
        ('ann', '012345…cdef')
    """
    if len(name) <= _KEY_MAX:
        return name
    return f"{name[:_KEY_HEAD]}…{name[-_KEY_TAIL:]}"


def overview_of(
    exchange: Exchange,
    *,
    symbol: Symbol,
    clock: ClockKind,
    sessions: Sequence[SessionRow] = (),
    faults: Sequence[FaultRow] = (),
) -> dict[str, Any]:
    """Return what there is to see: newest first, times in milliseconds.

    Decimals and the numbers of orders and trades are text: a browser's numbers have too few digits.

    Args:
        exchange: Read, never changed.
        symbol: The listed pair whose market is shown; accounts and history are of all pairs.
        clock: What moves the exchange's clock.
        sessions: Those of the stream.
        faults: What is in force.
    """
    names = exchange.accounts()
    return {
        "now_ms": exchange.now_ms,
        "clock": clock.value,
        "symbols": list(exchange.symbols),
        "pair": _pair(exchange, symbol),
        "book": _book(exchange.book(symbol, levels=LEVELS)),
        "trades": [
            {
                "id": str(trade.trade_id),
                "time_ms": trade.event_time_ms,
                "side": trade.taker_side.value,
                "price": _plain(trade.price),
                "quantity": _plain(trade.quantity),
            }
            for trade in exchange.public_trades(symbol, count=TRADES)
        ],
        "accounts": [_account(exchange.holding(name)) for name in names[:ROWS_MAX]],
        "accounts_count": len(names),
        "history": _history(exchange),
        "history_count": exchange.history.count,
        "sessions": [_session(row) for row in sessions[:ROWS_MAX]],
        "sessions_count": len(sessions),
        "faults": [row._replace(what=_cut(row.what))._asdict() for row in faults[:ROWS_MAX]],
        "faults_count": len(faults),
    }


def stream_faults(script: Script, hits: Sequence[int]) -> list[FaultRow]:
    """Return the rows of a plan of faults and of how often each of them has hit.

    Example:
        >>> script = Script.of({"faults": [{"kind": "drop", "types": [441, 451], "count": None}]})
        >>> stream_faults(script, [3])
        [FaultRow(where='stream', what='drop types 441, 451', hits=3, hits_max=None)]
    """
    rows = [
        FaultRow("stream", _words(fault), hit, fault.count)
        for fault, hit in zip(script.faults, hits, strict=True)
    ]
    if not script.sends_pings:
        rows.append(FaultRow("stream", "send no pings", 0, None))
    return rows


def rest_faults(plan: RestFaultPlan | None) -> list[FaultRow]:
    """Return the same rows of what is played on requests.

    Example:
        >>> from btcturk_kit.sandbox.rest.faults import RestScript
        >>> script = RestScript.of({"faults": [{"kind": "delay", "ms": 300}]})
        >>> rest_faults(RestFaultPlan(script))
        [FaultRow(where='rest', what='delay by 300 ms', hits=0, hits_max=1)]
    """
    if plan is None:
        return []
    return [
        FaultRow("rest", _rest_words(fault), hit, fault.hits_max)
        for fault, hit in zip(plan.script.faults, plan.hits(), strict=True)
    ]


def _rest_words(fault: RestFault) -> str:
    words = [fault.kind.value.replace("_", " ")]
    if fault.span_ms:
        words.append(f"by {fault.span_ms} ms")
    if fault.endpoints:
        words.append(f"on {', '.join(fault.endpoints)}")
    if fault.api_key:
        words.append(f"of {short_key(fault.api_key)}")
    return " ".join([*words, *_drawn(fault.after, fault.chance_bps)])


def _drawn(after: int, chance_bps: int) -> list[str]:
    words = [f"after {after} of them"] if after else []
    return words if chance_bps == _WHOLE_BPS else [*words, f"with a chance of {chance_bps} bps"]


def _words(fault: Fault) -> str:
    words = [fault.kind.value.replace("_", " ")]
    if fault.types:
        kinds = ", ".join(map(str, fault.types))
        words.append(f"types {kinds}" if len(fault.types) > 1 else f"type {kinds}")
    if fault.channel or fault.event:
        words.append(f"on {fault.channel or 'any channel'}:{fault.event or 'any event'}")
    if fault.session is not None:
        words.append(f"in session {fault.session}")
    return " ".join([*words, *_drawn(fault.after, fault.chance_bps)])


def _pair(exchange: Exchange, symbol: Symbol) -> dict[str, Any]:
    rules, day, band = exchange.rules(symbol), exchange.day(symbol), exchange.band(symbol)
    return {
        "symbol": symbol,
        "base": rules.base,
        "quote": rules.quote,
        "state": exchange.state(symbol).value,
        "takes_market_orders": exchange.takes_market_orders(symbol),
        "band": None if band is None else {"low": _plain(band.low), "high": _plain(band.high)},
        "last": _plain(day.last),
        "high": _plain(day.high),
        "low": _plain(day.low),
        "volume": _plain(day.volume),
    }


def _book(book: OrderBook) -> dict[str, Any]:
    """Return the levels of both sides as price, amount, and amount up to there."""
    sides: dict[str, Any] = {
        side: [
            [_plain(price), _plain(quantity), _plain(total)]
            for (price, quantity), total in zip(
                levels, accumulate((one.quantity for one in levels), add), strict=True
            )
        ]
        for side, levels in (("bids", book.bids), ("asks", book.asks))
    }
    has_both = bool(book.bids and book.asks)
    spread = _plain(sub(book.asks[0].price, book.bids[0].price)) if has_both else None
    return {**sides, "spread": spread}


def _account(holding: Holding) -> dict[str, Any]:
    newest = islice(reversed(holding.open_orders.values()), ROWS_MAX)
    return {
        "name": short_key(_cut(holding.name)),
        "fee_level": holding.fee_level,
        "balances": [
            {"asset": one.asset, "free": _plain(one.free), "locked": _plain(one.locked)}
            for one in holding.account.balances()
        ],
        "open_orders": [_order(order) for order in newest],
        "open_orders_count": len(holding.open_orders),
    }


def _order(order: PlacedOrder) -> dict[str, Any]:
    request = order.request
    return {
        "id": str(order.order_id),
        "client_order_id": _cut(order.client_order_id),
        "symbol": request.symbol,
        "side": order.side.value,
        "type": order.order_type.value,
        "price": _plain(request.price) if isinstance(request, LimitOrder) else None,
        "stop_price": None if order.stop_price is None else _plain(order.stop_price),
        "quantity": _plain(order.submitted),
        "remaining": _plain(order.remaining),
        "is_cancel_queued": order.cancel_due_ms is not None,
        "created_ms": order.created_ms,
    }


def _history(exchange: Exchange) -> list[dict[str, Any]]:
    return [
        {
            "t": entry.t,
            "actor": _shown_name(exchange, entry.actor),
            "op": entry.op,
            "id": _shown_name(exchange, entry.id),
            "outcome": _cut(entry.outcome),
        }
        for entry in exchange.history.newest(HISTORY_ROWS)
    ]


def _session(row: SessionRow) -> dict[str, Any]:
    return {
        "session": row.session,
        "account": short_key(row.account),
        "joined": [_cut(one) for one in row.joined[:ROWS_MAX]],
        "joined_count": len(row.joined),
        "sent": row.sent,
    }


def _shown_name(exchange: Exchange, text: str) -> str:
    return short_key(text) if exchange.has_account(text) else _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"


def _plain(number: Decimal) -> str:
    return format(number, "f")
