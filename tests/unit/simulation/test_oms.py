"""Orders against bars: what fills, at which price, how much of it, and what it costs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, BarColumns, BookLevel, MarketFrame, OrderBook
from btcturk_kit.domain.order_events import OrderAccepted, OrderRejected
from btcturk_kit.domain.orders import (
    CancelOrder,
    LimitOrder,
    MarketBuy,
    MarketSell,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    SubmitOrder,
)
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.oms import OmsSimulator

TRY, BTC, BTCTRY = Asset("TRY"), Asset("BTC"), Symbol("BTCTRY")
START_MS = 1_700_000_000_000
RULES = {
    BTCTRY: PairRules(
        symbol=BTCTRY,
        base=BTC,
        quote=TRY,
        price_scale=0,
        quantity_scale=8,
        min_notional=Decimal(10),
    )
}

Bar = tuple[int, int, int, int]
"""Open, high, low, close."""


def frame_of(*bars: Bar, volume: int = 10**12, has_book: bool = False) -> MarketFrame:
    """Return bars at instants a minute apart; with a book the touch is one below and above."""
    opens, highs, lows, closes = (list(column) for column in zip(*bars, strict=True))
    columns = BarColumns(
        symbol=BTCTRY,
        price_scale=0,
        volume_scale=8,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=[volume] * len(bars),
        bid=[close - 1 for close in closes],
        ask=[close + 1 for close in closes],
    )
    level = (BookLevel(Decimal(1), Decimal(1)),)
    books = (OrderBook(BTCTRY, level, level, 0, 0),) if has_book else ()
    times = [START_MS + 60_000 * at for at in range(len(bars))]
    return MarketFrame(times_ms=times, bars=(columns,), books=books)


FLAT: Bar = (1000, 1000, 1000, 1000)


class Desk:
    """A simulated account with 10000 TRY and 10 BTC, standing at the first instant of a frame."""

    def __init__(self, *bars: Bar, **options: Any) -> None:
        self.oms = OmsSimulator(RULES, BTCTRY_LEVEL_1, {TRY: Decimal(10_000), BTC: Decimal(10)})
        self.frame = frame_of(FLAT, *bars, **options)
        self.oms.advance(self.frame, 0)
        self.names = 0

    def send(self, request: OrderRequest) -> OrderId:
        """Send an order that has to be accepted, and return its number."""
        answer = self.try_to_send(request)
        assert isinstance(answer, OrderAccepted)
        return answer.order_id

    def try_to_send(self, request: OrderRequest) -> OrderAccepted | OrderRejected:
        """Send an order."""
        self.names += 1
        return self.oms.submit(SubmitOrder(ClientOrderId(f"bk1-{self.names}"), request))

    def play(self) -> list[Fill]:
        """Let all later bars pass and return the trades."""
        for index in range(1, len(self.frame.times_ms)):
            self.oms.advance(self.frame, index)
        return self.oms.fills_since(0)

    def balances(self) -> dict[Asset, tuple[Decimal, Decimal]]:
        """Return free and locked by asset."""
        return {one.asset: (one.free, one.locked) for one in self.oms.balances()}


def limit(side: Side, price: int, quantity: str = "1") -> LimitOrder:
    """Return a limit order."""
    return LimitOrder(BTCTRY, side, Decimal(quantity), Decimal(price))


# --- market orders


def test_a_market_sell_meets_the_next_open_as_a_taker() -> None:
    """Not the bar it was decided on: the one after, at its open, with the taker's charges."""
    desk = Desk((990, 1010, 980, 1005))
    desk.send(MarketSell(BTCTRY, Decimal(1)))
    (fill,) = desk.play()
    assert (fill.side, fill.price, fill.quantity) == (Side.SELL, 990, 1)
    assert (fill.fee, fill.tax) == (Decimal("1.98"), Decimal("0.396"))
    assert fill.event_time_ms == START_MS + 60_000
    assert desk.balances() == {TRY: (Decimal("10987.624"), 0), BTC: (9, 0)}


