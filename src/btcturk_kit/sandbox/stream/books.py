"""What a book that is published now and then shows: its window, and the change between two.

The window is the best 100 levels of a side. A level that is pushed over its edge is deleted and one
that moves up from below it is inserted, although no order came or went. Never add: numbers of
changes, timers.
"""

from __future__ import annotations

from collections.abc import Sequence

from btcturk_kit.domain.market import BookLevel
from btcturk_kit.domain.stream_events import BookChange, BookOperation

__all__ = ["changes_between"]


def changes_between(
    before: Sequence[BookLevel], after: Sequence[BookLevel], *, is_bids: bool
) -> tuple[BookChange, ...]:
    """Return what turns one window of a side into the next, best price first.

    A deletion carries the amount that was there.

    Example:
        >>> from decimal import Decimal
        >>> one, two = (BookLevel(Decimal(price), Decimal(1)) for price in (100, 101))
        >>> [(change.operation.value, change.price)
        ...  for change in changes_between([one], [two], is_bids=False)]
        [('delete', Decimal('100')), ('insert', Decimal('101'))]
    """
    old, new = dict(before), dict(after)
    changes = []
    for price in sorted(old.keys() | new.keys(), reverse=is_bids):
        was, now = old.get(price), new.get(price)
        if now is None:
            changes.append(BookChange(BookOperation.DELETE, price, old[price]))
        elif was is None:
            changes.append(BookChange(BookOperation.INSERT, price, now))
        elif was != now:
            changes.append(BookChange(BookOperation.SET, price, now))
    return tuple(changes)
