"""Books of any age, made by the pipeline and written by the store: what a long run leaves behind.

Round trips over the ten pairs, a gain and a loss in turns: two fills each, and a transfer to the
treasury after a gain. Every fill goes through `decide`, every row through the store's own commit, a
batch of trips at a time; only the records of the cycles inside a batch are inserted beside it, with
the store's own statement. What comes out is a store that the bot opens and continues.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from memory_exchange import PAIRS, TRY, pair_rules

from btcturk_kit.adapters.sqlite_rows import Row, record_row
from btcturk_kit.adapters.sqlite_statements import INSERT_RECORD
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import CycleRecord, CycleState, Decision, Observation, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import OrderId, TradeId, derive_client_order_id
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, divide_floor, floor_places, mul
from btcturk_kit.domain.orders import Order, OrderStatus, OrderType, Side
from btcturk_kit.pipeline.decide import Kit, decide
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1

__all__ = ["write_history"]

BATCH_TRIPS = 1_000
TRIP_MS = 120_000
NOTIONAL_TRY = Decimal(500)
# With 0.24 % on either side the first wins 0.52 %, of which trading capital keeps six tenths, and
# the second loses just that: however long the history, the bot goes on with the same capital.
SELL_RATIOS = (Decimal("1.01"), Decimal("1.00168"))
FIRST_TRADE_ID = 2_000_000_000


def write_history(path: Path, kit: Kit, *, events: int, end_ms: int, capital_try: Decimal) -> None:
    """Write a new store whose ledger holds `events` events, or one more.

    Args:
        path: The file; it must not exist.
        kit: Policies of the bot that will continue it.
        events: Ledger events: facts and transfers to the treasury.
        end_ms: The last trade is just before it.
        capital_try: Trading capital at the opening.
    """
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    trips = 2 * (events // 5) + 2
    start_ms = end_ms - trips * TRIP_MS
    records: list[Row] = []
    with SqliteStateStore.open(part, account=kit.profile.account) as store:
        store.begin_epoch()
        opening = open_account(
            kit.profile.account,
            (Balance(TRY, capital_try, ZERO),),
            quote=TRY,
            now_ms=start_ms,
            day_end=kit.profile.day_end,
        )
        store.open_account(opening)
        state, written = opening.state, 1
        pending = _trips(kit.profile.account, start_ms)
        while written < events:
            decisions: list[Decision] = []
            orders: list[Order] = []
            before = state
            while len(decisions) < BATCH_TRIPS and written < events:
                fills, placed = next(pending)
                decision = _decided(state, fills, kit)
                state = decision.state
                written += len(decision.events)
                decisions.append(decision)
                orders += placed
                records.append(record_row(_record(decision, fills[-1].event_time_ms)))
            store.commit(_commit(before, decisions, orders))
    with closing(sqlite3.connect(part)) as connection:
        connection.executemany(INSERT_RECORD.text, records)
        connection.commit()
    part.rename(path)


def _decided(state: CycleState, fills: tuple[Fill, ...], kit: Kit) -> Decision:
    return decide(
        state,
        Observation(fills[-1].event_time_ms, {}, fills),
        kit,
        intents=(),
        assessment=None,
        previous_equity=lambda: None,
        observe_only=True,
    )


def _commit(before: CycleState, decisions: list[Decision], orders: list[Order]) -> StateCommit:
    """Return several decisions as one transaction."""
    last = decisions[-1].state
    positions = {one.asset: one for decision in decisions for one in decision.positions}
    return StateCommit(
        last,
        before.ledger.event_count,
        last.cursor_ms,
        tuple(fill for decision in decisions for fill in decision.fills),
        tuple(event for decision in decisions for event in decision.events),
        tuple(row for decision in decisions for row in decision.capital_rows),
        tuple(positions.values()),
        tuple(orders),
    )


def _record(decision: Decision, now_ms: int) -> CycleRecord:
    state = decision.state
    return CycleRecord(
        state.cycle,
        now_ms,
        state.mode.mode,
        0,
        len(decision.fills),
        len(decision.fills),
        0,
        decision.equity_try,
        state.capital.trading_capital_try,
        state.capital.treasury_try,
        state.digest,
    )


def _trips(account: str, start_ms: int) -> Iterator[tuple[tuple[Fill, ...], tuple[Order, ...]]]:
    """Yield the fills and the orders of one round trip after the other, without end."""
    draw = Random(20)  # noqa: S311 - a history to measure on, no secret
    number, now_ms = FIRST_TRADE_ID, start_ms
    rules = [pair_rules(pair) for pair in PAIRS]
    while True:
        for pair, one in zip(PAIRS, rules, strict=True):
            for ratio in SELL_RATIOS:
                # Finer steps than the pair has, so that rounding leaves the ratios alone.
                drawn = Decimal(str(pair.price * draw.uniform(0.8, 1.25)))
                bought_at = floor_places(drawn, one.price_places + 4)
                sold_at = floor_places(mul(bought_at, ratio), one.price_places + 4)
                quantity = divide_floor(NOTIONAL_TRY, bought_at, one.quantity_scale + 4)
                buy = _Trade(one, Side.BUY, quantity, bought_at, number, now_ms + TRIP_MS // 2)
                sell = _Trade(one, Side.SELL, quantity, sold_at, number + 1, now_ms + TRIP_MS)
                fills = (_fill(account, buy), _fill(account, sell))
                yield fills, tuple(_order(fill) for fill in fills)
                number += 2
                now_ms += TRIP_MS


class _Trade(NamedTuple):
    rules: PairRules
    side: Side
    quantity: Decimal
    price: Decimal
    number: int
    now_ms: int


def _fill(account: str, trade: _Trade) -> Fill:
    rules = trade.rules
    charge = BTCTRY_LEVEL_1.charge(mul(trade.price, trade.quantity), is_maker=False)
    name = derive_client_order_id(
        account=account,
        strategy="trend",
        symbol=rules.symbol,
        side=trade.side,
        now_ms=trade.now_ms,
        ordinal=0,
    )
    return Fill(
        trade_id=TradeId(trade.number),
        order_id=OrderId(trade.number),
        client_order_id=name,
        symbol=rules.symbol,
        base=rules.base,
        quote=rules.quote,
        side=trade.side,
        quantity=trade.quantity,
        price=trade.price,
        fee=charge.fee,
        tax=charge.tax,
        event_time_ms=trade.now_ms,
    )


def _order(fill: Fill) -> Order:
    """Return the order that a fill filled."""
    assert fill.client_order_id is not None
    return Order(
        client_order_id=fill.client_order_id,
        symbol=fill.symbol,
        side=fill.side,
        order_type=OrderType.LIMIT,
        strategy="trend",
        status=OrderStatus.FILLED,
        sent_ms=fill.event_time_ms,
        updated_ms=fill.event_time_ms,
        price=fill.price,
        quantity=fill.quantity,
        filled_quantity=fill.quantity,
        order_id=fill.order_id,
        reduces_risk=fill.side is Side.SELL,
        reason="trend up" if fill.side is Side.BUY else "trend down",
    )
