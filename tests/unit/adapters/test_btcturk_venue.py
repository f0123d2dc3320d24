"""The exchange as ports: permission before bytes, fixed instants, orders found by name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.btcturk_venue import BtcturkMarketData, BtcturkVenue
from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.order_events import CancelAccepted, OrderAccepted, SubmitUnknown, VenueOrder
from btcturk_kit.domain.orders import CancelOrder, MarketSell, SubmitOrder
from btcturk_kit.domain.policy import SideEffectPolicy
from btcturk_kit.errors import (
    ConfigurationError,
    GuardBlocked,
    InvariantViolation,
    OutcomeUnknown,
    ProtocolError,
    UnknownSymbolError,
)
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire.server_clock import Offset
from btcturk_kit.wire.signing import Credentials

NOW = 1_790_000_000_000
MINUTE = 60_000
BTC, ETH = Symbol("BTCTRY"), Symbol("ETHTRY")
OURS = ClientOrderId("bk1-1")
SUBMIT = SubmitOrder(OURS, MarketSell(BTC, Decimal(1)))
CANCEL = CancelOrder(OURS, OrderId(3), BTC)


class Exchange:
    """Answers a few endpoints from plain values that a test sets."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.scales = {BTC: 0, ETH: 2}
        self.last = {BTC: Decimal(101), ETH: Decimal("7.5")}
        self.books: dict[str, tuple[list[Any], list[Any]]] = {
            BTC: ([["100", "1"]], [["102", "1"]]),
            ETH: ([["7.25", "1"]], [["7.75", "1"]]),
        }
        self.open: list[dict[str, Any]] = []
        self.all: list[dict[str, Any]] = []

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer as the exchange does."""
        path, _, query = request.target.partition("?")
        self.asked.append(request.target)
        values = dict(part.split("=") for part in query.split("&") if part)
        pair = values.get("pairSymbol")
        data: Any = None
        if path.endswith("/ticker"):
            data = [self._ticker(one) for one in self.last if pair in (None, one)]
        elif path.endswith("/orderbook") and pair is not None:
            bids, asks = self.books[pair]
            data = {"timestamp": 1, "bids": bids, "asks": asks}
        elif path.endswith("/exchangeinfo"):
            data = {"symbols": [self._pair(*one) for one in self.scales.items()]}
        elif path.endswith("/openOrders"):
            data = {"asks": [], "bids": self.open}
        elif path.endswith("/allOrders"):
            data = self.all
        elif path.endswith(("/balances", "/trade")):
            data = []
        elif request.method == "POST":
            data = {"id": 3, "datetime": 9}
        elif "/order/" in path:
            data = row(OURS)
        return HttpResponse(
            200, {}, json.dumps({"data": data, "success": True, "code": 0}, default=str).encode()
        )

    def _ticker(self, symbol: Symbol) -> dict[str, Any]:
        last = self.last[symbol]
        names = ("last", "high", "low", "bid", "ask", "open", "volume", "average")
        moved = {"daily": 0, "dailyPercent": 0}
        return {"pair": symbol, "timestamp": 1, **dict.fromkeys(names, last), **moved}

    def _pair(self, symbol: Symbol, scale: int) -> dict[str, Any]:
        return {
            "name": symbol,
            "status": "TRADING",
            "numerator": symbol[:3],
            "denominator": "TRY",
            "numeratorScale": 8,
            "denominatorScale": scale,
        }


def row(client_order_id: str) -> dict[str, Any]:
    """Return one listed order."""
    return {
        "id": 3,
        "price": "100",
        "amount": "1",
        "pairSymbol": "BTCTRY",
        "type": "buy",
        "method": "limit",
        "orderClientId": client_order_id,
        "status": "Untouched",
        "leftAmount": "1",
    }


def client_of(
    answer: Callable[[HttpRequest], HttpResponse], clock: SimulatedClock
) -> BtcturkClient:
    """Return a signed client on this network."""
    return BtcturkClient(
        transport=MemoryTransport(answer), credentials=Credentials("k", "AAAA"), clock=clock
    )


def venue_of(
    exchange: Exchange, *, may_submit: bool = True, may_cancel: bool = True
) -> BtcturkVenue:
    """Return a venue with these permissions."""
    policy = SideEffectPolicy(may_submit=may_submit, may_cancel=may_cancel, kind="sandbox")
    return BtcturkVenue(client_of(exchange.answer, SimulatedClock(NOW)), policy=policy)


def market_of(
    exchange: Exchange,
    clock: SimulatedClock,
    *symbols: Symbol,
    **options: Any,
) -> BtcturkMarketData:
    """Return the market of these pairs, a frame a minute."""
    return BtcturkMarketData(client_of(exchange.answer, clock), clock, symbols, MINUTE, **options)


# ---- the venue


def test_writes_with_permission_reach_the_exchange() -> None:
    """A submit and a cancel have the outcomes the exchange gives them."""
    exchange = Exchange()
    venue = venue_of(exchange)
    assert asyncio.run(venue.submit(SUBMIT)) == OrderAccepted(OURS, OrderId(3), 9)
    assert asyncio.run(venue.cancel(CANCEL)) == CancelAccepted(OURS)
    assert exchange.asked == ["/api/v1/order", "/api/v1/order?id=3"]


def test_without_permission_not_one_byte_leaves() -> None:
    """Submit and cancel are permitted apart; what is not permitted is not sent."""
    exchange = Exchange()
    with pytest.raises(GuardBlocked):
        asyncio.run(venue_of(exchange, may_submit=False).submit(SUBMIT))
    with pytest.raises(GuardBlocked):
        asyncio.run(venue_of(exchange, may_cancel=False).cancel(CANCEL))
    assert exchange.asked == []
    assert asyncio.run(venue_of(exchange, may_submit=False).cancel(CANCEL)) == CancelAccepted(OURS)


def test_reads_need_no_permission() -> None:
    """Balances, orders and fills are read whatever the policy says."""
    exchange = Exchange()
    venue = venue_of(exchange, may_submit=False, may_cancel=False)

    async def read() -> VenueOrder | None:
        assert await venue.balances() == ()
        assert await venue.open_orders(BTC) == ()
        assert await venue.fills([BTC], since_ms=NOW - 5) == ()
        return await venue.order(OrderId(3), BTC)

    order = asyncio.run(read())
    assert order is not None
    assert order.client_order_id == OURS


def test_an_order_is_found_by_our_name_among_the_open_ones() -> None:
    """A resting order is found even if the listing of all orders does not have it yet."""
    exchange = Exchange()
    exchange.open = [row("other"), row(OURS)]
    found = asyncio.run(venue_of(exchange).find_order(OURS, BTC, since_ms=NOW))
    assert found is not None
    assert found.client_order_id == OURS
    assert exchange.asked[0] == "/api/v1/openOrders?pairSymbol=BTCTRY"


def test_an_order_is_found_among_all_orders() -> None:
    """A filled order is in the listing from a minute before it was sent."""
    exchange = Exchange()
    exchange.all = [row("other"), {**row(OURS), "status": "Closed", "leftAmount": "0"}]
    found = asyncio.run(venue_of(exchange).find_order(OURS, BTC, since_ms=NOW))
    assert found is not None
    assert found.remaining_quantity == 0
    assert f"startTime={NOW - 60_000}&" in exchange.asked[1]


def test_an_order_that_is_nowhere_is_none() -> None:
    """Absent from both listings; an early instant is not asked for below zero."""
    exchange = Exchange()
    exchange.open = exchange.all = [row("other")]
    assert asyncio.run(venue_of(exchange).find_order(OURS, BTC, since_ms=5)) is None
    assert "startTime=0&" in exchange.asked[1]


# ---- the market


def test_a_frame_is_one_instant_with_marks_and_books() -> None:
    """Prices are in the pair's own steps; the close is the median of bid, ask and last trade."""
    exchange, clock = Exchange(), SimulatedClock(NOW)
    frame = asyncio.run(market_of(exchange, clock, BTC, ETH).next_frame())
    assert tuple(frame.times_ms) == (NOW,)
    btc, eth = frame.bars
    assert (btc.symbol, btc.price_scale, btc.volume_scale) == (BTC, 0, 8)
    assert (list(btc.bid), list(btc.ask), list(btc.close)) == ([100], [102], [101])
    assert (eth.price_scale, list(eth.bid), list(eth.close)) == (2, [725], [750])
    assert list(btc.volume) == [0]
    assert [book.symbol for book in frame.books] == [BTC, ETH]
    assert exchange.asked[1] == "/api/v2/ticker"


