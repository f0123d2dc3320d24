"""How figures and tables are written in a page: numbers with separators, times of the day zone.

Every text that comes from outside is escaped here. Never add: a figure's computation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from btcturk_kit.errors import ConfigurationError

__all__ = ["NOT_KNOWN", "clock_in", "duration", "money", "number", "share", "table", "word"]

NOT_KNOWN: Final = "n/a"

_HUGE: Final = 10**6
"""A ratio above this is written with an exponent."""


def clock_in(zone: str) -> Callable[[int], str]:
    """Return the function that writes an instant in a time zone, to the minute.

    Raises:
        ConfigurationError: There is no such zone.

    Example:
        >>> clock_in("Europe/Istanbul")(1_700_000_000_000)
        '2023-11-15 01:13'
    """
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(
            f"there is no time zone {zone!r}", hint="name one like Europe/Istanbul"
        ) from None

    def text(at_ms: int) -> str:
        return f"{datetime.fromtimestamp(at_ms // 1000, where):%Y-%m-%d %H:%M}"

    return text


def money(amount: Decimal | None) -> str:
    """Return an amount with separators and two decimals.

    Example:
        >>> money(Decimal("-1234567.891"))
        '-1,234,567.89'
    """
    return NOT_KNOWN if amount is None else f"{amount:,.2f}"


def number(value: float | None, places: int = 2) -> str:
    """Return a number with separators.

    Example:
        >>> number(1234.5), number(7, 0), number(1.5e9)
        ('1,234.50', '7', '1.50e+09')
    """
    if value is None:
        return NOT_KNOWN
    return f"{value:.2e}" if places and abs(value) >= _HUGE else f"{value:,.{places}f}"


def share(ratio: float | None) -> str:
    """Return a ratio as parts of a hundred.

    Example:
        >>> share(-0.12345)
        '-12.35 %'
    """
    return NOT_KNOWN if ratio is None else f"{number(ratio * 100)} %"


def duration(length_ms: int | None) -> str:
    """Return a length of time in its two largest units.

    Example:
        >>> duration(93_780_000), duration(90_000), duration(0)
        ('1 d 2 h', '1 min 30 s', '0 s')
    """
    if length_ms is None:
        return NOT_KNOWN
    left = length_ms // 1000
    parts: list[str] = []
    for name, seconds in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count:,} {name}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def word(text: object) -> str:
    """Return any text as markup that shows it, isolated from the direction around it."""
    return f"<bdi>{escape(str(text))}</bdi>"


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int = 1,
    note: str = "",
) -> str:
    """Return a table whose numbers stand at the right.

    Args:
        caption: Its name; plain text.
        heads: Of the columns; plain text.
        rows: Markup, cell by cell.
        left: How many columns hold words.
        note: A sentence below it; plain text.
    """
    name = escape(caption)
    kinds = ["word" if place < left else "number" for place in range(len(heads))]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(one)}</th>'
        for kind, one in zip(kinds, heads, strict=True)
    )
    body = "\n".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    if not body:
        return f'<section class="panel"><h2>{name}</h2>{said}</section>'
    return (
        f'<section class="panel"><h2>{name}</h2>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>{said}</section>"
    )


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *rest = zip(row, kinds, strict=True)
    cells = [f'<th scope="row" class="{first[1]}">{first[0]}</th>']
    return "".join([*cells, *[f'<td class="{kind}">{one}</td>' for one, kind in rest]])
