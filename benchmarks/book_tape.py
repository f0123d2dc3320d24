"""A seeded market as its `obdiff` channel tells it: a whole book, then differences, as texts.

Behind the tape is a book deeper than the window of 100 levels. A message holds what changed in the
window, so an order that comes in pushes the level at the far edge out, and one that leaves lets the
next one in, as at the exchange. In the three differences that were published from 2022 to 2026,
fourteen of fifteen changes were insertions or deletions and one a new amount.
"""

from __future__ import annotations

from bisect import insort
from random import Random
from typing import Final

__all__ = ["BookTape"]

LEVELS: Final = 100
DEPTH: Final = 160


class BookTape:
    """Messages of one pair.

    Args:
        seed: Equal seeds, equal tapes.
        changes: Changes of a message, on average.
        set_share: The share of them that are new amounts at a price that stays.
        symbol: The pair.
    """

    def __init__(
        self, *, seed: int, changes: int = 10, set_share: float = 1 / 15, symbol: str = "BTCUSDT"
    ) -> None:
        self._draw = Random(seed)  # noqa: S311 - a market to replay, no secret
        self._symbol = symbol
        self._changes = changes
        self._set_share = set_share
        self._number = 1_000_000
        # Prices in tenths, so that some texts have a point and some have none.
        self._bids = _Half(self._draw, -1, 866_900)
        self._asks = _Half(self._draw, 1, 866_910)

    def whole_book(self) -> str:
        """Return a message 431 of the book as it stands; the chain of differences starts anew."""
        self._number = self._draw.randrange(1_000_000, 9_000_000)
        asks = self._asks.rows()
        bids = self._bids.rows()
        return (
            f'[431,{{"CS":{self._number},"PS":"{self._symbol}","AO":[{asks}],"BO":[{bids}],'
            f'"channel":"obdiff","event":"{self._symbol}","type":431}}]'
        )

    def difference(self) -> str:
        """Return the next message 432."""
        draw = self._draw
        self._number += 1
        halves = (self._asks, self._bids)
        before = [half.window() for half in halves]
        # A move changes one level, or brings one in and puts one out; some happen behind the window
        # and some undo each other, hence the divisor, which was found by trying.
        moves = draw.randint(1, 2 * self._changes - 1) / (1.2 - 0.2 * self._set_share)
        for _ in range(max(1, round(moves))):
            half = draw.choice(halves)
            if draw.random() < self._set_share:
                half.set_one()
            else:
                half.swap_one()
        asks, bids = (half.changes(old) for half, old in zip(halves, before, strict=True))
        return (
            f'[432,{{"CS":{self._number},"PS":"{self._symbol}","AO":[{asks}],"BO":[{bids}],'
            f'"channel":"obdiff","event":"{self._symbol}","type":432}}]'
        )


class _Half:
    """One side of the market behind the tape; the key is sign times price in tenths."""

    def __init__(self, draw: Random, sign: int, best: int) -> None:
        self.sign = sign
        self._draw = draw
        self._best = sign * best
        self._keys: list[int] = []
        self._amounts: dict[int, str] = {}
        while len(self._keys) < DEPTH:
            self._add(self._free_key())

    def window(self) -> dict[int, str]:
        """Return the levels of the window, best first."""
        return {key: self._amounts[key] for key in self._keys[:LEVELS]}

    def rows(self) -> str:
        """Return the window as a whole book lists it."""
        return ",".join(
            f'{{"A":"{amount}","P":"{_text(key)}"}}' for key, amount in self.window().items()
        )

    def changes(self, before: dict[int, str]) -> str:
        """Return what is different from a window, each price once, best first."""
        after = self.window()
        found = []
        for key in sorted(before.keys() | after.keys()):
            old, new = before.get(key), after.get(key)
            if new is None:
                found.append(f'{{"CP":3,"P":"{_text(key)}","A":"{old}"}}')
            elif new != old:
                operation = 1 if old is None else 0
                found.append(f'{{"CP":{operation},"P":"{_text(key)}","A":"{new}"}}')
        return ",".join(found)

    def set_one(self) -> None:
        """Give a level of the window a new amount."""
        self._amounts[self._keys[self._near()]] = self._amount()

    def swap_one(self) -> None:
        """Let one level come or one leave."""
        if len(self._keys) < DEPTH:
            self._add(self._free_key())
        else:
            del self._amounts[self._keys.pop(self._near())]

    def _near(self) -> int:
        """Draw a rank; the touch moves most."""
        return min(int(self._draw.expovariate(1 / 15)), LEVELS - 1)

    def _free_key(self) -> int:
        while True:
            key = self._best + int(self._draw.expovariate(1 / 400))
            if key not in self._amounts:
                return key

    def _add(self, key: int) -> None:
        insort(self._keys, key)
        self._amounts[key] = self._amount()

    def _amount(self) -> str:
        return f"{self._draw.randrange(1, 300_000_000) / 10**8:.8f}".rstrip("0").rstrip(".")


def _text(key: int) -> str:
    whole, tenth = divmod(abs(key), 10)
    return f"{whole}.{tenth}" if tenth else str(whole)
