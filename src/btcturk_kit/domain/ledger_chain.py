"""Seals: each stored row of a chain is hashed together with the seal of the row before it.

The seal of an event covers every column of its row and of its legs, and the seal of the event
before it. Whoever changes, drops, inserts or reorders a row breaks the chain at that row. It proves
nothing against somebody who writes the whole chain anew: for that, a seal has to be kept elsewhere.
Never add: a secret, a value that is not in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from json import JSONEncoder
from typing import Any, Final

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.ledger import Ledger, LedgerEvent
from btcturk_kit.errors import InvariantViolation

__all__ = [
    "CHECKPOINT_EVENTS",
    "balances_text",
    "event_values",
    "leg_rows",
    "seal",
    "seal_row",
]

CHECKPOINT_EVENTS: Final = 1_000
"""The books are written down after every so many events."""

# Compact and in ASCII: one writing for each row, which any other program can make too.
_text_of = JSONEncoder(separators=(",", ":"), default=str).encode

Row = tuple[Any, ...]


def _amount(value: Decimal) -> str:
    if not value.is_finite():
        raise InvariantViolation(f"{value} is not an amount")
    return canonical_decimal(value)


def leg_rows(seq: int, event: LedgerEvent) -> list[Row]:
    """Return the legs of an event as stored: sequence, ordinal, account, asset, amounts as text."""
    rows: list[Row] = []
    for ordinal, (account, asset, amount, value_try, acquired_ms) in enumerate(event.legs):
        value = None if value_try is None else _amount(value_try)
        rows.append((seq, ordinal, account._value_, asset, _amount(amount), value, acquired_ms))
    return rows


def event_values(seq: int, event: LedgerEvent) -> Row:
    """Return the row of an event as stored, without its seal."""
    key, kind, event_time_ms, known_ms, _, content = event
    return (seq, key, kind._value_, event_time_ms, known_ms, content)


def seal_row(previous: str, values: Sequence[object]) -> str:
    """Return SHA-256 over the seal before and the values as compact JSON, in hexadecimal."""
    return sha256(f"{previous}\n{_text_of(values)}".encode()).hexdigest()


def seal(previous: str, seq: int, event: LedgerEvent) -> str:
    """Return the seal of an event at its place in the sequence.

    Args:
        previous: The seal of the event before it; `GENESIS` for the first one.
        seq: Its place among all stored events, from 1.
        event: The event.

    Example:
        >>> from btcturk_kit.domain.ledger import EventKind
        >>> event = LedgerEvent("opening", EventKind.OPENING, 0, 0, (), "")
        >>> seal(GENESIS, 1, event)[:16]
        'd2c3f75e23ab8ebc'
    """
    return seal_row(previous, (*event_values(seq, event), leg_rows(seq, event)))


def balances_text(ledger: Ledger) -> str:
    """Return every balance that is not zero as one text, sorted: for a checkpoint."""
    lines = [
        f"{asset}:{account}:{canonical_decimal(amount)}"
        for (account, asset), amount in ledger.balances.items()
        if amount
    ]
    return ";".join(sorted(lines))
