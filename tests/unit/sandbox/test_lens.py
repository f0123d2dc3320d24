"""What a customer is shown under faults: late, hidden, twice, in disorder; and that it comes right.

The exchange's own books are right all the while.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderStatus,
    Side,
    StopMarketSell,
)
from btcturk_kit.sandbox.rest.faults import Asked, RestFaultPlan, RestScript
from btcturk_kit.sandbox.rest.lens import BalancesShown, Lens
from btcturk_kit.sandbox.rest.past_balances import balances_at
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.refusals import NOT_ENOUGH_WITH_OPEN_ORDERS
from btcturk_kit.wire.pacing import Endpoint

BTCTRY = Symbol("BTCTRY")
TRY, BTC = Asset("TRY"), Asset("BTC")
ASSETS: Mapping[Symbol, tuple[Asset, Asset]] = {BTCTRY: (BTC, TRY)}
PART = Decimal("0.01")
SIZE = Decimal("0.03")

HISTORY = Asked(Endpoint.TRADE_HISTORY, "ann")
OPEN = Asked(Endpoint.OPEN_ORDERS, "ann")
ALL = Asked(Endpoint.ALL_ORDERS, "ann")
MONEY = Asked(Endpoint.BALANCES, "ann")
SUBMIT = Asked(Endpoint.SUBMIT, "ann")


class Viewer:
    """`ann`, who looks at an exchange through a lens, and `bob`, who trades with her."""

    def __init__(self, exchange: Exchange, *faults: dict[str, Any], seed: int = 1) -> None:
        self.exchange = exchange
        self.told: list[str] = []
        script = RestScript.of({"faults": list(faults), "seed": seed})
        plan = RestFaultPlan(script, told=lambda _, fault, __: self.told.append(fault.kind.value))
        self.lens = Lens(plan, assets=ASSETS)
        self.ann = exchange.holding("ann")
        exchange.deposit("ann", TRY, Decimal(10**6))
        exchange.advance_to(exchange.now_ms + 1_000)
        exchange.open_account("bob", {TRY: Decimal(100_000), BTC: Decimal(1)})

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.exchange.now_ms

    def rest(self) -> PlacedOrder:
        """Let `ann` bid for coins, better than everybody else."""
        price = self.exchange.book(BTCTRY, levels=1).asks[0].price - 1
        order = self.exchange.submit("ann", LimitOrder(BTCTRY, Side.BUY, SIZE, price))
        assert isinstance(order, PlacedOrder)
        assert order.status is OrderStatus.OPEN
        return order

    def hit(self, quantity: Decimal = PART) -> None:
        """Let `bob` sell to her."""
        order = self.exchange.submit("bob", MarketSell(BTCTRY, quantity))
        assert isinstance(order, PlacedOrder)

    def cancel(self, order: PlacedOrder) -> int:
        """Let `ann` cancel, and return when that is carried out."""
        assert self.exchange.cancel("ann", order.order_id) is None
        self.lens.see_cancel(self.ann, order.order_id, now_ms=self.now_ms)
        assert order.cancel_due_ms is not None
        return order.cancel_due_ms

    def trades(self) -> list[int]:
        """Return the numbers of the trades she is shown."""
        true = self.ann.fills_between(start_ms=0)
        shown = self.lens.fills(HISTORY, self.ann, true, now_ms=self.now_ms)
        return [fill.trade_id for fill in shown]

    def order(self, order: PlacedOrder) -> tuple[OrderStatus, Decimal] | None:
        """Return status and rest of an order as she is shown it."""
        shown = self.lens.orders(ALL, self.ann, [order], now_ms=self.now_ms)
        return (shown[0].status, shown[0].remaining) if shown else None

    def open_orders(self) -> list[tuple[OrderStatus, Decimal]]:
        """Return the same of all that are shown as open."""
        shown = self.lens.open_orders(OPEN, self.ann, now_ms=self.now_ms)
        return [(one.status, one.remaining) for one in shown]


def test_a_trade_is_in_the_history_only_later(exchange: Exchange) -> None:
    """From the millisecond on that the fault names; orders and balances do not wait."""
    viewer = Viewer(exchange, {"kind": "late_history", "ms": 500})
    exchange.submit("ann", MarketBuy(BTCTRY, Decimal(1_000)))
    (traded,) = {fill.event_time_ms for fill in viewer.ann.fills}
    count = len(viewer.ann.fills)
    exchange.advance_to(traded + 499)
    assert viewer.trades() == []
    exchange.advance_to(traded + 500)
    assert len(viewer.trades()) == count
    assert viewer.told == ["late_history"]


def test_a_trade_is_hidden_from_so_many_looks(exchange: Exchange) -> None:
    """With a count, as users saw it: four or five looks before a trade is there."""
    viewer = Viewer(exchange, {"kind": "late_history", "ms": 60_000, "count": 4})
    assert viewer.trades() == []  # no trade to hide: it does not count
    exchange.submit("ann", MarketBuy(BTCTRY, Decimal(1_000)))
    assert [bool(viewer.trades()) for _ in range(5)] == [False] * 4 + [True]
    assert len(viewer.told) == 4


def test_a_new_order_cannot_be_found_at_first(exchange: Exchange) -> None:
    """Neither among the open ones, nor among all, nor under its number."""
    viewer = Viewer(exchange, {"kind": "invisible_orders", "ms": 300})
    order = viewer.rest()
    exchange.advance_to(order.created_ms + 299)
    assert viewer.open_orders() == []
    assert viewer.order(order) is None
    exchange.advance_to(order.created_ms + 300)
    assert viewer.open_orders() == [(OrderStatus.OPEN, SIZE)]
    assert viewer.order(order) == (OrderStatus.OPEN, SIZE)
    assert viewer.told == ["invisible_orders"] * 2


def test_trades_come_twice_and_in_disorder(exchange: Exchange) -> None:
    """The same rows, the same disorder for the same seed, and never the true order."""
    viewer = Viewer(exchange, {"kind": "duplicate_fills"})
    assert viewer.trades() == []
    viewer.rest()
    viewer.hit()
    viewer.hit()
    true = [fill.trade_id for fill in viewer.ann.fills_between(start_ms=0)]
    assert len(true) == 2
    assert viewer.trades() == [true[0], true[0], true[1], true[1]]

    def shuffled(seed: int) -> list[int]:
        plan = RestFaultPlan(RestScript.of({"faults": [{"kind": "shuffled_fills"}], "seed": seed}))
        fills = viewer.ann.fills_between(start_ms=0)
        shown = Lens(plan, assets=ASSETS).fills(HISTORY, viewer.ann, fills, now_ms=viewer.now_ms)
        return [fill.trade_id for fill in shown]

    assert [shuffled(seed) for seed in range(8)] == [true[::-1]] * 8
    viewer.hit(PART / 2)
    orders = {tuple(shuffled(seed)) for seed in range(8)}
    assert len(orders) > 2
    assert shuffled(3) == shuffled(3)


def test_what_a_cancel_missed_is_shown_after_it(exchange: Exchange) -> None:
    """A trade while the cancel waits: first the cancel of everything is shown, later the trade."""
    viewer = Viewer(exchange, {"kind": "late_fill_after_cancel", "ms": 1_000})
    order = viewer.rest()
    viewer.hit()
    before = viewer.trades()
    assert len(before) == 1
    due_ms = viewer.cancel(order)
    viewer.hit()
    assert len(viewer.ann.fills) == 2
    left = SIZE - PART
    assert viewer.trades() == before
    assert viewer.open_orders() == [(OrderStatus.PARTIALLY_FILLED, left)]
    exchange.advance_to(due_ms)
    assert order.status is OrderStatus.CANCELED
    assert viewer.open_orders() == []
    assert viewer.order(order) == (OrderStatus.CANCELED, left)
    exchange.advance_to(due_ms + 999)
    assert viewer.trades() == before
    exchange.advance_to(due_ms + 1_000)
    assert viewer.order(order) == (OrderStatus.CANCELED, left - PART)
    assert len(viewer.trades()) == 2


def test_an_order_that_was_filled_whole_is_shown_as_canceled_first(exchange: Exchange) -> None:
    """The worst of the race: open, then canceled without a trade, and in the end filled."""
    viewer = Viewer(exchange, {"kind": "late_fill_after_cancel", "ms": 1_000})
    order, other = viewer.rest(), viewer.rest()
    due_ms = viewer.cancel(order)
    viewer.cancel(order)  # again, which changes nothing
    viewer.hit(SIZE)
    assert order.status is OrderStatus.FILLED
    assert viewer.open_orders() == [(OrderStatus.OPEN, SIZE), (OrderStatus.OPEN, SIZE)]
    exchange.advance_to(due_ms)
    assert viewer.order(order) == (OrderStatus.CANCELED, SIZE)
    assert viewer.open_orders() == [(OrderStatus.OPEN, other.remaining)]
    assert viewer.trades() == []
    exchange.advance_to(due_ms + 1_000)
    assert viewer.order(order) == (OrderStatus.FILLED, Decimal(0))
    assert len(viewer.trades()) == 1


def test_a_cancel_that_missed_nothing_is_shown_as_it_is(exchange: Exchange) -> None:
    """No race, no fault: neither an order without trades nor one whose trades came before."""
    viewer = Viewer(exchange, {"kind": "late_fill_after_cancel", "ms": 1_000})
    order = viewer.rest()
    viewer.hit()
    due_ms = viewer.cancel(order)
    assert viewer.open_orders() == [(OrderStatus.PARTIALLY_FILLED, SIZE - PART)]
    exchange.advance_to(due_ms)
    assert viewer.order(order) == (OrderStatus.CANCELED, SIZE - PART)
    assert len(viewer.trades()) == 1
    assert viewer.told == []
    # One that is canceled already is no race, and an old one is forgotten with the next.
    viewer.lens.see_cancel(viewer.ann, order.order_id, now_ms=viewer.now_ms)
    exchange.advance_to(due_ms + 5_000)
    later = viewer.rest()
    viewer.cancel(later)
    viewer.hit(SIZE)
    assert viewer.open_orders() == [(OrderStatus.OPEN, SIZE)]


def test_cancels_are_remembered_only_for_the_fault_that_needs_them(exchange: Exchange) -> None:
    """Another fault hides nothing of a race."""
    viewer = Viewer(exchange, {"kind": "duplicate_fills"})
    order = viewer.rest()
    viewer.cancel(order)
    viewer.hit()
    assert viewer.order(order) == (OrderStatus.PARTIALLY_FILLED, SIZE - PART)


def test_an_order_soon_after_a_trade_is_refused(exchange: Exchange) -> None:
    """Within 150 ms, unless the fault says otherwise; without a trade never."""
    viewer = Viewer(exchange, {"kind": "settlement_lag"})
    assert viewer.lens.refusal(SUBMIT, viewer.ann, now_ms=viewer.now_ms) is None
    exchange.submit("ann", MarketBuy(BTCTRY, Decimal(1_000)))
    traded_ms = viewer.ann.fills[-1].event_time_ms
    refusal = viewer.lens.refusal(SUBMIT, viewer.ann, now_ms=traded_ms + 149)
    assert refusal == NOT_ENOUGH_WITH_OPEN_ORDERS
    assert viewer.lens.refusal(SUBMIT, viewer.ann, now_ms=traded_ms + 150) is None
    assert viewer.told == ["settlement_lag"]


def test_the_clock_tells_another_time(exchange: Exchange) -> None:
    """Two jumps add up; the exchange's own clock goes on as it did."""
    jumps = [{"kind": "clock_jump", "ms": ms} for ms in (7_000, -500)]
    viewer = Viewer(exchange, *jumps)
    assert viewer.lens.clock_ms(MONEY, 1_000) == 7_500
    assert viewer.told == ["clock_jump"] * 2


