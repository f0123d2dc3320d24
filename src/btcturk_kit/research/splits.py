"""Splits of a walk forward: a stretch to choose on, a gap, a stretch to judge on; then further on.

The gap keeps what is judged from being known already. *Purged* is as far as a decision reaches: the
bars that warm a strategy up and the time a position is held. The *embargo* is a further distance,
because returns that follow each other resemble each other. Both lie between the two stretches; a
walk forward never chooses on what comes after. A judged run is fed from the purged bars, which no
choice has seen, so that it does not begin cold. Never add: a dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.trials import Span

__all__ = ["Split", "bar_splits", "day_splits"]

_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)


class Split(NamedTuple):
    """One step of a walk forward.

    Attributes:
        train: Where parameters are chosen.
        test: Where they are judged, with the purged stretch before it as warm-up.
    """

    train: Span
    test: Span


def bar_splits(
    times_ms: Sequence[int],
    *,
    train: int,
    test: int,
    purge: int = 0,
    embargo: int = 0,
    step: int | None = None,
    is_anchored: bool = False,
) -> tuple[Split, ...]:
    """Return splits counted in bars.

    Args:
        times_ms: Instants of the bars, in order.
        train: Bars to choose on; with `is_anchored` of the first split.
        test: Bars to judge on.
        purge: Bars that a decision reaches: warm-up and holding time.
        embargo: Further bars left out.
        step: Bars from one split to the next; None for the length of `test`.
        is_anchored: Choose on everything since the beginning instead of the last `train` bars.

    Raises:
        ConfigurationError: Lengths that cannot be, judged stretches that overlap, or fewer bars
            than one split needs.

    Example:
        >>> one, two = bar_splits(range(0, 100, 10), train=4, test=2, purge=1, embargo=1)
        >>> one.train, one.test
        (Span(from_ms=0, to_ms=40, warm_up_ms=0), Span(from_ms=60, to_ms=80, warm_up_ms=10))
        >>> two.train.from_ms, two.test.to_ms
        (20, 91)
    """
    places = _places(
        len(times_ms), train=train, test=test, purge=purge, embargo=embargo, step=step, unit="bars"
    )

    def at(place: int) -> int:
        return times_ms[place] if place < len(times_ms) else times_ms[-1] + 1

    return tuple(
        Split(
            Span(at(0 if is_anchored else first), at(first + train), 0),
            Span(at(judged), at(judged + test), at(judged) - at(judged - purge)),
        )
        for first, judged in places
    )


def day_splits(
    from_ms: int,
    to_ms: int,
    *,
    train: int,
    test: int,
    purge: int = 0,
    embargo: int = 0,
    step: int | None = None,
    is_anchored: bool = False,
) -> tuple[Split, ...]:
    """Return splits counted in days of 24 hours from `from_ms`; arguments as of `bar_splits`.

    Raises:
        ConfigurationError: As there.

    Example:
        >>> day = 86_400_000
        >>> [split.test.from_ms // day for split in day_splits(0, 9 * day, train=4, test=2)]
        [4, 6]
    """
    days = range(from_ms, to_ms - _DAY_MS + 1, _DAY_MS)
    places = _places(
        len(days), train=train, test=test, purge=purge, embargo=embargo, step=step, unit="days"
    )

    def at(place: int) -> int:
        return from_ms + place * _DAY_MS

    return tuple(
        Split(
            Span(at(0 if is_anchored else first), at(first + train), 0),
            Span(at(judged), at(judged + test), purge * _DAY_MS),
        )
        for first, judged in places
    )


def _places(
    count: int, *, train: int, test: int, purge: int, embargo: int, step: int | None, unit: str
) -> list[tuple[int, int]]:
    """Return where each split begins to choose and to judge."""
    if train < 1 or test < 1 or purge < 0 or embargo < 0:
        raise ConfigurationError(
            f"a walk forward over {train} and {test} {unit}, purged {purge}, embargo {embargo}",
            hint="choose on one or more, judge on one or more",
        )
    step = test if step is None else step
    if step < test:
        raise ConfigurationError(
            f"a step of {step} {unit} judges some of them twice",
            hint=f"step {test} or more, the length of what is judged",
        )
    ahead = train + purge + embargo
    if count < ahead + test:
        raise ConfigurationError(
            f"{count} {unit} are too few for a walk forward that needs {ahead + test}",
            hint="choose shorter stretches, or a longer dataset",
        )
    return [(first, first + ahead) for first in range(0, count - ahead - test + 1, step)]
