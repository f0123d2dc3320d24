"""The exchange: orders, money, time, and the race between a cancel and a fill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.money import ZERO, add, mul
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderStatus,
    Side,
)
from btcturk_kit.errors import BtcturkKitError, ConfigurationError
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS, RecordedCandles
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.listing import BTCTRY_RULES, listing_of
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.sandbox.venue.refusals import (
    BALANCE_NOT_ENOUGH,
    CANNOT_CANCEL,
    MIN_TOTAL,
    NO_ORDER_MATCHES,
    NOT_ENOUGH_WITH_OPEN_ORDERS,
    PRICE_ABOVE_MAX,
    PRICE_BELOW_MIN,
    PRICE_SCALE,
    QUANTITY_SCALE,
    Refused,
)

BTCTRY = Symbol("BTCTRY")
TRY, BTC = Asset("TRY"), Asset("BTC")


def placed(exchange: Exchange, request: OrderRequest, name: str = "") -> PlacedOrder:
    """Submit an order of `ann` that must be taken."""
    order = exchange.submit("ann", request, client_order_id=name)
    assert isinstance(order, PlacedOrder)
    return order


def far_bid(exchange: Exchange, quantity: str = "0.01") -> LimitOrder:
    """Return a buy a tenth below the market, which nothing reaches within minutes."""
    price = int(exchange.ticker(BTCTRY).last) * 9 // 10
    return LimitOrder(BTCTRY, Side.BUY, Decimal(quantity), Decimal(price))


def test_a_market_buy_spends_its_amount_with_fee_and_tax(exchange: Exchange) -> None:
    """What left the account is notional, fee and tax of its trades, at most the amount."""
    order = placed(exchange, MarketBuy(BTCTRY, Decimal(20_000)))
    holding = exchange.holding("ann")
    spent = sum(add(fill.notional, add(fill.fee, fill.tax)) for fill in holding.fills)
    assert holding.account.free(TRY) == Decimal(100_000) - spent
    assert Decimal("19999.9999999") < spent <= Decimal(20_000)
    assert order.status is OrderStatus.FILLED
    assert order.quantity == sum(fill.quantity for fill in holding.fills)
    assert holding.account.free(BTC) == Decimal(1) + order.quantity
    exchange.audit()


def test_a_market_sell_brings_the_notional_less_fee_and_tax(exchange: Exchange) -> None:
    """Its quantity is in base; what came in is what its trades say."""
    order = placed(exchange, MarketSell(BTCTRY, Decimal("0.002")))
    holding = exchange.holding("ann")
    assert order.status is OrderStatus.FILLED
    got = sum(fill.notional - fill.fee - fill.tax for fill in holding.fills)
    assert holding.account.free(TRY) == Decimal(100_000) + got
    assert holding.account.free(BTC) == Decimal("0.998")
    assert all(
        fill.fee == mul(fill.notional, Decimal("0.002")).quantize(fill.fee)
        for fill in holding.fills
    )


def test_a_market_order_beyond_the_ladder_is_canceled(exchange: Exchange) -> None:
    """What the book inside the collar cannot fill is canceled and freed."""
    order = placed(exchange, MarketSell(BTCTRY, Decimal("0.9999")))
    assert order.status is OrderStatus.CANCELED
    assert 0 < order.remaining < order.quantity
    assert exchange.holding("ann").account.locked(BTC) == 0
    exchange.audit()


def test_a_resting_buy_locks_its_notional_with_the_taker_rate(exchange: Exchange) -> None:
    """The lock is price x quantity x 1.0024, to the digit."""
    request = far_bid(exchange)
    placed(exchange, request)
    assert exchange.holding("ann").account.locked(TRY) == mul(
        mul(request.price, request.quantity), Decimal("1.0024")
    )
    exchange.audit()


def test_a_maker_pays_less_and_gets_the_difference_back(exchange: Exchange) -> None:
    """An order that rested is charged the maker rate; the taker part of its lock is free again."""
    bid = exchange.book(BTCTRY, levels=1).bids[0].price
    order = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal("0.0005"), bid + 1))
    while order.status is not OrderStatus.FILLED:
        exchange.advance_to(exchange.now_ms + HOUR_MS)
    fill = exchange.holding("ann").fills[0]
    assert fill.price == bid + 1
    assert fill.fee == mul(fill.notional, Decimal("0.001")).quantize(Decimal("1e-8"))
    paid = sum(add(one.notional, add(one.fee, one.tax)) for one in exchange.holding("ann").fills)
    assert exchange.holding("ann").account.free(TRY) == Decimal(100_000) - paid
    assert exchange.holding("ann").account.locked(TRY) == 0


def test_large_orders_fill_in_parts(exchange: Exchange) -> None:
    """Ladders follow the recorded volume, so an order larger than a level stays partly filled."""
    ask = exchange.book(BTCTRY, levels=1).asks[0].price
    order = placed(exchange, LimitOrder(BTCTRY, Side.SELL, Decimal(1), ask - 1))
    seen = set()
    for _ in range(400):
        exchange.advance_to(exchange.now_ms + HOUR_MS)
        exchange.audit()
        seen.add(order.status)
        if order.status is OrderStatus.FILLED:
            break
    assert OrderStatus.PARTIALLY_FILLED in seen
    assert order.quantity - order.remaining == sum(
        fill.quantity for fill in exchange.holding("ann").fills
    )


@pytest.mark.parametrize(
    ("request_of", "refusal"),
    [
        (
            lambda last: LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), last + Decimal("0.5")),
            PRICE_SCALE,
        ),
        (lambda last: LimitOrder(BTCTRY, Side.BUY, Decimal("0.000000001"), last), QUANTITY_SCALE),
        (lambda last: LimitOrder(BTCTRY, Side.BUY, Decimal("0.00000001"), last), MIN_TOTAL),
        (
            lambda last: LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), last * 10 + 1),
            PRICE_ABOVE_MAX,
        ),
        (
            lambda last: LimitOrder(BTCTRY, Side.BUY, Decimal("0.1"), last // 10 - 1),
            PRICE_BELOW_MIN,
        ),
        (lambda last: LimitOrder(BTCTRY, Side.BUY, Decimal(1), last), BALANCE_NOT_ENOUGH),
        (lambda _: MarketBuy(BTCTRY, Decimal("1000.001")), QUANTITY_SCALE),
        (lambda _: MarketBuy(BTCTRY, Decimal(99)), MIN_TOTAL),
        (lambda _: MarketBuy(BTCTRY, Decimal(100_001)), BALANCE_NOT_ENOUGH),
        (lambda _: MarketSell(BTCTRY, Decimal("0.00000001")), MIN_TOTAL),
        (lambda _: MarketSell(BTCTRY, Decimal("1.1")), BALANCE_NOT_ENOUGH),
        (lambda _: MarketSell(BTCTRY, Decimal(0)), MIN_TOTAL),
    ],
)
def test_an_order_against_the_rules_is_refused(
    exchange: Exchange, request_of: object, refusal: Refused
) -> None:
    """Each rule has the exchange's own message, and nothing is locked or listed."""
    assert callable(request_of)
    answer = exchange.submit("ann", request_of(exchange.ticker(BTCTRY).last))
    assert answer == refusal
    assert exchange.holding("ann").orders == {}
    exchange.audit()


