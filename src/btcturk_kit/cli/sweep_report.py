"""What `sweep` prints: a document, or tables with what they must not be read without.

Never add: a figure of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Any

from btcturk_kit.cli.output import decimal_text, pointed
from btcturk_kit.reporting.statistics_ratios import YEAR_DAYS
from btcturk_kit.research.sharpe import probabilistic_sharpe
from btcturk_kit.research.sweeping import Deflation, SweepResult
from btcturk_kit.research.trials import TrialResult, value_text
from btcturk_kit.research.walks import WalkForward

__all__ = ["luck_lines", "sweep_document", "sweep_lines", "walk_document", "walk_lines"]

_YEAR = sqrt(YEAR_DAYS)
_ERRORS_MAX = 3


def sweep_document(found: SweepResult) -> dict[str, Any]:
    """Return the document of a sweep."""
    best, deflation = found.best, found.deflation()
    return {
        "schema": "sweep/1",
        "trials": len(found.results),
        "finished": len(found.finished),
        "skipped": len(found.skipped),
        "failed": len(found.failed),
        "earlier_trials": found.earlier_trials,
        "best": None if best is None else best.number,
        "deflated_sharpe": None if deflation is None else _deflation(deflation),
        "digest": found.digest,
        "results": [_result(one) for one in found.results],
    }


def walk_document(found: WalkForward) -> dict[str, Any]:
    """Return the document of a walk forward."""
    moments, lost = found.moments, found.degradation()
    return {
        "schema": "walk_forward/1",
        "folds": [
            {
                "train": list(fold.split.train),
                "test": list(fold.split.test),
                "trials": len(fold.sweep.results),
                "finished": len(fold.sweep.finished),
                "in_sample": None if fold.chosen is None else _result(fold.chosen),
                "out_of_sample": None if fold.test is None else _result(fold.test),
            }
            for fold in found.folds
        ],
        "days": len(found.returns),
        "net_ratio": repr(found.net_ratio),
        "drawdown_ratio": repr(found.drawdown_ratio),
        "sharpe": None if moments is None else repr(moments.sharpe * _YEAR),
        "probabilistic_sharpe": None if moments is None else repr(probabilistic_sharpe(moments)),
        "degradation": None
        if lost is None
        else {
            "folds": lost.folds,
            "in_sample": decimal_text(lost.in_sample),
            "out_of_sample": decimal_text(lost.out_of_sample),
            "lost_ratio": None if lost.lost_ratio is None else decimal_text(lost.lost_ratio),
        },
        "stability": {
            one.name: [None if value is None else value_text(value) for value in one.values]
            for one in found.stability()
        },
        "digest": found.digest,
    }


def sweep_lines(found: SweepResult, *, top: int) -> Iterator[str]:
    """Yield the best trials as a table, and what their luck explains."""
    ranked = found.ranked()[:top]
    yield from _table(ranked)
    yield ""
    yield (
        f"{len(found.results)} trials: {len(found.finished)} finished,"
        f" {len(found.skipped)} skipped, {len(found.failed)} failed"
    )
    for one in found.failed[:_ERRORS_MAX]:
        yield f"  trial {one.number} failed: {one.error}"
    odd = sum(one.figures.get("anomalies", 0) > 0 for one in found.finished)
    if odd:
        yield f"anomalies in {odd} trials: run one of them by `backtest` to see which"
    yield from luck_lines(found)


def luck_lines(found: SweepResult) -> Iterator[str]:
    """Yield what the best Sharpe ratio is worth after so many trials."""
    deflation = found.deflation()
    if deflation is None:
        yield "no Sharpe ratio to deflate: no trial had returns that vary"
        return
    yield (
        f"best Sharpe ratio {deflation.sharpe * _YEAR:.2f} a year (trial {deflation.number}); the"
        f" best of {deflation.trials} worthless trials would show"
        f" {deflation.expected_best * _YEAR:.2f}"
    )
    yield (
        f"deflated Sharpe ratio {deflation.deflated:.3f} after {deflation.trials} trials"
        f" ({deflation.probabilistic:.3f} if it had been the only one)"
    )


def walk_lines(found: WalkForward) -> Iterator[str]:
    """Yield folds, what was chosen, and what the judged stretches made together."""
    rows = [["fold", "in sample", "out of sample", "chosen"]]
    for place, fold in enumerate(found.folds):
        chosen, test = fold.chosen, fold.test
        rows.append(
            [
                str(place),
                "-" if chosen is None or chosen.score is None else f"{chosen.score:.3f}",
                "-" if test is None or test.score is None else f"{test.score:.3f}",
                "nothing" if chosen is None else _parameters(chosen),
            ]
        )
    yield from _columns(rows)
    yield ""
    for one in found.stability():
        yield f"{one.name}: {one.distinct} different values in {len(one.values)} folds"
    lost = found.degradation()
    if lost is None:
        yield "no fold was judged"
        return
    share = "" if lost.lost_ratio is None else f", {lost.lost_ratio:.0%} lost"
    yield (
        f"mean score {lost.in_sample:.3f} where it was chosen, {lost.out_of_sample:.3f} where it"
        f" was judged{share}"
    )
    text = f"judged stretches joined: {len(found.returns)} days, {found.net_ratio:+.2%},"
    text += f" worst drawdown {found.drawdown_ratio:.2%}"
    if found.moments is not None:
        text += f", Sharpe ratio {found.moments.sharpe * _YEAR:.2f} a year"
        text += f" (above 0 with {probabilistic_sharpe(found.moments):.3f})"
    yield text


def _table(results: Sequence[TrialResult]) -> Iterator[str]:
    if not results:
        return
    names = list(results[0].figures)
    rows = [["trial", "score", *names, "parameters"]]
    columns = [pointed([f"{one.score:.4f}" for one in results])]
    columns += [pointed([_figure(one, name) for one in results]) for name in names]
    for place, one in enumerate(results):
        cells = [column[place] for column in columns]
        rows.append([str(one.number), *cells, _parameters(one)])
    yield from _columns(rows)


def _figure(one: TrialResult, name: str) -> str:
    value = one.figures.get(name)
    if value is None:
        return "-"
    return decimal_text(value) if value == value.to_integral_value() else f"{value:.4f}"


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(row[:-1], widths, strict=False)]
        yield "  ".join([*cells, row[-1]])


def _parameters(one: TrialResult) -> str:
    return " ".join(f"{name}={value_text(value)}" for name, value in one.parameters.items())


def _deflation(one: Deflation) -> dict[str, Any]:
    return {
        "trial": one.number,
        "trials": one.trials,
        "sharpe": repr(one.sharpe * _YEAR),
        "expected_best": repr(one.expected_best * _YEAR),
        "probabilistic": repr(one.probabilistic),
        "deflated": repr(one.deflated),
    }


def _result(one: TrialResult) -> dict[str, Any]:
    return {
        "number": one.number,
        "state": one.state.value,
        "parameters": {name: value_text(value) for name, value in one.parameters.items()},
        "score": None if one.score is None else decimal_text(one.score),
        "figures": {name: decimal_text(value) for name, value in one.figures.items()},
        "error": one.error or None,
    }
