"""The document of a backtest, and the table that people read.

Never add: a figure that is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from textwrap import wrap
from typing import Any

from btcturk_kit.cli.output import decimal_text
from btcturk_kit.cli.simulation import when
from btcturk_kit.domain.cycle import Review
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.reporting.statistics_document import statistics_document
from btcturk_kit.reporting.statistics_values import Statistics

__all__ = ["run_document", "run_lines"]

_WIDTH = 80
_LABEL = 22
_SHOWN_MAX = 5


def run_document(
    run: SimulatedRun,
    statistics: Statistics,
    *,
    parameters: Mapping[str, Any],
    guards: Sequence[str],
    settings: Mapping[str, Any],
    wall_s: float,
    report: Path | None,
) -> dict[str, Any]:
    """Return all there is to say about a run; money as decimal strings, times in ms."""
    state = run.state
    return {
        "schema": "backtest/1",
        "name": run.name,
        "dataset": run.dataset,
        "strategies": list(run.strategies),
        "parameters": dict(parameters),
        "guards": list(guards),
        "settings": dict(settings),
        "pairs": [one.symbol for one in run.prices],
        "seed": run.seed,
        "cycles": run.cycles,
        "opening_try": decimal_text(run.opening_try),
        "equity_try": decimal_text(run.equity.amount(-1)),
        "mode": state.mode.mode.value,
        "decision_digest": state.digest,
        "statistics": statistics_document(statistics),
        "fills": [_fields(one) for one in run.fills],
        "days": [_fields(one) for one in run.days],
        "capital": [_fields(one) for one in run.capital],
        "refusals": [
            {"now_ms": one.now_ms, **_fields(one.intent), **_fields(one.review)}
            for one in run.refusals
        ],
        "refused": _counts(_refuser(one.review) for one in run.refusals),
        "anomalies": _counts(one.code for _, one in run.anomalies),
        "failures": list(
            dict.fromkeys(one.detail for _, one in run.anomalies if one.code == "strategy_failed")
        ),
        "models": dict(run.models),
        "ambiguous_bars": run.ambiguous_bars,
        "labels": list(run.labels),
        "report": None if report is None else str(report),
        "wall_s": round(wall_s, 3),
    }


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any named tuple of the domain
    return {name: _plain(one) for name, one in zip(value._fields, value, strict=True)}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of the domain
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if hasattr(value, "_fields"):
        return _fields(value)
    return value


def _refuser(review: Review) -> str:
    """Return the kit's code of a refusal, or the name that a guard of a plug-in gave itself."""
    return review.guard if review.code in {"", "plugin"} else review.code


def _counts(codes: Any) -> dict[str, int]:  # noqa: ANN401 - any iterable of names
    found: dict[str, int] = {}
    for code in codes:
        found[code] = found.get(code, 0) + 1
    return dict(sorted(found.items()))


def run_lines(document: Mapping[str, Any], *, zone: str) -> list[str]:
    """Return what a person reads first, at most 80 columns wide."""
    figures = document["statistics"]
    held = figures["hold"] or {}
    first, last = when(figures["first_ms"], zone), when(figures["last_ms"], zone)
    lines = [
        document["name"],
        f"{first} to {last} ({zone})",
        f"{document['cycles']:,} instants, {figures['days']:,} days",
        "",
        f"{'':<{_LABEL}}{'run':>16}{'buy and hold':>18}",
    ]
    for label, name in (
        ("total return", "total_return"),
        ("return per year", "cagr"),
        ("volatility", "volatility"),
        ("max. drawdown, daily", "max_drawdown"),
        ("best day", "best_day"),
        ("worst day", "worst_day"),
    ):
        lines.append(_row(label, figures["in_try"].get(name), held.get(name), _percent))
    for label, name in (("Sharpe", "sharpe"), ("Sortino", "sortino"), ("Calmar", "calmar")):
        lines.append(_row(label, figures["in_try"].get(name), held.get(name), _number))
    money, trips, exposure = figures["money"], figures["trips"], figures["exposure"]
    lines += ["", *_money_lines(document, money)]
    lines += [
        "",
        _line("fills", f"{trips['fills']:,}: {trips['buys']:,} buys, {trips['sells']:,} sells"),
        _line(
            "round trips", f"{trips['trips']:,}: {trips['wins']:,} won, {trips['losses']:,} lost"
        ),
        _line("win rate", _percent(trips["win_rate"])),
        _line("profit factor", _number(trips["profit_factor"])),
        _line("time in the market", _percent(exposure["time_ratio"])),
        _line("turnover", f"{_amount(exposure['turnover_try'])} TRY"),
        _line("max. drawdown", _percent(figures["max_drawdown"])),
        "",
        _line("mode at the end", document["mode"]),
        _line("refused by guards", _listed(document["refused"])),
        _line("anomalies", _listed(document["anomalies"])),
        _line("settings", ", ".join(document["settings"]) or "as shipped"),
        _line("digest", f"{document['decision_digest'][:32]}…"),
        _line("took", f"{document['wall_s']} s"),
    ]
    if document["report"]:
        lines.append(_line("report", document["report"]))
    failed = [f"strategy failed: {one}" for one in document["failures"][:_SHOWN_MAX]]
    for note in [*failed, *document["labels"], *figures["notes"]]:
        lines += wrap(f"note: {note}", _WIDTH, subsequent_indent="      ")
    return lines


def _money_lines(document: Mapping[str, Any], money: Mapping[str, str]) -> list[str]:
    rows = [
        ("opened with", document["opening_try"]),
        ("equity", document["equity_try"]),
        ("realized, net", money["realized_net_try"]),
        ("unrealized, net", money["unrealized_net_try"]),
        ("fees", money["fees_try"]),
        ("tax", money["tax_try"]),
        ("trading capital", money["trading_capital_try"]),
        ("treasury", money["treasury_try"]),
    ]
    return [f"{label:<{_LABEL}}{_amount(text):>16} TRY" for label, text in rows]


def _row(label: str, run: float | None, held: float | None, told: Any) -> str:  # noqa: ANN401 - a function to text
    return f"{label:<{_LABEL}}{told(run):>16}{told(held):>18}"


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}  {text}"


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value * 100:,.2f} %"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:,.2f}"


def _amount(text: str) -> str:
    return f"{Decimal(text):,.2f}"


def _listed(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    told = [f"{count:,} {code}" for code, count in most[:_SHOWN_MAX]]
    return ", ".join(told) or "none"