def test_too_little_money_beside_open_orders_has_its_own_message(exchange: Exchange) -> None:
    """With other orders open the exchange says so instead of naming the balance."""
    placed(exchange, far_bid(exchange))
    answer = exchange.submit("ann", MarketBuy(BTCTRY, Decimal(100_000)))
    assert answer == NOT_ENOUGH_WITH_OPEN_ORDERS


def test_price_limits_move_with_the_market(exchange: Exchange) -> None:
    """A tenth and ten times the last price, whatever that is at the moment."""
    seen = set()
    for _ in range(3):
        last = exchange.ticker(BTCTRY).last
        rules = exchange.rules(BTCTRY)
        assert (rules.min_price, rules.max_price) == (last / 10, last * 10)
        seen.add(last)
        exchange.advance_to(exchange.now_ms + 5 * HOUR_MS)
    assert len(seen) > 1


def test_a_client_order_id_may_come_twice(exchange: Exchange) -> None:
    """Uniqueness is not enforced: both orders exist; without a name one is made up."""
    one, two = (placed(exchange, far_bid(exchange), "same") for _ in range(2))
    assert one.client_order_id == two.client_order_id == "same"
    assert one.order_id < two.order_id
    assert len(placed(exchange, far_bid(exchange)).client_order_id) == 36


