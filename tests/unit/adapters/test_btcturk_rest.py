"""The client asks once, reads exactly, repeats what is safe and never sends an order twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import httpx2
import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelRejected,
    CancelUnknown,
    OrderAccepted,
    OrderRejected,
    SubmitUnknown,
)
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.errors import (
    AuthenticationError,
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    TransportError,
    UnknownSymbolError,
    VenueError,
)
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire.signing import Credentials

NOW = 1_790_000_000_000
PAIR = Symbol("BTCTRY")
OURS = ClientOrderId("bk1-77")
BUY = LimitOrder(PAIR, Side.BUY, Decimal("0.01"), Decimal(100))
KEYS = Credentials("test-public-key", "dGVzdC1zZWNyZXQta2V5LWZvci11bml0LXRlc3Rz")
HTML = b"<html>502</html>"
PATIENT = ReadRetry(attempts=3, jitter=lambda _: 0.0)

Step = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]
_Value = TypeVar("_Value")


def ok(data: object) -> HttpResponse:
    """Return a success with this data."""
    return HttpResponse(200, {}, json.dumps({"data": data, "success": True, "code": 0}).encode())


def refused(
    message: str, status: int = 400, *, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Return a refusal in the exchange's envelope."""
    body = json.dumps({"success": False, "message": message, "code": 1}).encode()
    return HttpResponse(status, headers or {}, body)


def order_row(number: int, **fields: object) -> dict[str, Any]:
    """Return one listed order."""
    return {
        "id": number,
        "price": "100",
        "amount": "1",
        "pairSymbol": "BTCTRY",
        "type": "buy",
        "method": "limit",
        "orderClientId": f"c{number}",
        "status": "Untouched",
        "leftAmount": "1",
        **fields,
    }


def trade_row(number: int, time_ms: int, base: str = "BTC") -> dict[str, Any]:
    """Return one trade of ours."""
    return {
        "id": number,
        "timestamp": time_ms,
        "preciseAmount": 1,
        "fee": "0",
        "tax": "0",
        "price": "100",
        "numeratorSymbol": base,
        "denominatorSymbol": "TRY",
        "orderType": "buy",
        "orderId": 1,
    }


class Network:
    """Plays a list of answers and remembers what was asked."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.requests: list[HttpRequest] = []

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Take the next step; one step too many is an error of the test."""
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, HttpResponse) else step(request)

    @property
    def targets(self) -> list[str]:
        """What was asked."""
        return [request.target for request in self.requests]


def run(
    use: Callable[[BtcturkClient], Awaitable[_Value]],
    *steps: Step,
    credentials: Credentials | None = KEYS,
    clock: SimulatedClock | None = None,
) -> tuple[_Value, Network]:
    """Use a client on a network that plays these steps; all of them must be played."""
    network = Network(steps)

    async def main() -> _Value:
        async with BtcturkClient(
            transport=MemoryTransport(network.answer),
            credentials=credentials,
            clock=clock or SimulatedClock(NOW),
            read_retry=PATIENT,
        ) as client:
            return await use(client)

    value = asyncio.run(main())
    assert network.steps == []
    return value, network


# ---- addressing and signing


def test_private_calls_are_stamped_and_signed() -> None:
    """Key, stamp and signature are sent, and stamps increase while the clock stands still."""

    async def use(client: BtcturkClient) -> None:
        await client.balances()
        await client.balances()

    _, network = run(use, ok([]), ok([]))
    stamps = []
    for request in network.requests:
        headers = dict(request.headers)
        assert headers["x-pck"] == KEYS.api_key
        assert headers["x-signature"] == KEYS.sign(headers["x-stamp"])
        assert headers["content-type"] == "application/json"
        stamps.append(int(headers["x-stamp"]))
    assert stamps == [NOW, NOW + 1]


def test_public_calls_carry_no_key() -> None:
    """A key is not shown where it is not needed."""
    _, network = run(lambda client: client.tickers(), ok([]))
    assert not {"x-pck", "x-stamp", "x-signature"} & dict(network.requests[0].headers).keys()
    assert network.requests[0].base_url == "https://api.btcturk.com"


