"""A backtest in twenty lines: a strategy of one's own over recorded hours, with its figures.

    python examples/12_backtest_in_twenty_lines.py

The pipeline is that of a live bot: budget, limits, guards, ledger, fee and tax.
"""

from __future__ import annotations

from btcturk_kit import Backtest, day_end_in, lookahead, read_dataset, statistics_of

if __name__ == "__main__":
    hours = read_dataset("sample:btctry-hours")
    parameters = {"fast_bars": 24, "slow_bars": 120}
    run = Backtest(hours, "trend", parameters=parameters, guards=["spread-guard"]).run()
    statistics = statistics_of(run, day_end=day_end_in("Europe/Istanbul"))
    print(f"{run.cycles} hours, {len(run.fills)} fills, {len(run.trips)} round trips")
    print(f"equity {run.equity.amount(-1):.2f} TRY after {statistics.money.fees_try:.2f} of fees")
    print(f"max. drawdown {statistics.max_drawdown:.2%}, Sharpe {statistics.in_try.sharpe:.2f}")
    print(*run.labels, sep="\n")
    checked = lookahead(hours, "trend", parameters=parameters, cuts=1)
    print(f"looks ahead: {not checked.is_clean}, {checked.decisions} decisions compared")