def test_a_cancel_is_queued_and_then_carried_out(exchange: Exchange) -> None:
    """Right after the answer the order still rests; a little later its money is free."""
    order = placed(exchange, far_bid(exchange))
    assert exchange.cancel("ann", order.order_id) is None
    assert order.status is OrderStatus.OPEN
    assert exchange.holding("ann").account.locked(TRY) > 0
    exchange.advance_to(exchange.now_ms + 3_000)
    assert order.status is OrderStatus.CANCELED
    assert exchange.holding("ann").account.free(TRY) == Decimal(100_000)
    assert exchange.cancel("ann", order.order_id) is None
    exchange.audit()


def test_what_cannot_be_canceled(exchange: Exchange) -> None:
    """Market orders and filled ones cannot; an unknown or another's number matches nothing."""
    exchange.open_account("bob", {})
    market = placed(exchange, MarketBuy(BTCTRY, Decimal(1_000)))
    resting = placed(exchange, far_bid(exchange))
    ask = exchange.book(BTCTRY, levels=1).asks[0].price
    filled = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), ask + 1000))
    assert filled.status is OrderStatus.FILLED
    assert exchange.cancel("ann", market.order_id) == CANNOT_CANCEL
    assert exchange.cancel("ann", filled.order_id) == CANNOT_CANCEL
    assert exchange.cancel("ann", 1) == NO_ORDER_MATCHES
    assert exchange.cancel("bob", resting.order_id) == NO_ORDER_MATCHES


def test_a_fill_can_win_the_race_against_a_cancel(listing: Listing) -> None:
    """Among many cancels of orders at the touch some come too late, and the books still balance."""
    exchange = Exchange([listing], seed=5)
    exchange.open_account("ann", {TRY: Decimal(10_000_000)})
    lost = won = 0
    for round_number in range(120):
        exchange.advance_to(exchange.now_ms + 300_000 - exchange.now_ms % 300_000)
        bid = exchange.book(BTCTRY, levels=1).bids[0].price
        request = LimitOrder(BTCTRY, Side.BUY, Decimal("0.0003"), bid + 1)
        order = placed(exchange, request, f"race-{round_number}")
        assert exchange.cancel("ann", order.order_id) is None
        assert exchange.cancel("ann", order.order_id) is None
        exchange.advance_to(exchange.now_ms + 3_000)
        exchange.audit()
        filled = order.quantity - order.remaining
        lost += order.status is OrderStatus.CANCELED
        won += filled > 0
        assert order.status in (OrderStatus.CANCELED, OrderStatus.FILLED)
    assert lost > 0
    assert won > 0


def test_two_equal_runs_are_equal_to_the_digit(listing: Listing) -> None:
    """The same calls at the same instants give the same trades, numbers, times and balances."""

    def run(seed: int) -> tuple[object, ...]:
        exchange = Exchange([listing], seed=seed)
        exchange.open_account("ann", {TRY: Decimal(100_000)})
        for number in range(30):
            placed(exchange, MarketBuy(BTCTRY, Decimal(1_000)), f"m{number}")
            bid = exchange.book(BTCTRY, levels=1).bids[0].price
            order = placed(
                exchange, LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), bid), f"l{number}"
            )
            exchange.advance_to(exchange.now_ms + HOUR_MS)
            exchange.cancel("ann", order.order_id)
        holding = exchange.holding("ann")
        return (
            exchange.now_ms,
            holding.fills,
            holding.account.balances(),
            exchange.book(BTCTRY, levels=9),
        )

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_the_tape_does_not_react_to_customers(listing: Listing) -> None:
    """After the next step the book is the same whether or not somebody emptied the one before."""
    calm, busy = Exchange([listing], seed=9), Exchange([listing], seed=9)
    busy.open_account("ann", {TRY: Decimal(50_000_000)})
    busy.submit("ann", MarketBuy(BTCTRY, Decimal(40_000_000)))
    assert busy.book(BTCTRY, levels=1) != calm.book(BTCTRY, levels=1)
    until_ms = calm.now_ms + HOUR_MS
    calm.advance_to(until_ms)
    busy.advance_to(until_ms)
    assert busy.book(BTCTRY, levels=100) == calm.book(BTCTRY, levels=100)


