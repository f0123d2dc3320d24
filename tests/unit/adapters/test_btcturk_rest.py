"""The client asks once, reads exactly, repeats what is safe and never sends an order twice."""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SimulatedClock, SystemClock
from btcturk_kit.adapters.http_transport import Httpx2Transport, MemoryTransport
from btcturk_kit.adapters.rate_limiter import Flight, RateLimiter
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.adapters.stamps import Stamps
from btcturk_kit.adapters.websocket import MemoryConnection, MemoryConnector
from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelRejected,
    CancelUnknown,
    OrderAccepted,
    OrderRejected,
    SubmitUnknown,
)
from btcturk_kit.domain.orders import StopMarketBuy
from btcturk_kit.errors import (
    AuthenticationError,
    ClockSkewError,
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    StoreError,
    TransportError,
    VenueError,
)
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.signing import Credentials

from .rest_network import (
    BUY,
    HTML,
    KEYS,
    NOW,
    OURS,
    PAIR,
    Network,
    Step,
    ok,
    order_row,
    refused,
    run,
)

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
            "BTCTURK_KIT_GRAPH_URL": "http://127.0.0.1:8081",
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
        {"BTCTURK_KIT_GRAPH_URL": "https://graph-api.btcturk.com/v1"},
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
    assert (outcome.client_order_id, outcome.symbol, outcome.sent_ms) == (OURS, PAIR, NOW)
    assert outcome.reason
    assert len(network.requests) == 1


def test_a_stop_order_is_submitted_like_any_other() -> None:
    """A stop market order sends its trigger and no price."""
    stop = StopMarketBuy(PAIR, Decimal(150), Decimal(200))
    outcome, network = run(lambda client: client.submit(stop, client_order_id=OURS), ACCEPTED)
    assert outcome == OrderAccepted(OURS, OrderId(42), 7)
    assert b'"stopPrice":"200"' in network.requests[0].body
    assert b'"price"' not in network.requests[0].body


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
        # The first one may have been carried out, which is why the second one is refused.
        ([HttpResponse(502, {}, HTML), refused("ORDER_COULD_NOT_BE_CANCELED")], CancelUnknown),
        ([OutcomeUnknown("cut"), refused("ORDER_COULD_NOT_BE_CANCELED")], CancelUnknown),
        ([TransportError("down"), refused("ORDER_COULD_NOT_BE_CANCELED")], CancelRejected),
        ([refused("Unauthorized - Invalid Nonce", 401)], CancelRejected),
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


def test_new_fields_are_counted_once_per_endpoint() -> None:
    """The first answers show them; later ones are not read twice for it."""

    async def use(client: BtcturkClient) -> dict[str, int]:
        for _ in range(3):
            await client.balances()
        return client.tally.counts

    row = {"asset": "TRY", "free": "1", "locked": "0", "staked": "0"}
    counts, _ = run(use, ok([]), ok([row, row]), ok([row]))
    assert counts == {"field:GET /api/v1/users/balances:staked": 1}


class LostStamps(Stamps):
    """A sequence that cannot be had, except by a cancel."""

    def next_ms(self, now_ms: int, *, is_urgent: bool = False, **options: object) -> int:
        """Fail as a full disk does."""
        if is_urgent:
            return super().next_ms(now_ms, is_urgent=True, **options)
        raise StoreError("no space left for the request counts")


def test_without_stamps_an_order_was_certainly_not_sent() -> None:
    """A rejection that says so; a cancel goes out all the same."""
    clock = SimulatedClock(NOW)
    network = [ok(None)]
    pacing = Pacing(RateLimiter(clock), LostStamps())

    async def main() -> tuple[object, object]:
        transport = MemoryTransport(lambda _: network.pop())
        async with BtcturkClient(
            transport=transport, credentials=KEYS, clock=clock, pacing=pacing
        ) as client:
            return await client.submit(BUY, client_order_id=OURS), await client.cancel(OrderId(42))

    submitted, canceled = asyncio.run(main())
    assert submitted == OrderRejected(OURS, "not sent: no space left for the request counts")
    assert isinstance(canceled, CancelAccepted)


def test_a_cancel_s_refused_rate_says_when_to_ask_again() -> None:
    """Like that of an order."""
    limited = refused("TOO_MANY_REQUESTS", 429, headers={"retry-after": "3"})
    outcome, _ = run(lambda client: client.cancel(OrderId(42), client_order_id=OURS), limited)
    assert outcome == CancelRejected(OURS, "TOO_MANY_REQUESTS", 3.0)


def test_attempts_of_a_cancel_share_one_deadline() -> None:
    """The first took 80 of the 90 seconds; then the window is closed for 30: not waited for."""
    clock = SimulatedClock(NOW)

    async def use(client: BtcturkClient) -> object:
        return await client.cancel(OrderId(42), client_order_id=OURS)

    def slow(_: HttpRequest) -> HttpResponse:
        clock.set_ms(NOW + 80_000)
        limiters[0].penalize(Endpoint.CANCEL, 30)
        return HttpResponse(502, {}, HTML)

    limiters: list[RateLimiter] = []

    async def noted(client: BtcturkClient) -> object:
        limiters.append(client._limiter)
        return await use(client)

    outcome, _ = run(noted, slow, clock=clock)
    assert isinstance(outcome, CancelUnknown)
    assert clock.now_ms() == NOW + 80_000


