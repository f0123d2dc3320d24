"""The soak of matching: a million orders through the pure core, with flat memory.

Customers send limit and market orders around a price that wanders, and cancel what has waited
longest or somewhere in the middle; a maker holds a ladder of 200 levels a side, changes some of
its levels often, all of it now and then, and withdraws at times. Memory must not grow after the
first tenth, and when everything is taken out at the end nothing may be left.
`soak_matching.py 1000000` (or another number) exits with 1 if either fails.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from decimal import Decimal
from random import Random
from time import perf_counter
from typing import Final

from soak_book import resident_kib

from btcturk_kit.domain.orders import Side
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.matching import MatchingEngine

__all__ = ["main"]

ORDERS: Final = 1_000_000
LOOKS: Final = 20
"""How often rate and memory are printed."""

GROWTH_KIB_MAX: Final = 2_048
WAITING_MAX: Final = 4_000
"""Customers' orders that are not canceled yet; the oldest goes when another comes."""

LADDER: Final = 200
MILLI: Final = 10**13
MAKER: Final = "maker"
SIDES: Final = (Side.BUY, Side.SELL)


class Floor:
    """A market: who sends what is drawn, and every number is counted."""

    def __init__(self, seed: int) -> None:
        self.engine = MatchingEngine(price_places=1)
        self.trades = 0
        self._draw = Random(seed)  # noqa: S311 - a repeatable market, not a secret
        self._middle = 50_000
        self._number = 0
        self._waiting: deque[int] = deque()

    def send(self, count: int) -> None:
        """Send so many orders, and all that happens between them."""
        for _ in range(count):
            luck = self._draw.random()
            if luck < 0.9:
                self._limit()
            else:
                self._market(luck)
            if luck < 0.02:
                self._middle += self._draw.randrange(-10, 11)
                self._middle = min(max(self._middle, 45_000), 55_000)
                self._move_maker()
            while len(self._waiting) > WAITING_MAX:
                self.engine.cancel(self._waiting.popleft())
            if luck > 0.8 and self._waiting:
                at = self._draw.randrange(len(self._waiting))
                self.engine.cancel(self._waiting[at])
                del self._waiting[at]

    def close(self) -> bool:
        """Take everything out; whether nothing is left."""
        self.engine.withdraw_all(MAKER)
        while self._waiting:
            self.engine.cancel(self._waiting.pop())
        return all(not self.engine.depth(side, levels=1) for side in SIDES)

    def _limit(self) -> None:
        draw = self._draw
        self._number += 1
        self._waiting.append(self._number)
        self.trades += len(
            self.engine.limit(
                self._number,
                owner=draw.choice(("ann", "bob", "cem")),
                side=draw.choice(SIDES),
                price=Decimal(self._middle + draw.randrange(-20, 21)).scaleb(-1),
                quantity=Decimal(draw.randrange(1, 1_000)).scaleb(-3),
            )
        )

    def _market(self, luck: float) -> None:
        self._number += 1
        if luck < 0.95:
            result = self.engine.market_sell(self._number, owner="dan", quantity=Decimal(2))
        else:
            result = self.engine.market_buy(
                self._number, owner="dan", quote_amount=Decimal(10_000), fees=BTCTRY_LEVEL_1
            )
        self.trades += len(result.trades)

    def _move_maker(self) -> None:
        draw, engine, luck = self._draw, self.engine, self._draw.random()
        if luck < 0.02:
            engine.withdraw_all(MAKER)
            return
        distances = range(1, LADDER) if luck < 0.1 else draw.sample(range(1, LADDER), 5)
        least = 1 if luck < 0.1 else 0
        bids, asks = (
            [(self._middle + sign * far, draw.randrange(least, 900) * MILLI) for far in distances]
            for sign in (-1, 1)
        )
        change = engine.quote if luck < 0.1 else engine.set_levels
        self.trades += len(change(MAKER, bids=bids, asks=asks))


def main() -> int:
    """Send, print, and return 1 if memory grew or something was left."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS
    floor = Floor(seed=1)
    look_every = max(total // LOOKS, 1)
    base_kib = worst_kib = done = 0
    while done < total:
        began = perf_counter()
        floor.send(look_every)
        took = perf_counter() - began
        done += look_every
        gc.collect()
        kib = resident_kib()
        print(f"{done:>12,} orders  {look_every / took:>10,.0f}/s  {kib:,} KiB")
        if done >= total // 10:
            base_kib = base_kib or kib
            worst_kib = max(worst_kib, kib)
    growth_kib = worst_kib - base_kib
    is_empty = floor.close()
    print(f"{floor.trades:,} trades; the book is {'empty' if is_empty else 'NOT EMPTY'} at the end")
    print(f"memory grew by {growth_kib:,} KiB after warm-up; {GROWTH_KIB_MAX:,} are allowed")
    return int(not is_empty or growth_kib > GROWTH_KIB_MAX)


if __name__ == "__main__":
    sys.exit(main())
