"""Books for others: beancount text, a yearly statement, a policy replayed, a real return.

    python examples/10_export_the_books.py

The ledger is made up here, the USDT closes are BtcTurk's own. No network, no state file: all of it
is functions from records to text. `btcturk-kit export` does the same with a state file.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from btcturk_kit import (
    Asset,
    CapitalState,
    Fill,
    Ledger,
    OrderId,
    ProfitBasis,
    SelfFinancing,
    Side,
    Symbol,
    TradeId,
)
from btcturk_kit.domain.ledger_events import fill_event, opening_event
from btcturk_kit.domain.tax_rules import TaxBase, TaxKind, TaxRule, TaxRuleState
from btcturk_kit.reporting.beancount_books import beancount_books
from btcturk_kit.reporting.policy_replay import outcome_of, realized_steps, replay_policy
from btcturk_kit.reporting.returns import EquityDay, span_returns
from btcturk_kit.reporting.statement import yearly_statement
from btcturk_kit.reporting.statement_text import statement_text

TRY, BTC = Asset("TRY"), Asset("BTC")
FIRST = datetime(2025, 11, 25, 12, tzinfo=UTC)
ISTANBUL = timezone(timedelta(hours=3))
CLOSES = Path(__file__).parent / "data" / "btcturk_usdttry_2025-12.csv"


def at_ms(day: int) -> int:
    """Return the noon of a day of the example."""
    return int((FIRST + timedelta(days=day)).timestamp()) * 1000


def day_of(now_ms: int) -> date:
    """Return the date in Istanbul."""
    return datetime.fromtimestamp(now_ms // 1000, tz=UTC).astimezone(ISTANBUL).date()


def trade(number: int, side: Side, quantity: str, price: int) -> Fill:
    """Make a trade of the bot at 0.2 %, with the VAT on that."""
    fee = (Decimal(quantity) * price * Decimal("0.002")).quantize(Decimal("1e-8"))
    tax = (fee * Decimal("0.20")).quantize(Decimal("1e-8"))
    return Fill(
        TradeId(number), OrderId(number), None, Symbol("BTCTRY"), BTC, TRY, side,
        Decimal(quantity), Decimal(price), fee, tax, at_ms(5 * number),
    )  # fmt: skip


opening = opening_event(
    {TRY: Decimal(200_000), BTC: Decimal("0.004")},
    bot_quote=Decimal(200_000),
    quote=TRY,
    now_ms=at_ms(0),
)
trades = [
    trade(1, Side.BUY, "0.030", 3_900_000),
    trade(2, Side.SELL, "0.010", 4_100_000),
    trade(3, Side.SELL, "0.010", 3_700_000),
    trade(4, Side.SELL, "0.010", 4_300_000),
]
owners = trade(5, Side.SELL, "0.001", 4_200_000)
events = [
    opening,
    *[fill_event(one, is_own=True, known_ms=one.event_time_ms) for one in trades],
    fill_event(owners, is_own=False, known_ms=owners.event_time_ms),
]

print("1. As beancount text; `bean-check` recomputes every balance, lot and gain in it.\n")
books = beancount_books(events, day_of=day_of, title="example")
start = next(place for place, line in enumerate(books.lines) if '"fill:2"' in line)
print("\n".join(books.lines[start : start + 11]))
print(f"… {len(books.lines)} lines; every digit provable: {not books.limits}\n")

print("2. The statement of a year. What the owner's older coins had cost, nobody told the books.\n")
rule = TaxRule(
    name="some levy that is only proposed",
    kind=TaxKind.TRANSACTION_TAX,
    state=TaxRuleState.PROPOSED,
    from_day=date(2025, 1, 1),
    base=TaxBase.PROCEEDS,
    rate=Decimal("0.0003"),
    source="made up for this example",
)
statement = yearly_statement(events, year=2025, day_of=day_of, rules=[("example", rule)])
print("\n".join(statement_text(statement)))

print("\n3. What other policies would have set aside.\n")
first = Ledger().post(opening)
capital = CapitalState(
    "example",
    Decimal(200_000),
    last_event_count=first.event_count,
    last_event_key=first.last_event_key,
    content_hash=first.content_hash,
)
steps = realized_steps(events, account="example")
for name, policy in (
    ("every gain", SelfFinancing()),
    ("above the peak", SelfFinancing(profit_basis=ProfitBasis.HIGH_WATER_MARK)),
):
    outcome = outcome_of(replay_policy(steps, capital, policy), steps)
    print(f"{name:<15} treasury {outcome.treasury_try:>9.2f}, splits {outcome.split_count}")

print("\n4. The return that is left after USDT went its way.\n")
with CLOSES.open(encoding="utf-8", newline="") as file:
    closes = {
        date.fromisoformat(row["date"]): Decimal(row["close"]) for row in csv.DictReader(file)
    }
equity = [
    EquityDay(date(2025, 11, 25), Decimal(200_000)),
    EquityDay(date(2025, 12, 10), Decimal(203_000)),
    EquityDay(date(2025, 12, 31), Decimal(204_000)),
]
rates = {date(2025, 11, 1): Decimal("0.38")}
found = span_returns(equity, usdt_try=closes, deposit_rates=rates)
print(f"nominal {found.nominal:.4f}, in USDT {found.in_usdt:.4f}, a deposit {found.deposit:.4f}")
print(
    f"days without a USDT rate, named and not guessed: {', '.join(map(str, found.missing_rates))}"
)