def test_latency_is_drawn_per_client_order_id(listing: Listing) -> None:
    """A submit moves a virtual clock by a few milliseconds, the same for the same name."""

    def arrival_ms(name: str, *, has_latency: bool) -> int:
        exchange = Exchange([listing], seed=9, has_latency=has_latency)
        exchange.open_account("ann", {TRY: Decimal(50_000)})
        start_ms = exchange.now_ms
        return placed(exchange, far_bid(exchange), name).created_ms - start_ms

    delays = [arrival_ms(f"order-{number}", has_latency=True) for number in range(6)]
    assert all(2 <= delay <= 8 for delay in delays)
    assert len(set(delays)) > 1
    assert delays[0] == arrival_ms("order-0", has_latency=True)
    assert arrival_ms("order-0", has_latency=False) == 0


def test_the_clock_never_goes_back(exchange: Exchange) -> None:
    """Advancing to an instant in the past does nothing."""
    before_ms = exchange.now_ms
    exchange.advance_to(before_ms - HOUR_MS)
    assert exchange.now_ms == before_ms


def test_past_the_end_of_the_tape_the_market_stands() -> None:
    """The clock goes on, the last quotes stand, and the day's summary runs empty."""
    short = RecordedCandles(RecordedCandles.bundled().candles[:72], source="short")
    exchange = Exchange([Listing(BTCTRY_RULES, CandleTape(short))], seed=1)
    exchange.advance_to(short.candles[-1].open_ms + HOUR_MS)
    book = exchange.book(BTCTRY, levels=10)
    exchange.advance_to(exchange.now_ms + 100 * HOUR_MS)
    assert exchange.book(BTCTRY, levels=10)[1:3] == book[1:3]
    assert exchange.day(BTCTRY).volume == 0
    assert exchange.day(BTCTRY).high == exchange.ticker(BTCTRY).last


def test_the_first_day_is_the_recorded_one(listing: Listing) -> None:
    """Before anything was traded the ticker shows the day before the start hour."""
    exchange = Exchange([listing], seed=4)
    tape = RecordedCandles.bundled()
    start = tape.start_index(4)
    before = tape.candles[start - 24 : start]
    day = exchange.day(BTCTRY)
    assert exchange.now_ms == tape.candles[start].open_ms
    # Of the 24 hours before, the running hour has taken the place of the oldest.
    assert day.high == max(candle.high for candle in before[1:])
    assert day.low == min(candle.low for candle in before[1:])
    assert day.last == before[-1].close


def test_a_mapped_start_keeps_the_prices(listing: Listing) -> None:
    """On a real clock the tape opens at the wall time with the same market."""
    recorded, mapped = (
        Exchange([listing], seed=4),
        Exchange([listing], seed=4, start_ms=1_800_000_000_123),
    )
    recorded.advance_to(recorded.now_ms + 7 * HOUR_MS)
    mapped.advance_to(1_800_000_000_123 + 7 * HOUR_MS)
    assert recorded.book(BTCTRY, levels=9)[1:3] == mapped.book(BTCTRY, levels=9)[1:3]


def test_meeting_an_own_order_gives_two_trades(exchange: Exchange) -> None:
    """A customer on both sides of a trade has two trades with numbers of their own."""
    book = exchange.book(BTCTRY, levels=1)
    price = (book.bids[0].price + book.asks[0].price) // 2
    placed(exchange, LimitOrder(BTCTRY, Side.SELL, Decimal("0.01"), price))
    placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), price))
    fills = exchange.holding("ann").fills
    assert [fill.side for fill in fills] == [Side.SELL, Side.BUY]
    assert len({fill.trade_id for fill in fills}) == 2
    assert all(fill.trade_id > 2**53 for fill in fills)
    exchange.audit()


