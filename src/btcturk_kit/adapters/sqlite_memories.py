"""What risk, mode and guards remember, as rows and back.

Small bounded lists are one text each: they are written as a whole whenever one of them changes, and
nobody searches them. Never add: SQL, a default for something that is missing.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from btcturk_kit.adapters.sqlite_rows import Row, amount_of
from btcturk_kit.domain.canonical import amount_text
from btcturk_kit.domain.guard_memory import Execution, GuardMemory, Latch, SentOrder
from btcturk_kit.domain.mode_memory import ModeMemory, ModeOverride
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.domain.risk_mode import RiskMode

__all__ = ["guards_of", "guards_row", "mode_of", "mode_row", "risk_of", "risk_row"]


def risk_row(memory: RiskMemory) -> Row:
    """Return the row of the risk memory."""
    return (
        amount_text(memory.peak_equity_try),
        amount_text(memory.peak_treasury_try),
        memory.day_end_ms,
        amount_text(memory.day_start_equity_try),
        amount_text(memory.day_start_capital_try),
        memory.loss_streak,
        amount_text(memory.trip_net_try),
        int(memory.in_trip),
        amount_text(memory.day_charges_try),
        memory.loss_days,
        " ".join([f"{at_ms}:{int(is_refused)}" for at_ms, is_refused in memory.submits]),
    )


def risk_of(row: Row) -> RiskMemory:
    """Return the risk memory of a row."""
    submits = [one.partition(":") for one in row[10].split()]
    return RiskMemory(
        amount_of(row[0]),
        amount_of(row[1]),
        row[2],
        amount_of(row[3]),
        amount_of(row[4]),
        row[5],
        amount_of(row[6]),
        bool(row[7]),
        amount_of(row[8]),
        row[9],
        tuple([(int(at_ms), refused == "1") for at_ms, _, refused in submits]),
    )


def mode_row(memory: ModeMemory) -> Row:
    """Return the row of the mode's memory."""
    held = (memory.mode.value, memory.triggered_ms, memory.clean_cycles)
    override = memory.override
    if override is None:
        return (*held, None, "", 0, None, 0, None, memory.milder_ms)
    return (
        *held,
        override.mode.value,
        override.reason,
        override.since_ms,
        override.until_ms,
        int(override.is_loosening),
        None if override.rules is None else json.dumps(override.rules),
        memory.milder_ms,
    )


def mode_of(row: Row) -> ModeMemory:
    """Return the mode's memory of a row."""
    override = None
    if row[3] is not None:
        rules = None if row[8] is None else tuple(json.loads(row[8]))
        override = ModeOverride(RiskMode(row[3]), row[4], row[5], row[6], bool(row[7]), rules)
    return ModeMemory(RiskMode(row[0]), row[1], row[2], override, row[9])


def guards_row(memory: GuardMemory) -> Row:
    """Return the row of the guards' memory."""
    sent = [
        (one.sent_ms, one.strategy, one.symbol, one.side, _text(one.price), amount_text(one.size))
        for one in memory.sent
    ]
    return (_dumps(sent), _dumps(memory.executions), _dumps(memory.latches))


def guards_of(row: Row) -> GuardMemory:
    """Return the guards' memory of a row."""
    sent = [
        SentOrder(
            at_ms,
            strategy,
            symbol,
            Side(side),
            None if price is None else amount_of(price),
            amount_of(size),
        )
        for at_ms, strategy, symbol, side, price, size in json.loads(row[0])
    ]
    executions = [
        Execution(at_ms, symbol, Side(side), name)
        for at_ms, symbol, side, name in json.loads(row[1])
    ]
    latches = [Latch(symbol, at_ms, detail) for symbol, at_ms, detail in json.loads(row[2])]
    return GuardMemory(tuple(sent), tuple(executions), tuple(latches))


def _text(price: Decimal | None) -> str | None:
    return None if price is None else amount_text(price)


def _dumps(rows: Any) -> str:  # noqa: ANN401 - tuples of texts and numbers
    return json.dumps(rows, separators=(",", ":")) if rows else "[]"
