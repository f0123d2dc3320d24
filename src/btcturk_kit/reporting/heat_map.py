"""A heat map of two parameters: a table whose cells are colored by their value.

One self-contained file of HTML without a script; the number stands in every cell, so that nobody
needs the color. Never add: an interpolated cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.run_page_shell import page_document
from btcturk_kit.reporting.run_page_text import NOT_KNOWN, number, word

__all__ = ["heat_map_page"]

_STYLES: Final = ("run_page_files/run_page.css", "run_page_files/heat_map.css")
_SHADES: Final = 8


def heat_map_page(
    rows: Sequence[object],
    columns: Sequence[object],
    values: Sequence[Sequence[float | None]],
    *,
    title: str,
    row_name: str,
    column_name: str,
    value_name: str,
    labels: Sequence[str] = (),
    places: int = 2,
) -> str:
    """Return a heat map as one self-contained HTML file.

    Values above zero are green, below it red, the more the further; None is told as not known. The
    best cell is outlined, and a note says that it is the best of so many tries.

    Args:
        rows: Values of the parameter that goes down.
        columns: Values of the parameter that goes right.
        values: A row of values for each of `rows`.
        title: Of the page.
        row_name: Of the first parameter.
        column_name: Of the second parameter.
        value_name: What the cells hold.
        labels: What the values must not be read without.
        places: Decimals of the values.

    Raises:
        ConfigurationError: There are not as many values as cells.

    Example:
        >>> page = heat_map_page([6, 12], [24, 48], [[0.5, None], [-0.25, 1.0]],
        ...     title="trend", row_name="fast", column_name="slow", value_name="Sharpe ratio")
        >>> "best of 3 tries" in page
        True
    """
    if len(values) != len(rows) or any(len(one) != len(columns) for one in values):
        raise ConfigurationError(
            f"a heat map of {len(rows)} x {len(columns)} cells got other values",
            hint="give one list of values for each row, one value for each column",
        )
    known = [one for row in values for one in row if one is not None]
    most = max(map(abs, known), default=0.0) or 1.0
    best = max(known, default=None)
    head = "".join(f'<th scope="col" class="number">{word(one)}</th>' for one in columns)
    lines = [
        f'<tr><th scope="row" class="number">{word(name)}</th>'
        + "".join(_cell(one, most, best, places) for one in row)
        + "</tr>"
        for name, row in zip(rows, values, strict=True)
    ]
    said = [*labels]
    if best is not None:
        said.append(
            f"The outlined cell is the best of {len(known):,} tries: the best of many looks good "
            "by luck alone. Look for a plain of good neighbors."
        )
    notes = "".join(f"<li>{word(one)}</li>" for one in said)
    caveats = (
        f'<section class="caveats" role="note"><h2>Read this first</h2><ul>{notes}</ul></section>'
        if said
        else ""
    )
    body = (
        f"<header><h1>{word(title)}</h1></header><main>{caveats}"
        f'<section class="panel"><h2>{word(value_name)}</h2>'
        f'<div class="scroll heat" tabindex="0" role="region" aria-label="Heat map"><table><thead>'
        f'<tr><td class="corner">{word(row_name)} ↓ {word(column_name)} →</td>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></section></main>"
    )
    return page_document(title, body, styles=_STYLES)


def _cell(value: float | None, most: float, best: float | None, places: int) -> str:
    if value is None:
        return f"<td>{NOT_KNOWN}</td>"
    shade = min(_SHADES, round(abs(value) / most * _SHADES))
    kind = f"{'up' if value > 0 else 'down'}-{shade}" if shade else "even"
    mark = " best" if value == best else ""
    return f'<td class="{kind}{mark}">{number(value, places)}</td>'
