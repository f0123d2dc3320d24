"""Several pairs on one exchange: their books, their money, their states, fee levels."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderStatus,
    Side,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.moves import HOUSE, HouseQuotes, HouseTake, MarketMove, PairHalt
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.fee_levels import fees_of_level
from btcturk_kit.sandbox.venue.history import CONTROL
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.listing import BTCTRY_RULES, bundled_listing
from btcturk_kit.sandbox.venue.pair import Listing, PairState, PriceBand
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.sandbox.venue.refusals import (
    CANCEL_BLOCKED,
    FAILED_LIMIT_ORDER,
    FAILED_MARKET_ORDER,
    PRICE_ABOVE_MAX,
    PRICE_BELOW_MIN,
)
from btcturk_kit.simulation.fee_levels import FEE_LEVELS_MAX
from btcturk_kit.wire.encode_graph import GraphCandle

BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")
TRY, BTC, ETH = Asset("TRY"), Asset("BTC"), Asset("ETH")
COIN = 10**16  # engine units


class ScriptedTape:
    """A tape that plays what a test wrote: pairs of an instant after the start and a move."""

    def __init__(self, *moves: tuple[int, MarketMove]) -> None:
        self.moves = list(moves)
        self.start_ms = 0

    @property
    def opening_price(self) -> Decimal:
        """Return a round price."""
        return Decimal(100)

    def play(self, *, seed: int, start_ms: int | None) -> ScriptedTape:  # noqa: ARG002 - a script has no chance
        """Begin; a test plays a tape once."""
        self.start_ms = start_ms or 0
        return self

    def recorded_hours(self, *_span: int) -> list[GraphCandle]:
        """Return no past."""
        return []

    def next_ms(self) -> int:
        """Return the instant of the next move."""
        return self.start_ms + self.moves[0][0] if self.moves else NEVER_MS

    def take(self) -> MarketMove:
        """Return the next move."""
        return self.moves.pop(0)[1]


def quotes(bid: int, ask: int, maker: str = HOUSE) -> HouseQuotes:
    """Return a ladder of one coin a side."""
    return HouseQuotes(((bid, COIN),), ((ask, COIN),), maker)


def scripted(*moves: tuple[int, MarketMove], quirks: Quirks = Quirks()) -> Exchange:  # noqa: B008 - a tuple of constants
    """Return an exchange with one scripted pair and a customer, whose orders arrive at once."""
    rules = replace(BTCTRY_RULES, min_notional=Decimal(1))
    listing = Listing(rules, ScriptedTape(*moves))
    exchange = Exchange([listing], seed=1, has_latency=False, quirks=quirks)
    exchange.open_account("ann", {TRY: Decimal(100_000), BTC: Decimal(5)})
    return exchange


def placed(exchange: Exchange, request: OrderRequest | StopRequest) -> PlacedOrder:
    """Submit an order of ann's that must be taken."""
    order = exchange.submit("ann", request)
    assert isinstance(order, PlacedOrder), order
    return order


@pytest.fixture
def both(listing: Listing) -> Exchange:
    """Return an exchange with two pairs of one quote."""
    eth = Listing(replace(BTCTRY_RULES, symbol=ETHTRY, base=ETH), bundled_listing().tape)
    exchange = Exchange([listing, eth], seed=3)
    exchange.open_account("ann", {TRY: Decimal(900_000), BTC: Decimal(1), ETH: Decimal(2)})
    return exchange


def test_a_pair_is_listed_once_and_at_least_one_is(listing: Listing) -> None:
    """An exchange without pairs, or with one twice, is refused."""
    with pytest.raises(ConfigurationError, match="listed twice"):
        Exchange([listing, listing], seed=1)
    with pytest.raises(ConfigurationError, match="at least one pair"):
        Exchange([], seed=1)


def test_pairs_share_the_money_and_nothing_else(both: Exchange) -> None:
    """An order in one pair moves its coins and the common quote; the other book stands."""
    before = both.book(BTCTRY, levels=50)[1:3]
    placed(both, MarketBuy(ETHTRY, Decimal(100_000)))
    ann = both.holding("ann")
    assert both.book(BTCTRY, levels=50)[1:3] == before
    assert 800_000 <= ann.account.free(TRY) < 800_001
    assert ann.account.free(ETH) > 2
    assert ann.account.free(BTC) == 1
    assert {fill.symbol for fill in ann.fills} == {ETHTRY}
    assert ann.orders_between(BTCTRY) == []
    assert len(ann.orders_between(ETHTRY)) == 1
    both.audit()


def test_one_clock_moves_all_pairs(both: Exchange) -> None:
    """Both tapes play, and each pair prints its own trades."""
    both.advance_to(both.now_ms + HOUR_MS)
    newest = [both.public_trades(symbol, count=1)[0] for symbol in both.symbols]
    assert newest[0].trade_id != newest[1].trade_id
    assert both.symbols == (BTCTRY, ETHTRY)
    assert both.symbol_of("eth_try") == ETHTRY
    both.audit()


