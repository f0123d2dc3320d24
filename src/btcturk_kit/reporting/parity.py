"""Parity of two runs: equal field by field, or what differs first, everywhere, and in money.

Cycles are matched by their instant. What is compared, and what is left out, is said in
`parity_fields`. Never add: a file, a tolerance that nobody asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from btcturk_kit.domain.money import ZERO, exact, sub
from btcturk_kit.reporting.parity_fields import (
    IGNORED,
    Cycle,
    Journal,
    generic,
    read_cycles,
)

__all__ = ["FieldDifference", "MoneyDifference", "ParityReport", "compare_runs"]

_ABSENT: Final = "(absent)"
_FIGURES: Final = ("equity_try", "net_try", "gross_try", "fees_try", "tax_try")


class FieldDifference(NamedTuple):
    """One field that differs in one cycle; a whole cycle that one run lacks is the field `cycle`.

    Attributes:
        place: Among the documents of that instant, from 0.
        a: What the first run has, as text.
        b: What the second has.
    """

    now_ms: int
    place: int
    field: str
    a: str
    b: str


class MoneyDifference(NamedTuple):
    """How much more one figure changed in the second run over a span; all in TRY.

    Attributes:
        span: `2026-01-31`, or `2026-W05` for the week of the ISO calendar.
        figure: `equity_try`, `net_try`, `gross_try`, `fees_try` or `tax_try`.
        a: By how much it changed in the first run.
        b: By how much in the second.
        difference: b less a.
    """

    span: str
    figure: str
    a: Decimal
    b: Decimal
    difference: Decimal


class ParityReport(NamedTuple):
    """The comparison of two runs.

    Attributes:
        cycles_a: Documents of the first run.
        cycles_b: Of the second.
        differences: In order of time and of the document.
        fields: How often each field differs, places in lists left out.
        days: Money per day, only figures that differ.
        weeks: Money per week, likewise.
    """

    cycles_a: int
    cycles_b: int
    differences: tuple[FieldDifference, ...]
    fields: Mapping[str, int]
    days: tuple[MoneyDifference, ...]
    weeks: tuple[MoneyDifference, ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    @property
    def first_ms(self) -> int | None:
        """The instant of the first difference, None if there is none."""
        return self.differences[0].now_ms if self.differences else None

    @property
    def first(self) -> tuple[FieldDifference, ...]:
        """Everything that differs in the first cycle that does."""
        if not self.differences:
            return ()
        head = self.differences[0]
        same = (head.now_ms, head.place)
        return tuple([one for one in self.differences if (one.now_ms, one.place) == same])


@exact
def compare_runs(
    a: Journal,
    b: Journal,
    *,
    day_of: Callable[[int], date],
    names: tuple[str, str] = ("the first journal", "the second journal"),
    ignored: Collection[str] = IGNORED,
    places: Mapping[str, int] | None = None,
) -> ParityReport:
    """Compare two runs.

    Args:
        a: Documents of the first run.
        b: Documents of the second.
        day_of: The day of an instant in the zone of the account.
        names: Of the two, for messages.
        ignored: Fields that are not compared.
        places: Decimals to which a field is rounded before it is compared.

    Raises:
        ConfigurationError: A journal is empty or broken; see `read_cycles`.
    """
    one = read_cycles(a, name=names[0], ignored=ignored, places=places)
    other = read_cycles(b, name=names[1], ignored=ignored, places=places)
    differences = tuple(_differences(_placed(one), _placed(other)))
    counts = Counter(generic(found.field) for found in differences)
    return ParityReport(
        len(one),
        len(other),
        differences,
        dict(sorted(counts.items())),
        _money(one, other, lambda now_ms: day_of(now_ms).isoformat()),
        _money(one, other, lambda now_ms: _week(day_of(now_ms))),
    )


_Place = tuple[int, int]


def _placed(cycles: tuple[Cycle, ...]) -> dict[_Place, Cycle]:
    """Name each document by its instant and its place there: the closing cycle shares the last."""
    placed: dict[_Place, Cycle] = {}
    for cycle in cycles:
        place = 0
        while (cycle.now_ms, place) in placed:
            place += 1
        placed[cycle.now_ms, place] = cycle
    return placed


def _differences(a: Mapping[_Place, Cycle], b: Mapping[_Place, Cycle]) -> Iterator[FieldDifference]:
    for key in sorted(a.keys() | b.keys()):
        one, other = a.get(key), b.get(key)
        if one is None or other is None:
            told = ["present" if cycle is not None else _ABSENT for cycle in (one, other)]
            yield FieldDifference(*key, "cycle", *told)
            continue
        if one.fields == other.fields:
            continue
        left, right = dict(one.fields), dict(other.fields)
        for field in dict.fromkeys((*left, *right)):
            mine, theirs = left.get(field, _ABSENT), right.get(field, _ABSENT)
            if mine != theirs:
                yield FieldDifference(*key, field, mine, theirs)


def _money(
    a: tuple[Cycle, ...], b: tuple[Cycle, ...], span_of: Callable[[int], str]
) -> tuple[MoneyDifference, ...]:
    one, other = _changes(a, span_of), _changes(b, span_of)
    rows = []
    for key in sorted(one.keys() | other.keys()):
        mine, theirs = one.get(key, ZERO), other.get(key, ZERO)
        if mine != theirs:
            rows.append(MoneyDifference(*key, mine, theirs, sub(theirs, mine)))
    return tuple(rows)


def _changes(
    cycles: tuple[Cycle, ...], span_of: Callable[[int], str]
) -> dict[tuple[str, str], Decimal]:
    """Return by how much each figure changed in each span, from the first document on.

    The first span begins with the first document's own figures for what is counted from zero, and
    with its equity for equity: what was there before the run is no result of it.
    """
    last = dict.fromkeys(_FIGURES, ZERO)
    last["equity_try"] = cycles[0].metrics["equity_try"]
    ends = {span_of(cycle.now_ms): cycle for cycle in cycles}  # the last one of each span stays
    changes: dict[tuple[str, str], Decimal] = {}
    for span, cycle in ends.items():
        for figure in _FIGURES:
            changes[span, figure] = sub(cycle.metrics[figure], last[figure])
            last[figure] = cycle.metrics[figure]
    return changes


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"
