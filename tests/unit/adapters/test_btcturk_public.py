"""The public half of the client: every read comes back as a domain value."""

from __future__ import annotations

import asyncio

import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.errors import InvariantViolation, ProtocolError, UnknownSymbolError, VenueError
from btcturk_kit.ports.transport import HttpRequest, HttpResponse

from .rest_network import HTML, PAIR, ok, refused, run

TICKER = {
    "pair": "BTCTRY",
    "timestamp": 1,
    **dict.fromkeys(("last", "high", "low", "bid", "ask", "open", "volume", "average"), 1),
    "daily": -1,
    "dailyPercent": -0.5,
}
LISTED = {
    "id": 1,
    "name": "BTCTRY",
    "status": "TRADING",
    "numerator": "BTC",
    "denominator": "TRY",
    "numeratorScale": 8,
    "denominatorScale": 0,
}
BAD_RESOLUTION = refused("INVALID_RESOLUTION_FOR_TIME_INTERVAL")
NO_CANDLES = HttpResponse(200, {}, b'{"s":null,"t":[],"h":[],"o":[],"l":[],"c":[],"v":[]}')
HOUR_MS = 3_600_000


def test_public_reads() -> None:
    """Time, ping, listing, rules, tickers, books and trades come back as domain values."""
    trade = {"pair": "BTCTRY", "date": 5, "tid": "7", "price": "1", "amount": "2", "side": "sell"}

    async def use(client: BtcturkClient) -> None:
        assert await client.server_time_ms() == 9
        assert await client.ping() is True
        listing = await client.listing()
        assert (set(listing.pairs), listing.details[PAIR].pair_id) == ({PAIR}, 1)
        assert set(await client.pair_rules()) == {PAIR}
        assert (await client.ticker(PAIR)).last == 1
        assert [row.change for row in await client.tickers_of(Asset("TRY"))] == [-1]
        book = await client.order_book(PAIR, limit=5)
        assert (book.symbol, book.event_time_ms) == (PAIR, 1)
        assert book.bids[0].price == 1
        (printed,) = await client.trades(PAIR, last=1)
        assert (printed.trade_id, printed.taker_side, printed.event_time_ms) == (7, "sell", 5)

    _, network = run(
        use,
        HttpResponse(200, {}, b'{"serverTime":9}'),
        HttpResponse(200, {}, b'{"pong":true}'),
        ok({"symbols": [LISTED]}),
        ok({"symbols": [LISTED]}),
        ok([TICKER]),
        ok([TICKER]),
        ok({"timestamp": 1, "bids": [["1", "2"]], "asks": []}),
        ok([trade]),
    )
    assert network.targets[-3:] == [
        "/api/v2/ticker/currency?symbol=TRY",
        "/api/v2/orderbook?pairSymbol=BTCTRY&limit=5",
        "/api/v2/trades?pairSymbol=BTCTRY&last=1",
    ]


def test_the_ticker_of_an_unknown_pair() -> None:
    """The exchange's empty list becomes an error of the operator."""
    with pytest.raises(UnknownSymbolError):
        run(lambda client: client.ticker(PAIR), ok([]))


def test_a_ticker_of_another_pair_is_not_taken() -> None:
    """An exchange that ignores the filter sends all rows; only the one asked for is returned."""
    others = [{**TICKER, "pair": "ETHTRY"}, {**TICKER, "last": 2}]
    row, _ = run(lambda client: client.ticker(PAIR), ok(others))
    assert row.last == 2


def test_days_come_from_the_graph_host() -> None:
    """Candles have an address of their own, times in seconds, and no key."""
    row = {
        "pair": "BTCTRY",
        "time": 86_400,
        **dict.fromkeys(("open", "high", "low", "close", "volume", "total", "average"), 2),
        "dailyChangeAmount": 0,
        "dailyChangePercentage": 0,
    }

    async def use(client: BtcturkClient) -> int:
        (day,) = await client.daily_candles(PAIR, start_ms=1, end_ms=90_000_999)
        return day.open_ms

    days = HttpResponse(
        200, {}, ok([row]).body[len('{"data": ') : -len(', "success": true, "code": 0}')]
    )
    open_ms, network = run(use, days)
    assert open_ms == 86_400_000
    (request,) = network.requests
    assert request.base_url == "https://graph-api.btcturk.com"
    assert request.target == "/v1/ohlcs?pair=BTCTRY&from=1&to=90000"
    assert "x-pck" not in dict(request.headers)


def test_the_graph_host_has_an_address_of_its_own() -> None:
    """A local exchange's candles are asked for where it serves them."""
    asked: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request.base_url)
        return NO_CANDLES

    async def use() -> None:
        async with BtcturkClient(
            graph_url="http://127.0.0.1:9", transport=MemoryTransport(answer)
        ) as client:
            await client.candles(PAIR, Resolution.HOUR_1, start_ms=0, end_ms=HOUR_MS)

    asyncio.run(use())
    assert asked == ["http://127.0.0.1:9"]


async def _ask_twice_for_days(client: BtcturkClient) -> None:
    for _ in range(2):
        assert await client.candles(PAIR, Resolution.DAY_1, start_ms=0, end_ms=HOUR_MS) == ()


def _resolutions(targets: list[str]) -> list[str]:
    return [target.split("resolution=")[1].split("&")[0] for target in targets]


def test_the_likelier_word_for_a_day_is_kept() -> None:
    """The form that has worked since March 2024 is tried first; a second call does not try more."""
    _, network = run(_ask_twice_for_days, NO_CANDLES, NO_CANDLES)
    assert _resolutions(network.targets) == ["1%20d", "1%20d"]


def test_the_documented_word_for_a_day_is_the_second_choice() -> None:
    """It is tried when the first is refused, and is the first from then on."""
    _, network = run(_ask_twice_for_days, BAD_RESOLUTION, NO_CANDLES, NO_CANDLES)
    assert _resolutions(network.targets) == ["1%20d", "1D", "1D"]


def test_a_span_that_does_not_suit_the_resolution_is_an_error() -> None:
    """The same refusal of the last word is the exchange's, and nothing is remembered."""

    async def use(client: BtcturkClient) -> None:
        for resolution in (Resolution.WEEK_1, Resolution.HOUR_1):
            with pytest.raises(VenueError, match="INVALID_RESOLUTION"):
                await client.candles(PAIR, resolution, start_ms=0, end_ms=1)

    _, network = run(use, BAD_RESOLUTION, BAD_RESOLUTION, BAD_RESOLUTION)
    assert _resolutions(network.targets) == ["1%20w", "1W", "60"]


def test_another_refusal_of_a_day_is_not_tried_again() -> None:
    """Only the refusal of the word leads to the other word."""
    with pytest.raises(VenueError, match="INVALID_REQUEST_ERROR"):
        run(_ask_twice_for_days, refused("INVALID_REQUEST_ERROR"))


def test_months_are_not_asked_for() -> None:
    """The endpoint has no documented word for them."""
    with pytest.raises(InvariantViolation, match="month"):
        run(lambda client: client.candles(PAIR, Resolution.MONTH_1, start_ms=0, end_ms=1))


def test_a_page_in_place_of_candles_is_a_protocol_error() -> None:
    """HTML with a success status is never taken for an empty list."""
    with pytest.raises(ProtocolError, match="HTML"):
        run(_ask_twice_for_days, HttpResponse(200, {}, HTML))