def test_a_market_buy_spends_at_most_its_amount() -> None:
    """Fee and tax are inside the amount; what rounding leaves comes back."""
    desk = Desk((990, 1010, 980, 1005))
    desk.send(MarketBuy(BTCTRY, Decimal(1000)))
    (fill,) = desk.play()
    paid = fill.notional + fill.fee + fill.tax
    assert fill.price == 990
    assert Decimal("999.99999") < paid <= 1000
    assert fill.quantity == BTCTRY_LEVEL_1.affordable_quantity(Decimal(1000), price=Decimal(990))
    assert desk.balances() == {TRY: (10_000 - paid, 0), BTC: (10 + fill.quantity, 0)}


def test_where_a_book_was_seen_the_touch_decides() -> None:
    """A buyer pays the ask and a seller gets the bid."""
    desk = Desk((990, 1010, 980, 1005), has_book=True)
    desk.send(MarketBuy(BTCTRY, Decimal(1000)))
    desk.send(MarketSell(BTCTRY, Decimal(1)))
    assert [one.price for one in desk.play()] == [1006, 1004]


# --- limit orders


def test_a_resting_limit_needs_a_trade_through() -> None:
    """A bar that only touches the price leaves the order where it is; one tick beyond fills it."""
    for low, fills in ((950, 0), (949, 1)):
        desk = Desk((1000, 1000, low, 1000), (1000, 1000, 1000, 1000))
        desk.send(limit(Side.BUY, 950))
        assert len(desk.play()) == fills
    for high, fills in ((1050, 0), (1051, 1)):
        desk = Desk((1000, high, 1000, 1000))
        desk.send(limit(Side.SELL, 1050))
        assert len(desk.play()) == fills


def test_a_resting_limit_fills_at_its_price_as_a_maker() -> None:
    """Its own price, not the better one the bar went to, and the maker's charges."""
    desk = Desk((1000, 1000, 900, 1000))
    desk.send(limit(Side.BUY, 950))
    (fill,) = desk.play()
    assert (fill.price, fill.fee, fill.tax) == (950, Decimal("0.95"), Decimal("0.19"))
    desk = Desk((1000, 1100, 1000, 1000))
    desk.send(limit(Side.SELL, 1050))
    (fill,) = desk.play()
    assert (fill.price, fill.fee, fill.tax) == (1050, Decimal("1.05"), Decimal("0.21"))


def test_a_limit_that_crosses_the_open_takes_it() -> None:
    """Arriving at a better open, it fills there and pays the taker's charges."""
    desk = Desk((990, 1010, 980, 1005))
    desk.send(limit(Side.BUY, 995))
    (fill,) = desk.play()
    assert (fill.price, fill.fee) == (990, Decimal("1.98"))
    desk = Desk((1010, 1020, 1000, 1005))
    desk.send(limit(Side.SELL, 1005))
    (fill,) = desk.play()
    assert fill.price == 1010


def test_a_resting_limit_does_not_depend_on_its_neighbors() -> None:
    """Whether a bar fills an order is decided by the bar: another order changes nothing.

    The bar opens at the price of the resting order and does not trade through it.
    """
    touching = (950, 960, 950, 955)
    alone = Desk(FLAT, touching)
    alone.send(limit(Side.BUY, 950))
    company = Desk(FLAT, touching)
    first = company.send(limit(Side.BUY, 950))
    company.send(limit(Side.BUY, 955))
    assert [one.order_id for one in alone.play()] == [
        one.order_id for one in company.play() if one.order_id == first
    ]


def test_an_order_never_meets_the_bar_it_was_sent_at() -> None:
    """What was known when it was decided cannot fill it."""
    oms = OmsSimulator(RULES, BTCTRY_LEVEL_1, {TRY: Decimal(10_000)})
    frame = frame_of((1000, 1000, 1, 1000), FLAT)
    oms.advance(frame, 0)
    oms.submit(SubmitOrder(ClientOrderId("bk1-1"), limit(Side.BUY, 500)))
    assert not oms.advance(frame, 0)
    assert not oms.advance(frame, 1)
    assert oms.fill_count == 0


