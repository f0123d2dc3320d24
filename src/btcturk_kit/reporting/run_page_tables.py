"""The tables of a run's page: returns, risk, trades, money, refusals.

Never add: a figure that neither the run nor its statistics hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.simulated_run import ReviewedIntent
from btcturk_kit.reporting.run_page_text import (
    NOT_KNOWN,
    duration,
    money,
    number,
    share,
    table,
    word,
)
from btcturk_kit.reporting.statistics_values import ReturnFigures, Statistics

__all__ = [
    "TRADES_MAX",
    "anomaly_table",
    "drawdown_table",
    "money_table",
    "refusal_table",
    "relative_table",
    "return_table",
    "risk_table",
    "trade_table",
    "trip_table",
]

TRADES_MAX: Final = 500
"""Round trips that are listed one by one."""

_GROUPS_MAX: Final = 200

Clock = Callable[[int], str]

_RETURNS: Final[tuple[tuple[str, str, Callable[[float | None], str]], ...]] = (
    ("Total return", "total_return", share),
    ("Return per year (CAGR)", "cagr", share),
    ("Volatility per year", "volatility", share),
    ("Sharpe ratio", "sharpe", number),
    ("Sortino ratio", "sortino", number),
    ("Calmar ratio", "calmar", number),
    ("Max drawdown, ends of days", "max_drawdown", share),
    ("Best day", "best_day", share),
    ("Worst day", "worst_day", share),
    ("Days with a gain", "winning_days", share),
)


def return_table(statistics: Statistics) -> str:
    """Return the returns of the run, of holding, and in USDT, side by side."""
    columns = (statistics.in_try, statistics.hold, statistics.in_usdt)
    rows = [
        [label, *[_figure(one, name, write) for one in columns]] for label, name, write in _RETURNS
    ]
    heads = ("From daily returns", "Run, TRY", "Hold, TRY", "Run, USDT")
    why = [
        f"{label}: {statistics.reasons[name]}."
        for label, name in (("Hold", "hold"), ("USDT", "in_usdt"))
        if name in statistics.reasons
    ]
    return table("Returns", heads, rows, note=" ".join(why))


def _figure(figures: ReturnFigures | None, name: str, write: Callable[[float | None], str]) -> str:
    value = None if figures is None else getattr(figures, name)
    why = "" if figures is None else figures.reasons.get(name, "")
    return _absent(why) if why else write(value)


def _absent(why: str) -> str:
    return f'{NOT_KNOWN} <span class="why">{word(why)}</span>'


def relative_table(statistics: Statistics) -> str:
    """Return the run beside buying and holding."""
    against = statistics.against_hold
    shown = (
        ("Excess return", "excess_return", share),
        ("Tracking error per year", "tracking_error", share),
        ("Information ratio", "information_ratio", number),
        ("Beta", "beta", number),
        ("Alpha per year", "alpha", share),
    )
    rows = []
    for label, name, write in shown:
        if against is None:
            rows.append([label, _absent(statistics.reasons["against_hold"])])
        else:
            value = getattr(against, name)
            rows.append([label, _absent(against.reasons[name]) if value is None else write(value)])
    note = f"Holding was charged {share(statistics.hold_charge_ratio)} once, as the run's own mean."
    return table("Beside buy and hold", ("Figure", "Value"), rows, note=note)


def risk_table(statistics: Statistics) -> str:
    """Return drawdown, exposure and turnover."""
    exposure = statistics.exposure
    rows = [
        ["Max drawdown, all instants", share(statistics.max_drawdown)],
        ["Longest time under water", duration(statistics.longest_under_water_ms)],
        *[
            [label, _absent(exposure.reasons[name]) if value is None else write(value)]
            for label, name, value, write in (
                ("Time in the market", "time_ratio", exposure.time_ratio, share),
                ("Mean share in coins", "mean_ratio", exposure.mean_ratio, share),
                (
                    "Turnover per year / equity",
                    "turnover_per_year",
                    exposure.turnover_per_year,
                    number,
                ),
            )
        ],
        ["Turnover, TRY", money(exposure.turnover_try)],
    ]
    return table("Risk and exposure", ("Figure", "Value"), rows)


def trip_table(statistics: Statistics) -> str:
    """Return trades and round trips in figures."""
    trips = statistics.trips
    rows = [
        ["Trades", number(trips.fills, 0)],
        ["Purchases / sales", f"{number(trips.buys, 0)} / {number(trips.sells, 0)}"],
        ["Round trips closed", number(trips.trips, 0)],
        ["Wins / losses", f"{number(trips.wins, 0)} / {number(trips.losses, 0)}"],
    ]
    for label, name, text in (
        ("Win rate", "win_rate", share(trips.win_rate)),
        ("Profit factor", "profit_factor", number(trips.profit_factor)),
        ("Mean win, TRY", "mean_win_try", money(trips.mean_win_try)),
        ("Mean loss, TRY", "mean_loss_try", money(trips.mean_loss_try)),
        ("Best, TRY", "best_try", money(trips.best_try)),
        ("Worst, TRY", "worst_try", money(trips.worst_try)),
        ("Expectancy, TRY", "expectancy_try", money(trips.expectancy_try)),
        ("Mean holding", "mean_holding_ms", duration(trips.mean_holding_ms)),
        ("Median holding", "median_holding_ms", duration(trips.median_holding_ms)),
        ("Longest holding", "longest_holding_ms", duration(trips.longest_holding_ms)),
    ):
        rows.append([label, _absent(trips.reasons[name]) if name in trips.reasons else text])
    return table("Trades", ("Figure", "Value"), rows)


def money_table(statistics: Statistics) -> str:
    """Return what was earned and paid."""
    told = statistics.money
    rows = [
        ["Equity before", money(told.opening_try)],
        ["Equity at the end", money(told.closing_try)],
        ["Realized before charges", money(told.realized_gross_try)],
        ["Realized after charges", money(told.realized_net_try)],
        ["Unrealized before charges", money(told.unrealized_gross_try)],
        ["Unrealized after charges", money(told.unrealized_net_try)],
        ["Fees", money(told.fees_try)],
        ["Tax on fees", money(told.tax_try)],
        ["Moved in and out", money(told.flows_try)],
        ["Trading capital", money(told.trading_capital_try)],
        ["Treasury", money(told.treasury_try)],
        ["Unexplained", money(told.unexplained_try)],
    ]
    note = "Equity changes by realized and unrealized results and by what is moved: nothing else."
    return table("Money", ("What", "TRY"), rows, note=note)


def drawdown_table(statistics: Statistics, clock: Clock) -> str:
    """Return the deepest falls."""
    rows = [
        [
            str(rank),
            clock(one.start_ms),
            share(one.depth_ratio),
            money(one.depth_try),
            clock(one.bottom_ms),
            "not yet" if one.recovery_ms is None else clock(one.recovery_ms),
            duration(one.under_water_ms),
        ]
        for rank, one in enumerate(statistics.drawdowns, 1)
    ]
    heads = ("Rank", "From", "Depth", "TRY", "Bottom", "Recovered", "Under water")
    return table("Deepest drawdowns", heads, rows, note="" if rows else "There was none.")


def trade_table(statistics: Statistics, clock: Clock) -> str:
    """Return the round trips one by one; of very many, those with the largest results."""
    trades, note = statistics.trades, ""
    if len(trades) > TRADES_MAX:
        order = sorted(range(len(trades)), key=lambda at: -abs(trades[at].realized_net))
        trades = tuple([trades[at] for at in sorted(order[:TRADES_MAX])])
        note = (
            f"The {TRADES_MAX:,} of {len(statistics.trades):,} with the largest results either "
            "way, in order of closing; the figures are of all of them."
        )
    rows = [
        [
            word(one.asset),
            clock(one.opened_ms),
            clock(one.closed_ms),
            duration(one.duration_ms),
            f"{one.quantity:,f}",
            money(one.realized_gross),
            money(one.fees_try),
            money(one.tax_try),
            _signed(money(one.realized_net)),
        ]
        for one in trades
    ]
    heads = ("Asset", "Opened", "Closed", "Held", "Quantity", "Gross", "Fees", "Tax", "Net, TRY")
    return table("Round trips", heads, rows, note=note or ("" if rows else "None closed."))


def _signed(text: str) -> str:
    kind = "loss" if text.startswith("-") else "gain"
    return f'<span class="{kind}">{text}</span>'


def refusal_table(refusals: Sequence[ReviewedIntent], clock: Clock) -> str:
    """Return what guards refused or shrank, by guard, cause and pair."""
    groups: dict[tuple[str, str, str, str], list[ReviewedIntent]] = {}
    for one in refusals:
        review = one.review
        key = (review.guard, review.code, review.verdict.value, str(one.intent.symbol))
        groups.setdefault(key, []).append(one)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [
        [
            word(guard),
            word(code),
            word(verdict),
            word(symbol),
            word(ones[-1].review.reason),
            clock(ones[0].now_ms),
            clock(ones[-1].now_ms),
            number(len(ones), 0),
        ]
        for (guard, code, verdict, symbol), ones in ordered[:_GROUPS_MAX]
    ]
    heads = ("Guard", "Cause", "Verdict", "Pair", "Said last", "First", "Last", "Times")
    return table("Guard decisions", heads, rows, left=5, note=_left_out(len(groups), "None."))


def anomaly_table(anomalies: Sequence[tuple[int, Anomaly]], clock: Clock) -> str:
    """Return what should not have happened, by code."""
    groups: dict[str, list[tuple[int, Anomaly]]] = {}
    for one in anomalies:
        groups.setdefault(one[1].code, []).append(one)
    rows = [
        [
            word(code),
            word(ones[-1][1].detail),
            clock(ones[0][0]),
            clock(ones[-1][0]),
            number(len(ones), 0),
        ]
        for code, ones in sorted(groups.items())[:_GROUPS_MAX]
    ]
    heads = ("Anomaly", "Said last", "First", "Last", "Times")
    return table("Anomalies", heads, rows, left=2, note=_left_out(len(groups), "None."))


def _left_out(count: int, none: str) -> str:
    if not count:
        return none
    return f"{count - _GROUPS_MAX:,} more kinds are left out." if count > _GROUPS_MAX else ""
