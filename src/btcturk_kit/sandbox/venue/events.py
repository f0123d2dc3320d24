"""What the exchange tells whoever listens, at the moment it happens. Never add: frames, sessions.

The objects in here go on changing: a listener takes from them what it needs before it returns.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.public_record import PrintedTrade
from btcturk_kit.simulation.matching import Trade

__all__ = [
    "BalanceMoved",
    "ExchangeEvent",
    "OrderRested",
    "OrderWithdrawn",
    "QuotesMoved",
    "TradeSettled",
]


class QuotesMoved(NamedTuple):
    """The house quoted anew or traded; the book changes with every other event too."""

    symbol: Symbol


class OrderRested(NamedTuple):
    """What is left of an order came to rest in the book."""

    owner: str
    order: PlacedOrder


class OrderWithdrawn(NamedTuple):
    """An order left by a cancel, or as a market order that could not be carried out whole.

    `left` is what was left of it when the cancel was queued, or in the end.
    """

    owner: str
    order: PlacedOrder
    left: Decimal


class TradeSettled(NamedTuple):
    """A trade was printed and booked on both sides; the house is on either or both of them."""

    symbol: Symbol
    printed: PrintedTrade
    trade: Trade


class BalanceMoved(NamedTuple):
    """Free or locked money of a customer changed by an order, a cancel or a transfer.

    `symbol` is a pair of what changed; of a transfer the first one that has the asset.
    """

    owner: str
    symbol: Symbol


ExchangeEvent = QuotesMoved | OrderRested | OrderWithdrawn | TradeSettled | BalanceMoved