def test_private_calls_need_credentials() -> None:
    """Without them nothing is sent, and the operator is told what to set."""
    for use in (
        lambda client: client.balances(),
        lambda client: client.submit(BUY, client_order_id=OURS),
        lambda client: client.cancel(OrderId(1)),
    ):
        with pytest.raises(ConfigurationError, match="needs credentials"):
            run(use, credentials=None)


def test_a_client_from_the_environment() -> None:
    """Key, secret and address come from the documented names."""
    client = BtcturkClient.from_env(
        {
            "BTCTURK_API_KEY": "key",
            "BTCTURK_API_SECRET": "AAAA",
            "BTCTURK_KIT_REST_URL": "http://127.0.0.1:8080",
        }
    )
    asyncio.run(client.aclose())


@pytest.mark.parametrize(
    "environ",
    [
        {"BTCTURK_API_KEY": "key"},
        {"BTCTURK_API_SECRET": "AAAA"},
        {"BTCTURK_API_KEY": "key", "BTCTURK_API_SECRET": "not base64"},
        {"BTCTURK_KIT_REST_URL": "http://api.btcturk.com"},
        {"BTCTURK_KIT_REST_URL": "https://api.btcturk.com/"},
    ],
)
def test_half_an_environment_is_refused(environ: dict[str, str]) -> None:
    """Half a key pair, a bad secret or a bad address stops the program, not the first call."""
    with pytest.raises(ConfigurationError):
        BtcturkClient.from_env(environ)


def test_an_empty_environment_gives_a_public_client() -> None:
    """Without keys the client can do what needs none."""

    async def use() -> None:
        async with BtcturkClient.from_env({}) as client:
            with pytest.raises(ConfigurationError):
                await client.balances()

    asyncio.run(use())


def test_one_way_to_the_network() -> None:
    """A transport and an HTTP client together would leave it open which one is used."""

    async def use() -> None:
        async with httpx2.AsyncClient() as own:
            with pytest.raises(ConfigurationError):
                BtcturkClient(
                    transport=MemoryTransport(lambda _: ok([])),
                    http_client=own,
                )

    asyncio.run(use())


def test_an_http_client_of_one_s_own_is_used_and_left_open() -> None:
    """The client sends through it and does not close it."""

    async def use() -> tuple[int, bool]:
        mock = httpx2.MockTransport(lambda _: httpx2.Response(200, json={"serverTime": 5}))
        async with httpx2.AsyncClient(transport=mock) as own:
            async with BtcturkClient(http_client=own) as client:
                now_ms = await client.server_time_ms()
            return now_ms, own.is_closed

    assert asyncio.run(use()) == (5, False)


# ---- reads


def test_public_reads() -> None:
    """Time, rules, tickers and books come back as domain values."""
    ticker = {
        "pair": "BTCTRY",
        "timestamp": 1,
        **dict.fromkeys(("last", "high", "low", "bid", "ask", "open", "volume"), 1),
    }
    pair = {
        "name": "BTCTRY",
        "status": "TRADING",
        "numerator": "BTC",
        "denominator": "TRY",
        "numeratorScale": 8,
        "denominatorScale": 0,
    }

    async def use(client: BtcturkClient) -> None:
        assert await client.server_time_ms() == 9
        assert set(await client.pair_rules()) == {PAIR}
        assert (await client.ticker(PAIR)).last == 1
        book = await client.order_book(PAIR, limit=5)
        assert (book.symbol, book.received_time_ms) == (PAIR, NOW)
        assert book.bids[0].price == 1

    _, network = run(
        use,
        HttpResponse(200, {}, b'{"serverTime":9}'),
        ok({"symbols": [pair]}),
        ok([ticker]),
        ok({"timestamp": 1, "bids": [["1", "2"]], "asks": []}),
    )
    assert network.targets[-1] == "/api/v2/orderbook?pairSymbol=BTCTRY&limit=5"


def test_the_ticker_of_an_unknown_pair() -> None:
    """The exchange's empty list becomes an error of the operator."""
    with pytest.raises(UnknownSymbolError):
        run(lambda client: client.ticker(PAIR), ok([]))


