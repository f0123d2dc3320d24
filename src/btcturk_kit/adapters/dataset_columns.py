"""From decimal text to integer columns: exact, and quick enough for a million rows.

A column is read in one sweep that assumes plain decimals; only where that fails is it read value by
value, to allow exponents or to name the row. Never add: floats, what a column means.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import gcd
from operator import methodcaller
from typing import Final, NamedTuple

from btcturk_kit.domain.money import EXACT, round_half_even
from btcturk_kit.errors import DatasetError

__all__ = [
    "ColumnText",
    "Scaled",
    "decimal_text",
    "decimals_of",
    "instants_ms",
    "rescaled",
    "scaled",
]

_WORD_MAX: Final = 2**63 - 1
_PLACES_MAX: Final = 18
_MS_DIGITS: Final = 13
_EPOCH_DIVISORS: Final = {10: (1_000, 1), 16: (1, 1_000), 19: (1, 1_000_000)}

_ALL_PLAIN: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?\n)*[0-9]+(?:\.[0-9]*)?")
_ALL_LIKE: Final = r"(?:[0-9]+\.[0-9]{{{0}}}\n)*[0-9]+\.[0-9]{{{0}}}"
_NEEDED: Final = re.compile(r"\.[0-9]*[1-9]")


class ColumnText(NamedTuple):
    """One column as it stands in a file, for messages its name there and the row it begins at."""

    source: str
    name: str
    values: Sequence[str]
    first_row: int = 2

    def problem(self, index: int, text: str) -> DatasetError:
        """Return an error that names file, row and value."""
        return DatasetError(
            self.source, self.first_row + index, f"{self.name} {self.values[index]!r} {text}"
        )


class Scaled(NamedTuple):
    """Whole numbers in units of 10**-`scale`."""

    values: array[int]
    scale: int


def decimals_of(values: Iterable[str]) -> int:
    """Return how many decimals the longest of plain decimal texts needs, end zeros aside.

    Example:
        >>> decimals_of(["61837.63000000", "61837.5", "61838"])
        2
    """
    return _decimals("\n".join(values))


def scaled(column: ColumnText, places: int | None = None, *, rounds: bool = False) -> Scaled:
    """Read a column of amounts, none of them negative.

    Args:
        column: The texts.
        places: Decimals to keep; None for as many as the column needs.
        rounds: Whether finer values are rounded half to even; otherwise they are refused.

    Raises:
        DatasetError: A value that is no amount, or finer than `places`.

    Example:
        >>> scaled(ColumnText("a.csv", "close", ["1.5", "2.25", "3"]))
        Scaled(values=array('q', [150, 225, 300]), scale=2)
    """
    values = column.values
    quick = _plain(values, places)
    if quick is not None:
        return quick
    return _careful(column, places, rounds=rounds)


def _plain(values: Sequence[str], places: int | None) -> Scaled | None:
    """Read plain decimals in a few sweeps; None where one is something else, or too fine."""
    joined = "\n".join(values)
    if not _ALL_PLAIN.fullmatch(joined):
        return None
    same = len(values[0].partition(".")[2])
    try:
        if re.fullmatch(_ALL_LIKE.format(same) if same else r"[0-9\n]+", joined):
            found = array("q", map(int, joined.replace(".", "").split("\n")))
            return _at_places(found, same, places)
        scale = _decimals(joined) if places is None else places
        if _decimals(joined) > scale:
            return None
        parts = map(methodcaller("partition", "."), values)
        return Scaled(
            array("q", [int(whole + tail[:scale].ljust(scale, "0")) for whole, _, tail in parts]),
            scale,
        )
    except OverflowError:
        return None


def _decimals(joined: str) -> int:
    return max(map(len, _NEEDED.findall(joined)), default=1) - 1


def _at_places(found: array[int], scale: int, places: int | None) -> Scaled | None:
    """Drop the end zeros that all have, or go to the wanted places; None where that would round."""
    unit = 10**scale
    common = gcd(unit, *found)
    needed = scale
    while needed and common % 10 == 0:
        common, needed = common // 10, needed - 1
    if places is not None and needed > places:
        return None
    wanted = needed if places is None else places
    if wanted >= scale:
        return Scaled(rescaled(Scaled(found, scale), wanted), wanted)
    over = 10 ** (scale - wanted)
    return Scaled(array("q", [value // over for value in found]), wanted)


def _careful(column: ColumnText, places: int | None, *, rounds: bool) -> Scaled:
    """Read value by value, exponents too; name the row of the first that is no amount."""
    numbers: list[Decimal] = []
    for index, text in enumerate(column.values):
        try:
            number = Decimal(text.strip())
        except InvalidOperation as error:
            raise column.problem(index, "is not a number") from error
        if not number.is_finite() or number < 0 or "_" in text or not text.isascii():
            raise column.problem(index, "is not an amount")
        numbers.append(number)
    scale = places
    if scale is None:
        scale = max((_places(number) for number in numbers), default=0)
    found = array("q")
    for index, number in enumerate(numbers):
        kept = round_half_even(number, scale) if rounds else number
        units = kept.scaleb(scale, context=EXACT)
        if units != units.to_integral_value():
            raise column.problem(index, f"has more than {scale} decimals")
        if scale > _PLACES_MAX or units > _WORD_MAX:
            raise column.problem(index, f"does not fit into 63 bits at {scale} decimals")
        found.append(int(units))
    return Scaled(found, scale)


def _places(number: Decimal) -> int:
    exponent = number.normalize(EXACT).as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 - for the type checker; it is finite
    return max(0, -exponent)


def decimal_text(value: int, places: int) -> str:
    """Return units of 10**-`places` as decimal text.

    Example:
        >>> decimal_text(5, 2), decimal_text(1250, 2), decimal_text(7, 0)
        ('0.05', '12.50', '7')
    """
    if not places:
        return str(value)
    digits = str(value).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


def rescaled(found: Scaled, places: int) -> array[int]:
    """Return the numbers in units of 10**-`places`, which are at least as fine.

    Example:
        >>> rescaled(Scaled(array("q", [15, 20]), 1), 3)
        array('q', [1500, 2000])
    """
    if found.scale == places:
        return found.values
    unit = 10 ** (places - found.scale)
    return array("q", [value * unit for value in found.values])


def instants_ms(column: ColumnText) -> array[int]:
    """Read instants: epochs of 10, 13, 16 or 19 digits, or ISO 8601, UTC where it has no zone.

    The digits of the first value hold for all: no column mixes them. A column whose name ends with
    `_ms` holds milliseconds, however many digits they have.

    Raises:
        DatasetError: A value that is none of these.

    Example:
        >>> instants_ms(ColumnText("a.csv", "ts", ["2024-01-01T00:00:00Z", "2024-01-01 01:00"]))
        array('q', [1704067200000, 1704070800000])
    """
    values = column.values
    if not values:
        return array("q")
    first = values[0]
    if not (first.isascii() and first.isdecimal()):
        return _read_each(column, _iso_ms, "is no instant")
    if column.name.endswith("_ms"):
        return _read_each(column, _whole_ms, "is no instant in milliseconds")
    read = _epoch(len(first))
    if read is None:
        raise column.problem(0, "is no epoch of 10, 13, 16 or 19 digits")
    if {*map(len, values)} != {len(first)}:
        index = next(at for at, text in enumerate(values) if len(text) != len(first))
        raise column.problem(index, f"is no epoch of {len(first)} digits like the first")
    return _read_each(column, read, "is no instant")


def _read_each(column: ColumnText, read: Callable[[str], int], problem: str) -> array[int]:
    if read is _whole_ms and all(map(str.isdecimal, column.values)):
        read = int
    try:
        return array("q", map(read, column.values))
    except (ValueError, OverflowError):
        for index, text in enumerate(column.values):
            try:
                array("q", [read(text)])
            except (ValueError, OverflowError) as error:
                raise column.problem(index, problem) from error
        raise


def _whole_ms(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)


def _epoch(digits: int) -> Callable[[str], int] | None:
    if digits == _MS_DIGITS:
        return _whole_ms
    factors = _EPOCH_DIVISORS.get(digits)
    if factors is None:
        return None
    times, over = factors
    return lambda text: _whole_ms(text) * times // over


def _iso_ms(text: str) -> int:
    moment = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000 + delta.microseconds // 1_000