def test_balances_are_those_of_before(exchange: Exchange) -> None:
    """As of so many milliseconds ago, with that time; where nothing changed, those of now."""
    viewer = Viewer(exchange, {"kind": "stale_balances", "ms": 200})
    before = viewer.ann.account.balances()

    def shown() -> BalancesShown:
        return viewer.lens.balances(MONEY, viewer.ann, now_ms=viewer.now_ms)

    assert shown() == (before, viewer.now_ms)
    order = viewer.rest()
    assert shown() == (before, viewer.now_ms - 200)
    assert before != viewer.ann.account.balances()
    exchange.advance_to(order.created_ms + 200)
    assert shown() == (viewer.ann.account.balances(), viewer.now_ms)
    assert viewer.told == ["stale_balances"]


def test_past_balances_look_at_nothing_that_ended_before(exchange: Exchange) -> None:
    """An old account answers as fast as a new one: what ended before the instant is not read."""
    viewer = Viewer(exchange)
    first, second = viewer.rest(), viewer.rest()
    assert exchange.cancel("ann", first.order_id) is None
    exchange.advance_to(exchange.now_ms + 3_000)
    at_ms, before = exchange.now_ms, viewer.ann.account.balances()
    assert exchange.cancel("ann", second.order_id) is None
    exchange.advance_to(exchange.now_ms + 3_000)
    assert viewer.ann.ended_since(0) == [first, second]
    assert viewer.ann.ended_since(at_ms) == [second]
    viewer.ann.orders.clear()  # what is not there is not read
    assert balances_at(viewer.ann, at_ms, assets=ASSETS) == before