def test_an_order_that_does_not_exist_is_none() -> None:
    """Only the two texts that say so; another refusal is an error."""
    found, _ = run(lambda client: client.order(OrderId(5)), refused("Order not found"))
    assert found is None
    with pytest.raises(VenueError, match="INVALID_REQUEST_ERROR"):
        run(lambda client: client.order(OrderId(5)), refused("INVALID_REQUEST_ERROR"))
    found, _ = run(lambda client: client.order(OrderId(5)), ok(order_row(5)))
    assert found is not None
    assert found.order_id == 5


async def listed(client: BtcturkClient) -> list[int]:
    """Return the numbers of all orders."""
    return [order.order_id async for order in client.all_orders(PAIR, start_ms=1)]


def test_all_orders_stop_after_a_small_page() -> None:
    """A page below the smallest one known is the last."""
    numbers, network = run(listed, ok([order_row(1), order_row(2)]))
    assert numbers == [1, 2]
    assert network.targets == ["/api/v1/allOrders?pairSymbol=BTCTRY&startTime=1&page=1&limit=1000"]


def test_all_orders_go_on_after_a_page_the_exchange_may_have_cut() -> None:
    """An exchange that cuts pages at 25 hides nothing; an order on two pages comes once."""
    first = [order_row(number) for number in range(1, 26)]
    second = [order_row(number) for number in range(25, 50)]
    numbers, network = run(listed, ok(first), ok(second), ok([order_row(50)]))
    assert numbers == list(range(1, 51))
    assert ["page=2" in target for target in network.targets] == [False, True, False]


def test_all_orders_end_when_the_exchange_ignores_the_page() -> None:
    """The same page again ends the listing instead of repeating it for ever."""
    page = [order_row(number) for number in range(30)]
    numbers, _ = run(listed, ok(page), ok(page))
    assert numbers == list(range(30))


def test_trade_history_of_one_pair_is_filtered_by_the_exchange() -> None:
    """And by us again, should the exchange ignore the filter."""
    fills, network = run(
        lambda client: client.trade_history(symbols=[PAIR], start_ms=5),
        ok([trade_row(1, 10), trade_row(2, 9, base="ETH"), trade_row(3, 8)]),
    )
    assert [fill.trade_id for fill in fills] == [3, 1]
    assert network.targets == [
        "/api/v1/users/transactions/trade?type=buy&type=sell&startDate=5&pairSymbol=BTCTRY"
    ]


def test_trade_history_of_several_pairs_is_one_call() -> None:
    """All pairs are asked for at once and filtered here."""
    fills, network = run(
        lambda client: client.trade_history(symbols=[PAIR, Symbol("ETHTRY")], start_ms=5),
        ok([trade_row(1, 1), trade_row(2, 2, base="ETH"), trade_row(3, 3, base="XLM")]),
    )
    assert [fill.symbol for fill in fills] == ["BTCTRY", "ETHTRY"]
    assert len(network.requests) == 1


def test_another_refused_history_is_an_error() -> None:
    """Only a span that is too long is cut into pieces."""
    with pytest.raises(VenueError, match="INVALID_REQUEST_ERROR"):
        run(
            lambda client: client.trade_history(symbols=[PAIR], start_ms=5),
            refused("INVALID_REQUEST_ERROR"),
        )


def test_trade_history_by_order() -> None:
    """The number of an order is sent alone."""
    _, network = run(
        lambda client: client.trade_history(symbols=[PAIR], start_ms=5, order_id=OrderId(7)),
        ok([]),
    )
    assert network.targets == ["/api/v1/users/transactions/trade?orderId=7"]


