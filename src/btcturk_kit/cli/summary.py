"""The summary of a stage-4 run: numbers from the books, held against the exchange."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.cli.output import decimal_text
from btcturk_kit.domain.balances import balance_differences
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.money import ZERO, sub
from btcturk_kit.pipeline.account import locked_differences
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.runtime.run_report import RunReport

__all__ = ["run_summary", "summary_lines"]


def run_summary(
    report: RunReport, store: SqliteStateStore, kit: Kit, *, db: Path, wall_s: float
) -> dict[str, Any]:
    """Return the document of a finished run; money as decimal strings."""
    state, totals = report.state, store.totals()
    ledger, quote = state.ledger, kit.profile.quote
    deltas = _realized_deltas(store)
    return {
        "cycles": report.cycles,
        "orders_submitted": totals.orders_submitted,
        "orders_canceled": totals.orders_canceled,
        "fills": totals.fills,
        "buys": totals.buys,
        "sells": totals.sells,
        "realized_gains": sum(1 for delta in deltas if delta > 0),
        "realized_losses": sum(1 for delta in deltas if delta < 0),
        "fees_try": decimal_text(ledger.balance(Account.FEE, quote)),
        "tax_try": decimal_text(ledger.balance(Account.TAX, quote)),
        "realized_net_try": decimal_text(state.capital.last_realized_pnl_total_try),
        "equity_try": decimal_text(report.equity_try) if report.cycles else None,
        "trading_capital_try": decimal_text(state.capital.trading_capital_try),
        "treasury_try": decimal_text(state.capital.treasury_try),
        "mode": state.mode.mode.value,
        "ledger_events": totals.ledger_events,
        "ledger_balanced": _is_balanced(store, ledger),
        "exchange_difference": _exchange_difference(report, kit),
        "suspense": {
            asset: decimal_text(ledger.balance(Account.SUSPENSE, asset))
            for asset in ledger.assets()
        },
        "rounding": decimal_text(
            sum((ledger.balance(Account.ROUNDING, asset) for asset in ledger.assets()), ZERO)
        ),
        "anomalies": store.anomaly_counts(),
        "decision_digest": state.digest,
        "wall_s": round(wall_s, 3),
        "db": str(db),
    }


def _exchange_difference(report: RunReport, kit: Kit) -> dict[str, str]:
    """Return, per asset, exchange minus books without suspense, and locked minus reservations.

    `BTC` is the total of free and locked, `BTC.locked` the locked part against our open orders.
    Nothing without a cycle: then nobody asked what the exchange holds.
    """
    if not report.cycles:
        return {}
    state = report.state
    plain = _without_suspense(state.ledger)
    bases = {str(symbol): rules.base for symbol, rules in kit.rules.items()}
    locked = locked_differences(
        tuple(state.orders.values()), bases, kit.profile.quote, report.balances
    )
    result: dict[str, str] = {}
    for asset, amount in sorted(balance_differences(plain, report.balances).items()):
        result[asset] = decimal_text(amount)
        result[f"{asset}.locked"] = decimal_text(locked.get(asset, ZERO))
    return result


def _without_suspense(ledger: Ledger) -> Ledger:
    kept = {
        slot: amount for slot, amount in ledger.balances.items() if slot[0] is not Account.SUSPENSE
    }
    return ledger._replace(balances=kept)


def _is_balanced(store: SqliteStateStore, ledger: Ledger) -> bool:
    """Add up every stored leg again and compare with the balances the run carried."""
    sums: dict[tuple[Account, Asset], Decimal] = {}
    after = 0
    while events := store.ledger_events(after=after, limit=5_000):
        after += len(events)
        for event in events:
            for account, asset, amount, _, _ in event.legs:
                sums[account, asset] = sums.get((account, asset), ZERO) + amount
    folded = {slot: amount for slot, amount in sums.items() if amount}
    carried = {slot: amount for slot, amount in ledger.balances.items() if amount}
    return folded == carried and not ledger.imbalance()


def _realized_deltas(store: SqliteStateStore) -> list[Decimal]:
    rows = store.capital_history()
    totals = [row.last_realized_pnl_total_try for row in rows]
    return [sub(after, before) for before, after in pairwise(totals)]


def summary_lines(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return label and text of what a person reads first."""
    differences = summary["exchange_difference"]
    balanced = "balanced" if summary["ledger_balanced"] else "NOT BALANCED"
    equal = all(text == "0" for text in differences.values())
    looked = bool(summary["cycles"])
    held = "equal to the last digit" if equal else f"DIFFERS: {differences}"
    return [
        ("cycles", f"{summary['cycles']}" if looked else "0: nothing comes after the last run"),
        (
            "orders",
            f"{summary['orders_submitted']} sent, {summary['orders_canceled']} canceled",
        ),
        ("fills", f"{summary['buys']} buys, {summary['sells']} sells"),
        ("realized", _realized(summary)),
        ("fees and tax", f"{_money(summary['fees_try'])} + {_money(summary['tax_try'])} TRY"),
        ("equity", f"{_money(summary['equity_try'])} TRY" if looked else "not looked at"),
        ("trading capital", f"{_money(summary['trading_capital_try'])} TRY"),
        ("treasury", f"{_money(summary['treasury_try'])} TRY"),
        ("mode", summary["mode"]),
        ("ledger", f"{summary['ledger_events']} events, {balanced}"),
        ("exchange", held if looked else "not looked at"),
        ("anomalies", _anomalies(summary["anomalies"])),
        ("digest", f"{summary['decision_digest'][:32]}…"),
        ("took", f"{summary['wall_s']} s"),
    ]


def _anomalies(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {code}" for code, count in counts.items()) or "none"


def _realized(summary: dict[str, Any]) -> str:
    gains, losses = summary["realized_gains"], summary["realized_losses"]
    return f"{_money(summary['realized_net_try'])} TRY net ({gains} gains, {losses} losses)"


def _money(text: str) -> str:
    """Show money with two decimals for people; the document keeps every digit."""
    return f"{Decimal(text):,.2f}"
