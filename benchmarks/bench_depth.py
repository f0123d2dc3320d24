"""Replaying a recorded book: level changes a second, with our orders resting on both sides.

Seeded level-2 updates, ten a second, about twenty changes each, and trades between them. Every
second both engines want an order on each side some steps from the touch: as in the peer's own
examples one that is there already stays, any other is canceled and placed anew. The peer is
hftbacktest, whose loop is compiled: its compilation is told apart, and so are the loading of its
events and of our columns. Ours runs in the interpreter. Queues differ in detail, so the trades are
counted, not compared.
"""

from __future__ import annotations

import gc
import importlib.util
from array import array
from decimal import Decimal
from random import Random
from statistics import median
from time import process_time
from typing import Any, Final

from harness import Bound, Report, paired_rounds

from btcturk_kit.domain.identifiers import Asset, ClientOrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, DepthColumns, MarketFrame, TradeColumns
from btcturk_kit.domain.money import exactly
from btcturk_kit.domain.order_events import OrderAccepted
from btcturk_kit.domain.orders import CancelOrder, LimitOrder, Side, SubmitOrder
from btcturk_kit.simulation.depth_ladder import SignedDepth
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.oms import OmsSimulator

__all__ = ["main"]

ROUNDS: Final = 3
UPDATES: Final = 100_000
STEP_MS: Final = 100
DECISION_MS: Final = 1_000
AWAY: Final = 2  # steps from the touch
RATIO_MIN: Final = 0.5

OURS: Final = "OmsSimulator, exact, interpreted"
PEER: Final = "hftbacktest, float, compiled"

BTCTRY: Final = Symbol("BTCTRY")
RULES: Final = PairRules(
    symbol=BTCTRY, base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8
)


