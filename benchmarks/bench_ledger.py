"""What a million stored fills cost to fold into lots, results and account sums.

Three ways over the same fills, equal to the last digit or nothing is reported: a bare loop over
queues of decimals, `fold_columns`, and one event object per fill with legs, zero check, hash chain,
lot moves and positions. What the seal of each stored row adds is a row of its own. CPU time of the
process, all of them in every round. Amounts are decimals already for all; what reading them from
text costs is a row of its own.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from random import Random
from statistics import median
from time import process_time
from typing import Any, NamedTuple

from harness import Bound, Report, paired_rounds

from btcturk_kit.adapters.sqlite_rows import Row, amount_of
from btcturk_kit.domain.canonical import GENESIS, canonical_decimal
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.fold_columns import FillRow, fold_columns
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.ledger_chain import seal
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import lot_moves
from btcturk_kit.domain.money import exactly
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import Position, apply_move
from btcturk_kit.domain.valued_fills import TRY

__all__ = [
    "Outcome",
    "bare_loop",
    "check_equal",
    "columns",
    "decoded",
    "event_objects",
    "main",
    "read",
    "sealed_objects",
    "stored_fills",
]

FILLS = int(os.environ.get("BENCH_LEDGER_FILLS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_LEDGER_ROUNDS", "3"))
COLUMNS_MAX = 4.0
OBJECTS_MAX = 35.0
BATCH = 100  # events posted together; a cycle posts one by one, which copies the balances each time

BARE, COLUMNS, OBJECTS = "bare loop of decimals", "fold_columns", "event objects"
SEALED = "event objects, and the seal that a store adds"
READING = "reading text into decimals, for any of them"
SIDES = {side.value: side for side in Side}
PRICES = {"BTC": 4_000_000, "ETH": 120_000, "SOL": 6_000, "AVAX": 900, "DOGE": 8}
FEE, TAX, CENT = Decimal("0.0010"), Decimal("0.20"), Decimal("1E-8")


class Outcome(NamedTuple):
    """What all three ways have to agree on; the bare loop knows neither gross nor accounts."""

    lots: dict[str, list[tuple[Decimal, Decimal]]]
    realized_net: Decimal
    positions: dict[Asset, Position]
    balances: dict[tuple[Account, Asset], Decimal]


def stored_fills(count: int, *, seed: int = 11) -> list[Row]:
    """Return rows as the SQLite store keeps them, amounts as text, by trade id.

    Five assets, amounts with as many digits as the exchange gives. A hundredth came late: its time
    is before that of the trade with the number before.
    """
    draw = Random(seed)  # noqa: S311 - a history to measure on, no secret
    assets = list(PRICES)
    held = dict.fromkeys(assets, 0)
    rows: list[Row] = []
    for trade in range(1, count + 1):
        base = assets[draw.randrange(len(assets))]
        price = Decimal(int(PRICES[base] * 100 * draw.uniform(0.8, 1.25))).scaleb(-2)
        unit = 10**13 // PRICES[base]  # about 100,000 TRY in units of 1E-8
        if held[base] and (held[base] > 4 * unit or draw.random() < 0.5):
            side = "sell"
            units = held[base] if draw.random() < 0.1 else draw.randrange(1, held[base] + 1)
            held[base] -= units
        else:
            side = "buy"
            units = draw.randrange(unit // 100, unit)
            held[base] += units
        quantity = Decimal(units).scaleb(-8)
        fee = (price * quantity * FEE).quantize(CENT, ROUND_HALF_EVEN)
        tax = (fee * TAX).quantize(CENT, ROUND_HALF_EVEN)
        at_ms = 1_700_000_000_000 + trade * 1_000
        if draw.random() < 0.01 and side == "buy":
            at_ms -= 1_500
        texts = [canonical_decimal(amount) for amount in (quantity, price, fee, tax)]
        names = (trade, trade, f"bk1-{trade:032x}", f"{base}TRY", base, "TRY", side)
        rows.append((*names, *texts, at_ms, None, None, None, 1))
    return rows


def read(rows: Sequence[Row]) -> list[FillRow]:
    """Return the rows with their amounts as decimals: the work of whoever reads the store."""
    return [(*row[:7], *map(amount_of, row[7:11]), *row[11:]) for row in rows]


def decoded(rows: Sequence[FillRow]) -> list[tuple[str, bool, Decimal, Decimal, Decimal, Decimal]]:
    """Return what the bare loop reads: the fills in order, nothing of them but what it needs."""
    ordered = sorted(rows, key=lambda row: (row[11], row[0]))
    return [(row[4], row[6] == "buy", *row[7:11]) for row in ordered]


def bare_loop(
    fills: Sequence[tuple[str, bool, Decimal, Decimal, Decimal, Decimal]],
) -> tuple[dict[str, list[tuple[Decimal, Decimal]]], Decimal]:
    """Return open lots and the realized net: what one writes by hand for these very rows."""
    books: dict[str, deque[list[Decimal]]] = {}
    realized = Decimal(0)
    with localcontext() as context:
        context.prec = 60
        for base, is_buy, quantity, price, fee, tax in fills:
            if is_buy:
                lots = books.get(base)
                if lots is None:
                    lots = books[base] = deque()
                lots.append([quantity, price * quantity + fee + tax])
                continue
            lots = books[base]
            realized += price * quantity - fee - tax
            while quantity:
                lot = lots[0]
                held, cost = lot
                if held <= quantity:
                    lots.popleft()
                    realized -= cost
                    quantity -= held  # noqa: PLW2901 - as above
                else:
                    part = (cost * quantity / held).quantize(CENT, ROUND_HALF_EVEN)
                    realized -= part
                    lot[0] = held - quantity
                    lot[1] = cost - part
                    break
    return {base: [(lot[0], lot[1]) for lot in lots] for base, lots in books.items()}, realized


def _outcome(
    positions: dict[Asset, Position], balances: dict[tuple[Account, Asset], Decimal]
) -> Outcome:
    lots: dict[str, list[tuple[Decimal, Decimal]]] = {}
    with exactly():
        net = Decimal(0)
        for asset, position in positions.items():
            lots[asset] = [(lot.quantity, lot.cost) for lot in position.lots]
            net += position.realized_net
    return Outcome(lots, net, positions, balances)


def columns(rows: Sequence[FillRow]) -> Outcome:
    """Fold rows in whatever order they are."""
    books = fold_columns(rows)
    return _outcome(dict(books.positions), dict(books.balances))


def event_objects(rows: Sequence[FillRow], *, is_sealed: bool = False) -> Outcome:
    """Fold rows in order, as the bot books them: every object, check and content hash.

    Args:
        rows: The fills.
        is_sealed: Also make the seal that a store writes beside each event.
    """
    ordered = sorted(rows, key=lambda row: (row[11], row[0]))
    ledger, last, seq = Ledger(), GENESIS, 0
    positions: dict[Asset, Position] = {}
    with exactly():
        for start in range(0, len(ordered), BATCH):
            part = ordered[start : start + BATCH]
            fills = [Fill._make((*row[:6], SIDES[row[6]], *row[7:15])) for row in part]
            batch = [fill_event(fill, is_own=True) for fill in fills]
            ledger = ledger.post(*batch)
            for event in batch:
                if is_sealed:
                    seq += 1
                    last = seal(last, seq, event)
                for move in lot_moves(event):
                    position = positions.get(move.asset) or Position(move.asset)
                    positions[move.asset] = apply_move(position, move)
    assert (last != GENESIS) is (is_sealed and bool(rows))
    assert ledger.event_count == len(rows)
    return _outcome(positions, dict(ledger.balances))


def sealed_objects(rows: Sequence[FillRow]) -> Outcome:
    """Fold rows as `event_objects` does, each event sealed for the store."""
    return event_objects(rows, is_sealed=True)


def check_equal(rows: Sequence[FillRow]) -> None:
    """Raise unless all three ways agree in every digit they know."""
    lots, realized = bare_loop(decoded(rows))
    by_column, by_object = columns(rows), event_objects(rows)
    assert by_column == by_object, "the columns and the objects disagree"
    assert by_column.lots == lots, "the bare loop has other lots"
    assert by_column.realized_net == realized, "the bare loop realized something else"
    cash = by_column.balances[Account.BOT, TRY]
    with exactly():
        costs = sum([cost for of_asset in lots.values() for _, cost in of_asset], Decimal(0))
        assert cash == realized - costs, "cash is not what was realized less what lots cost"


def _timed(work: Callable[[Any], object], on: object) -> Callable[[], float]:
    def measure() -> float:
        started = process_time()
        work(on)
        return process_time() - started

    return measure


def main() -> None:
    """Check, measure and report."""
    stored = stored_fills(FILLS)
    rows = read(stored)
    check_equal(rows)
    fills = decoded(rows)
    gc.collect()
    gc.freeze()  # the history is nobody's work to walk through
    subjects = {
        BARE: _timed(bare_loop, fills),
        COLUMNS: _timed(columns, rows),
        OBJECTS: _timed(event_objects, rows),
        SEALED: _timed(sealed_objects, rows),
        READING: _timed(read, stored),
    }
    figures = paired_rounds(subjects, rounds=ROUNDS)
    report = Report(name="ledger", question=f"CPU seconds to fold {FILLS:,} stored fills", unit="s")
    report.add_rounds(figures, baseline=BARE)
    report.bounds = [
        Bound(
            name=f"{name}, median of ratios to the bare loop",
            allowed=allowed,
            measured=median(
                one / bare for one, bare in zip(figures[name], figures[BARE], strict=True)
            ),
        )
        for name, allowed in ((COLUMNS, COLUMNS_MAX), (OBJECTS, OBJECTS_MAX))
    ]
    report.finish()


if __name__ == "__main__":
    main()
