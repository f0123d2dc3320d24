"""What happened on the exchange, entry by entry: the oracle that tests compare clients with.

Everything a customer or a control call did or caused stands here, and every fault that was played;
what the house does among itself does not, it is the tape's. Equal runs give equal bytes. Never add:
balances (a fold of these entries must give them), anything that is read back by the exchange.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from msgspec.json import Encoder

from btcturk_kit.sandbox.market.moves import is_house

__all__ = ["ANONYMOUS", "CONTROL", "ENTRIES_MAX", "History", "HistoryEntry", "is_reserved"]

CONTROL: Final = "control"
"""Actor of what the control interface did."""

ANONYMOUS: Final = "anonymous"
"""Actor of a request that is not of a customer, or of none that is known."""

ENTRIES_MAX: Final = 1_000_000
"""Entries kept; the oldest go first, and their number is told."""

_encode = Encoder().encode


def is_reserved(name: str) -> bool:
    """Whether an actor's name is the house's, the control interface's, or that of a session.

    No customer may have it: the history could not tell them apart.
    """
    return name in {CONTROL, ANONYMOUS} or name.startswith("session:") or is_house(name)


class HistoryEntry(NamedTuple):
    """One thing that happened.

    Attributes:
        t: The exchange's time, UTC milliseconds.
        actor: A customer, `control`, `anonymous`, the house, or the session of a stream as
            `session:7`.
        op: What was done: `submit`, `trade`, `cancel`, `canceled`, `triggered`, `deposit`,
            `withdraw`, `open`, `pair`, `fault` and others.
        id: What it was done to: an order's, a trade's or a transfer's number, a pair, a fault.
        outcome: What came of it, in words and plain numbers.
    """

    t: int
    actor: str
    op: str
    id: str
    outcome: str


class History:
    r"""The entries of one exchange, oldest first.

    Args:
        entries_max: How many are kept.

    Example:
        >>> history = History()
        >>> history.note(0, "ann", "submit", "21", "accepted")
        >>> history.lines()
        b'{"t":0,"actor":"ann","op":"submit","id":"21","outcome":"accepted"}\n'
    """

    def __init__(self, *, entries_max: int = ENTRIES_MAX) -> None:
        self._entries: deque[HistoryEntry] = deque(maxlen=entries_max)
        self.count = 0

    @property
    def forgotten(self) -> int:
        """How many of the oldest entries are no longer kept."""
        return self.count - len(self._entries)

    def note(self, t: int, actor: str, op: str, name: str, outcome: str) -> None:
        """Add what just happened."""
        self._entries.append(HistoryEntry(t, actor, op, name, outcome))
        self.count += 1

    def entries(self, *, after: int = 0) -> Iterator[HistoryEntry]:
        """Return what is kept, without the first `after` entries of all."""
        first = min(max(0, after - self.forgotten), len(self._entries))
        return islice(self._entries, first, None)

    def newest(self, count: int) -> tuple[HistoryEntry, ...]:
        """Return up to `count` entries, newest first, as fast from many as from few."""
        return tuple(islice(reversed(self._entries), count))

    def lines(self, *, after: int = 0) -> bytes:
        """Return the entries as JSON lines with the fields `t`, `actor`, `op`, `id`, `outcome`."""
        return b"".join(_encode(one._asdict()) + b"\n" for one in self.entries(after=after))
