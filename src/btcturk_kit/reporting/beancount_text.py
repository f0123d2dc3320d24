"""The syntax of beancount: names, numbers, postings. Never add: what is posted, and why."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal

__all__ = ["Posting", "commodity_of", "posting_line", "quoted"]

_COMMODITY = re.compile(r"[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]")


class Posting(NamedTuple):
    """One line of a transaction.

    Attributes:
        units: How much, signed.
        cost: What these units cost in all: a lot is opened. None for no lot, or one that is taken.
        acquired: The date of the lot that is opened or, where it is named, taken.
        label: The name of that lot.
        takes: Lots are taken: the oldest ones, or the named one.
        worth: What units that open no lot weigh in TRY, signed as they are; None: they weigh
            themselves.
    """

    account: str
    units: Decimal
    commodity: str
    cost: Decimal | None = None
    acquired: date | None = None
    label: str = ""
    takes: bool = False
    worth: Decimal | None = None

    @property
    def weight_try(self) -> Decimal | None:
        """What the line weighs in TRY; None where it weighs its own units."""
        return self.worth if self.cost is None else self.cost


def commodity_of(asset: str) -> str:
    """Return the name of an asset in beancount, which begins with a letter and has two at least.

    Example:
        >>> commodity_of("BTC"), commodity_of("1INCH"), commodity_of("S")
        ('BTC', 'X-1INCH', 'X-S')
    """
    return asset if _COMMODITY.fullmatch(asset) else f"X-{asset}"


def quoted(text: str) -> str:
    """Return a text as beancount quotes it, in one line."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def posting_line(one: Posting) -> str:
    """Return the line of a posting.

    Total costs and total prices are written, never ones per unit: those rarely have an end.
    """
    text = f"  {one.account}  {canonical_decimal(one.units)} {one.commodity}"
    if one.cost is not None:
        cost = canonical_decimal(abs(one.cost))
        return f"{text} {{0 # {cost} TRY, {one.acquired}, {quoted(one.label)}}}"
    if one.takes:
        return f"{text} {{{one.acquired}, {quoted(one.label)}}}" if one.label else f"{text} {{}}"
    if one.worth is not None:
        return f"{text} @@ {canonical_decimal(abs(one.worth))} TRY"
    return text