# --- how much fills


@pytest.mark.parametrize(
    "request_",
    [
        limit(Side.BUY, 950, "2"),
        limit(Side.SELL, 1050, "2"),
        limit(Side.BUY, 1010, "2"),
        MarketSell(BTCTRY, Decimal(2)),
    ],
    ids=["resting buy", "resting sell", "crossing buy", "market sell"],
)
def test_a_bar_gives_at_most_a_tenth_of_its_volume(request_: OrderRequest) -> None:
    """Of a bar that traded 5 coins an order gets half a coin, and the rest waits."""
    wild = (1000, 1100, 900, 1000)
    desk = Desk(wild, wild, wild, volume=500_000_000)
    desk.send(request_)
    fills = desk.play()
    assert [one.quantity for one in fills] == [Decimal("0.5")] * 3


def test_orders_of_one_bar_share_its_volume() -> None:
    """The tenth is taken once, by the older order first."""
    desk = Desk((1000, 1000, 900, 1000), volume=1_000_000_000)
    first = desk.send(limit(Side.BUY, 950, "0.7"))
    second = desk.send(limit(Side.BUY, 940, "0.7"))
    fills = {one.order_id: one.quantity for one in desk.play()}
    assert fills == {first: Decimal("0.7"), second: Decimal("0.3")}


def test_parts_add_up_to_the_order() -> None:
    """Partly filled while something is left, filled with the last part, never more."""
    wild = (1000, 1000, 900, 1000)
    desk = Desk(wild, wild, wild, volume=500_000_000)
    number = desk.send(limit(Side.BUY, 950, "1.2"))
    desk.oms.advance(desk.frame, 1)
    part = desk.oms.order(number)
    assert part is not None
    assert (part.status, part.remaining_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.7"))
    assert desk.oms.open_orders(BTCTRY) == (part,)
    fills = desk.play()
    assert sum(one.quantity for one in fills) == Decimal("1.2")
    ended = desk.oms.order(number)
    assert ended is not None
    assert (ended.status, ended.filled_quantity) == (OrderStatus.FILLED, Decimal("1.2"))
    assert desk.oms.order(number) is None  # told once
    assert desk.oms.open_orders(BTCTRY) == ()


def test_a_bar_without_volume_is_not_a_limit() -> None:
    """Bars sampled from a live book have no volume to take a tenth of."""
    desk = Desk((1000, 1000, 900, 1000), volume=0)
    desk.send(limit(Side.BUY, 950, "2"))
    (fill,) = desk.play()
    assert fill.quantity == 2


# --- money


def test_an_order_locks_what_it_may_take() -> None:
    """A limit buy with the taker's charges, a sell its coins, a market buy its amount."""
    desk = Desk(FLAT)
    desk.send(limit(Side.BUY, 950))
    desk.send(limit(Side.SELL, 1050, "3"))
    desk.send(MarketBuy(BTCTRY, Decimal(100)))
    locked = Decimal("952.28") + 100
    assert desk.balances() == {TRY: (10_000 - locked, locked), BTC: (7, 3)}


def test_a_part_keeps_the_lock_of_its_rest() -> None:
    """What a cheaper fill did not need is free again; the rest stays covered at its price."""
    desk = Desk((1000, 1000, 900, 1000), volume=400_000_000)
    desk.send(limit(Side.BUY, 950))
    (fill,) = desk.play()
    assert fill.quantity == Decimal("0.4")
    rest = Decimal("0.6") * 950 * Decimal("1.0024")
    paid = fill.notional + fill.fee + fill.tax
    assert desk.balances()[TRY] == (10_000 - rest - paid, rest)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (limit(Side.BUY, 1000, "10"), "BALANCE"),
        (limit(Side.SELL, 1000, "10.5"), "BALANCE"),
        (MarketBuy(BTCTRY, Decimal("10000.01")), "BALANCE"),
        (MarketSell(BTCTRY, Decimal(11)), "BALANCE"),
        (MarketBuy(BTCTRY, Decimal(0)), "BALANCE"),
        (limit(Side.BUY, 1000, "0.009"), "minimum"),
        (limit(Side.BUY, 1000, "0.123456789"), "decimals"),
    ],
)
def test_an_order_that_cannot_be_is_refused(request_: OrderRequest, words: str) -> None:
    """Not covered or against the rules: refused with a reason, nothing locked."""
    desk = Desk(FLAT)
    answer = desk.try_to_send(request_)
    assert isinstance(answer, OrderRejected)
    assert words in answer.reason
    assert desk.balances() == {TRY: (10_000, 0), BTC: (10, 0)}
    assert desk.oms.open_orders(BTCTRY) == ()


