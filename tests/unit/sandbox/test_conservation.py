"""Conservation: whatever customers do, nothing is created or lost, to the last digit."""

from __future__ import annotations

from decimal import Decimal

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
from btcturk_kit.sandbox.venue.listing import bundled_listing
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.simulation.fees import FeeSchedule

LISTING = bundled_listing()
BTCTRY = Symbol("BTCTRY")
NAMES = ("ann", "bob")

OWNERS = st.sampled_from(NAMES)
# Quantities of eight places, small enough to be paid and large enough to cross a level.
QUANTITIES = st.integers(10_000, 300_000_000).map(lambda units: Decimal(units).scaleb(-8))
OFFSETS_BPS = st.integers(-400, 400)
RATES = st.sampled_from(["0.0001", "0.0012", "0.0017", "0.0018", "0.0024"]).map(Decimal)


class TradingDays(RuleBasedStateMachine):
    """Two customers trade with the house and with each other while time passes."""

    @initialize(
        seed=st.integers(0, 1000),
        maker=RATES,
        taker=RATES,
        vat=st.sampled_from([18, 20]),
        trigger=st.sampled_from(Quirks.readings()["stop_trigger"]),
        names=st.sampled_from(Quirks.readings()["stop_names"]),
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
    ) -> None:
        """Open the exchange; the taker rate is never the smaller one, as in every fee level."""
        self.fees = FeeSchedule(
            maker_rate=min(maker, taker),
            taker_rate=max(maker, taker),
            vat_rate=Decimal(vat).scaleb(-2),
        )
        self.exchange = Exchange(
            [LISTING],
            seed=seed,
            fees=self.fees,
            quirks=Quirks.of({"stop_trigger": trigger, "stop_names": names}),
        )
        for name in NAMES:
            self.exchange.open_account(
                name, {Asset("TRY"): Decimal("3000000.07"), Asset("BTC"): Decimal("1.00000003")}
            )
        self.placed: list[tuple[str, int]] = []

    @rule(owner=OWNERS, side=st.sampled_from(Side), quantity=QUANTITIES, offset_bps=OFFSETS_BPS)
    def limit(self, owner: str, side: Side, quantity: Decimal, offset_bps: int) -> None:
        """Send a limit order near the market."""
        price = int(self.exchange.ticker(BTCTRY).last) * (10_000 + offset_bps) // 10_000
        self.keep(
            owner, self.exchange.submit(owner, LimitOrder(BTCTRY, side, quantity, Decimal(price)))
        )

    @rule(owner=OWNERS, amount=st.integers(100, 4_000_000))
    def buy(self, owner: str, amount: int) -> None:
        """Buy at the market."""
        self.keep(owner, self.exchange.submit(owner, MarketBuy(BTCTRY, Decimal(amount))))

    @rule(owner=OWNERS, quantity=QUANTITIES)
    def sell(self, owner: str, quantity: Decimal) -> None:
        """Sell at the market."""
        self.keep(owner, self.exchange.submit(owner, MarketSell(BTCTRY, quantity)))

    @rule(owner=OWNERS)
    def buy_with_everything(self, owner: str) -> None:
        """Spend all free money on a limit order, so that no digit is spare."""
        ask = self.exchange.ticker(BTCTRY).ask
        free = self.exchange.holding(owner).account.free(Asset("TRY"))
        units = int(free * 10**8 / (ask * (1 + self.fees.taker_rate)))
        if units > 0:
            quantity = Decimal(units).scaleb(-8)
            self.keep(
                owner, self.exchange.submit(owner, LimitOrder(BTCTRY, Side.BUY, quantity, ask))
            )

    @rule(
        owner=OWNERS,
        side=st.sampled_from(Side),
        quantity=QUANTITIES,
        stop_bps=st.integers(1, 150),
        offset_bps=OFFSETS_BPS,
    )
    def stop_limit(
        self, *, owner: str, side: Side, quantity: Decimal, stop_bps: int, offset_bps: int
    ) -> None:
        """Let a limit order wait just beyond the market."""
        stop = self.stop_price(side, stop_bps)
        price = stop * (10_000 + offset_bps) // 10_000
        request = StopLimitOrder(BTCTRY, side, quantity, price, stop)
        self.keep(owner, self.exchange.submit(owner, request))

    @rule(owner=OWNERS, amount=st.integers(100, 4_000_000), stop_bps=st.integers(1, 150))
    def stop_buy(self, owner: str, amount: int, stop_bps: int) -> None:
        """Let a market buy wait just above the market."""
        stop = self.stop_price(Side.BUY, stop_bps)
        self.keep(owner, self.exchange.submit(owner, StopMarketBuy(BTCTRY, Decimal(amount), stop)))

    @rule(owner=OWNERS, quantity=QUANTITIES, stop_bps=st.integers(1, 150))
    def stop_sell(self, owner: str, quantity: Decimal, stop_bps: int) -> None:
        """Let a market sell wait just below the market."""
        stop = self.stop_price(Side.SELL, stop_bps)
        self.keep(owner, self.exchange.submit(owner, StopMarketSell(BTCTRY, quantity, stop)))

    @rule(owner=OWNERS, is_in=st.booleans(), units=st.integers(1, 10**13))
    def transfer(self, owner: str, *, is_in: bool, units: int) -> None:
        """Pay money in or take it out, if it is there."""
        move = self.exchange.deposit if is_in else self.exchange.withdraw
        move(owner, Asset("TRY"), Decimal(units).scaleb(-8))

    def stop_price(self, side: Side, stop_bps: int) -> Decimal:
        """Return a price beyond the best opposite one."""
        ticker = self.exchange.ticker(BTCTRY)
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

    def keep(self, owner: str, answer: object) -> None:
        """Remember an order that was taken."""
        if isinstance(answer, PlacedOrder):
            self.placed.append((owner, answer.order_id))

    @invariant()
    def nothing_is_created_or_lost(self) -> None:
        """All money adds up and every lock is what its order reserves."""
        self.exchange.audit()

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


TestTradingDays = TradingDays.TestCase
TestTradingDays.settings = settings(max_examples=25, stateful_step_count=25)
