"""Words: what the exchange calls sides, kinds and states of orders, and what we call them.

Letter case is ignored. A word we do not know is counted; only a direction is never guessed. Never
add: fields, numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from btcturk_kit.domain.orders import OrderStatus, OrderType, Side
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.tally import Tally

__all__ = ["count", "order_type_of", "order_types_of", "side_of", "status_of"]

_STATUSES: Final = {
    "untouched": OrderStatus.OPEN,
    "partial": OrderStatus.PARTIALLY_FILLED,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "cancelled": OrderStatus.CANCELED,
}
_ORDER_TYPES: Final = {kind.value.replace("_", ""): kind for kind in OrderType}
_SIDES: Final = {side.value: side for side in Side}


def side_of(word: str, where: str) -> Side:
    """Return a direction.

    Raises:
        ProtocolError: It is none; a direction cannot be guessed.
    """
    side = _SIDES.get(word) or _SIDES.get(word.lower())
    if side is None:
        raise ProtocolError(f"{where}: {word!r} is neither buy nor sell")
    return side


def status_of(word: str, tally: Tally | None) -> OrderStatus | None:
    """Return the state of an order, None for a word we do not know."""
    status = _STATUSES.get(word.lower())
    if status is None:
        count(tally, f"status:{word}")
    return status


def order_type_of(word: str, tally: Tally | None) -> OrderType | None:
    """Return the kind of an order (`stoplimit`), None for a word we do not know."""
    kind = _ORDER_TYPES.get(word) or _ORDER_TYPES.get(word.lower())
    if kind is None:
        count(tally, f"method:{word}")
    return kind


def order_types_of(words: Iterable[str], tally: Tally | None) -> tuple[OrderType, ...]:
    """Return the kinds a pair accepts (`STOP_LIMIT` here); those we do not know are left out."""
    known = []
    for word in words:
        kind = _ORDER_TYPES.get(word.replace("_", "").lower())
        if kind is None:
            count(tally, f"orderMethods:{word}")
        else:
            known.append(kind)
    return tuple(known)


def count(tally: Tally | None, word: str) -> None:
    """Count a word, if there is anything to count in."""
    if tally is not None:
        tally.add(word)
