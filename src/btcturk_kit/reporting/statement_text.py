"""A yearly statement as text for people, as rows, and as one document.

What is not known is written `unknown` in the text and is empty (CSV) or null (JSON) elsewhere,
never a zero. Never add: a figure that the statement does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.money import round_half_even
from btcturk_kit.domain.tax_rules import TaxRuleState
from btcturk_kit.reporting.disposals import Disposal
from btcturk_kit.reporting.rows import Cell, csv_lines
from btcturk_kit.reporting.statement import RuleLine, Statement, StatementTotal

__all__ = ["statement_csv", "statement_document", "statement_text"]

_COLUMNS = (
    "kind",
    "asset",
    "day",
    "acquired",
    "quantity",
    "proceeds_try",
    "cost_try",
    "gross_cost_try",
    "fee_try",
    "fee_tax_try",
    "transaction_tax_try",
    "withholding_try",
    "gain_try",
    "key",
)

_NAMES = 2  # columns that are words stand to the left

_NO_RULES = (
    "No tax rules: no rule pack was named, and the library has none of its own. What is owed is not"
    " computed here."
)
_STATES = {
    TaxRuleState.IN_FORCE: "in force",
    TaxRuleState.NOT_IN_FORCE: "NOT IN FORCE",
    TaxRuleState.PROPOSED: "PROPOSED, not in force",
}


def statement_csv(statement: Statement) -> Iterator[str]:
    """Yield the statement as CSV: a line for each disposal and each levy; no totals."""
    rows: list[Sequence[Cell]] = [_row(one) for one in (*statement.sales, *statement.moved_out)]
    for levy in statement.levies:
        amounts = (levy.transaction_tax, levy.withholding)
        paid = [_cell(one) if one else None for one in amounts]
        rows.append(("levy", "TRY", str(levy.day), *[None] * 7, *paid, None, levy.key))
    return csv_lines(_COLUMNS, rows)


def _row(one: Disposal) -> Sequence[Cell]:
    return (
        one.kind,
        one.asset,
        str(one.day),
        None if one.acquired is None else str(one.acquired),
        _cell(one.quantity),
        _cell(one.proceeds),
        _cell(one.cost),
        _cell(one.gross_cost),
        _cell(one.fee),
        _cell(one.fee_tax),
        None,
        None,
        _cell(one.gain),
        one.key,
    )


def statement_document(statement: Statement) -> dict[str, Any]:
    """Return the statement as one document; money as decimal texts, null for what is not known."""
    levies = [
        {
            "key": one.key,
            "day": str(one.day),
            "transaction_tax_try": _cell(one.transaction_tax),
            "withholding_try": _cell(one.withholding),
            "reason": one.reason,
        }
        for one in statement.levies
    ]
    return {
        "year": statement.year,
        "sales": [_fields(one) for one in statement.sales],
        "moved_out": [_fields(one) for one in statement.moved_out],
        "levies": levies,
        "totals": [_total_fields(one) for one in statement.totals],
        "total": {
            **_total_fields(statement.total),
            "transaction_tax_try": _cell(statement.transaction_tax),
            "withholding_try": _cell(statement.withholding),
        },
        "rules": [_rule_fields(one) for one in statement.rules],
        "rules_note": "" if statement.rules else _NO_RULES,
    }


def _fields(one: Disposal) -> dict[str, Cell]:
    row = dict(zip(_COLUMNS, _row(one), strict=True))
    del row["transaction_tax_try"], row["withholding_try"]
    return row


def _total_fields(total: StatementTotal) -> dict[str, Any]:
    return {
        "asset": total.asset or None,
        "sales": total.sales,
        "proceeds_try": _cell(total.proceeds),
        "cost_try": _cell(total.cost),
        "fee_try": _cell(total.fee),
        "fee_tax_try": _cell(total.fee_tax),
        "gain_try": _cell(total.gain) if total.sales or not total.unknown_sales else None,
        "unknown_sales": total.unknown_sales,
        "unknown_quantity": _cell(total.unknown_quantity),
        "unknown_proceeds_try": _cell(total.unknown_proceeds),
    }


def _rule_fields(line: RuleLine) -> dict[str, Any]:
    rule = line.rule
    return {
        "pack": line.pack,
        "name": rule.name,
        "kind": rule.kind.value,
        "state": rule.state.value,
        "from_day": str(rule.from_day),
        "until_day": None if rule.until_day is None else str(rule.until_day),
        "base": rule.base.value,
        "rate": _cell(rule.rate),
        "base_try": _cell(line.base_try),
        "amount_try": _cell(line.amount_try),
        "source": rule.source,
    }


def statement_text(statement: Statement) -> Iterator[str]:
    """Yield the lines people read; money with two decimals, the other forms have every digit."""
    yield f"Disposals of {statement.year}, first in, first out, the whole account; TRY"
    yield ""
    head = ("day", "asset", "quantity", "acquired", "proceeds", "cost", "fee", "fee tax", "gain")
    rows = [
        (
            str(one.day),
            f"{one.asset} (fee)" if one.kind == "charge" else one.asset,
            canonical_decimal(one.quantity),
            "unknown" if one.acquired is None else str(one.acquired),
            *(_money(part) for part in (one.proceeds, one.cost, one.fee, one.fee_tax, one.gain)),
        )
        for one in statement.sales
    ]
    yield from _table(head, rows)
    yield ""
    yield from _total_lines(statement)
    if statement.moved_out:
        yield ""
        yield "Left without a sale:"
        for one in statement.moved_out:
            quantity = canonical_decimal(one.quantity)
            yield f"  {one.day}  {one.kind}  {quantity} {one.asset}, cost {_money(one.cost)}"
    yield ""
    yield f"Transaction tax paid: {_money(statement.transaction_tax)}"
    yield f"Withholding paid: {_money(statement.withholding)}"
    for levy in statement.levies:
        paid = levy.transaction_tax + levy.withholding
        yield f"  {levy.day}  {_money(paid)}  {levy.reason}"
    yield ""
    yield from _rule_lines(statement)


def _total_lines(statement: Statement) -> Iterator[str]:
    head = ("total", "sales", "proceeds", "cost", "fee", "fee tax", "gain")
    rows = [
        (
            one.asset or "all",
            str(one.sales),
            *(_money(part) for part in (one.proceeds, one.cost, one.fee, one.fee_tax)),
            _money(one.gain if one.sales or not one.unknown_sales else None),
        )
        for one in (*statement.totals, statement.total)
    ]
    yield from _table(head, rows)
    for one in statement.totals:
        if one.unknown_sales and one.unknown_quantity is not None:
            yield (
                f"  not in these sums: {canonical_decimal(one.unknown_quantity)} {one.asset} sold"
                f" for {_money(one.unknown_proceeds)}, result unknown"
            )


def _rule_lines(statement: Statement) -> Iterator[str]:
    if not statement.rules:
        yield _NO_RULES
        return
    yield "Tax rules:"
    for line in statement.rules:
        rule = line.rule
        until = "" if rule.until_day is None else f" until {rule.until_day}"
        state = f"{_STATES[rule.state]}, from {rule.from_day}{until}"
        yield f"  {rule.name} ({rule.kind.value}): {state}"
        if line.amount_try is not None and rule.rate is not None:
            rate = canonical_decimal(rule.rate)
            base = f"{rule.base.value} {_money(line.base_try)}"
            yield f"    {rate} of {base} = {_money(line.amount_try)}"
        yield f"    {rule.source} [{line.pack}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(
            text.ljust(width) if place < _NAMES else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()


def _cell(value: Decimal | None) -> str | None:
    return None if value is None else canonical_decimal(value)


def _money(value: Decimal | None) -> str:
    if value is None:
        return "unknown"
    rounded = round_half_even(value, 2)
    return f"{rounded or rounded.copy_abs():,f}"  # a zero has no sign
