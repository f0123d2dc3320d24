"""The report of a simulated run: one file of HTML that opens anywhere, without a network.

What must be known before a figure is read stands above the figures. Charts are thinned and say so;
tables work without scripts. Every text is escaped: names of strategies and reasons of guards are
whatever somebody wrote. Never add: a figure that is not in the run or in its statistics, an
address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.reporting.run_page_series import (
    MARKS_MAX,
    capital_chart,
    equity_chart,
    fall_chart,
    price_chart,
    refusal_chart,
    trip_chart,
)
from btcturk_kit.reporting.run_page_shell import page_document
from btcturk_kit.reporting.run_page_tables import (
    anomaly_table,
    drawdown_table,
    money_table,
    refusal_table,
    relative_table,
    return_table,
    risk_table,
    trade_table,
    trip_table,
)
from btcturk_kit.reporting.run_page_text import clock_in, money, number, share, word
from btcturk_kit.reporting.statistics_values import Statistics

__all__ = ["run_page"]

_STYLES: Final = ("chart_library/uPlot.min.css", "run_page_files/run_page.css")
_SCRIPTS: Final = ("chart_library/uPlot.iife.min.js", "run_page_files/run_page.js")
_PAIRS_MAX: Final = 12
"""Pairs whose prices are drawn: those with the most trades."""


_NO_SCRIPT: Final = (
    '<noscript><p class="panel note">The charts need scripts, which are in this file; the tables '
    "do not.</p></noscript>"
)


def run_page(
    run: SimulatedRun,
    statistics: Statistics,
    *,
    zone: str = "Europe/Istanbul",
    parameters: Mapping[str, object] | None = None,
) -> str:
    """Return the report of a run as one self-contained HTML file.

    Args:
        run: The run.
        statistics: Its statistics.
        zone: The day zone: in which times are written.
        parameters: Of the strategies, for the head of the page.

    Raises:
        ConfigurationError: There is no such time zone.
    """
    clock = clock_in(zone)
    figures, charts = _figures(run, statistics)
    body = "\n".join(
        [
            _head(run, statistics, clock, zone, parameters or {}),
            "<main>",
            _caveats(run, statistics),
            _tiles(statistics),
            _NO_SCRIPT,
            *figures,
            '<div class="pairs">',
            return_table(statistics),
            relative_table(statistics),
            risk_table(statistics),
            trip_table(statistics),
            money_table(statistics),
            "</div>",
            drawdown_table(statistics, clock),
            refusal_table(run.refusals, clock),
            anomaly_table(run.anomalies, clock),
            trade_table(statistics, clock),
            "</main>",
        ]
    )
    data = {"zone": zone, "charts": charts}
    title = f"{run.name} - backtest"
    return page_document(title, body, styles=_STYLES, scripts=_SCRIPTS, data=data)


def _head(
    run: SimulatedRun,
    statistics: Statistics,
    clock: Callable[[int], str],
    zone: str,
    parameters: Mapping[str, object],
) -> str:
    facts = [
        ("Dataset", word(run.dataset)),
        ("Strategies", ", ".join(map(word, run.strategies)) or "none"),
        ("Seed", number(run.seed, 0)),
        ("From", clock(statistics.first_ms)),
        ("To", clock(statistics.last_ms)),
        ("Times in", word(zone)),
        ("Instants", number(statistics.instants, 0)),
        ("Days", number(statistics.days, 0)),
        ("Mode at the end", word(run.state.mode.mode.name)),
        ("Decision digest", f"<code>{word(run.state.digest)}</code>"),
        *[(name, word(value)) for name, value in parameters.items()],
    ]
    listed = "".join(f"<div><dt>{word(name)}</dt><dd>{text}</dd></div>" for name, text in facts)
    return f'<header><h1>{word(run.name)}</h1><dl class="facts">{listed}</dl></header>'


def _caveats(run: SimulatedRun, statistics: Statistics) -> str:
    said = [*run.labels, *statistics.notes]
    if statistics.money.unexplained_try:
        gap = f"{statistics.money.unexplained_try:f}"
        said.insert(0, f"Equity moved by {gap} TRY that nothing explains: this run is wrong.")
    if not said:
        return ""
    listed = "".join(f"<li>{word(one)}</li>" for one in said)
    return (
        f'<section class="caveats" role="note"><h2>Read this first</h2><ul>{listed}</ul></section>'
    )


def _tiles(statistics: Statistics) -> str:
    hold, against = statistics.hold, statistics.against_hold
    told = statistics.money
    tiles = [
        ("Total return", share(statistics.in_try.total_return), "in TRY"),
        (
            "Buy and hold",
            share(None if hold is None else hold.total_return),
            "same money, same span",
        ),
        ("Ahead of it", share(None if against is None else against.excess_return), "as a ratio"),
        ("Max drawdown", share(statistics.max_drawdown), "over all instants"),
        ("Sharpe ratio", number(statistics.in_try.sharpe), "per year of 365 days"),
        ("Round trips won", share(statistics.trips.win_rate), f"of {statistics.trips.trips:,}"),
        ("Fees and tax", money(told.fees_try + told.tax_try), "TRY"),
        ("Treasury", money(told.treasury_try), "TRY, set aside"),
    ]
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value}<small>{escape(note)}</small></dd></div>"
        for name, value, note in tiles
    )
    return f'<dl class="tiles panel">{cells}</dl>'


def _figures(run: SimulatedRun, statistics: Statistics) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the frames of the charts, and what is drawn in them."""
    told = statistics.money
    instants = statistics.instants
    moved = "; money moved in or out is a step" if any(one.flows_try for one in run.days) else ""
    charts = [
        equity_chart(run, charge_ratio=statistics.hold_charge_ratio),
        fall_chart(run),
    ]
    figures = [
        _figure(
            "equity",
            "Equity, TRY",
            f"Equity from {money(told.opening_try)} to {money(told.closing_try)} TRY",
            _drawn(charts[0], instants) + moved,
        ),
        _figure(
            "fall",
            "Drawdown",
            f"Deepest drawdown {share(statistics.max_drawdown)}",
            _drawn(charts[1], instants) + moved,
        ),
    ]
    counts = {one.symbol: 0 for one in run.prices}
    for fill in run.fills:
        counts[fill.symbol] = counts.get(fill.symbol, 0) + 1
    shown = sorted(run.prices, key=lambda one: -counts[one.symbol])[:_PAIRS_MAX]
    for place, prices in enumerate(shown):
        chart = price_chart(run, prices, f"price-{place}")
        count, marks = counts[prices.symbol], len(chart["marks"])
        joined = f"{count:,} trades"
        if count > MARKS_MAX:
            joined += f" in {marks:,} marks: each joins those of one side in a stretch of time"
        note = f"▲ purchases, ▼ sales: {joined}; {_drawn(chart, instants)}"
        if place == 0 and len(run.prices) > len(shown):
            note += f"; {len(run.prices) - len(shown)} pairs with fewer trades are not drawn"
        charts.append(chart)
        figures.append(
            _figure(
                chart["name"], f"{prices.symbol}, closes", f"{prices.symbol} with {joined}", note
            )
        )
    charts.append(capital_chart(run.capital, statistics.last_ms))
    ends = f"{money(told.trading_capital_try)} and {money(told.treasury_try)} TRY"
    figures.append(
        _figure(
            "capital", "Capital and treasury, TRY", f"At the end {ends}", "steps at each change"
        )
    )
    if run.trips:
        chart = trip_chart([float(one.realized_net) for one in run.trips])
        charts.append(chart)
        said = f"{statistics.trips.wins:,} wins and {statistics.trips.losses:,} losses"
        note = f"{len(run.trips):,} round trips by result after charges, TRY"
        figures.append(_figure("trips", "Results of round trips", said, note))
    if run.refusals:
        charts.append(refusal_chart(run.refusals, (statistics.first_ms, statistics.last_ms)))
        said = f"{len(run.refusals):,} orders refused or shrunk"
        figures.append(_figure("refusals", "Guard decisions over time", said, said))
    return figures, charts


def _drawn(chart: Mapping[str, Any], instants: int) -> str:
    points = len(chart["x"])
    if points == instants:
        return f"all {instants:,} instants are drawn"
    return (
        f"{points:,} of {instants:,} instants are drawn: the lowest and the highest of each stretch"
    )


def _figure(name: str, title: str, said: str, note: str) -> str:
    """Return the frame of one chart: a picture to who cannot see it, with its gist as its name."""
    return (
        f'<figure class="panel chart"><figcaption><h2>{word(title)}</h2>'
        f'<p class="note">{word(note)}</p></figcaption>'
        f'<div class="canvas" id="{name}" tabindex="0" role="img" '
        f'aria-label="{escape(said)}. Arrow keys move along it, Escape shows all of it."></div>'
        f'<p class="spot" id="{name}-spot" aria-live="polite"></p></figure>'
    )
