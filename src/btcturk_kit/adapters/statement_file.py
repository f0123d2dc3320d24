"""A statement of trades and transfers as CSV, from whatever program wrote it.

BtcTurk documents no format of the statement its site offers, and none was seen: nothing of it is
assumed here. The columns have plain names; others are named when the file is read. Never add: a
guess at a number or a date that is not written the way it was said to be.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.lots import Book, LotMove
from btcturk_kit.domain.money import ZERO, add, mul
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import ConfigurationError

__all__ = ["COLUMNS", "Statement", "read_statement"]

COLUMNS: Final = (
    "time",
    "type",
    "asset",
    "quantity",
    "price",
    "total",
    "quote",
    "fee",
    "tax",
)
"""What is read; only the first four are needed in every row."""

_NEEDED: Final = COLUMNS[:4]
_MS_DIGITS: Final = 12
_KINDS: Final = {
    "buy": 1,
    "sell": -1,
    "deposit": 1,
    "withdrawal": -1,
}


class Statement(NamedTuple):
    """The moves of a file, and a name for it that its content gives."""

    moves: tuple[LotMove, ...]
    name: str


class _Row(NamedTuple):
    place: str
    cells: Mapping[str, str]
    decimal_comma: bool

    def problem(self, text: str) -> ConfigurationError:
        return ConfigurationError(f"{self.place}: {text}", hint="correct the row; nothing was read")

    def amount(self, name: str) -> Decimal | None:
        text = self.cells.get(name, "").replace(" ", "")
        if not text:
            return None
        if self.decimal_comma:
            text = text.replace(".", "").replace(",", ".")
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise self.problem(f"{name} {text!r} is not an amount") from None
        if not value.is_finite():
            raise self.problem(f"{name} {text!r} is not an amount")
        return abs(value)

    def time_ms(self) -> int:
        text = self.cells["time"]
        if text.isdigit() and len(text) >= _MS_DIGITS:
            return int(text)
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise self.problem(f"time {text!r} is neither ISO nor milliseconds") from None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return round(when.timestamp() * 1000)


def read_statement(
    path: Path, *, columns: Mapping[str, str] | None = None, decimal_comma: bool = False
) -> Statement:
    """Read a file whole.

    Args:
        path: CSV in UTF-8 with a line of names; separated by commas or semicolons.
        columns: Our name of a column to the file's, where they differ.
        decimal_comma: Whether amounts are written `1.234,56`.

    Raises:
        ConfigurationError: It cannot be read, or a row says something impossible.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    lines = text.splitlines()
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    names = {theirs: ours for ours, theirs in (columns or {}).items()}
    moves: list[LotMove] = []
    reader = csv.DictReader(lines, delimiter=separator)
    there = {names.get(one.strip(), one.strip()) for one in reader.fieldnames or ()}
    missing = [name for name in _NEEDED if name not in there]
    if missing:
        raise ConfigurationError(
            f"{path} has no column {', '.join(missing)}", hint="name it: --column time=Tarih"
        )
    for number, cells in enumerate(reader, 2):
        found = {
            names.get(name.strip(), name.strip()): (cell or "").strip()
            for name, cell in cells.items()
            if isinstance(name, str)
        }
        moves.append(_move(_Row(f"{path.name}, line {number}", found, decimal_comma), number))
    digest = sha256(text.encode()).hexdigest()[:16]
    return Statement(tuple(moves), f"{path.name} sha256:{digest}")


def _move(row: _Row, number: int) -> LotMove:
    kind = row.cells["type"].lower()
    sign = _KINDS.get(kind)
    if sign is None:
        raise row.problem(f"type {kind!r} is none of {', '.join(_KINDS)}")
    asset = Asset(row.cells["asset"].upper())
    quantity = row.amount("quantity")
    if not quantity or not asset:
        raise row.problem("asset or quantity is missing")
    cost = _cost(row, quantity) if kind == "buy" else None
    at_ms = row.time_ms()
    return LotMove(Book.EXTERNAL, asset, sign * quantity, cost, cost, at_ms, number, at_ms)


def _cost(row: _Row, quantity: Decimal) -> Decimal | None:
    """Return what a purchase cost in TRY, charges included; None in another quote."""
    if row.cells.get("quote", "").upper() not in ("", TRY):
        return None
    total, price = row.amount("total"), row.amount("price")
    if total is not None:
        return total
    if price is None:
        raise row.problem("neither total nor price of the purchase is given")
    charges = add(row.amount("fee") or ZERO, row.amount("tax") or ZERO)
    return add(mul(price, quantity), charges)
