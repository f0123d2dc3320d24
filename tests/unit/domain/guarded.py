"""Orders to hold against the guards: a buy of 0.01 BTC at a million that every guard lets pass."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from btcturk_kit.domain.cycle import Mark, OrderProposal
from btcturk_kit.domain.guard_memory import GuardLimits, GuardMemory
from btcturk_kit.domain.guards import GuardInputs
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, MarketSell, OrderType, Side

__all__ = ["BTCTRY", "NOW_MS", "RULES", "buying", "market_buying", "selling", "with_limits"]

BTCTRY = Symbol("BTCTRY")
NOW_MS = 1_700_000_000_000
RULES = PairRules(
    symbol=BTCTRY,
    base=Asset("BTC"),
    quote=Asset("TRY"),
    price_scale=2,
    quantity_scale=8,
    min_notional=Decimal(100),
)


def _inputs(proposal: OrderProposal, reserved: Decimal, **changes: Any) -> GuardInputs:
    fields: dict[str, Any] = {
        "proposal": proposal,
        "rules": RULES,
        "mark": Mark(Decimal(1_000_000), Decimal(999_000), Decimal(1_001_000), NOW_MS),
        "now_ms": NOW_MS,
        "mark_age_ms_max": 30_000,
        "collar_ratio": Decimal("0.05"),
        "order_try_max": Decimal(1_000_000),
        "limits": GuardLimits(),
        "memory": GuardMemory(),
        "orders": (),
        "reserved": reserved,
        "spendable": Decimal(10_000_000),
    }
    return GuardInputs(**(fields | changes))


def buying(price: str = "1000000", quantity: str = "0.01", **changes: Any) -> GuardInputs:
    """Return a limit buy at the gate."""
    request = LimitOrder(BTCTRY, Side.BUY, Decimal(quantity), Decimal(price))
    notional = request.price * request.quantity
    order = OrderProposal(
        "trend",
        request,
        BTCTRY,
        Side.BUY,
        OrderType.LIMIT,
        request.price,
        request.quantity,
        notional,
        reduces_risk=False,
    )
    return _inputs(order, notional, **changes)


def market_buying(amount: str = "1000", **changes: Any) -> GuardInputs:
    """Return a market buy at the gate."""
    quantity = Decimal(amount) / 1_000_000
    order = OrderProposal(
        "trend",
        MarketBuy(BTCTRY, Decimal(amount)),
        BTCTRY,
        Side.BUY,
        OrderType.MARKET,
        Decimal(1_000_000),
        quantity,
        Decimal(amount),
        reduces_risk=False,
    )
    return _inputs(order, Decimal(amount), **changes)


def selling(price: str | None = None, quantity: str = "0.01", **changes: Any) -> GuardInputs:
    """Return a sell of what is held at the gate, at the market unless a price is given."""
    size = Decimal(quantity)
    request: LimitOrder | MarketSell = MarketSell(BTCTRY, size)
    if price is not None:
        request = LimitOrder(BTCTRY, Side.SELL, size, Decimal(price))
    at = Decimal(price or 999_000)
    order = OrderProposal(
        "trend",
        request,
        BTCTRY,
        Side.SELL,
        OrderType.MARKET if price is None else OrderType.LIMIT,
        at,
        size,
        at * size,
        reduces_risk=True,
    )
    return _inputs(order, size, **({"spendable": Decimal(1)} | changes))


def with_limits(seen: GuardInputs, **limits: Any) -> GuardInputs:
    """Return the same order under other limits."""
    return seen._replace(limits=GuardLimits(**limits))
