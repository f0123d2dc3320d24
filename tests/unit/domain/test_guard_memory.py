"""What the guards remember: bounded, and a latch that only an operator takes off."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.guard_memory import (
    KEPT,
    Execution,
    GuardLimits,
    GuardMemory,
    Latch,
    SentOrder,
    latch_of,
    note_executions,
    note_sent,
    release_latch,
)
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import ConfigurationError

BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")
LIMITS = GuardLimits(executions_max=2, executions_ms=1_000)


def fill(order: str | None, at_ms: int, *, symbol: Symbol = BTCTRY, side: Side = Side.BUY) -> Fill:
    """Return a trade of an order."""
    return Fill(
        TradeId(at_ms),
        OrderId(1),
        None if order is None else ClientOrderId(order),
        symbol,
        Asset(symbol[:3]),
        Asset("TRY"),
        side,
        Decimal(1),
        Decimal(1),
        Decimal(0),
        Decimal(0),
        at_ms,
    )


def after(*fills: Fill, memory: GuardMemory | None = None, now_ms: int = 10_000) -> GuardMemory:
    """Return the memory after these trades."""
    return note_executions(memory or GuardMemory(), fills, LIMITS, now_ms=now_ms)


def sent(at_ms: int) -> SentOrder:
    """Return an order sent at this instant."""
    return SentOrder(at_ms, "trend", BTCTRY, Side.BUY, None, Decimal(1))


def test_as_many_orders_as_allowed_do_not_latch_and_one_more_does() -> None:
    """Two within the window pass, the third latches the pair from now on."""
    memory = after(fill("bk1-a", 9_500), fill("bk1-b", 9_600))
    assert memory.latches == ()
    memory = after(fill("bk1-c", 9_700), memory=memory)
    (latch,) = memory.latches
    assert (latch.symbol, latch.since_ms) == (BTCTRY, 10_000)
    assert latch_of(memory, BTCTRY) is latch
    assert latch_of(memory, ETHTRY) is None


def test_trades_of_one_order_are_one_execution() -> None:
    """However often it is filled in parts, now or later."""
    memory = after(*[fill("bk1-a", 9_500 + at) for at in range(20)])
    memory = after(fill("bk1-a", 9_900), memory=memory)
    assert memory.executions == (Execution(9_900, BTCTRY, Side.BUY, "bk1-a"),)
    assert memory.latches == ()


def test_pairs_and_sides_are_counted_by_themselves() -> None:
    """Two buys, two sells and two of another pair are no repetition."""
    fills = [
        fill(f"bk1-{side}{symbol}{at}", 9_500, symbol=symbol, side=side)
        for side in Side
        for symbol in (BTCTRY, ETHTRY)
        for at in range(2)
    ]
    assert after(*fills).latches == ()


def test_what_is_out_of_the_window_is_forgotten() -> None:
    """An execution exactly as old as the window does not count."""
    assert after(fill("bk1-a", 9_000)).executions == ()
    memory = after(fill("bk1-a", 9_001), fill("bk1-b", 9_500))
    memory = after(fill("bk1-c", 10_001), memory=memory, now_ms=10_001)
    assert [one.name for one in memory.executions] == ["bk1-b", "bk1-c"]
    assert memory.latches == ()


def test_trades_of_others_do_not_count() -> None:
    """Neither nameless ones nor those under a foreign name."""
    assert after(fill(None, 9_500), fill("theirs", 9_500)).executions == ()


def test_a_latch_stays_and_is_told_once() -> None:
    """A fourth execution adds no second latch, and time does not take it off."""
    memory = after(*[fill(f"bk1-{at}", 9_500 + at) for at in range(3)])
    again = after(fill("bk1-x", 9_999), memory=memory)
    assert again.latches == memory.latches
    assert after(memory=again, now_ms=10**9) == GuardMemory(latches=memory.latches)


def test_an_operator_releases_a_latch_with_a_reason() -> None:
    """The pair's executions count anew, so that it does not latch again at once."""
    memory = after(
        *[fill(f"bk1-{at}", 9_500 + at) for at in range(3)], fill("bk1-e", 9_500, symbol=ETHTRY)
    )
    free = release_latch(memory, BTCTRY, reason="a test of the strategy")
    assert free.latches == ()
    assert [one.symbol for one in free.executions] == [ETHTRY]
    assert after(fill("bk1-z", 9_999), memory=free).latches == ()


def test_a_release_without_a_reason_or_a_latch_is_refused() -> None:
    """The message names the pairs that are latched."""
    memory = GuardMemory(latches=(Latch(ETHTRY, 1, "x"),))
    with pytest.raises(ConfigurationError, match="without a reason"):
        release_latch(memory, ETHTRY, reason=" ")
    with pytest.raises(ConfigurationError, match="has no latch") as caught:
        release_latch(memory, BTCTRY, reason="x")
    assert "ETHTRY" in (caught.value.hint or "")
    with pytest.raises(ConfigurationError) as caught:
        release_latch(GuardMemory(), BTCTRY, reason="x")
    assert "none" in (caught.value.hint or "")


def test_orders_sent_are_remembered_for_a_minute_or_the_look_alike_window() -> None:
    """Whichever is longer; the rest is dropped."""
    memory = note_sent(note_sent(GuardMemory(), sent(0), LIMITS), sent(59_999), LIMITS)
    assert [one.sent_ms for one in memory.sent] == [0, 59_999]
    assert [one.sent_ms for one in note_sent(memory, sent(60_000), LIMITS).sent] == [59_999, 60_000]
    wide = GuardLimits(look_alike_ms=90_000)
    assert len(note_sent(memory, sent(89_999), wide).sent) == 3


def test_nothing_grows_without_end() -> None:
    """At most so many of either kind are kept."""
    memory = GuardMemory()
    for _ in range(KEPT + 5):
        memory = note_sent(memory, sent(0), LIMITS)
    assert len(memory.sent) == KEPT
    assert len(after(*[fill(f"bk1-{at}", 9_500) for at in range(KEPT + 5)]).executions) == KEPT


@pytest.mark.parametrize(
    "changes",
    [
        {"order_notional_try_max": Decimal(0)},
        {"order_quantity_max": Decimal(-1)},
        {"orders_per_minute_max": 0},
        {"executions_max": KEPT},
    ],
    ids=str,
)
def test_a_limit_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    """The message names it."""
    with pytest.raises(ConfigurationError, match=next(iter(changes))):
        GuardLimits(**changes)
