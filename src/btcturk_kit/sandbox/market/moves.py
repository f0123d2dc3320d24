"""What the outside market can do in a pair. Never add: when it does it, what it does to the book.

The house is everybody who is not a customer: its names begin with `HOUSE`, it has no balances that
could run out and pays no commission, and the exchange keeps one signed position of all of it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from btcturk_kit.domain.orders import Side

__all__ = [
    "HOUSE",
    "HouseLevels",
    "HousePrint",
    "HouseQuotes",
    "HouseTake",
    "MarketMove",
    "PairHalt",
    "is_house",
]

HOUSE: Final = "house"
"""Owner of synthetic liquidity; several makers and takers are told apart as `house:NAME`."""


class HouseQuotes(NamedTuple):
    """A maker replaces its whole ladder; levels are (price steps, engine units), best first."""

    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    maker: str = HOUSE


class HouseLevels(NamedTuple):
    """A maker sets the amounts at some price steps and leaves its others; none deletes a level."""

    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    maker: str = HOUSE


class HouseTake(NamedTuple):
    """A taker buys or sells a number of engine units at the market."""

    side: Side
    units: int
    taker: str = HOUSE


class HousePrint(NamedTuple):
    """Two of the house trade with each other: it is printed, and touches no order of the book.

    What was recorded of others stays as it was recorded, whatever a customer does meanwhile.
    """

    side: Side
    step: int
    units: int


class PairHalt(NamedTuple):
    """The pair stops trading, or goes on: while it stands, orders are refused and nothing trades.

    What the house quoted stays, because nobody can reach it.
    """

    is_halted: bool


MarketMove = HouseQuotes | HouseLevels | HouseTake | HousePrint | PairHalt


def is_house(owner: str) -> bool:
    """Whether a name is the house's and no customer's."""
    return owner.startswith(HOUSE)