def test_while_a_pair_is_halted_nothing_is_taken_and_nothing_trades() -> None:
    """Orders are refused by kind, takers come in vain, cancels work, quotes wait for the end."""
    exchange = scripted(
        (0, quotes(99, 101)),
        (10, PairHalt(is_halted=True)),
        (20, HouseTake(Side.BUY, COIN)),
        (30, quotes(80, 82)),
        (40, quotes(90, 95)),
        (50, PairHalt(is_halted=False)),
    )
    bid = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal(2), Decimal(97)))
    spare = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(96)))
    exchange.advance_to(45)
    assert exchange.state(BTCTRY) is PairState.HALTED
    assert not exchange.rules(BTCTRY).is_trading
    limit = LimitOrder(BTCTRY, Side.SELL, Decimal(1), Decimal(200))
    assert exchange.submit("ann", limit) == FAILED_LIMIT_ORDER
    assert exchange.submit("ann", MarketSell(BTCTRY, Decimal(1))) == FAILED_MARKET_ORDER
    assert exchange.public_trades(BTCTRY, count=9) == ()
    assert exchange.book(BTCTRY, levels=1).asks[0].price == 101
    assert exchange.cancel("ann", spare.order_id) is None
    exchange.advance_to(5_000)
    # The last quotes of the halt meet the resting bid; those before them never were.
    assert [trade.price for trade in exchange.public_trades(BTCTRY, count=9)] == [97]
    assert (bid.status, bid.remaining) == (OrderStatus.PARTIALLY_FILLED, 1)
    assert spare.status is OrderStatus.CANCELED
    assert [one.outcome for one in exchange.history.entries() if one.op == "pair"] == [
        "halted",
        "open",
    ]
    exchange.audit()


def test_maintenance_blocks_cancels_too() -> None:
    """The cancel is refused in the exchange's words, and works when the pair is open again."""
    exchange = scripted((0, quotes(99, 101)))
    order = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(90)))
    exchange.set_state(BTCTRY, PairState.MAINTENANCE)
    assert exchange.cancel("ann", order.order_id) == CANCEL_BLOCKED
    exchange.set_state(BTCTRY, PairState.OPEN)
    exchange.set_state(BTCTRY, PairState.OPEN)
    assert exchange.cancel("ann", order.order_id) is None
    assert [one.outcome for one in exchange.history.entries() if one.op == "pair"] == [
        "maintenance",
        "open",
    ]


@pytest.mark.parametrize("state", [PairState.HALTED, PairState.MAINTENANCE])
@pytest.mark.parametrize("at_ms", [5, 15])
def test_the_tape_does_not_open_what_an_operator_closed(state: PairState, at_ms: int) -> None:
    """Closed before a halt of the tape or during it, a pair stays so over the end of the halt."""
    exchange = scripted(
        (0, quotes(99, 101)),
        (10, PairHalt(is_halted=True)),
        (20, PairHalt(is_halted=False)),
        (40, PairHalt(is_halted=True)),
        (50, PairHalt(is_halted=False)),
    )
    exchange.advance_to(at_ms)
    exchange.set_state(BTCTRY, state)
    exchange.advance_to(30)
    assert exchange.state(BTCTRY) is state
    told = [one.actor for one in exchange.history.entries() if one.outcome == state.value]
    assert told[-1] == CONTROL
    exchange.set_state(BTCTRY, PairState.OPEN)
    exchange.advance_to(45)
    assert exchange.state(BTCTRY) is PairState.HALTED
    exchange.advance_to(55)
    assert exchange.state(BTCTRY) is PairState.OPEN


def test_quotes_of_different_makers_wait_side_by_side() -> None:
    """Of each maker the last ladder counts when the pair opens."""
    exchange = scripted(
        (0, quotes(99, 101)),
        (10, quotes(70, 75, "house:one")),
        (20, quotes(98, 103, "house:two")),
        (30, quotes(97, 102, "house:one")),
    )
    exchange.set_state(BTCTRY, PairState.HALTED)
    exchange.advance_to(40)
    assert len(exchange.book(BTCTRY, levels=9).bids) == 1
    exchange.set_state(BTCTRY, PairState.OPEN)
    book = exchange.book(BTCTRY, levels=9)
    assert [level.price for level in book.bids] == [99, 98, 97]
    assert [level.price for level in book.asks] == [101, 102, 103]


def test_a_pair_that_opens_can_set_off_stops() -> None:
    """What trades at the opening counts for orders that waited through the halt."""
    exchange = scripted((0, quotes(99, 101)), (20, quotes(80, 82)))
    resting = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(95)))
    stop = placed(exchange, StopMarketSell(BTCTRY, Decimal("0.5"), Decimal(95)))
    exchange.set_state(BTCTRY, PairState.HALTED)
    exchange.advance_to(30)
    exchange.set_state(BTCTRY, PairState.OPEN)
    assert resting.status is OrderStatus.FILLED
    assert stop.status is OrderStatus.CANCELED
    assert exchange.holding("ann").fills[-1].price == 80
    exchange.audit()


