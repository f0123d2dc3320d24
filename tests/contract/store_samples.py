"""A small trading life as commits: what the store tests write.

`Life` folds with the functions of the domain only, so that every commit it makes is one that a
correct pipeline could make.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from btcturk_kit.domain.canonical import chain
from btcturk_kit.domain.capital import (
    CapitalState,
    SelfFinancing,
    apply_self_financing,
    checkpoint_after,
)
from btcturk_kit.domain.cycle import Anomaly, CycleRecord, CycleState, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import (
    difference_event,
    fill_event,
    opening_event,
    treasury_event,
)
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.money import ZERO, sub
from btcturk_kit.domain.orders import Order, OrderStatus, OrderType, Side
from btcturk_kit.domain.positions import Position, apply_fill, fold_moves
from btcturk_kit.domain.risk import ModeMemory, RiskMemory, RiskMode

__all__ = ["ACCOUNT", "BTC", "OPENED_MS", "TRY", "Life"]

ACCOUNT = "main"
TRY, BTC = Asset("TRY"), Asset("BTC")
PAIR = Symbol("BTCTRY")
OPENED_MS = 1_700_000_000_000
FIRST_TRADE = 9_007_199_254_740_993  # one more than a binary fraction can hold
WINDOW = 20
"""Booked fills that the state lists."""


class Life:
    """The state after each step, and the commit that led to it."""

    def __init__(self, account: str = ACCOUNT) -> None:
        event = opening_event(
            {TRY: Decimal("100000.50"), BTC: Decimal("0.25")},
            bot_quote=Decimal(90_000),
            quote=TRY,
            now_ms=OPENED_MS,
        )
        ledger = Ledger().post(event)
        capital = CapitalState(
            account=account,
            trading_capital_try=Decimal(90_000),
            last_event_count=ledger.event_count,
            last_event_key=ledger.last_event_key,
            content_hash=ledger.content_hash,
        )
        equity = Decimal(90_000)
        risk = RiskMemory(equity, ZERO, OPENED_MS + 86_400_000, equity, equity)
        owned = [fold_moves(Book.EXTERNAL, BTC, lot_moves(event))]
        self.state = CycleState(
            account,
            0,
            ledger,
            {},
            capital,
            risk,
            ModeMemory(),
            {},
            (),
            OPENED_MS,
            OPENED_MS,
            external={one.asset: one for one in owned},
        )
        self.opening = StateCommit(
            self.state,
            0,
            OPENED_MS,
            events=(event,),
            capital_rows=(capital,),
            positions=tuple(owned),
        )
        self.trades = 0

    @property
    def now_ms(self) -> int:
        """The instant of the last step."""
        return OPENED_MS + 60_000 * self.state.cycle

    def order(self, name: str, status: OrderStatus, **changes: Any) -> Order:
        """Return a limit buy, changed as asked."""
        fields: dict[str, Any] = {
            "client_order_id": ClientOrderId(name),
            "symbol": PAIR,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "strategy": "trend",
            "status": status,
            "sent_ms": self.now_ms,
            "updated_ms": self.now_ms,
            "price": Decimal(2_500_000),
            "quantity": Decimal("0.001"),
            "reserved": Decimal("2506.00"),
            "reason": "breakout",
        }
        return Order(**(fields | changes))

    def orders(self, *orders: Order) -> StateCommit:
        """Step: orders change, nothing is booked."""
        changed = {one.client_order_id: one for one in orders}
        left = {
            name: one
            for name, one in {**self.state.orders, **changed}.items()
            if not one.is_terminal
        }
        after = self.state._replace(cycle=self.state.cycle + 1, orders=left)
        return self._step(after, orders=orders)

    def fill(self, side: Side, quantity: str, price: str, *, is_own: bool = True) -> StateCommit:
        """Step: one trade is booked, with its split, its position and a record."""
        self.trades += 1
        state = self.state._replace(cycle=self.state.cycle + 1)
        fill = Fill(
            TradeId(FIRST_TRADE + self.trades),
            OrderId(700 + self.trades),
            ClientOrderId(f"bk1-{self.trades}") if is_own else None,
            PAIR,
            BTC,
            TRY,
            side,
            Decimal(quantity),
            Decimal(price),
            Decimal("1.50"),
            Decimal("0.27"),
            self.now_ms + 60_000,
        )
        events: list[LedgerEvent] = [fill_event(fill, is_own=is_own)]
        ledger = state.ledger.post(*events)
        positions, external = dict(state.positions), dict(state.external)
        book, held = (Book.BOT, positions) if is_own else (Book.EXTERNAL, external)
        held[BTC] = apply_fill(held.get(BTC) or Position(BTC, book=book), fill)
        net = sum((one.realized_net for one in positions.values()), ZERO)
        gross = sum((one.realized_gross for one in positions.values()), ZERO)
        checkpoint = checkpoint_after(
            state.ledger,
            ledger,
            account=state.account,
            realized_net=net,
            realized_gross=gross,
        )
        capital = apply_self_financing(state.capital, checkpoint, SelfFinancing())
        share = sub(capital.treasury_try, state.capital.treasury_try)
        if share:
            events.append(
                treasury_event(events[0].key, share, quote=TRY, now_ms=fill.event_time_ms)
            )
            ledger = ledger.post(events[1])
        after = state._replace(
            ledger=ledger,
            positions=positions,
            capital=capital,
            external=external,
            seen=(*state.seen, (*fill.order_key, fill.facts))[-WINDOW:],
            cursor_ms=fill.event_time_ms,
            digest=chain(state.digest, str(state.cycle)),
        )
        return self._step(
            after,
            fills=(fill,),
            events=tuple(events),
            capital_rows=(capital,),
            positions=(held[BTC],),
            record=self.record(after, fills=1),
        )

    def difference(self, amount: str) -> StateCommit:
        """Step: a difference to the exchange goes to suspense, and the memories change."""
        state = self.state._replace(cycle=self.state.cycle + 1)
        event = difference_event([(BTC, Decimal(amount))], count=0, now_ms=self.now_ms + 60_000)
        ledger = state.ledger.post(event)
        checkpoint = checkpoint_after(
            state.ledger,
            ledger,
            account=state.account,
            realized_net=state.capital.last_realized_pnl_total_try,
            realized_gross=state.capital.last_realized_gross_total_try,
        )
        capital = apply_self_financing(state.capital, checkpoint, SelfFinancing())
        after = state._replace(
            ledger=ledger,
            capital=capital,
            differences=((TRY, Decimal("-0.00000001")), (BTC, Decimal("1E-8"))),
            mode=ModeMemory(RiskMode.REDUCE_RISK_ONLY, self.now_ms + 60_000, 2),
            risk=state.risk._replace(loss_streak=3, in_trip=True, trip_net_try=Decimal("-12.5")),
        )
        return self._step(
            after,
            events=(event,),
            capital_rows=(capital,),
            anomalies=(
                Anomaly("exchange_difference", RiskMode.REDUCE_RISK_ONLY, "put into suspense"),
                Anomaly("strategy_failed", RiskMode.NORMAL, "trend: ValueError('ğüşıöç')"),
            ),
            strategy_states=(("trend:BTCTRY", '{"fast": "1"}'), ("take-profit:BTCTRY", "")),
        )

    def quiet(self, cycles: int) -> StateCommit:
        """Step: a run of cycles in which nothing happened."""
        after = self.state._replace(cycle=self.state.cycle + cycles)
        return self._step(after, record=self.record(after, quiet_cycles=cycles))

    def record(self, state: CycleState, *, fills: int = 0, quiet_cycles: int = 0) -> CycleRecord:
        """Return the record of a state."""
        return CycleRecord(
            state.cycle,
            OPENED_MS + 60_000 * state.cycle,
            state.mode.mode,
            quiet_cycles,
            fills,
            1,
            2,
            Decimal("100000.5"),
            state.capital.trading_capital_try,
            state.capital.treasury_try,
            state.digest,
        )

    def story(self) -> list[StateCommit]:
        """Return the commits of a life in which every kind of row occurs."""
        sell = {"side": Side.SELL, "reduces_risk": True, "looked_up_ms": 5}
        market = {
            "order_type": OrderType.MARKET,
            "price": None,
            "quantity": None,
            "quote_amount": Decimal(1500),
        }
        return [
            self.orders(
                self.order("bk1-a", OrderStatus.PENDING),
                self.order("bk1-b", OrderStatus.PENDING, **market),
            ),
            self.orders(
                self.order("bk1-a", OrderStatus.OPEN, order_id=OrderId(701)),
                self.order("bk1-b", OrderStatus.UNKNOWN, **market),
            ),
            self.fill(Side.BUY, "0.001", "2500000"),
            self.fill(Side.BUY, "0.002", "2510000"),
            self.fill(Side.SELL, "0.0015", "2600000"),
            self.fill(Side.SELL, "0.1", "2600000", is_own=False),
            self.orders(
                self.order("bk1-a", OrderStatus.CANCELED, order_id=OrderId(701), reserved=ZERO),
                self.order("bk1-c", OrderStatus.PENDING, **sell),
            ),
            self.quiet(7),
            self.difference("0.0000001"),
            self.fill(Side.SELL, "0.0015", "2400000"),
        ]

    def _step(self, after: CycleState, **rows: Any) -> StateCommit:
        previous = self.state.ledger.event_count
        self.state = after
        return StateCommit(after, previous, self.now_ms, **rows)
