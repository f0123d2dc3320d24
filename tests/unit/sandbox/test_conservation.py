"""Conservation: whatever customers do, nothing is created or lost, to the last digit.

Ten thousand steps of random order flow in two pairs, with halts, levels, transfers and stops; a
quarter of them in every run of the tests.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderStatus,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
)
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.listing import BTCTRY_RULES, bundled_listing
from btcturk_kit.sandbox.venue.pair import Listing, PairState
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.simulation.fees import FeeSchedule

BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")
TRY, BTC, ETH = Asset("TRY"), Asset("BTC"), Asset("ETH")
LISTING = bundled_listing()
# The other pair has the same prices an hour's path apart: what matters is that money is shared.
LISTINGS = (LISTING, Listing(replace(BTCTRY_RULES, symbol=ETHTRY, base=ETH), LISTING.tape))
NAMES = ("ann", "bob")

OWNERS = st.sampled_from(NAMES)
SYMBOLS = st.sampled_from((BTCTRY, ETHTRY))
# Quantities of eight places, small enough to be paid and large enough to cross a level.
QUANTITIES = st.integers(10_000, 300_000_000).map(lambda units: Decimal(units).scaleb(-8))
OFFSETS_BPS = st.integers(-400, 400)
RATES = st.sampled_from(["0.0001", "0.0012", "0.0017", "0.0018", "0.0024"]).map(Decimal)


class TradingDays(RuleBasedStateMachine):
    """Two customers trade with the house and with each other while time passes."""

    steps: ClassVar[int] = 0

    @initialize(
        seed=st.integers(0, 1000),
        maker=RATES,
        taker=RATES,
        vat=st.sampled_from([18, 20]),
        trigger=st.sampled_from(Quirks.readings()["stop_trigger"]),
        names=st.sampled_from(Quirks.readings()["stop_names"]),
        by_level=st.booleans(),
    )
    def open(
        self,
        *,
        seed: int,
        maker: Decimal,
        taker: Decimal,
        vat: int,
        trigger: str,
        names: str,
        by_level: bool,
    ) -> None:
        """Open the exchange; the taker rate is never the smaller one, as in every fee level."""
        self.fees = FeeSchedule(
            maker_rate=min(maker, taker),
            taker_rate=max(maker, taker),
            vat_rate=Decimal(vat).scaleb(-2),
        )
        self.exchange = Exchange(
            LISTINGS,
            seed=seed,
            fees=None if by_level else self.fees,
            quirks=Quirks.of({"stop_trigger": trigger, "stop_names": names}),
        )
        for name in NAMES:
            self.exchange.open_account(
                name, {TRY: Decimal("3000000.07"), BTC: Decimal("1.00000003"), ETH: Decimal(1)}
            )
        self.placed: list[tuple[str, int]] = []

    @rule(
        symbol=SYMBOLS,
        owner=OWNERS,
        side=st.sampled_from(Side),
        quantity=QUANTITIES,
        offset_bps=OFFSETS_BPS,
    )
    def limit(
        self, *, symbol: Symbol, owner: str, side: Side, quantity: Decimal, offset_bps: int
    ) -> None:
        """Send a limit order near the market."""
        price = int(self.exchange.ticker(symbol).last) * (10_000 + offset_bps) // 10_000
        self.keep(
            owner, self.exchange.submit(owner, LimitOrder(symbol, side, quantity, Decimal(price)))
        )

    @rule(symbol=SYMBOLS, owner=OWNERS, amount=st.integers(100, 4_000_000))
    def buy(self, *, symbol: Symbol, owner: str, amount: int) -> None:
        """Buy at the market."""
        self.keep(owner, self.exchange.submit(owner, MarketBuy(symbol, Decimal(amount))))

    @rule(symbol=SYMBOLS, owner=OWNERS, quantity=QUANTITIES)
    def sell(self, *, symbol: Symbol, owner: str, quantity: Decimal) -> None:
        """Sell at the market."""
        self.keep(owner, self.exchange.submit(owner, MarketSell(symbol, quantity)))

    @rule(symbol=SYMBOLS, owner=OWNERS)
    def buy_with_everything(self, *, symbol: Symbol, owner: str) -> None:
        """Spend all free money on a limit order, so that no digit is spare."""
        ask = self.exchange.ticker(symbol).ask
        free = self.exchange.holding(owner).account.free(TRY)
        rate = self.exchange.fees_of(owner, symbol).taker_rate
        units = int(free * 10**8 / (ask * (1 + rate)))
        if units > 0:
            quantity = Decimal(units).scaleb(-8)
            self.keep(
                owner, self.exchange.submit(owner, LimitOrder(symbol, Side.BUY, quantity, ask))
            )

    @rule(
        symbol=SYMBOLS,
        owner=OWNERS,
        side=st.sampled_from(Side),
        quantity=QUANTITIES,
        stop_bps=st.integers(1, 150),
        offset_bps=OFFSETS_BPS,
    )
    def stop_limit(
        self,
        *,
        symbol: Symbol,
        owner: str,
        side: Side,
        quantity: Decimal,
        stop_bps: int,
        offset_bps: int,
    ) -> None:
        """Let a limit order wait just beyond the market."""
        stop = self.stop_price(symbol, side, stop_bps)
        price = stop * (10_000 + offset_bps) // 10_000
        request = StopLimitOrder(symbol, side, quantity, price, stop)
        self.keep(owner, self.exchange.submit(owner, request))

    @rule(
        symbol=SYMBOLS,
        owner=OWNERS,
        amount=st.integers(100, 4_000_000),
        stop_bps=st.integers(1, 150),
    )
    def stop_buy(self, *, symbol: Symbol, owner: str, amount: int, stop_bps: int) -> None:
        """Let a market buy wait just above the market."""
        stop = self.stop_price(symbol, Side.BUY, stop_bps)
        self.keep(owner, self.exchange.submit(owner, StopMarketBuy(symbol, Decimal(amount), stop)))

    @rule(symbol=SYMBOLS, owner=OWNERS, quantity=QUANTITIES, stop_bps=st.integers(1, 150))
    def stop_sell(self, *, symbol: Symbol, owner: str, quantity: Decimal, stop_bps: int) -> None:
        """Let a market sell wait just below the market."""
        stop = self.stop_price(symbol, Side.SELL, stop_bps)
        self.keep(owner, self.exchange.submit(owner, StopMarketSell(symbol, quantity, stop)))

    @rule(owner=OWNERS, is_in=st.booleans(), units=st.integers(1, 10**13))
    def transfer(self, owner: str, *, is_in: bool, units: int) -> None:
        """Pay money in or take it out, if it is there."""
        move = self.exchange.deposit if is_in else self.exchange.withdraw
        move(owner, TRY, Decimal(units).scaleb(-8))

    def stop_price(self, symbol: Symbol, side: Side, stop_bps: int) -> Decimal:
        """Return a price beyond the best opposite one."""
        ticker = self.exchange.ticker(symbol)
        if side is Side.BUY:
            return ticker.ask * (10_000 + stop_bps) // 10_000 + 1
        return ticker.bid * (10_000 - stop_bps) // 10_000 - 1

    @rule(owner=OWNERS, which=st.integers(0, 50))
    def cancel(self, owner: str, which: int) -> None:
        """Cancel some order of anybody, own or not, open or not."""
        if self.placed:
            self.exchange.cancel(owner, self.placed[which % len(self.placed)][1])

    @rule(passed_ms=st.integers(1, 4 * 3_600_000))
    def wait(self, passed_ms: int) -> None:
        """Let time pass."""
        self.exchange.advance_to(self.exchange.now_ms + passed_ms)

    @rule(symbol=SYMBOLS, state=st.sampled_from(PairState))
    def open_or_close(self, symbol: Symbol, state: PairState) -> None:
        """Open, halt or maintain a pair."""
        self.exchange.set_state(symbol, state)

    @rule(symbol=SYMBOLS, is_on=st.booleans())
    def switch_market_orders(self, symbol: Symbol, *, is_on: bool) -> None:
        """Switch market orders of a pair off or on."""
        self.exchange.set_market_orders(symbol, is_on=is_on)

    @rule(owner=OWNERS, level=st.integers(1, 8))
    def change_level(self, owner: str, level: int) -> None:
        """Let a customer trade at another level from now on."""
        self.exchange.set_fee_level(owner, level)

    def keep(self, owner: str, answer: object) -> None:
        """Remember an order that was taken."""
        if isinstance(answer, PlacedOrder):
            self.placed.append((owner, answer.order_id))

    @invariant()
    def nothing_is_created_or_lost(self) -> None:
        """All money adds up and every lock is what its order reserves."""
        TradingDays.steps += 1
        self.exchange.audit()

    @invariant()
    def the_book_is_never_crossed(self) -> None:
        """The best bid is below the best ask, whatever happened."""
        for symbol in self.exchange.symbols:
            book = self.exchange.book(symbol, levels=1)
            if book.bids and book.asks:
                assert book.bids[0].price < book.asks[0].price

    @invariant()
    def listings_agree_with_trades(self) -> None:
        """What an order has filled is the sum of its trades."""
        for name in NAMES:
            holding = self.exchange.holding(name)
            for order in holding.orders.values():
                traded = sum(fill.quantity for fill in holding.fills_of(order.order_id))
                assert order.quantity - order.remaining == traded
                is_open = order.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
                assert is_open == (order.order_id in holding.open_orders)
                if order.stop_price is not None:
                    assert traded == 0
                    assert order.status in (OrderStatus.OPEN, OrderStatus.CANCELED)

    def teardown(self) -> None:
        """In the end every order is canceled and every reservation is released."""
        if not hasattr(self, "exchange"):
            return
        exchange = self.exchange
        for symbol in exchange.symbols:
            exchange.set_state(symbol, PairState.OPEN)
        for _ in range(2):  # an order behind a stop that went off meanwhile is canceled next
            for name in NAMES:
                for order_id in tuple(exchange.holding(name).open_orders):
                    assert exchange.cancel(name, order_id) is None
            exchange.advance_to(exchange.now_ms + 3_000)
        for name in NAMES:
            account = exchange.holding(name).account
            assert [account.locked(asset) for asset in (TRY, BTC, ETH)] == [0, 0, 0]
        exchange.audit()


class TestTradingDays(TradingDays.TestCase):
    """Enough days for fifteen hundred steps, within seconds."""

    settings = settings(max_examples=20, stateful_step_count=100)
    steps_min: ClassVar[int] = 1_500

    def runTest(self) -> None:  # noqa: N802 - the name is unittest's
        """Walk, and count the steps: fewer would prove less than is said."""
        TradingDays.steps = 0
        super().runTest()
        assert TradingDays.steps >= self.steps_min


@pytest.mark.long
class TestManyTradingDays(TestTradingDays):
    """Enough days for ten thousand steps."""

    settings = settings(max_examples=130, stateful_step_count=100)
    steps_min: ClassVar[int] = 10_000