def test_one_pair_asks_for_its_own_ticker() -> None:
    """The ticker of all pairs is not loaded for one."""
    exchange = Exchange()
    asyncio.run(market_of(exchange, SimulatedClock(NOW), BTC).next_frame())
    assert "/api/v2/ticker?pairSymbol=BTCTRY" in exchange.asked


def test_bars_are_sampled_from_mark_to_mark() -> None:
    """A bar opens at the mark of the frame before, and high and low are the two marks."""
    exchange, clock = Exchange(), SimulatedClock(NOW)
    market = market_of(exchange, clock, BTC)

    async def three() -> list[tuple[int, int, int, int]]:
        bars = []
        for last in (101, 500, 1):
            exchange.last[BTC] = Decimal(last)
            bar = (await market.next_frame()).bars[0]
            bars.append((bar.open[0], bar.high[0], bar.low[0], bar.close[0]))
        return bars

    assert asyncio.run(three()) == [
        (101, 101, 101, 101),
        (101, 102, 101, 102),
        (102, 102, 100, 100),
    ]


def test_instants_are_multiples_from_the_first_and_missed_ones_are_skipped() -> None:
    """A cycle that takes 150 seconds skips two instants and shifts none."""
    clock = SimulatedClock(NOW)
    market = market_of(Exchange(), clock, BTC)

    async def instants() -> list[int]:
        found = []
        for took_ms in (0, 10, 150_000, MINUTE, 0):
            frame = await market.next_frame()
            found.append(frame.times_ms[0] - NOW)
            clock.set_ms(clock.now_ms() + took_ms)
        return found

    # The fourth cycle ends exactly on an instant, which is then past.
    assert asyncio.run(instants()) == [0, MINUTE, 2 * MINUTE, 5 * MINUTE, 7 * MINUTE]


