"""The picture of `capital lab`: trading capital and treasury under each policy, fact by fact.

The library that draws is an extra and is imported when a picture is asked for. Never add: a figure
that is not in the journals, a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from btcturk_kit.adapters.whole_files import require_new, write_new_file
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.errors import ConfigurationError

__all__ = ["draw_capital", "require_plot"]

_FORMATS = (".svg", ".png")
_SIZE_INCHES = (9.0, 6.0)


def require_plot(path: Path) -> None:
    """Make sure that a picture can be drawn, before anything is computed.

    Raises:
        ConfigurationError: Another format, a file that exists, or the extra is not installed.
    """
    if path.suffix not in _FORMATS:
        raise ConfigurationError(
            f"{path} is no picture that can be drawn", hint="end its name in .svg or .png"
        )
    require_new(path)
    if find_spec("matplotlib") is None:
        raise ConfigurationError(
            "matplotlib is not installed, it draws the picture",
            hint="pip install 'btcturk-kit[plot]', or leave --plot out",
        )


def draw_capital(path: Path, journals: Mapping[str, Sequence[CapitalState]]) -> None:
    """Draw journals by name into a new file; the same journals give the same SVG."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    with mpl.rc_context({"svg.hashsalt": "btcturk-kit", "svg.fonttype": "none"}):
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        for place, (name, journal) in enumerate(journals.items()):
            # What was done is a broad line beneath the others, which may lie exactly on it.
            style: dict[str, Any] = {"where": "post", "label": name}
            style |= {"linewidth": 5, "alpha": 0.35} if not place else {"linewidth": 1.5}
            facts = [row.last_event_count for row in journal]
            facts.append(facts[-1] + 1)  # so that the last step is seen
            for axes, amounts in (
                (upper, [float(row.trading_capital_try) for row in journal]),
                (lower, [float(row.treasury_try) for row in journal]),
            ):
                axes.step(facts, [*amounts, amounts[-1]], **style)
        for axes, label in ((upper, "trading capital, TRY"), (lower, "treasury, TRY")):
            axes.set_ylabel(label)
            axes.ticklabel_format(useOffset=False, style="plain")
            axes.grid(visible=True, alpha=0.3)
        lower.set_xlabel("facts in the ledger")
        upper.legend()
        drawn, form = BytesIO(), path.suffix[1:]
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(drawn, format=form, metadata=metadata)
    write_new_file(path, [drawn.getvalue()])