# --- cancels


def test_a_cancel_ends_the_order_and_frees_its_lock() -> None:
    """At once; a second one finds nothing, and the next instant has news."""
    desk = Desk(FLAT, FLAT, FLAT)
    number = desk.send(limit(Side.BUY, 950))
    command = CancelOrder(ClientOrderId("bk1-1"), number, BTCTRY)
    assert desk.oms.cancel(command)
    assert not desk.oms.cancel(command)
    assert desk.balances()[TRY] == (10_000, 0)
    low, high = desk.oms.wires[BTCTRY]
    assert low > 10**6
    assert high < 0
    assert desk.oms.advance(desk.frame, 1)
    ended = desk.oms.order(number)
    assert ended is not None
    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELED, 0)
    assert not desk.oms.advance(desk.frame, 2)


def test_a_canceled_part_keeps_its_trades() -> None:
    """What was filled stays filled; only the rest is canceled."""
    desk = Desk((1000, 1000, 900, 1000), volume=400_000_000)
    number = desk.send(limit(Side.BUY, 950))
    desk.play()
    assert desk.oms.cancel(CancelOrder(ClientOrderId("bk1-1"), number, BTCTRY))
    ended = desk.oms.order(number)
    assert ended is not None
    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELED, Decimal("0.4"))
    assert desk.balances()[TRY][1] == 0


# --- wires and news


def test_the_wires_enclose_the_prices_where_nothing_fills() -> None:
    """Between the best buy and the best sell nothing can happen, so nobody has to look."""
    desk = Desk(FLAT, FLAT)
    for request in (
        limit(Side.BUY, 950),
        limit(Side.BUY, 940),
        limit(Side.SELL, 1050),
        limit(Side.SELL, 1060),
    ):
        desk.send(request)
    assert not desk.oms.advance(desk.frame, 1)
    assert desk.oms.wires[BTCTRY] == (950, 1050)


def test_pairs_have_wires_of_their_own() -> None:
    """An order in one pair is nothing to the other, and a fill in one leaves the other's alone."""
    other = Symbol("ETHTRY")
    rules = {
        **RULES,
        other: PairRules(
            symbol=other, base=Asset("ETH"), quote=TRY, price_scale=0, quantity_scale=8
        ),
    }
    oms = OmsSimulator(rules, BTCTRY_LEVEL_1, {TRY: Decimal(10_000)})
    frame = frame_of(FLAT, FLAT)
    oms.advance(frame, 0)
    for symbol, price in ((BTCTRY, 900), (other, 50)):
        request = LimitOrder(symbol, Side.BUY, Decimal(1), Decimal(price))
        name = ClientOrderId(f"bk1-{symbol}")
        assert isinstance(oms.submit(SubmitOrder(name, request)), OrderAccepted)
    assert not oms.advance(frame, 1)
    assert oms.wires[BTCTRY][0] == 900
    assert [one.symbol for one in oms.open_orders(other)] == [other]


def test_news_is_a_trade() -> None:
    """Only an instant with a trade, or after a cancel, has something to read."""
    desk = Desk(FLAT, (1000, 1000, 900, 1000), FLAT)
    assert not desk.oms.advance(desk.frame, 0)
    desk.send(limit(Side.BUY, 950))
    assert [desk.oms.advance(desk.frame, at) for at in (1, 2, 3)] == [False, True, False]