def test_a_cancel_whose_stamp_is_refused_is_measured_and_sent_once_more() -> None:
    """The exchange's time is asked for, and the second one goes with it."""
    server_ms = time.time_ns() // 1_000_000 + 2_000
    told = HttpResponse(200, {}, json.dumps({"serverTime": server_ms}).encode())
    network = Network([told, refused("Unauthorized - Invalid Nonce", 401), told, ok(None)])
    pacing = Pacing.alone(SystemClock())
    pacing.measures_clock = True

    async def main() -> object:
        transport = MemoryTransport(network.answer)
        async with BtcturkClient(transport=transport, credentials=KEYS, pacing=pacing) as client:
            return await client.cancel(OrderId(42))

    assert isinstance(asyncio.run(main()), CancelAccepted)
    assert network.steps == []


# ---- what it reaches, and what it leaves


class Passing(MemoryTransport):
    """A transport of somebody else, which says nothing of what it reaches."""

    is_offline = False


def test_a_transport_from_outside_counts_and_measures_like_ours(tmp_path: Path) -> None:
    """With the real address and the machine's clock; one that reaches nobody leaves no trace."""
    server_ms = time.time_ns() // 1_000_000
    told = HttpResponse(200, {}, json.dumps({"serverTime": server_ms}).encode())

    async def use(kind: type[MemoryTransport], network: Network, folder: Path) -> None:
        transport = kind(network.answer)
        async with BtcturkClient(transport=transport, credentials=KEYS, state_dir=folder) as client:
            await client.balances()

    network = Network([told, ok([])])
    asyncio.run(use(Passing, network, tmp_path / "passing"))
    assert network.targets[0] == "/api/v2/server/time"
    assert len(list((tmp_path / "passing").iterdir())) == 3
    asyncio.run(use(MemoryTransport, Network([ok([])]), tmp_path / "offline"))
    assert not (tmp_path / "offline").exists()


def test_the_state_folder_comes_from_the_environment(tmp_path: Path) -> None:
    """As the settings name it."""
    client = BtcturkClient.from_env({"BTCTURK_KIT_STATE_DIR": str(tmp_path / "state")})
    asyncio.run(client.aclose())
    assert [path.suffix for path in (tmp_path / "state").iterdir()] == [".counts"]


def test_a_local_exchange_s_client_never_goes_to_the_real_one() -> None:
    """Without addresses of their own there are neither candles nor a stream, and it says so."""

    async def main() -> None:
        async with BtcturkClient(
            base_url="http://127.0.0.1:9", transport=MemoryTransport(Network([]).answer)
        ) as client:
            with pytest.raises(ConfigurationError) as caught:
                client.stream()
            assert "BTCTURK_KIT_WS_URL" in caught.value.hint
            with pytest.raises(ConfigurationError) as caught:
                await client.daily_candles(PAIR, start_ms=0, end_ms=NOW)
            assert "BTCTURK_KIT_GRAPH_URL" in caught.value.hint

    asyncio.run(main())


def test_closing_gives_everything_back_and_twice_is_once(tmp_path: Path) -> None:
    """Counts are closed even when the transport fails to close; later use says what is wrong."""

    class Stuck(Httpx2Transport):
        async def aclose(self) -> None:
            await super().aclose()
            raise OSError("cannot close")

    async def main() -> None:
        client = BtcturkClient(credentials=KEYS, state_dir=tmp_path)
        client._transport = Stuck()
        with pytest.raises(OSError, match="cannot close"):
            await client.aclose()
        outcome = await client.submit(BUY, client_order_id=OURS)
        assert isinstance(outcome, OrderRejected)
        assert "closed" in outcome.reason
        with pytest.raises(StoreError, match="closed"):
            await client.cancel(OrderId(1))
        with pytest.raises(OSError, match="cannot close"):
            await client.aclose()

    asyncio.run(main())


def test_closing_the_client_closes_its_streams() -> None:
    """A stream whose block is still open ends like one whose block was left."""
    connection = MemoryConnection()

    async def main() -> None:
        client = BtcturkClient(
            transport=MemoryTransport(Network([]).answer), connector=MemoryConnector([connection])
        )
        stream = client.stream()
        await stream.__aenter__()
        await client.aclose()
        assert connection.is_closed
        await stream.__aexit__(None, None, None)

    asyncio.run(main())


class _Forgetful(RateLimiter):
    """Its shared counts are gone by the time that an answer comes."""

    def landed(self, flight: Flight) -> None:
        """Fail to note it."""
        raise StoreError(f"the counts of {flight.endpoint} are gone")


def test_the_client_says_what_it_could_not_count_and_what_it_measured() -> None:
    """An answer is not lost with the counts, and the offset of the exchange's clock is told."""
    clock = SimulatedClock(1_000)
    pacing = Pacing(_Forgetful(clock), Stamps(), measures_clock=True)
    asked: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request.target)
        if request.target.endswith("/server/time"):
            return HttpResponse(200, {}, b'{"serverTime":1790133600027}')
        return HttpResponse(200, {}, b'{"data":[],"success":true,"message":null,"code":0}')

    async def main() -> None:
        client = BtcturkClient(
            transport=MemoryTransport(answer),
            credentials=Credentials("ann", "QUFBQQ=="),
            clock=clock,
            pacing=pacing,
        )
        async with client:
            assert (client.offset, client.unmeasured, client.unbooked) == (None, 0, 0)
            with pytest.raises(ClockSkewError):
                await client.balances()
            assert client.offset is not None
            assert client.offset.offset_ms == 1_790_133_600_027 - 1_000
            await client.tickers()
            # The refused call and the ticker; the question itself is not counted.
            assert client.unbooked == 2

    asyncio.run(main())
    assert asked[0].endswith("/server/time")