def test_no_stop_goes_off_while_a_pair_is_halted() -> None:
    """With touch, a cancel in the halt moves the best ask: that counts when the pair opens."""
    exchange = scripted(
        (0, quotes(99, 110)),
        (5_000, HouseTake(Side.BUY, COIN)),
        quirks=Quirks(stop_trigger="touch"),
    )
    best = placed(exchange, LimitOrder(BTCTRY, Side.SELL, Decimal(1), Decimal(105)))
    stop = placed(exchange, StopMarketBuy(BTCTRY, Decimal(50), Decimal(108)))
    assert exchange.cancel("ann", best.order_id) is None
    exchange.set_state(BTCTRY, PairState.HALTED)
    exchange.advance_to(6_000)
    assert best.status is OrderStatus.CANCELED
    assert stop.status is OrderStatus.OPEN
    assert exchange.public_trades(BTCTRY, count=9) == ()
    exchange.set_state(BTCTRY, PairState.OPEN)
    assert stop.status is OrderStatus.CANCELED
    assert [trade.price for trade in exchange.public_trades(BTCTRY, count=9)] == [110]
    exchange.audit()


def test_market_orders_can_be_off() -> None:
    """Limit orders go on; market and stop-market orders are refused until they are on again."""
    exchange = scripted((0, quotes(99, 101)))
    exchange.set_market_orders(BTCTRY, is_on=False)
    assert exchange.submit("ann", MarketBuy(BTCTRY, Decimal(50))) == FAILED_MARKET_ORDER
    stop = StopMarketSell(BTCTRY, Decimal(1), Decimal(50))
    assert exchange.submit("ann", stop) == FAILED_MARKET_ORDER
    placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(90)))
    exchange.set_market_orders(BTCTRY, is_on=True)
    assert placed(exchange, MarketBuy(BTCTRY, Decimal(50))).status is OrderStatus.FILLED
    assert [one.outcome for one in exchange.history.entries() if one.op == "pair"] == [
        "market orders off",
        "market orders on",
    ]


@pytest.mark.parametrize(
    ("price", "refused"),
    [(94, PRICE_BELOW_MIN), (95, None), (105, None), (106, PRICE_ABOVE_MAX)],
)
def test_a_band_limits_prices_while_it_stands(price: int, refused: object) -> None:
    """Both ends are allowed; without a band a tenth to ten times the last price are."""
    exchange = scripted((0, quotes(99, 101)))
    exchange.set_band(BTCTRY, PriceBand(Decimal(95), Decimal(105)))
    order = LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(price))
    answer = exchange.submit("ann", order)
    assert isinstance(answer, PlacedOrder) if refused is None else answer == refused
    assert exchange.rules(BTCTRY).max_price == 105
    exchange.set_band(BTCTRY, None)
    assert exchange.rules(BTCTRY).max_price == 10 * exchange.ticker(BTCTRY).last


def test_an_order_keeps_the_rates_it_was_placed_at() -> None:
    """A better level counts for the next order; what rests pays and reserves as before."""
    exchange = scripted((0, quotes(99, 101)), (10, HouseTake(Side.SELL, 3 * COIN)))
    old = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(100)))
    exchange.set_fee_level("ann", 8)
    new = placed(exchange, LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(100)))
    exchange.audit()
    exchange.advance_to(20)
    fees = {fill.order_id: fill.fee for fill in exchange.holding("ann").fills}
    level_1, level_8 = fees_of_level(1, TRY), fees_of_level(8, TRY)
    assert fees[old.order_id] == level_1.charge(Decimal(100), is_maker=True).fee
    assert fees[new.order_id] == level_8.charge(Decimal(100), is_maker=True).fee
    assert exchange.fees_of("ann", BTCTRY) == level_8
    exchange.audit()


def test_levels_get_cheaper_and_hang_on_the_quote() -> None:
    """Each level is cheaper than the one before; other quotes than TRY are cheaper still."""
    for quote in (TRY, Asset("USDT")):
        rates = [fees_of_level(level, quote) for level in range(1, FEE_LEVELS_MAX + 1)]
        makers = [one.maker_rate for one in rates]
        takers = [one.taker_rate for one in rates]
        assert makers == sorted(makers, reverse=True)
        assert takers == sorted(takers, reverse=True)
        assert all(maker < taker for maker, taker in zip(makers, takers, strict=True))
    assert fees_of_level(1, TRY).taker_rate == Decimal("0.0024")
    assert fees_of_level(1, Asset("USDT")).taker_rate == Decimal("0.0014")


@pytest.mark.parametrize("level", [0, 9])
def test_there_are_eight_levels(level: int) -> None:
    """Another is refused, at the opening of an account and later, and nothing is changed."""
    exchange = scripted()
    with pytest.raises(ConfigurationError, match="no fee level"):
        exchange.set_fee_level("ann", level)
    with pytest.raises(ConfigurationError, match="no fee level"):
        exchange.open_account("bob", {}, fee_level=level)
    assert exchange.accounts() == ("ann",)


@pytest.mark.parametrize(
    "name", ["house", "house:maker-1", "household", "control", "anonymous", "session:7"]
)
def test_no_customer_has_a_name_that_the_history_uses(name: str) -> None:
    """What it does could not be told from what the house or a test does."""
    with pytest.raises(ConfigurationError, match="no account can be named"):
        scripted().open_account(name, {})