@pytest.mark.parametrize("seed", range(6))
def test_past_balances_are_exact(exchange: Exchange, seed: int) -> None:
    """They are what the exchange's books were then, digit by digit, all through a wild day."""
    draw = Random(seed)  # noqa: S311 - chooses orders, keeps no secret
    viewer = Viewer(exchange)
    books: dict[int, tuple[Balance, ...]] = {}
    for _ in range(250):
        last = exchange.ticker(BTCTRY).last
        price = (last * draw.randrange(9_900, 10_100) / 10_000).quantize(Decimal(1))
        side = draw.choice((Side.BUY, Side.SELL))
        quantity = Decimal(draw.randrange(1, 400)).scaleb(-5)
        match draw.randrange(7):
            case 0 | 1:
                exchange.submit("ann", LimitOrder(BTCTRY, side, quantity, price))
            case 2:
                exchange.submit("ann", MarketBuy(BTCTRY, Decimal(draw.randrange(100, 900))))
            case 3:
                exchange.submit("bob", MarketSell(BTCTRY, quantity))
            case 4:
                stop = (last * 99 / 100).quantize(Decimal(1))
                exchange.submit("ann", StopMarketSell(BTCTRY, quantity, stop))
            case 5 if viewer.ann.open_orders:
                exchange.cancel("ann", draw.choice(list(viewer.ann.open_orders)))
            case _:
                exchange.deposit("ann", TRY, Decimal(draw.randrange(100)))
                exchange.withdraw("ann", BTC, Decimal("0.0001"))
        books[exchange.now_ms] = viewer.ann.account.balances()
        exchange.advance_to(exchange.now_ms + draw.choice((1, 60, 500, 600_000)))
    exchange.audit()
    assert len(viewer.ann.fills) > 30
    # Sums of the same money may have other trailing zeros.
    for at_ms, balances in books.items():
        assert balances_at(viewer.ann, at_ms, assets=ASSETS) == balances
