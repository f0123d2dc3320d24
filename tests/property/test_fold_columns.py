"""Folding stored fills in one pass gives what the ledger gives fill by fill, to the last digit."""

from __future__ import annotations

import runpy
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.adapters.sqlite_rows import amount_of, fill_row
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.fold_columns import FillRow, FoldedBooks, fold_columns
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event, flow_event, opening_event
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.money import MONEY_PLACES
from btcturk_kit.domain.positions import CostMethod, Position, fold_moves

from .facts import BTC, ETH, START_MS, TRY, fills, fractions

METHODS = pytest.mark.parametrize("method", list(CostMethod))
SOL, USDT = Asset("SOL"), Asset("USDT")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

_owned = st.tuples(fills(at_most=24, bases=(BTC, ETH)), st.lists(st.booleans(), min_size=24))
_rates = fractions(MONEY_PLACES, 1, 1_000)


def _booked(events: list[LedgerEvent], method: CostMethod, count: int) -> FoldedBooks:
    """Return the books as the ledger and the fold of moves give them."""
    moves = [move for event in events for move in lot_moves(event)]
    books: dict[Book, dict[Asset, Position]] = {book: {} for book in Book}
    for book, asset in sorted({(move.book, move.asset) for move in moves}):
        books[book][asset] = fold_moves(book, asset, moves, method=method)
    balances = Ledger().post(*events).balances
    return FoldedBooks(books[Book.BOT], books[Book.EXTERNAL], balances, count)


def _agree(
    owned: list[tuple[Fill, bool]],
    method: CostMethod,
    rows: list[FillRow],
    events: list[LedgerEvent],
) -> None:
    booked = [fill_event(fill, is_own=is_own) for fill, is_own in owned]
    expected = _booked([*booked, *events], method, len(owned))
    assert fold_columns(rows, method, events=events) == expected


@METHODS
@given(data=st.data(), history=_owned)
def test_stored_fills_give_what_the_ledger_gives(
    data: st.DataObject, history: tuple[list[Fill], list[bool]], method: CostMethod
) -> None:
    """Both books, longs and shorts, in whatever order the rows come."""
    owned = list(zip(*history, strict=False))
    rows: list[FillRow] = [(*fill, is_own) for fill, is_own in owned]
    _agree(owned, method, data.draw(st.permutations(rows)), [])


@METHODS
@given(data=st.data(), history=_owned, rates=st.tuples(_rates, _rates))
def test_other_quotes_and_charges_and_other_events_give_what_the_ledger_gives(
    data: st.DataObject,
    history: tuple[list[Fill], list[bool]],
    rates: tuple[Decimal, Decimal],
    method: CostMethod,
) -> None:
    """A charge in the base or in a third coin, a quote that is not TRY, coins held before."""
    changes: list[dict[str, Any]] = [
        {},
        {"charge_asset": BTC},
        {"charge_asset": SOL, "charge_rate": rates[0]},
        {"charge_asset": SOL},
        {"quote": USDT, "quote_rate": rates[1]},
        {"charge_asset": TRY},
    ]
    owned = [
        (fill._replace(**data.draw(st.sampled_from(changes))), is_own)
        for fill, is_own in zip(*history, strict=False)
    ]
    opened = {BTC: Decimal(3), TRY: Decimal(1_000)}
    events = [
        opening_event(opened, bot_quote=Decimal(900), quote=TRY, now_ms=START_MS),
        flow_event("deposit:1", ETH, Decimal(2), quote=TRY, event_time_ms=START_MS + 1),
    ]
    rows: list[FillRow] = [(*fill, is_own) for fill, is_own in owned]
    chosen = data.draw(st.sampled_from([[], events]))
    _agree(owned, method, data.draw(st.permutations(rows)), chosen)


@given(history=fills(at_most=8), repeated=st.integers(0, 4))
def test_rows_of_the_store_are_folded_as_they_stand(history: list[Fill], repeated: int) -> None:
    """A row of the store, its amounts read, is what is folded; a second reading counts once."""
    stored = [fill_row(fill, is_own=True) for fill in history]
    rows = [(*row[:7], *map(amount_of, row[7:11]), *row[11:]) for row in stored]
    events = [fill_event(fill, is_own=True) for fill in history]
    folded = fold_columns([*rows, *rows[:repeated]])
    assert folded == _booked(events, CostMethod.FIFO, len(history))


def test_the_three_ways_of_the_benchmark_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare loop of decimals, the columns and the event objects give equal lots and results."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    bench = runpy.run_path(str(BENCHMARKS / "bench_ledger.py"))
    rows = bench["read"](bench["stored_fills"](2_000))
    bench["check_equal"](rows)
    lots, realized = bench["bare_loop"](bench["decoded"](rows))
    outcome = bench["columns"](rows)
    assert outcome == bench["event_objects"](rows)
    assert (outcome.lots, outcome.realized_net) == (lots, realized)
    assert sum(position.fill_count for position in outcome.positions.values()) == 2_000
    assert realized