# --- an earlier run


def _order(**changes: Any) -> Order:
    """Return an order of our books, changed as asked."""
    fields: dict[str, Any] = {
        "client_order_id": ClientOrderId("bk1-old"),
        "symbol": BTCTRY,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "strategy": "trend",
        "status": OrderStatus.OPEN,
        "sent_ms": START_MS - 1,
        "updated_ms": START_MS - 1,
        "price": Decimal(950),
        "quantity": Decimal(1),
        "reserved": Decimal("952.28"),
        "order_id": OrderId(77),
    }
    return Order(**(fields | changes))


def test_an_order_of_an_earlier_run_goes_on() -> None:
    """Under its number, with its lock, for what was left of it."""
    desk = Desk((1000, 1000, 900, 1000))
    part = Decimal("0.4")
    desk.oms.restore(
        _order(
            filled_quantity=part, reserved=Decimal("571.368"), status=OrderStatus.PARTIALLY_FILLED
        )
    )
    assert desk.balances()[TRY] == (Decimal("9428.632"), Decimal("571.368"))
    (listed,) = desk.oms.open_orders(BTCTRY)
    assert (listed.order_id, listed.status) == (77, OrderStatus.PARTIALLY_FILLED)
    assert (listed.quantity, listed.remaining_quantity) == (1, Decimal("0.6"))
    (fill,) = desk.play()
    assert (fill.order_id, fill.quantity, fill.client_order_id) == (77, Decimal("0.6"), "bk1-old")
    ended = desk.oms.order(OrderId(77))
    assert ended is not None
    assert ended.filled_quantity == 1


@pytest.mark.parametrize(
    ("changes", "quantity"),
    [
        (
            {
                "side": Side.SELL,
                "price": None,
                "reserved": Decimal(1),
                "order_type": OrderType.MARKET,
            },
            "1",
        ),
        (
            {
                "price": None,
                "quantity": None,
                "quote_amount": Decimal(500),
                "reserved": Decimal(300),
            }
            | {"order_type": OrderType.MARKET},
            str(BTCTRY_LEVEL_1.affordable_quantity(Decimal(300), price=Decimal(1000))),
        ),
    ],
    ids=["market sell", "market buy"],
)
def test_market_orders_of_an_earlier_run_go_on(changes: dict[str, Any], quantity: str) -> None:
    """With what they still reserve."""
    desk = Desk(FLAT)
    desk.oms.restore(_order(**changes))
    (fill,) = desk.play()
    assert fill.quantity == Decimal(quantity)


def test_a_sell_with_a_limit_of_an_earlier_run_goes_on() -> None:
    """It locks what it sells, and trades at its price."""
    desk = Desk((1000, 1100, 1000, 1000))
    desk.oms.restore(_order(side=Side.SELL, price=Decimal(1050), reserved=Decimal(1)))
    assert desk.balances()[BTC] == (9, 1)
    desk.oms.audit()
    (fill,) = desk.play()
    assert (fill.side, fill.price, fill.quantity) == (Side.SELL, 1050, 1)


def test_an_order_that_never_got_a_number_gets_one() -> None:
    """Pending when the run ended: it is working now."""
    oms = OmsSimulator(RULES, BTCTRY_LEVEL_1, {TRY: Decimal(10_000)}, first_id=500)
    oms.restore(_order(order_id=None, status=OrderStatus.PENDING))
    (listed,) = oms.open_orders(BTCTRY)
    assert listed.order_id == 500


def test_numbers_begin_where_they_are_told() -> None:
    """Above those of an earlier run, for orders and for trades."""
    oms = OmsSimulator(RULES, BTCTRY_LEVEL_1, {TRY: Decimal(10_000)}, first_id=500)
    frame = frame_of(FLAT, FLAT)
    oms.advance(frame, 0)
    oms.submit(SubmitOrder(ClientOrderId("bk1-1"), MarketBuy(BTCTRY, Decimal(100))))
    oms.advance(frame, 1)
    (fill,) = oms.fills_since(0)
    assert (fill.order_id, fill.trade_id) == (500, 500)