def test_a_span_that_is_too_long_is_asked_in_pieces() -> None:
    """Pieces of 30 days cover the span without a gap; a trade on a border comes once."""
    day_ms = 86_400_000
    fills, network = run(
        lambda client: client.trade_history(symbols=[PAIR], start_ms=NOW - 70 * day_ms),
        refused("ERROR_DATE_RANGE_MAX_30_DAYS"),
        ok([trade_row(1, NOW - 40 * day_ms)]),
        ok([trade_row(1, NOW - 40 * day_ms), trade_row(2, NOW - 20 * day_ms)]),
        ok([trade_row(3, NOW)]),
    )
    assert [fill.trade_id for fill in fills] == [1, 2, 3]
    spans = [
        dict(part.split("=") for part in target.partition("?")[2].split("&"))
        for target in network.targets[1:]
    ]
    assert int(spans[0]["startDate"]) == NOW - 70 * day_ms
    assert spans[0]["endDate"] == spans[1]["startDate"]
    assert spans[1]["endDate"] == spans[2]["startDate"]
    assert int(spans[2]["endDate"]) == NOW
    assert int(spans[0]["endDate"]) - int(spans[0]["startDate"]) == 30 * day_ms


# ---- repeating reads


@pytest.mark.parametrize(
    "fault",
    [
        TransportError("no connection"),
        OutcomeUnknown("cut"),
        HttpResponse(502, {}, HTML),
        HttpResponse(503, {}, b""),
        refused("SYSTEM_UNDER_MAINTENANCE"),
    ],
)
def test_reads_are_repeated_after_faults(fault: Step) -> None:
    """Two faults and an answer are an answer."""
    balances, network = run(lambda client: client.balances(), fault, fault, ok([]))
    assert balances == ()
    stamps = [dict(request.headers)["x-stamp"] for request in network.requests]
    assert len(set(stamps)) == 3


def test_reads_give_up() -> None:
    """The budget is small; the last error is raised."""
    with pytest.raises(VenueError, match="HTML"):
        run(lambda client: client.tickers(), *[HttpResponse(502, {}, HTML)] * 3)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused("Unauthorized - Invalid Signature", 401), AuthenticationError),
        (refused("INVALID_REQUEST_ERROR"), VenueError),
        (HttpResponse(200, {}, HTML), ProtocolError),
        (HttpResponse(404, {}, b""), ProtocolError),
    ],
)
def test_refused_reads_are_not_repeated(answer: HttpResponse, kind: type[Exception]) -> None:
    """Asking again would bring the same answer; many 401s get an address blocked."""
    with pytest.raises(kind):
        run(lambda client: client.balances(), answer)


def test_a_rate_limit_is_waited_out_in_full() -> None:
    """Seven seconds pass on the clock port before the read is repeated."""
    clock = SimulatedClock(NOW)
    at: list[int] = []

    def late(_: HttpRequest) -> HttpResponse:
        at.append(clock.now_ms())
        return ok([])

    limited = refused("TOO_MANY_REQUESTS", 429, headers={"retry-after": "7"})
    run(lambda client: client.balances(), limited, late, clock=clock)
    assert at == [NOW + 7_000]


def test_a_rate_limit_beyond_the_patience_ends_at_once() -> None:
    """Ten minutes are not waited for: the caller is told the seconds."""
    clock = SimulatedClock(NOW)
    limited = refused("TOO_MANY_REQUESTS", 429, headers={"retry-after": "600"})
    with pytest.raises(RateLimited) as caught:
        run(lambda client: client.balances(), limited, clock=clock)
    assert caught.value.retry_after_s == 600.0
    assert clock.now_ms() == NOW


# ---- writes

ACCEPTED = ok({"id": 42, "datetime": 7, "newOrderClientId": OURS})


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (ACCEPTED, OrderAccepted(OURS, OrderId(42), 7)),
        (refused("BALANCE_NOT_ENOUGH"), OrderRejected(OURS, "BALANCE_NOT_ENOUGH")),
        (refused("SYSTEM_UNDER_MAINTENANCE"), OrderRejected(OURS, "SYSTEM_UNDER_MAINTENANCE")),
        (refused("FAILED_MARKET_ORDER", 200), OrderRejected(OURS, "FAILED_MARKET_ORDER")),
        (
            refused("Unauthorized - Invalid Nonce", 401),
            OrderRejected(OURS, "Unauthorized - Invalid Nonce"),
        ),
        (HttpResponse(401, {}, b""), OrderRejected(OURS, "no reason given")),
        (
            refused("TOO_MANY_REQUESTS", 429, headers={"retry-after": "3"}),
            OrderRejected(OURS, "TOO_MANY_REQUESTS", 3.0),
        ),
        (
            TransportError("no connection"),
            OrderRejected(OURS, "not sent: no connection"),
        ),
    ],
)
def test_submits_with_a_certain_outcome(step: Step, expected: object) -> None:
    """Accepted with its number, or certainly not there."""
    outcome, _ = run(lambda client: client.submit(BUY, client_order_id=OURS), step)
    assert outcome == expected
    assert type(outcome) is type(expected)


