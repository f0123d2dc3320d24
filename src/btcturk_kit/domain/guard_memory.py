"""What the guards before an order remember: orders sent, orders executed, latches. All bounded.

Never add: a guard, a clock, another way to take a latch off than an operator's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import OWN_PREFIX, Symbol
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "KEPT",
    "MINUTE_MS",
    "Execution",
    "GuardLimits",
    "GuardMemory",
    "Latch",
    "SentOrder",
    "latch_of",
    "note_executions",
    "note_sent",
    "release_latch",
]

KEPT: Final = 256
"""The most orders that are remembered of either kind."""

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """Limits of the last gate, in absolute figures; None is off.

    Attributes:
        order_notional_try_max: Price x quantity of one order, beside the ratio of the capital.
        order_quantity_max: Base quantity of one order, whatever the coin.
        orders_per_minute_max: Orders sent within sixty seconds.
        open_orders_max: Orders that work at once.
        look_alike_ms: A strategy's order like one it sent within this time is refused. 5 s is what
            a lost answer and a second attempt are apart.
        executions_max: Orders of one pair and side executed within `executions_ms`; one more trips
            the latch. A bot that decides once a minute cannot reach the default.
        executions_ms: Width of that window.
    """

    order_notional_try_max: Decimal | None = None
    order_quantity_max: Decimal | None = None
    orders_per_minute_max: int = 30
    open_orders_max: int = 20
    look_alike_ms: int = 5_000
    executions_max: int = 20
    executions_ms: int = 600_000

    def __post_init__(self) -> None:
        for name in ("order_notional_try_max", "order_quantity_max"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigurationError(f"{name} is {value}", hint="must exceed 0, or be left out")
        for name in ("orders_per_minute_max", "executions_max"):
            if not 1 <= getattr(self, name) < KEPT:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}", hint=f"choose 1 to {KEPT - 1}"
                )


class SentOrder(NamedTuple):
    """One order that was decided; `price` None for a market order, whose size is as it was sent."""

    sent_ms: int
    strategy: str
    symbol: Symbol
    side: Side
    price: Decimal | None
    size: Decimal


class Execution(NamedTuple):
    """One order of ours that traded; a second trade of the same order moves its instant."""

    at_ms: int
    symbol: Symbol
    side: Side
    name: str


class Latch(NamedTuple):
    """A pair in which no position grows any more until an operator says so."""

    symbol: Symbol
    since_ms: int
    detail: str


class GuardMemory(NamedTuple):
    """What the guards know of the past; empty for a new account."""

    sent: tuple[SentOrder, ...] = ()
    executions: tuple[Execution, ...] = ()
    latches: tuple[Latch, ...] = ()


def note_sent(memory: GuardMemory, order: SentOrder, limits: GuardLimits) -> GuardMemory:
    """Remember an order for as long as the order rate and look-alikes ask for it."""
    since_ms = order.sent_ms - max(MINUTE_MS, limits.look_alike_ms)
    kept = tuple([one for one in memory.sent if one.sent_ms > since_ms])
    return GuardMemory((*kept, order)[-KEPT:], memory.executions, memory.latches)


def note_executions(
    memory: GuardMemory, fills: Iterable[Fill], limits: GuardLimits, *, now_ms: int
) -> GuardMemory:
    """Remember which orders of ours traded, and latch a pair in which too many did.

    Args:
        memory: So far.
        fills: New trades, in any order; those of others are left out.
        limits: How many within which time.
        now_ms: The decision instant.
    """
    since_ms = now_ms - limits.executions_ms
    known = {one.name: one for one in memory.executions if one.at_ms > since_ms}
    touched: set[tuple[Symbol, Side]] = set()
    for fill in fills:
        name = fill.client_order_id
        if name is None or not name.startswith(OWN_PREFIX) or fill.event_time_ms <= since_ms:
            continue
        known[name] = Execution(fill.event_time_ms, fill.symbol, fill.side, name)
        touched.add((fill.symbol, fill.side))
    executions = tuple(sorted(known.values()))[-KEPT:]
    latches = memory.latches
    for symbol, side in sorted(touched):
        count = sum(one.symbol == symbol and one.side is side for one in executions)
        if count > limits.executions_max and not any(one.symbol == symbol for one in latches):
            detail = f"{count} orders to {side} executed within {limits.executions_ms} ms"
            latches = (*latches, Latch(symbol, now_ms, detail))
    return GuardMemory(memory.sent, executions, latches)


def latch_of(memory: GuardMemory, symbol: Symbol) -> Latch | None:
    """Return the latch of a pair, None if it has none."""
    for latch in memory.latches:
        if latch.symbol == symbol:
            return latch
    return None


def release_latch(memory: GuardMemory, symbol: Symbol, *, reason: str) -> GuardMemory:
    """Take a pair's latch off; its executions are counted anew from here on.

    Raises:
        ConfigurationError: No reason, or no such latch.
    """
    if not reason.strip():
        raise ConfigurationError(f"the latch of {symbol} is released without a reason", hint="why")
    if latch_of(memory, symbol) is None:
        held = ", ".join(one.symbol for one in memory.latches) or "none"
        raise ConfigurationError(f"{symbol} has no latch", hint=f"latched pairs: {held}")
    return GuardMemory(
        memory.sent,
        tuple([one for one in memory.executions if one.symbol != symbol]),
        tuple([one for one in memory.latches if one.symbol != symbol]),
    )