# --- laws

_bars = st.lists(
    st.tuples(
        st.integers(800, 1200), st.integers(800, 1200), st.integers(0, 150), st.integers(0, 150)
    ),
    min_size=1,
    max_size=12,
)
_requests = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.one_of(
            st.builds(
                limit,
                st.sampled_from(Side),
                st.integers(800, 1200),
                st.builds(str, st.decimals("0.02", "4", places=8)),
            ),
            st.builds(MarketBuy, st.just(BTCTRY), st.decimals("10", "3000", places=2)),
            st.builds(MarketSell, st.just(BTCTRY), st.decimals("0.02", "4", places=8)),
        ),
    ),
    max_size=10,
)


def _flows(fills: list[Fill], sent: dict[OrderId, OrderRequest]) -> tuple[Fraction, Fraction]:
    """Return what the trades leave of the opening; each within the limits of its order."""
    cash, coins = Fraction(10_000), Fraction(10)
    filled: dict[OrderId, Fraction] = {}
    for fill in fills:
        sign = 1 if fill.side is Side.BUY else -1
        notional = Fraction(fill.price) * Fraction(fill.quantity)
        cash -= sign * notional + Fraction(fill.fee) + Fraction(fill.tax)
        coins += sign * Fraction(fill.quantity)
        filled[fill.order_id] = filled.get(fill.order_id, Fraction()) + Fraction(fill.quantity)
        request = sent[fill.order_id]
        if isinstance(request, LimitOrder):
            better = request.price - fill.price if sign > 0 else fill.price - request.price
            assert better >= 0
    for order_id, quantity in filled.items():
        request = sent[order_id]
        if not isinstance(request, MarketBuy):
            assert quantity <= Fraction(request.quantity)
    return cash, coins


@given(_bars, _requests, st.integers(0, 2_000_000_000), st.data())
def test_nothing_is_created_or_lost(
    shapes: list[tuple[int, int, int, int]],
    requests: list[tuple[int, OrderRequest]],
    volume: int,
    data: st.DataObject,
) -> None:
    """Balances are the opening plus the trades, exactly; locks are those of the open orders.

    Limits are kept: a buy never pays more than its price, a sell never gets less, no order fills
    beyond its quantity, and nothing becomes negative.
    """
    bars = [
        (first, max(first, last) + up, max(1, min(first, last) - down), last)
        for first, last, up, down in shapes
    ]
    desk = Desk(*bars, volume=volume)
    sent: dict[OrderId, OrderRequest] = {}
    for index in range(len(bars) + 1):
        desk.oms.advance(desk.frame, index)
        for at, request in requests:
            if at == index:
                answer = desk.try_to_send(request)
                if isinstance(answer, OrderAccepted):
                    sent[answer.order_id] = request
        if sent and data.draw(st.integers(0, 3)) == 0:
            name = ClientOrderId("bk1-x")
            desk.oms.cancel(CancelOrder(name, data.draw(st.sampled_from(sorted(sent))), BTCTRY))
    cash, coins = _flows(desk.oms.fills_since(0), sent)
    held = desk.balances()
    assert [Fraction(sum(held[asset])) for asset in (TRY, BTC)] == [cash, coins]
    assert all(part >= 0 for pair in held.values() for part in pair)
    if not desk.oms.open_orders(BTCTRY):
        assert (held[TRY][1], held[BTC][1]) == (0, 0)


def test_balances_are_listed_by_asset() -> None:
    """Free and locked of everything ever held."""
    oms = OmsSimulator(RULES, BTCTRY_LEVEL_1, {TRY: Decimal(5)})
    assert oms.balances() == (Balance(TRY, Decimal(5), Decimal(0)),)
    assert oms.order(OrderId(1)) is None
    assert oms.open_orders(BTCTRY) == ()
