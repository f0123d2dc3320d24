"""The yearly statement: its year, its sums, the rules held against it, and how it reads."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.ledger_events import flow_event
from btcturk_kit.domain.operator_events import levy_event
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.tax_rules import TaxBase, TaxKind, TaxRule, TaxRuleState
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.statement import Statement, yearly_statement
from btcturk_kit.reporting.statement_text import (
    statement_csv,
    statement_document,
    statement_text,
)

from .ledgers import BTC, DAY_MS, START_MS, TRY, day_of, fill, opening, sold

BUY, SELL = Side.BUY, Side.SELL
YEAR = day_of(START_MS).year
NEW_YEAR_MS = 1_704_056_400_000  # 21:00 UTC on 31 December 2023: midnight three hours east

RULE = TaxRule(
    name="levy on trades",
    kind=TaxKind.TRANSACTION_TAX,
    state=TaxRuleState.IN_FORCE,
    from_day=date(2023, 1, 1),
    base=TaxBase.PROCEEDS,
    rate=Decimal("0.0003"),
    source="law 1",
)


def ledger() -> list[LedgerEvent]:
    """Return a gain, a loss, a sale of unknown cost, a withdrawal, and both levies."""
    at = START_MS + 8 * DAY_MS
    both = {"payer": Account.BOT, "event_time_ms": at, "known_ms": at}
    return [
        opening(TRY="100000", BTC="0.5"),
        sold(fill(1, SELL, "0.5", "1000", day=1, fee="1"), is_own=False),
        sold(fill(2, BUY, "2", "1000", day=2, fee="10", tax="2")),
        sold(fill(5, BUY, "1", "20", day=2, base=Asset("ETH"))),
        sold(fill(6, SELL, "1", "20", day=2, base=Asset("ETH"))),
        sold(fill(3, SELL, "0.5", "1200", day=3, fee="3", tax="0.6")),
        sold(fill(4, SELL, "0.5", "900", day=4, fee="2", tax="0.4")),
        flow_event("crypto:1", BTC, Decimal("-0.25"), quote=TRY, event_time_ms=at, known_ms=at),
        levy_event(
            "levy:1", Decimal("1.5"), kind=EventKind.TRANSACTION_TAX, reason="law 1", **both
        ),
        levy_event("levy:2", Decimal(7), kind=EventKind.WITHHOLDING, reason="law 2", **both),
    ]


def statement(*rules: TaxRule) -> Statement:
    """Return the statement of the year, with rules of one pack."""
    asked = [("pack", one) for one in rules]
    return yearly_statement(ledger(), year=YEAR, day_of=day_of, rules=asked)


def test_totals_are_of_sales_with_a_known_result() -> None:
    """What is unknown is counted beside the sums, with its quantity and proceeds."""
    found = statement()
    total = found.total
    assert (total.sales, total.unknown_sales) == (3, 1)
    assert (total.proceeds, total.cost, total.fee, total.fee_tax) == (
        1070, 1026, 5, Decimal("1.0"),
    )  # fmt: skip
    assert total.gain == 1070 - 1026 - 6
    assert (total.unknown_proceeds, found.totals[0].unknown_quantity) == (500, Decimal("0.5"))


def test_levies_stand_apart_from_the_tax_on_fees() -> None:
    """Transaction tax and withholding have sums of their own; the tax on a fee is in neither."""
    found = statement()
    assert (found.transaction_tax, found.withholding) == (Decimal("1.5"), 7)
    assert [(one.key, one.reason) for one in found.levies] == [
        ("levy:1", "law 1"),
        ("levy:2", "law 2"),
    ]
    assert found.total.fee_tax == Decimal("1.0")


def test_the_day_zone_decides_the_year() -> None:
    """A sale at 20:59:59 UTC on 31 December is of the old year, one second later of the new."""
    old = fill(2, SELL, "1", "110", day=0)._replace(event_time_ms=NEW_YEAR_MS - 1_000)
    new = fill(3, SELL, "1", "120", day=0)._replace(event_time_ms=NEW_YEAR_MS)
    events = [opening(TRY="1000"), sold(fill(1, BUY, "2", "100", day=1)), sold(old), sold(new)]
    years = (2023, 2024)
    gains = [yearly_statement(events, year=y, day_of=day_of).total.gain for y in years]
    assert gains == [10, 20]
    (line,) = yearly_statement(events, year=2024, day_of=day_of).sales
    assert (line.day, line.acquired) == (date(2024, 1, 1), day_of(START_MS) + timedelta(1))


def test_a_year_outside_the_books_is_refused() -> None:
    """A statement of nothing would look like a year without sales."""
    with pytest.raises(ConfigurationError, match=r"nothing in 2019: it covers 2023 to 2023"):
        yearly_statement(ledger(), year=2019, day_of=day_of)
    with pytest.raises(ConfigurationError, match=r"it is empty"):
        yearly_statement([], year=2023, day_of=day_of)


@pytest.mark.parametrize(
    ("base", "taken"),
    [(TaxBase.PROCEEDS, "1570"), (TaxBase.GAINS, "93.4"), (TaxBase.NET_GAIN, "38")],
)
def test_a_rule_in_force_is_taken_of_its_base(base: TaxBase, taken: str) -> None:
    """Proceeds count all sales; gains those that gained; the net gain sets losses against them."""
    (line,) = statement(replace(RULE, base=base)).rules
    assert line.base_try == Decimal(taken)
    assert line.amount_try == (Decimal(taken) * Decimal("0.0003")).quantize(Decimal("1e-8"))


@pytest.mark.parametrize("state", [TaxRuleState.NOT_IN_FORCE, TaxRuleState.PROPOSED])
def test_nothing_is_computed_from_a_rule_that_does_not_bind(state: TaxRuleState) -> None:
    """It is listed with its state, and without an amount."""
    (line,) = statement(replace(RULE, state=state)).rules
    assert (line.base_try, line.amount_try) == (None, None)
    text = "\n".join(statement_text(statement(replace(RULE, state=state))))
    assert "not in force" in text.lower()
    assert "of proceeds" not in text


def test_a_rule_counts_the_days_it_covers() -> None:
    """Sales before it began or after it ended are not in its base; other years' rules are out."""
    third = day_of(START_MS + 3 * DAY_MS)
    only = replace(RULE, from_day=third, until_day=third + timedelta(1))
    (line,) = statement(only).rules
    assert line.base_try == 600
    assert statement(replace(RULE, from_day=date(2024, 1, 1))).rules == ()
    ended = replace(RULE, from_day=date(2022, 1, 1), until_day=date(2023, 1, 1))
    assert statement(ended).rules == ()


