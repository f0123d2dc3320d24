"""A heat map of scores over two parameters; `reporting.heat_map` draws it as a page.

A cell is the median score of its trials: where more parameters were searched, the best of a cell
would show luck. A broad warm region is a finding, a lone peak is not. Never add: a drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.money import exact, mul
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.trials import TrialResult, Value, value_text

__all__ = ["HeatMap", "heat_map_of"]

_SHADES = " ░▒▓█"


class HeatMap(NamedTuple):
    """Median scores over two parameters.

    Attributes:
        x: Name of the parameter across.
        y: Name of the parameter down.
        xs: Its values, in order.
        ys: Its values, in order.
        cells: Median score by (x, y); nothing where no trial finished.
    """

    x: str
    y: str
    xs: tuple[Value, ...]
    ys: tuple[Value, ...]
    cells: Mapping[tuple[Value, Value], Decimal]

    def level(self, score: Decimal) -> float:
        """Return how high a score is among those shown, 0 to 1."""
        low, high = min(self.cells.values()), max(self.cells.values())
        return 0.5 if low == high else float(score - low) / float(high - low)

    def table(self) -> list[list[float | None]]:
        """Return a row of scores for each y, for a page."""
        return [
            [None if score is None else float(score) for score in map(self.cells.get, row)]
            for row in ([(x, y) for x in self.xs] for y in self.ys)
        ]

    def text(self) -> str:
        """Return it for a terminal: scores to three decimals, shaded from low to high."""
        heads = [value_text(one) for one in self.xs]
        names = [value_text(one) for one in self.ys]
        width = max([len(one) for one in heads] + [9])
        left = max(len(one) for one in [*names, self.y])
        lines = [f"{self.y:>{left}}  {self.x}"]
        lines.append(" " * left + "".join(f"  {head:>{width + 2}}" for head in heads))
        for y, name in zip(self.ys, names, strict=True):
            cells = [self._cell(self.cells.get((x, y)), width) for x in self.xs]
            lines.append(f"{name:>{left}}" + "".join(cells))
        return "\n".join(line.rstrip() for line in lines)

    def _cell(self, score: Decimal | None, width: int) -> str:
        if score is None:
            return f"  {'-':>{width + 2}}"
        shade = _SHADES[min(int(self.level(score) * len(_SHADES)), len(_SHADES) - 1)]
        return f"  {score:>{width}.3f} {shade}"


@exact
def heat_map_of(results: Iterable[TrialResult], x: str, y: str) -> HeatMap:
    """Return the heat map of trials over two of their parameters.

    Raises:
        ConfigurationError: One parameter twice, one that was not searched, or no finished trial.
    """
    found: dict[tuple[Value, Value], list[Decimal]] = {}
    for one in results:
        if x not in one.parameters or y not in one.parameters or x == y:
            raise ConfigurationError(
                f"no heat map over {x} and {y}",
                hint=f"choose two of what was searched: {', '.join(one.parameters)}",
            )
        if one.score is not None:
            found.setdefault((one.parameters[x], one.parameters[y]), []).append(one.score)
    if not found:
        raise ConfigurationError("no trial finished: no heat map", hint="look at their errors")
    return HeatMap(
        x,
        y,
        _ordered({one for one, _ in found}),
        _ordered({one for _, one in found}),
        {place: _median(scores) for place, scores in found.items()},
    )


def _ordered(values: set[Value]) -> tuple[Value, ...]:
    numbers = sorted(one for one in values if not isinstance(one, str))
    return (*numbers, *sorted(one for one in values if isinstance(one, str)))


def _median(scores: Sequence[Decimal]) -> Decimal:
    ordered = sorted(scores)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return mul(ordered[middle - 1] + ordered[middle], Decimal("0.5"))
