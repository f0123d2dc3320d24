"""One pair of a frame as the quiet scan walks it: its columns, who is fed, and its trip-wires.

Never add: a `Decimal` that is made per instant.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.market import BarColumns
from btcturk_kit.hooks.strategy import BarView

__all__ = ["NEVER", "Feed"]

NEVER: Final = 1 << 400
"""Further than every price and every instant."""


class Feed:
    """One pair's columns, its view and who is fed with it; amounts in the scan's units."""

    __slots__ = (
        "ask",
        "bid",
        "close",
        "dust",
        "dust_units",
        "held_from",
        "high",
        "high_wire",
        "low",
        "low_wire",
        "on_bars",
        "own_high",
        "own_low",
        "quantity",
        "view",
        "wide_from",
    )

    def __init__(
        self,
        view: BarView,
        on_bars: tuple[Callable[[BarView], None], ...],
        columns: BarColumns,
    ) -> None:
        self.view = view
        self.on_bars = on_bars
        self.close, self.low, self.high = columns.close, columns.low, columns.high
        self.bid, self.ask = columns.bid, columns.ask
        self.wide_from = (1, 0)  # searched from here, the first wide spread there; not searched yet
        self.quantity = 0
        self.dust: Decimal | None = None  # the least notional that `dust_units` was made from
        self.dust_units = 0
        self.held_from = NEVER  # the close from which on the holding is more than dust
        self.own_low = self.low_wire = -NEVER  # of the holding alone; with the orders
        self.own_high = self.high_wire = NEVER

    def next_wide(self, start: int, ratio: tuple[int, int]) -> int:
        """Return the first instant from `start` on whose spread is too wide, or the frame's end.

        Searched once, and only while the bot is in the market. Not to be asked of recorded candles
        without a book, which have the close on both sides.
        """
        bid, ask = self.bid, self.ask
        searched, found = self.wide_from
        if not searched <= start <= found:
            num, den = ratio
            found = len(ask) if bid == ask else start
            while found < len(ask) and (ask[found] - bid[found]) * den <= num * ask[found]:
                found += 1
            self.wide_from = (start, found)
        return found
