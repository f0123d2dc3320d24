"""A strategy that wants anything at any time: the books hold, and skipping changes nothing.

It buys and sells at the market and at limits inside and outside the spread, too much and too
little, and cancels. Thin bars fill orders in parts.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from btcturk_kit.domain.balances import balance_differences
from btcturk_kit.domain.cycle import CancelIntent, Intent
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.orders import OrderStatus, OrderType, Side
from btcturk_kit.hooks.strategy import BarView, Intents, StrategyContext
from btcturk_kit.pipeline.account import locked_differences
from btcturk_kit.pipeline.decide import BoundStrategy

from .floor import (
    BTC,
    BTCTRY,
    TRY,
    ExchangeVenue,
    Floor,
    floor,
    kit_for,
    run_to_end,
    split,
    walk,
)

SETTINGS: list[dict[str, Any]] = [
    {},
    {"order_ttl_seconds": 10_800},
    {"cost_method": "average"},
    {"daily_loss_ratio": "0.004", "cooldown_seconds": 20_000},
    {"order_ratio": "0.9", "gross_exposure_ratio": "0.5"},
]


class Wild:
    """Wishes that follow from the seed and the number of the bar alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.bars = 0

    def on_bar(self, bar: BarView) -> None:
        """Count."""
        assert bar.close
        self.bars += 1

    def propose(self, context: StrategyContext) -> Intents:
        """Want something in three of ten instants."""
        chance = Random(self.seed * 1_000_003 + self.bars)  # noqa: S311 - a repeatable whim
        if chance.random() < 0.7:
            return ()
        side = chance.choice(list(Side))
        is_limit = chance.random() < 0.5
        if chance.random() < 0.2:
            mine = context.orders(BTCTRY)[:1]
            return [CancelIntent("wild", one.client_order_id) for one in mine]
        price = context.mark(BTCTRY).price * chance.randint(980, 1020) / 1000
        wish = Intent(
            "wild",
            BTCTRY,
            side,
            OrderType.LIMIT if is_limit else OrderType.MARKET,
            price=price if is_limit else None,
        )
        if side is Side.BUY:
            return [wish._replace(quote_amount=Decimal(chance.randint(10_000, 3_000_000)) / 100)]
        return [wish._replace(quantity=Decimal(chance.randint(1, 3_000_000)) / 10**8)]

    def dump_state(self) -> str:
        """Return the count."""
        return str(self.bars)

    def load_state(self, text: str) -> None:
        """Take up the count."""
        self.bars = int(text)


def thin(seed: int) -> MarketFrame:
    """Return a walk whose bars trade little: an order often takes several of them."""
    frame, chance = walk(400, seed=seed), Random(seed)  # noqa: S311 - a repeatable market
    most = chance.choice((10**5, 10**7, 10**8, 10**12))
    (columns,) = frame.bars
    volumes = [chance.randint(1, most) for _ in columns.close]
    return replace(frame, bars=(replace(columns, volume=volumes),))


def place_for(frame: MarketFrame, seed: int, **options: Any) -> Floor:
    """Return a floor on which only the wild strategy trades."""
    kit = kit_for(**SETTINGS[seed % len(SETTINGS)])
    wild = kit._replace(strategies=(BoundStrategy("wild", BTCTRY, Wild(seed)),))
    return floor(frame, kit=wild, save_every=10**9, **options)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_wanted_the_books_are_those_of_the_exchange(seed: int) -> None:
    """Totals and locks agree to the last digit, nothing odd is recorded, the law always holds.

    And a run that looks at every instant, with the exchange asked every time, is the same run.
    """
    frame = thin(seed)
    fast = place_for(frame, seed)
    scanned = run_to_end(fast)
    slow = place_for(frame, seed)
    venue = ExchangeVenue(slow.oms)
    asked = floor(split(frame), kit=slow.kit, oms=slow.oms, venue=venue, save_every=10**9)
    literal = run_to_end(asked)
    assert fast.oms.fill_count > 20
    assert fast.oms.fills_since(0) == slow.oms.fills_since(0)
    assert scanned.state == literal.state
    assert scanned.equity_try == literal.equity_try
    balances = fast.oms.balances()
    orders = tuple(scanned.state.orders.values())
    assert set(balance_differences(scanned.state.ledger, balances).values()) == {Decimal(0)}
    assert set(locked_differences(orders, {BTCTRY: BTC}, TRY, balances).values()) == {Decimal(0)}
    assert [odd for one in asked.store.commits for odd in one.anomalies] == []
    ends = {one.status for commit in asked.store.commits for one in commit.orders}
    assert ends & {OrderStatus.FILLED, OrderStatus.CANCELED}
