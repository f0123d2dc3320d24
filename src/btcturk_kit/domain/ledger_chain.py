"""Seals: each stored row of a chain is hashed together with the seal of the row before it.

The seal of an event covers every column of its row and of its legs, and the seal of the event
before it. Whoever changes, drops, inserts or reorders a row breaks the chain at that row. It proves
nothing against somebody who writes the whole chain anew: for that, a seal has to be kept elsewhere.
Never add: a secret, a value that is not in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from json import JSONEncoder
from typing import Any, Final

from btcturk_kit.domain.canonical import amount_text
from btcturk_kit.domain.ledger import Ledger, LedgerEvent

__all__ = [
    "CHECKPOINT_EVENTS",
    "balances_text",
    "event_values",
    "leg_rows",
    "seal",
    "seal_event",
    "seal_row",
]

CHECKPOINT_EVENTS: Final = 1_000
"""The books are written down after every so many events."""

# Compact and in ASCII: one writing for each row, which any other program can make too.
_text_of = JSONEncoder(separators=(",", ":"), default=str).encode

_EVENT_MARKS, _LEG_MARKS = 6, 6
"""Quotation marks in the text of an event, and of a leg."""

_LAST_DIGITS = frozenset("123456789")

Row = tuple[Any, ...]


def leg_rows(seq: int, event: LedgerEvent) -> list[Row]:
    """Return the legs of an event as stored: sequence, ordinal, account, asset, amounts as text."""
    rows: list[Row] = []
    for ordinal, (account, asset, amount, value_try, acquired_ms) in enumerate(event.legs):
        text = str(amount)
        if text[-1] not in _LAST_DIGITS or "E" in text:
            text = amount_text(amount)
        value = None if value_try is None else amount_text(value_try)
        rows.append((seq, ordinal, account._value_, asset, text, value, acquired_ms))
    return rows


def event_values(seq: int, event: LedgerEvent) -> Row:
    """Return the row of an event as stored, without its seal."""
    key, kind, event_time_ms, known_ms, _, content = event
    return (seq, key, kind._value_, event_time_ms, known_ms, content)


def seal_row(previous: str, values: Sequence[object]) -> str:
    """Return SHA-256 over the seal before and the values as compact JSON, in hexadecimal.

    The text of plain values needs no escaping, so it is written out here, at a fifth of the cost.
    """
    marks = 0
    told = []
    for value in values:
        if type(value) is str:
            told.append(f'"{value}"')
            marks += 2
        elif value is None:
            told.append("null")
        elif type(value) is int:
            told.append(str(value))
        else:  # a row within the row
            marks = -1
            break
    text = f"[{','.join(told)}]"
    if not _is_plain(text, marks):
        text = _text_of(values)
    return sha256(f"{previous}\n{text}".encode()).hexdigest()


def _is_plain(text: str, marks: int) -> bool:
    """Whether nothing of a text that was put together had to be escaped."""
    return text.count('"') == marks and text.isascii() and text.isprintable() and "\\" not in text


def seal_event(previous: str, values: Row, legs: Sequence[Row]) -> str:
    """Return the seal of an event's row and legs: `seal_row` of both, most often at half its cost.

    The text of plain names needs no escaping, so it is written out here.
    """
    seq, key, kind, event_time_ms, known_ms, content = values
    marks = _EVENT_MARKS
    told = []
    for place, ordinal, account, asset, amount, value, acquired_ms in legs:
        marks += _LEG_MARKS
        if value is None:
            worth = "null"
        else:
            worth = f'"{value}"'
            marks += 2
        then = "null" if acquired_ms is None else acquired_ms
        told.append(f'[{place},{ordinal},"{account}","{asset}","{amount}",{worth},{then}]')
    text = f'[{seq},"{key}","{kind}",{event_time_ms},{known_ms},"{content}",[{",".join(told)}]]'
    if _is_plain(text, marks):
        return sha256(f"{previous}\n{text}".encode()).hexdigest()
    return seal_row(previous, (*values, legs))


def seal(previous: str, seq: int, event: LedgerEvent) -> str:
    """Return the seal of an event at its place in the sequence.

    Args:
        previous: The seal of the event before it; `GENESIS` for the first one.
        seq: Its place among all stored events, from 1.
        event: The event.

    Example:
        >>> from btcturk_kit.domain.canonical import GENESIS
        >>> from btcturk_kit.domain.ledger import EventKind
        >>> event = LedgerEvent("opening", EventKind.OPENING, 0, 0, (), "")
        >>> seal(GENESIS, 1, event)[:16]
        '69e89bf9cdf0ce0a'
    """
    return seal_event(previous, event_values(seq, event), leg_rows(seq, event))


def balances_text(ledger: Ledger) -> str:
    """Return every balance that is not zero as one text, sorted: for a checkpoint."""
    lines = [
        f"{asset}:{account}:{amount_text(amount)}"
        for (account, asset), amount in ledger.balances.items()
        if amount
    ]
    return ";".join(sorted(lines))