@pytest.mark.parametrize(
    "step",
    [
        OutcomeUnknown("no answer"),
        HttpResponse(502, {}, HTML),
        HttpResponse(500, {}, b'{"success":false,"message":"INTERNAL_ERROR","code":500}'),
        refused("SYSTEM_UNDER_MAINTENANCE", 503),
        HttpResponse(200, {}, HTML),
        HttpResponse(200, {}, b""),
        HttpResponse(200, {}, b'{"success":true,"data":{"i'),
        HttpResponse(200, {}, b'{"success":true,"data":null}'),
        HttpResponse(400, {}, HTML),
        HttpResponse(404, {}, b""),
        HttpResponse(201, {}, ACCEPTED.body),
        HttpResponse(307, {"location": "/"}, b""),
    ],
)
def test_submits_with_an_unknown_outcome_are_sent_once(step: Step) -> None:
    """No readable answer: unknown, never a rejection, and never sent again."""
    outcome, network = run(lambda client: client.submit(BUY, client_order_id=OURS), step)
    assert isinstance(outcome, SubmitUnknown)
    assert outcome.client_order_id == OURS
    assert outcome.reason
    assert len(network.requests) == 1


def test_a_submit_does_not_wait_out_a_block() -> None:
    """An order that would leave a minute late is not sent at all."""
    clock = SimulatedClock(NOW)

    async def use(client: BtcturkClient) -> tuple[object, object]:
        first = await client.submit(BUY, client_order_id=OURS)
        return first, await client.submit(BUY, client_order_id=OURS)

    limited = refused("TOO_MANY_REQUESTS", 429, headers={"retry-after": "60"})
    (first, second), _ = run(use, limited, clock=clock)
    assert first == OrderRejected(OURS, "TOO_MANY_REQUESTS", 60.0)
    assert isinstance(second, OrderRejected)
    assert second.reason.startswith("not sent:")
    assert second.retry_after_s == 60.0
    assert clock.now_ms() == NOW


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([HttpResponse(200, {}, b'{"success":true,"message":"SUCCESS","code":0}')], CancelAccepted),
        ([refused("NO_ORDER_MATCHES_YOUR_REQUEST")], CancelRejected),
        ([refused("ORDER_CANCEL_BLOCKED")], CancelRejected),
        ([refused("TOO_MANY_REQUESTS", 429)], CancelRejected),
        ([OutcomeUnknown("cut"), ok(None)], CancelAccepted),
        ([HttpResponse(502, {}, HTML), refused("ORDER_COULD_NOT_BE_CANCELED")], CancelRejected),
        ([OutcomeUnknown("cut"), OutcomeUnknown("cut")], CancelUnknown),
        ([TransportError("down"), TransportError("down")], CancelUnknown),
        ([HttpResponse(200, {}, HTML), HttpResponse(200, {}, b"")], CancelUnknown),
    ],
)
def test_cancels(steps: list[Step], expected: type[object]) -> None:
    """Repeated once where no readable answer came, which the exchange allows."""
    outcome, network = run(lambda client: client.cancel(OrderId(42), client_order_id=OURS), *steps)
    assert type(outcome) is expected
    assert outcome.client_order_id == OURS
    assert set(network.targets) == {"/api/v1/order?id=42"}


def test_what_the_exchange_says_anew_is_counted_on_the_client() -> None:
    """An unknown status does not stop the bot and does not go unnoticed."""

    async def use(client: BtcturkClient) -> dict[str, int]:
        await client.open_orders(PAIR)
        return client.tally.counts

    counts, _ = run(use, ok({"asks": [], "bids": [order_row(1, status="Parked")]}))
    assert counts == {"status:Parked": 1}
