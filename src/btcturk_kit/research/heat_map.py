"""A heat map of scores over two parameters: as text, and as one self-contained page.

A cell is the median score of its trials: where more parameters were searched, the best of a cell
would show luck. A broad warm region is a finding, a lone peak is not. Never add: a library that
draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import NamedTuple

from btcturk_kit.domain.money import exact, mul
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.trials import TrialResult, Value, value_text

__all__ = ["HeatMap", "heat_map_of", "heat_map_page"]

_SHADES = " ░▒▓█"
_COLD, _WARM = (49, 91, 161), (230, 126, 34)
_CELL_WIDTH, _CELL_HEIGHT, _MARGIN = 84, 40, 96


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


def heat_map_page(title: str, heat: HeatMap, note: str = "") -> str:
    """Return an HTML document with the heat map; it loads nothing from anywhere.

    Args:
        title: Of the page.
        heat: What it shows.
        note: A sentence below: how many trials, what luck explains.
    """
    width = _MARGIN + len(heat.xs) * _CELL_WIDTH
    height = _MARGIN // 2 + len(heat.ys) * _CELL_HEIGHT
    parts = [
        f'<text x="{_MARGIN}" y="14">{escape(heat.x)} →</text>',
        f'<text x="0" y="{_MARGIN // 2 - 8}">{escape(heat.y)} ↓</text>',
    ]
    for column, x in enumerate(heat.xs):
        middle = _MARGIN + column * _CELL_WIDTH + _CELL_WIDTH // 2
        parts.append(_label(middle, _MARGIN // 2 - 8, value_text(x)))
        parts += [_rect(heat, x, y, column, row) for row, y in enumerate(heat.ys)]
    for row, y in enumerate(heat.ys):
        middle = _MARGIN // 2 + row * _CELL_HEIGHT + _CELL_HEIGHT // 2 + 5
        parts.append(_label(_MARGIN // 2, middle, value_text(y)))
    drawing = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}'
        "</title>\n<style>body{font:14px system-ui,sans-serif;margin:2em;color:#222}"
        "text{font-size:13px}</style></head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n"
        f'<svg role="img" aria-label="{escape(title)}" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">\n{drawing}\n</svg>\n'
        f"<p>A cell is the median score of its trials. {escape(note)}</p>\n</body>\n</html>\n"
    )


def _label(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle">{escape(text)}</text>'


def _rect(heat: HeatMap, x: Value, y: Value, column: int, row: int) -> str:
    score = heat.cells.get((x, y))
    left, top = _MARGIN + column * _CELL_WIDTH, _MARGIN // 2 + row * _CELL_HEIGHT
    place = f'x="{left}" y="{top}" width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}"'
    if score is None:
        return f'<rect {place} fill="#eee"><title>no trial finished</title></rect>'
    level = heat.level(score)
    color = ",".join(
        str(round(cold + (warm - cold) * level)) for cold, warm in zip(_COLD, _WARM, strict=True)
    )
    names = f"{heat.x} {value_text(x)}, {heat.y} {value_text(y)}: {score}"
    middle = f'x="{left + _CELL_WIDTH // 2}" y="{top + _CELL_HEIGHT // 2 + 4}"'
    return (
        f'<rect {place} fill="rgb({color})"><title>{escape(names)}</title></rect>'
        f'<text {middle} text-anchor="middle" fill="#fff">{score:.3f}</text>'
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