class _Book:
    """The market of the generator: it is never crossed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - a bench's market
        self.middle = 50_000
        self.best = [self.middle - 1, self.middle + 1]
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def whole(self) -> tuple[dict[int, int], dict[int, int]]:
        for away in range(1, 200):
            self.sides[0][self.middle - away] = self.random.randrange(10**6, 10**8)
            self.sides[1][self.middle + away] = self.random.randrange(10**6, 10**8)
        return dict(self.sides[0]), dict(self.sides[1])

    def update(self) -> tuple[dict[int, int], dict[int, int]]:
        random, (bids, asks) = self.random, self.sides
        self.middle += random.choice((-1, 0, 0, 0, 1))
        middle = self.middle
        changed: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for price in range(middle, middle + 3):
            if bids.pop(price, 0):
                changed[0][price] = 0
        for price in range(middle - 2, middle + 1):
            if asks.pop(price, 0):
                changed[1][price] = 0
        for _ in range(10):
            away = 1 + int(random.expovariate(0.05))
            changed[0][middle - away] = bids[middle - away] = random.randrange(10**6, 10**8)
            away = 1 + int(random.expovariate(0.05))
            changed[1][middle + away] = asks[middle + away] = random.randrange(10**6, 10**8)
        for side, sign in ((0, -1), (1, 1)):
            price = middle + sign
            while price not in self.sides[side]:
                price += sign
            self.best[side] = price
        return changed


def recording() -> tuple[DepthColumns, TradeColumns]:
    """Return the seeded recording."""
    book = _Book(7)
    columns = {
        name: array("q")
        for name in (
            "times_ms",
            "is_snapshot",
            "ask_starts",
            "ends",
            "price",
            "quantity",
            "best_bid",
            "best_ask",
        )
    }
    tape = {name: array("q") for name in ("times_ms", "price", "quantity", "is_buy")}
    for number in range(UPDATES):
        at_ms = number * STEP_MS
        if number and number % 5 == 0:
            is_buy = book.random.randrange(2)
            price = book.best[1] + book.random.randrange(3) if is_buy else book.best[0]
            for name, value in (
                ("times_ms", at_ms - 1),
                ("price", price),
                ("quantity", book.random.randrange(10**5, 10**7)),
                ("is_buy", is_buy),
            ):
                tape[name].append(value)
        sides = book.update() if number else book.whole()
        for side, changes in enumerate(sides):
            if side:
                columns["ask_starts"].append(len(columns["price"]))
            columns["price"].extend(changes)
            columns["quantity"].extend(changes.values())
        for name, value in (
            ("times_ms", at_ms),
            ("is_snapshot", int(not number)),
            ("ends", len(columns["price"])),
            ("best_bid", book.best[0]),
            ("best_ask", book.best[1]),
        ):
            columns[name].append(value)
    depth = DepthColumns(symbol=BTCTRY, price_scale=0, quantity_scale=8, **columns)
    return depth, TradeColumns(symbol=BTCTRY, price_scale=0, quantity_scale=8, **tape)


def frame_of(depth: DepthColumns, trades: TradeColumns) -> MarketFrame:
    """Return a frame of a decision a second, with bars nobody looks at."""
    times = range(DECISION_MS, UPDATES * STEP_MS, DECISION_MS)
    one = array("q", (1,)) * len(times)
    bars = BarColumns(
        symbol=BTCTRY,
        price_scale=0,
        volume_scale=8,
        open=one,
        high=one,
        low=one,
        close=one,
        volume=one,
        bid=one,
        ask=one,
    )
    return MarketFrame(times_ms=times, bars=(bars,), depths=(depth,), trades=(trades,))


def ours(frame: MarketFrame) -> tuple[float, int]:
    """Return seconds and trades of our simulator."""
    depth = frame.depths[0]
    opening = {Asset("TRY"): Decimal(10**12), Asset("BTC"): Decimal(10**6)}
    oms = OmsSimulator({BTCTRY: RULES}, BTCTRY_LEVEL_1, opening)
    quantity = Decimal("0.001")
    step = DECISION_MS // STEP_MS
    working: dict[Side, tuple[OrderAccepted, int]] = {}
    # Loading is told apart: an order in the first second lets the simulator take the columns in.
    oms.advance(frame, 0)
    first = LimitOrder(BTCTRY, Side.BUY, quantity, Decimal(1))
    answer = oms.submit(SubmitOrder(ClientOrderId("first"), first))
    assert isinstance(answer, OrderAccepted)
    oms.advance(frame, 1)  # who has no order at work is not asked for columns
    oms.cancel(CancelOrder(answer.client_order_id, answer.order_id, BTCTRY))
    told = 0
    gc.collect()
    started = process_time()
    with exactly():
        for index in range(2, len(frame.times_ms)):
            oms.advance(frame, index)
            traded: set[Side] = set()
            if oms.fill_count > told:
                traded = {one.side for one in oms.fills_since(told)}
                told = oms.fill_count
            at = step * (index + 1)
            for side, price in (
                (Side.BUY, depth.best_bid[at] - AWAY),
                (Side.SELL, depth.best_ask[at] + AWAY),
            ):
                old = working.get(side)
                if old is not None:
                    if old[1] == price and side not in traded:
                        continue
                    answer = old[0]
                    oms.cancel(CancelOrder(answer.client_order_id, answer.order_id, BTCTRY))
                request = LimitOrder(BTCTRY, side, quantity, Decimal(price))
                answer = oms.submit(SubmitOrder(ClientOrderId(f"{side}{index}"), request))
                assert isinstance(answer, OrderAccepted)
                working[side] = answer, price
    return process_time() - started, oms.fill_count


def peer_events(depth: DepthColumns, trades: TradeColumns) -> Any:  # noqa: ANN401 - the peer's array
    """Return the recording as the peer's array of events."""
    import numpy as np  # noqa: PLC0415 - the peer's environment only
    from hftbacktest.types import (  # noqa: PLC0415 - the peer's environment only
        BUY_EVENT,
        DEPTH_EVENT,
        EXCH_EVENT,
        LOCAL_EVENT,
        SELL_EVENT,
        TRADE_EVENT,
        event_dtype,
    )

    both, rows, first, trade = EXCH_EVENT | LOCAL_EVENT, [], 0, 0
    for at, at_ms in enumerate(depth.times_ms):
        while trade < len(trades.times_ms) and trades.times_ms[trade] <= at_ms:
            side = BUY_EVENT if trades.is_buy[trade] else SELL_EVENT
            stamp = trades.times_ms[trade] * 10**6
            row = (float(trades.price[trade]), trades.quantity[trade] / 1e8, 0, 0, 0.0)
            rows.append((TRADE_EVENT | both | side, stamp, stamp, *row))
            trade += 1
        for place in range(first, depth.ends[at]):
            side = BUY_EVENT if place < depth.ask_starts[at] else SELL_EVENT
            row = (float(depth.price[place]), depth.quantity[place] / 1e8, 0, 0, 0.0)
            rows.append((DEPTH_EVENT | both | side, at_ms * 10**6, at_ms * 10**6, *row))
        first = depth.ends[at]
    return np.array(rows, dtype=event_dtype)