@pytest.mark.parametrize("request_", [MarketBuy(BTCTRY, ZERO), MarketSell(BTCTRY, ZERO)])
def test_an_order_for_nothing_is_refused_without_a_minimum_too(
    listing: Listing, request_: MarketBuy | MarketSell
) -> None:
    """A pair may have no minimum total; an order for nothing would rest for ever."""
    rules = replace(listing.rules, min_notional=ZERO)
    exchange = Exchange([Listing(rules, listing.tape)], seed=1)
    exchange.open_account("ann", {TRY: Decimal(1_000), BTC: Decimal(1)})
    assert exchange.submit("ann", request_) == MIN_TOTAL
    assert not exchange.holding("ann").open_orders


def test_nothing_is_taken_out_without_a_transfer(exchange: Exchange) -> None:
    """A withdrawal of zero is done at once and leaves no trace."""
    entries = exchange.history.count
    for amount in (Decimal(0), Decimal("-0.00")):
        assert exchange.withdraw("ann", TRY, amount)
    assert exchange.history.count == entries
    assert exchange.holding("ann").transfers.between(start_ms=0, end_ms=2**62) == []
    exchange.audit()


def test_all_that_is_free_can_be_taken_out() -> None:
    """A buy at the market leaves more decimals than an order can have: they can go too."""
    exchange = Exchange([listing_of("USDTTRY")], seed=1)
    exchange.open_account("ann", {TRY: Decimal(2_000)})
    exchange.submit("ann", MarketBuy(Symbol("USDTTRY"), Decimal(1_111)))
    account = exchange.holding("ann").account
    free = account.free(TRY)
    assert free != free.quantize(Decimal(1).scaleb(-16))
    for amount in (free - Decimal(1), free * 2):
        with pytest.raises(ConfigurationError, match="16 decimals"):
            exchange.withdraw("ann", TRY, amount)
    assert exchange.withdraw("ann", TRY, free)
    assert account.free(TRY) == 0
    exchange.audit()


def test_accounts_are_opened_once_and_hold_what_is_traded(exchange: Exchange) -> None:
    """A second account of a name and an asset that is not traded here are refused."""
    with pytest.raises(ConfigurationError, match="already"):
        exchange.open_account("ann", {})
    with pytest.raises(ConfigurationError, match="not traded here"):
        exchange.open_account("eve", {Asset("DOGE"): Decimal(1)})
    assert not exchange.has_account("eve")
    exchange.deposit("ann", TRY, Decimal(5))
    assert exchange.holding("ann").account.free(TRY) == Decimal(100_005)
    exchange.audit()


@pytest.mark.parametrize("amount", ["-1", "1000000000000", "0.00000000000000001", "1E+45", "NaN"])
def test_an_account_with_an_impossible_amount_is_not_opened(
    exchange: Exchange, amount: str
) -> None:
    """Nothing of it is kept, so that it can be opened well; deposits have the same bounds."""
    with pytest.raises(BtcturkKitError):
        exchange.open_account("eve", {TRY: Decimal(5), BTC: Decimal(amount)})
    assert not exchange.has_account("eve")
    exchange.audit()
    most = Decimal("999999999999.9999999999999999")
    exchange.open_account("eve", {TRY: most})
    with pytest.raises(BtcturkKitError):
        exchange.deposit("eve", TRY, Decimal(amount))
    assert exchange.holding("eve").account.free(TRY) == most
    exchange.audit()


def test_orders_without_a_name_take_times_of_their_own(listing: Listing) -> None:
    """How long a submit takes hangs on the number of the order then, not on the empty name."""
    exchange = Exchange([listing], seed=1)
    exchange.open_account("ann", {TRY: Decimal(100_000)})
    price = Decimal(int(exchange.ticker(BTCTRY).last) // 2)
    took = []
    for _ in range(20):
        before_ms = exchange.now_ms
        exchange.submit("ann", LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), price))
        took.append(exchange.now_ms - before_ms)
    assert len(set(took)) > 1


def test_nothing_is_due_at_the_end_of_time() -> None:
    """An advance beyond every instant plays the tape to its end and stands."""
    short = RecordedCandles(RecordedCandles.bundled().candles[:48], source="short")
    exchange = Exchange([Listing(BTCTRY_RULES, CandleTape(short))], seed=1)
    exchange.advance_to(2**70)
    assert exchange.now_ms < 2**63
    exchange.audit()