def test_jitter_delays_an_instant_and_does_not_shift_the_next() -> None:
    """The wait is drawn anew for each instant, the grid stays."""
    clock = SimulatedClock(NOW)
    drawn = [700, 30]
    market = market_of(Exchange(), clock, BTC, jitter=lambda: drawn.pop(0))

    async def instants() -> list[int]:
        return [(await market.next_frame()).times_ms[0] - NOW for _ in range(3)]

    assert asyncio.run(instants()) == [0, MINUTE + 700, 2 * MINUTE + 30]


@pytest.mark.parametrize(
    ("passed_ms", "first_ms"),
    [(0, MINUTE), (7, MINUTE), (MINUTE, MINUTE), (MINUTE + 1, 2 * MINUTE)],
)
def test_a_run_goes_on_at_the_instants_of_the_run_before(passed_ms: int, first_ms: int) -> None:
    """The first instant follows the last one of the run before; an instant that is now counts."""
    clock = SimulatedClock(NOW + passed_ms)
    market = market_of(Exchange(), clock, BTC, after_ms=NOW)

    async def instants() -> list[int]:
        return [(await market.next_frame()).times_ms[0] - NOW for _ in range(2)]

    assert asyncio.run(instants()) == [first_ms, first_ms + MINUTE]


def test_pair_rules_are_kept_for_five_minutes() -> None:
    """Six frames a minute apart read the rules twice."""
    exchange, clock = Exchange(), SimulatedClock(NOW)
    market = market_of(exchange, clock, BTC)

    async def frames() -> MarketFrame:
        for _ in range(5):
            await market.next_frame()
        assert sum("exchangeinfo" in one for one in exchange.asked) == 1
        return await market.next_frame()

    assert asyncio.run(frames()).times_ms[0] == NOW + 5 * MINUTE
    assert sum("exchangeinfo" in one for one in exchange.asked) == 2


@pytest.mark.parametrize(("bids", "asks"), [([], [["102", "1"]]), ([["100", "1"]], []), ([], [])])
def test_a_one_sided_book_has_no_mark(bids: list[Any], asks: list[Any]) -> None:
    """The error names the pair."""
    exchange = Exchange()
    exchange.books[BTC] = (bids, asks)
    with pytest.raises(ProtocolError, match="BTCTRY"):
        asyncio.run(market_of(exchange, SimulatedClock(NOW), BTC).next_frame())


def test_a_pair_that_is_not_listed() -> None:
    """It is named, and never replaced or left out."""
    market = market_of(Exchange(), SimulatedClock(NOW), BTC, Symbol("XYZTRY"))
    with pytest.raises(UnknownSymbolError, match="XYZTRY"):
        asyncio.run(market.next_frame())


def test_a_pair_that_is_not_listed_any_more() -> None:
    """What is gone is no slip of the pen: the line says so, and what to do."""
    exchange, clock = Exchange(), SimulatedClock(NOW)
    market = market_of(exchange, clock, BTC, ETH)
    asyncio.run(market.next_frame())
    del exchange.scales[ETH]
    clock.set_ms(NOW + 5 * MINUTE)
    with pytest.raises(ConfigurationError, match="does not list ETHTRY any more") as caught:
        asyncio.run(market.next_frame())
    assert not isinstance(caught.value, UnknownSymbolError)
    assert "start the bot again" in caught.value.hint


def test_a_watched_pair_that_is_not_listed_any_more_is_left_out() -> None:
    """Whoever chooses pairs by their rows goes on without it, even if the bot is in it."""
    exchange, clock = Exchange(), SimulatedClock(NOW)
    needed = {BTC: True, ETH: True}
    market = market_of(exchange, clock, BTC, ETH, watch=lambda _rows, _now_ms: needed)

    async def bars() -> list[Symbol]:
        return [one.symbol for one in (await market.next_frame()).bars]

    assert asyncio.run(bars()) == [BTC, ETH]
    del exchange.last[ETH]
    with pytest.raises(ProtocolError, match="ETHTRY has no ticker"):  # a failed look: it is listed
        asyncio.run(bars())
    del exchange.scales[ETH]
    clock.set_ms(NOW + 5 * MINUTE)
    assert asyncio.run(bars()) == [BTC]