def peer_run() -> Any:  # noqa: ANN401 - a compiled function
    """Return the peer's compiled loop."""
    from hftbacktest import GTC, LIMIT  # noqa: PLC0415 - the peer's environment only
    from numba import njit  # noqa: PLC0415 - the peer's environment only

    away, step_ns, is_waited = float(AWAY), DECISION_MS * 10**6, False

    @njit  # type: ignore[untyped-decorator]  # the peer's compiler has no types
    def loop(hbt: Any) -> int:  # noqa: ANN401 - the peer's engine
        number = buy = sell = 0
        buy_price = sell_price = 0.0
        while hbt.elapse(step_ns) == 0:
            hbt.clear_inactive_orders(0)
            depth, orders = hbt.depth(0), hbt.orders(0)
            price, order = depth.best_bid - away, orders.get(buy)
            if order is None or price != buy_price:
                if order is not None and order.cancellable:
                    hbt.cancel(0, buy, is_waited)
                number += 1
                buy, buy_price = number, price
                hbt.submit_buy_order(0, buy, price, 0.001, GTC, LIMIT, is_waited)
            price, order = depth.best_ask + away, orders.get(sell)
            if order is None or price != sell_price:
                if order is not None and order.cancellable:
                    hbt.cancel(0, sell, is_waited)
                number += 1
                sell, sell_price = number, price
                hbt.submit_sell_order(0, sell, price, 0.001, GTC, LIMIT, is_waited)
        return number

    return loop


def peer(loop: Any, events: Any) -> float:  # noqa: ANN401 - as above
    """Return seconds of the peer."""
    from hftbacktest import (  # noqa: PLC0415 - the peer's environment only
        BacktestAsset,
        HashMapMarketDepthBacktest,
    )

    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.001, 0.002)
        .tick_size(1.0)
        .lot_size(1e-8)
    )
    backtest = HashMapMarketDepthBacktest([asset])
    started = process_time()
    loop(backtest)
    took = process_time() - started
    backtest.close()
    return took


def main() -> None:
    """Measure and report."""
    depth, trades = recording()
    changes = len(depth.price)
    started = process_time()
    SignedDepth(depth)
    signing = process_time() - started
    frame = frame_of(depth, trades)
    fills = ours(frame)[1]
    subjects = {OURS: lambda: changes / ours(frame)[0]}
    compiling = ""
    if importlib.util.find_spec("hftbacktest") is not None:
        events, loop = peer_events(depth, trades), peer_run()
        started = process_time()
        peer(loop, events[:1000])
        compiling = f"; the peer compiled for {process_time() - started:.1f} s"
        subjects[PEER] = lambda: changes / peer(loop, events)
    figures = paired_rounds(subjects, rounds=ROUNDS)
    report = Report(
        name="depth",
        question=(
            f"level changes a second over {changes:,} of them, {fills:,} trades of ours;"
            f" our columns were taken in before, in {signing:.2f} s{compiling}"
        ),
        unit="changes/s",
    )
    report.add_rounds(figures, baseline=PEER if PEER in figures else OURS)
    if PEER in figures:
        ratio = median(figures[OURS]) / median(figures[PEER])
        report.bounds.append(
            Bound(name="ours / hftbacktest", allowed=RATIO_MIN, measured=ratio, is_least=True)
        )
    report.finish()


if __name__ == "__main__":
    main()