def test_a_rule_without_one_rate_has_no_amount() -> None:
    """A scale of rates is for the owner's own papers."""
    (line,) = statement(replace(RULE, rate=None)).rules
    assert line.amount_try is None


def test_losses_beyond_gains_owe_nothing() -> None:
    """A net gain below zero is a base of zero."""
    events = [
        opening(TRY="1000"),
        sold(fill(1, BUY, "1", "100", day=1)),
        sold(fill(2, SELL, "1", "80", day=2)),
    ]
    rule = replace(RULE, base=TaxBase.NET_GAIN)
    found = yearly_statement(events, year=YEAR, day_of=day_of, rules=[("pack", rule)])
    assert found.rules[0].base_try == 0


def test_the_text_says_unknown_and_never_zero() -> None:
    """Cost, date and gain of coins from before the books read `unknown`."""
    lines = list(statement_text(statement()))
    (owned,) = [line for line in lines if "0.5  " in line and "500.00" in line]
    assert owned.split()[3:] == ["unknown", "500.00", "unknown", "1.00", "0.00", "unknown"]
    assert any("not in these sums: 0.5 BTC sold for 500.00" in line for line in lines)
    assert sum("not in these sums" in line for line in lines) == 1
    assert any("withdrawal  0.25 BTC, cost 251.50" in line for line in lines)
    assert any(line.startswith("No tax rules:") for line in lines)


def test_the_text_shows_rules_and_what_they_come_to() -> None:
    """Name, state, days, source, plug-in; for one in force the base and the amount."""
    rule = replace(RULE, until_day=date(2025, 1, 1))
    text = "\n".join(statement_text(statement(rule)))
    assert "levy on trades (transaction_tax): in force, from 2023-01-01 until 2025-01-01" in text
    assert "0.0003 of proceeds 1,570.00 = 0.47" in text
    assert "law 1 [pack]" in text


def test_csv_has_a_line_for_each_part_and_each_levy() -> None:
    """Levies have columns of their own; what is unknown is empty."""
    rows = list(csv.DictReader("".join(statement_csv(statement())).splitlines()))
    assert [row["kind"] for row in rows] == [
        "fill", "fill", "fill", "fill", "withdrawal", "levy", "levy",
    ]  # fmt: skip
    assert (rows[0]["cost_try"], rows[0]["acquired"], rows[0]["gain_try"]) == ("", "", "")
    assert [row["transaction_tax_try"] for row in rows] == ["", "", "", "", "", "1.5", ""]
    assert [row["withholding_try"] for row in rows] == ["", "", "", "", "", "", "7"]
    assert rows[2]["fee_tax_try"] == "0.6"


def test_the_document_has_texts_for_money_and_null_for_unknown() -> None:
    """It is JSON as it stands, with the note in place of rules."""
    document = json.loads(json.dumps(statement_document(statement())))
    assert document["sales"][0]["cost_try"] is None
    assert document["sales"][2]["gain_try"] == "93.4"
    assert document["total"]["withholding_try"] == "7"
    assert document["rules"] == []
    assert document["rules_note"].startswith("No tax rules")
    with_rule = statement_document(statement(RULE))
    assert with_rule["rules"][0]["amount_try"] == "0.471"
    assert with_rule["rules"][0]["until_day"] is None
    assert with_rule["rules_note"] == ""


def test_a_total_of_nothing_known_is_unknown() -> None:
    """Where no sale has a known result the gain is null, not zero."""
    events = [opening(TRY="1", BTC="1"), sold(fill(1, SELL, "1", "9", day=1), is_own=False)]
    found = yearly_statement(events, year=YEAR, day_of=day_of)
    assert statement_document(found)["total"]["gain_try"] is None
    total = [line for line in statement_text(found) if line.startswith("all")]
    assert total[0].split()[-1] == "unknown"


def test_a_year_without_sales_has_zero_gain() -> None:
    """Nothing sold and nothing unknown is a gain of zero."""
    found = yearly_statement([opening(TRY="1")], year=YEAR, day_of=day_of)
    assert statement_document(found)["total"]["gain_try"] == "0"