@pytest.mark.parametrize("symbols", [(BTC,), (BTC, ETH)])
def test_a_pair_without_a_day_has_no_mark(symbols: tuple[Symbol, ...]) -> None:
    """One answer without it is a failed look, which a loop survives; the list of pairs decides."""
    exchange = Exchange()
    del exchange.last[BTC]
    with pytest.raises(ProtocolError, match="BTCTRY has no ticker"):
        asyncio.run(market_of(exchange, SimulatedClock(NOW), *symbols).next_frame())


def test_a_price_off_the_grid_is_rounded_to_the_nearest_step() -> None:
    """The last trade may be older than the pair's present scale."""
    exchange = Exchange()
    exchange.last[BTC] = Decimal("100.6")
    frame = asyncio.run(market_of(exchange, SimulatedClock(NOW), BTC).next_frame())
    assert list(frame.bars[0].close) == [101]


def test_a_market_needs_pairs_and_time() -> None:
    """No pair or no distance between instants is our own fault."""
    with pytest.raises(InvariantViolation):
        market_of(Exchange(), SimulatedClock(NOW))
    with pytest.raises(InvariantViolation):
        BtcturkMarketData(
            client_of(Exchange().answer, SimulatedClock(NOW)), SimulatedClock(NOW), [BTC], 0
        )


# ---- how well it is reached


def delayed(exchange: Exchange, clock: SimulatedClock, delays_ms: list[int]) -> BtcturkVenue:
    """Return a venue whose answers take these times, one after the other."""

    def answer(request: HttpRequest) -> HttpResponse:
        clock.set_ms(clock.now_ms() + delays_ms.pop(0))
        return exchange.answer(request)

    policy = SideEffectPolicy(may_submit=True, may_cancel=True, kind="sandbox")
    return BtcturkVenue(client_of(answer, clock), policy=policy)


def test_nothing_is_known_before_the_first_answer() -> None:
    """Neither clock nor latency, and nobody is asked for them."""
    exchange = Exchange()
    assert venue_of(exchange).health() == VenueHealth(None, None)
    assert exchange.asked == []


def test_the_latency_is_the_median_of_the_last_answers() -> None:
    """One slow answer among many says little; when most are slow, it is told."""
    exchange = Exchange()
    venue = delayed(exchange, SimulatedClock(NOW), [10, 30, 9_000, *[7_000] * 21])

    async def main() -> list[int | None]:
        found: list[int | None] = []
        for _ in range(24):
            await venue.balances()
            health = venue.health()
            assert health is not None
            found.append(health.latency_ms)
        return found

    found = asyncio.run(main())
    assert found[:3] == [10, 30, 30]
    assert found[-1] == 7_000
    assert len(exchange.asked) == 24


def test_an_answer_that_never_came_counts_with_its_wait() -> None:
    """A dead connection is slow, not unknown."""
    clock = SimulatedClock(NOW)

    def fail(request: HttpRequest) -> HttpResponse:
        clock.set_ms(clock.now_ms() + 10_000)
        raise OutcomeUnknown(f"{request.target}: no answer")

    policy = SideEffectPolicy(may_submit=True, may_cancel=True, kind="sandbox")
    venue = BtcturkVenue(client_of(fail, clock), policy=policy)
    assert isinstance(asyncio.run(venue.submit(SUBMIT)), SubmitUnknown)
    assert venue.health() == VenueHealth(None, 10_000)


def test_the_clock_offset_is_the_clients_own() -> None:
    """As it was measured for the stamps of signed calls."""

    class Measured(BtcturkClient):
        """A client that measured the exchange's clock."""

        offset = Offset(-1_500, 20, 5)

    transport = MemoryTransport(lambda _: HttpResponse(200, {}, b""))
    client = Measured(transport=transport, clock=SimulatedClock(NOW))
    policy = SideEffectPolicy(may_submit=False, may_cancel=False, kind="blocked")
    assert BtcturkVenue(client, policy=policy).health() == VenueHealth(-1_500, None)


def test_a_frame_carries_the_day_of_each_pair() -> None:
    """The tickers that were read for the marks, in the order of the pairs."""
    market = market_of(Exchange(), SimulatedClock(NOW), BTC, ETH)
    frame = asyncio.run(market.next_frame())
    assert [one.symbol for one in frame.tickers] == [BTC, ETH]
