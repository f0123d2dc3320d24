"""Faults of requests over real sockets: what a client sees of each, and what the history says."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Callable, Coroutine
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.rest.faults import ANSWER_KINDS, RestFaultKind
from btcturk_kit.sandbox.severed import End, NoAnswer
from btcturk_kit.sandbox.stream.faults import FaultKind
from btcturk_kit.sandbox.venue.history import HistoryEntry
from btcturk_kit.sandbox.venue.pair import Listing

from .conftest import ANN, Caller, Start
from .live import PATIENCE_S, Listener, World, run

BTCTRY = Symbol("BTCTRY")
PLAY, HITS = "/v1/rest/faults", "/v1/faults"
BALANCES, HISTORY = "/api/v1/users/balances", "/api/v1/users/transactions/trade"
ALL_ORDERS = "/api/v1/allOrders?pairSymbol=BTCTRY"
MARKET_BUY = {"orderMethod": "market", "orderType": "buy", "quantity": "1000"}
HOUR_MS = 3_600_000

Step = Callable[[World], Coroutine[None, None, None]]


async def play(world: World, *faults: dict[str, Any], **others: Any) -> None:
    """Play a plan on requests."""
    await world.control("POST", PLAY, {"faults": faults, **others})


def entries(world: World, op: str = "fault") -> list[HistoryEntry]:
    """Return what the history says of faults."""
    return [one for one in world.exchange.history.entries() if one.op == op]


async def until_noted(world: World, op: str) -> None:
    """Wait for an entry of the history, which has no bell."""
    async with asyncio.timeout(PATIENCE_S):
        while not entries(world, op):  # noqa: ASYNC110 - as said
            await asyncio.sleep(0)


async def read_to_end(world: World, listener: Listener) -> None:
    """Read whatever was sent to a session, as text: not all of it can be understood."""
    mark = '[0,{"type":0}]'
    await world.control("POST", "/v1/stream/send", {"text": mark})
    while await listener.text() != mark:
        pass


def orders(world: World) -> int:
    """Return how many orders the exchange has really taken."""
    return len(world.exchange.holding("ann").orders)


@contextmanager
def no_whole_answer() -> Any:
    """Pass if the call in the block is not answered whole; the next one connects anew."""
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        yield


# ---- one request


@pytest.mark.parametrize(
    ("fields", "carried_out"),
    [
        ({"kind": "lose_request", "ms": 40}, False),
        ({"kind": "lose_answer", "ms": 40}, True),
        ({"kind": "reset"}, False),
        ({"kind": "reset", "carried_out": True}, True),
        ({"kind": "cut_body"}, True),
    ],
)
def test_an_order_without_a_whole_answer(
    listing: Listing,
    fields: dict[str, Any],
    carried_out: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Whether it was carried out only the exchange knows; the connection ends, the next works."""

    async def body(world: World) -> None:
        await play(world, {"endpoints": ["POST /api/v1/order"], **fields})
        start_ms = world.exchange.now_ms
        with no_whole_answer():
            await world.call(world.caller.submit, **MARKET_BUY)
        world.caller.close()
        assert orders(world) == carried_out
        assert world.exchange.now_ms - start_ms >= fields.get("ms", 0)
        await world.submit(**MARKET_BUY)
        assert orders(world) == 1 + carried_out
        (entry,) = entries(world)
        assert (entry.actor, entry.id) == ("ann", fields["kind"])
        told = "carried out with 200" if carried_out else "not carried out"
        assert entry.outcome.startswith(f"POST /api/v1/order {told}, ")

    run(listing, body)


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_order_that_is_held_until_the_client_gives_up(
    listing: Listing,
    carried_out: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Not a byte comes, the connection stays open, and others are served meanwhile."""

    async def body(world: World) -> None:
        await play(world, {"kind": "lose_answer" if carried_out else "lose_request"})
        stamp = str(world.exchange.now_ms)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", urlsplit(world.caller.address.rest).port
        )
        text = b'{"pairSymbol":"BTCTRY","orderMethod":"market","orderType":"buy","quantity":"500"}'
        writer.write(
            f"POST /api/v1/order HTTP/1.1\r\nHost: x\r\nX-PCK: ann\r\nX-Stamp: {stamp}\r\n"
            f"X-Signature: {ANN.sign(stamp)}\r\nContent-Length: {len(text)}\r\n\r\n".encode()
            + text
        )
        waiting = asyncio.create_task(reader.read())
        await until_noted(world, "fault")
        assert (await world.call(world.caller.get, "/api/v2/server/time")).status == 200
        assert not waiting.done()
        assert orders(world) == carried_out
        writer.close()
        assert await waiting == b""

    run(listing, body)


def test_a_reset_is_a_reset(listing: Listing) -> None:
    """The connection is not closed politely: the client's next read fails."""

    async def body(world: World) -> None:
        await play(world, {"kind": "reset"})

        def ask() -> None:
            with socket.create_connection(
                ("127.0.0.1", urlsplit(world.caller.address.rest).port)
            ) as connection:
                connection.sendall(b"GET /api/v2/server/time HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.recv(1)

        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(ask)

    run(listing, body)


def test_a_body_that_is_cut_has_the_length_of_the_whole(listing: Listing) -> None:
    """The head is in order, half the body comes, then the connection ends; never a timeout."""

    async def body(world: World) -> None:
        whole = (await world.call(world.caller.get, "/api/v2/ticker")).body
        await play(world, {"kind": "cut_body"})
        with pytest.raises(http.client.IncompleteRead) as cut:
            await world.call(world.caller.get, "/api/v2/ticker")
        assert cut.value.partial == whole[: len(whole) // 2]
        assert cut.value.expected == len(whole) - len(cut.value.partial)
        world.caller.close()

    run(listing, body)


def test_half_a_document_is_a_whole_answer(listing: Listing) -> None:
    """Status and length are in order, the JSON ends in the middle, the connection goes on."""

    async def body(world: World) -> None:
        await play(world, {"kind": "wrong_json"})
        half = await world.call(world.caller.submit, **MARKET_BUY)
        assert (half.status, int(half.headers["content-length"])) == (200, len(half.body))
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
            assert half.json
        assert orders(world) == 1

    run(listing, body)


@pytest.mark.parametrize(
    ("fields", "status", "media_type", "carried_out"),
    [
        ({"kind": "bad_gateway"}, 502, "text/html", False),
        ({"kind": "bad_gateway", "carried_out": True}, 502, "text/html", True),
        ({"kind": "server_error"}, 500, "application/json", False),
        ({"kind": "server_error", "status": 503, "carried_out": True}, 503, "application", True),
        ({"kind": "server_error", "status": 504, "body": "html"}, 504, "text/html", False),
        ({"kind": "too_many", "ms": 2_500}, 429, "application/json", False),
        ({"kind": "unauthorized"}, 401, "application/json", False),
        ({"kind": "unauthorized", "body": "empty"}, 401, "", False),
    ],
)
def test_an_order_that_is_answered_badly(
    listing: Listing,
    fields: dict[str, Any],
    status: int,
    media_type: str,
    carried_out: bool,  # noqa: FBT001 - parametrized
) -> None:
    """The answer says little about whether it was carried out; 401 and 429 are refusals."""

    async def body(world: World) -> None:
        await play(world, fields)
        reply = await world.call(world.caller.submit, **MARKET_BUY)
        assert reply.status == status
        assert reply.headers.get("content-type", "").startswith(media_type)
        assert bool(reply.body) == bool(media_type)
        assert reply.headers.get("retry-after") == ("3" if status == 429 else None)
        assert orders(world) == carried_out

    run(listing, body)


@pytest.mark.parametrize("carried_out", [True, False])
def test_latency_is_time_of_the_market(listing: Listing, carried_out: bool) -> None:  # noqa: FBT001 - parametrized
    """A virtual clock moves by it: after the order, or before."""

    async def body(world: World) -> None:
        await play(world, {"kind": "delay", "ms": 2_000, "carried_out": carried_out})
        start_ms = world.exchange.now_ms
        await world.submit(**MARKET_BUY)
        (order,) = world.exchange.holding("ann").orders.values()
        assert (order.created_ms - start_ms >= 2_000) is not carried_out
        assert world.exchange.now_ms - start_ms in range(2_000, 2_100)

    run(listing, body)


def test_latency_on_a_real_clock_is_waited_for(start: Start) -> None:
    """The exchange's clock is later afterwards by at least as much."""
    caller = start(clock=ClockKind.REAL)
    caller.control("POST", PLAY, {"faults": [{"kind": "delay", "ms": 30}]})
    before_ms = caller.now_ms()
    assert caller.get("/api/v2/server/time").status == 200
    assert caller.now_ms() - before_ms >= 30


def test_others_are_served_while_an_answer_is_late(listing: Listing) -> None:
    """A fault is of the requests it names: endpoint, key, and how many pass first."""

    async def body(world: World) -> None:
        fault = {"kind": "reset", "endpoints": ["GET /api/v1/users/balances"], "after": 1}
        await play(world, fault, {"kind": "bad_gateway", "api_key": "bob", "count": None})
        for _ in range(2):
            assert (await world.call(world.caller.get, "/api/v2/ticker")).status == 200
        assert (await world.call(world.caller.signed, "GET", BALANCES)).status == 200
        with no_whole_answer():
            await world.call(world.caller.signed, "GET", BALANCES)
        world.caller.close()
        assert (await world.call(world.caller.signed, "GET", BALANCES)).status == 200
        found = await world.control("GET", HITS)
        assert found["rest"] == [{"kind": "reset", "hits": 1}, {"kind": "bad_gateway", "hits": 0}]

    run(listing, body)


def test_what_is_not_carried_out_is_not_counted(exchange: Caller) -> None:
    """A request that never reached the exchange opens no window; ten more orders are allowed."""
    fault = {"kind": "bad_gateway", "count": 50, "endpoints": ["POST /api/v1/order"]}
    exchange.control("POST", PLAY, {"faults": [fault]})
    assert {exchange.submit(**MARKET_BUY).status for _ in range(50)} == {502}
    exchange.control("POST", PLAY, {})
    assert exchange.submit(**MARKET_BUY).status == 200


def test_the_graph_host_shares_the_plan(start: Start) -> None:
    """Served from the same exchange it meets the same faults, once."""
    caller = start()
    caller.control("POST", PLAY, {"faults": [{"kind": "server_error", "count": None}]})
    assert caller.get("/api/v2/ticker").status == 500
    assert caller.graph.get("/v1/ohlcs?pair=BTCTRY&from=0&to=1").status == 500


def test_a_server_without_connections_is_told_so() -> None:
    """Another ASGI server than uvicorn may hide what a request came on."""

    async def nothing() -> Any:
        raise AssertionError("not reached")

    answer = NoAnswer(End.CLOSED)
    with pytest.raises(InvariantViolation, match="which connection"):
        asyncio.run(answer({}, nothing, nothing))


# ---- what is shown, and the clock


def test_views_of_an_account_come_right(listing: Listing) -> None:
    """Orders, trades and balances are late over HTTP as the plan says, and then all there."""

    async def body(world: World) -> None:
        kinds = ("late_history", "invisible_orders", "stale_balances")
        await play(
            world, *({"kind": kind, "ms": 400} for kind in kinds), {"kind": "duplicate_fills"}
        )
        call, caller = world.call, world.caller
        before = (await call(caller.signed, "GET", BALANCES)).json["data"]
        placed = await world.submit(**MARKET_BUY)
        order = f"/api/v1/order/{placed['id']}"

        async def shown() -> tuple[int, int, int, bool]:
            replies = [
                await call(caller.signed, "GET", target)
                for target in (order, ALL_ORDERS, HISTORY, BALANCES)
            ]
            amounts = [row["balance"] for row in replies[3].json["data"]]
            rows = [len(reply.json["data"]) for reply in replies[1:3]]
            is_before = amounts == [row["balance"] for row in before]
            return replies[0].status, rows[0], rows[1], is_before

        assert await shown() == (400, 0, 0, True)
        await world.advance(400)
        fills = len(world.exchange.holding("ann").fills)
        assert await shown() == (200, 1, 2 * fills, False)

    run(listing, body)


def test_a_jump_of_the_clock(listing: Listing) -> None:
    """Server time and stamps are off together, trades are not, until the plan ends."""

    async def body(world: World) -> None:
        await play(world, {"kind": "clock_jump", "ms": 7_000})
        now_ms = world.exchange.now_ms
        told = (await world.call(world.caller.get, "/api/v2/server/time")).json["serverTime"]
        assert told == now_ms + 7_000
        told = (await world.call(world.caller.get, "/api/v2/server/exchangeinfo")).json["data"]
        assert told["serverTime"] == now_ms + 7_000
        late = await world.call(world.caller.signed, "GET", BALANCES)
        assert (late.status, late.json["message"]) == (401, "Unauthorized - Invalid Nonce")
        caller = world.caller
        right = await world.call(caller.signed, "GET", BALANCES, skew_ms=7_000)
        assert right.status == 200
        assert entries(world)[-2].outcome == "GET /api/v1/users/balances: Invalid Nonce"
        await play(world)
        assert (await world.call(caller.signed, "GET", BALANCES)).status == 200

    run(listing, body)


# ---- the history


async def buy(world: World) -> None:
    """Buy at the market; whatever is answered."""
    try:
        await world.call(world.caller.submit, **MARKET_BUY)
    except (http.client.HTTPException, ConnectionError):
        world.caller.close()


async def read_all(world: World) -> None:
    """Read everything of the account."""
    for target in (BALANCES, HISTORY, ALL_ORDERS):
        await world.call(world.caller.signed, "GET", target)


async def race(world: World) -> None:
    """Cancel an order that fills before the cancel is carried out."""
    exchange = world.exchange
    price = exchange.book(BTCTRY, levels=1).asks[0].price - 1
    fields = {"orderMethod": "limit", "orderType": "buy", "quantity": "0.02", "price": str(price)}
    placed = await world.submit(**fields)
    await world.cancel(placed["id"])
    exchange.submit("ann", LimitOrder(BTCTRY, Side.SELL, Decimal("0.01"), price))


@pytest.mark.parametrize("kind", RestFaultKind)
def test_every_fault_of_requests_is_visible_in_the_history(
    listing: Listing, kind: RestFaultKind
) -> None:
    """Who, when, which fault, and what it did to which request; and how often it hit."""

    async def body(world: World) -> None:
        await buy(world)
        await buy(world)
        ms = {} if kind is RestFaultKind.SETTLEMENT_LAG else {"ms": 1_000}
        await play(world, {"kind": kind.value, **ms})
        is_race = kind is RestFaultKind.LATE_FILL_AFTER_CANCEL
        await (race(world) if is_race else buy(world))
        if kind not in ANSWER_KINDS:
            await read_all(world)
        (row,) = (await world.control("GET", HITS))["rest"]
        found = entries(world)
        assert row == {"kind": kind.value, "hits": len([one for one in found if one.id == kind])}
        assert row["hits"] >= 1
        assert {one.actor for one in found} == {"ann"}
        assert all(one.outcome.partition("/")[0] in {"GET ", "POST "} for one in found)
        assert entries(world, "play")[-1][1:4] == ("control", "play", "rest")

    run(listing, body)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_of_the_stream_is_visible_in_the_history(
    listing: Listing, kind: FaultKind
) -> None:
    """Which session, which fault, which frame; and that a session ended."""
    codes = {FaultKind.CLOSE: 4000, FaultKind.ABORT: 1006, FaultKind.CUT_FRAME: 1006}

    async def body(world: World) -> None:
        await world.play({"kind": kind.value, "types": [432], "code": 4000})
        async with world.listening() as listener:
            await listener.join("obdiff", "BTCTRY")
            await world.advance(HOUR_MS)
            with pytest.raises(ConnectionClosed) if kind in codes else nullcontext():
                await read_to_end(world, listener)
        await until_noted(world, "session")
        entry = entries(world)[0]
        assert (entry.actor, entry.id) == ("session:1", kind.value)
        assert entry.outcome == "frame 432 of obdiff:BTCTRY"
        (ended,) = entries(world, "session")
        assert ended[1:] == ("session:1", "session", "ended", f"code {codes.get(kind, 1000)}")
        assert (await world.control("GET", HITS))["stream"] == [{"kind": kind.value, "hits": 1}]

    run(listing, body)


def test_what_the_control_interface_does_to_sessions_is_visible(listing: Listing) -> None:
    """Plans, frames sent, ends, and connections refused."""

    async def body(world: World) -> None:
        await world.play(refused_connections=1, sends_pings=False)
        with pytest.raises(Exception, match="503"):
            async with world.listening():
                pass
        async with world.listening() as listener:
            await world.control("POST", "/v1/stream/send", {"text": "[0,{}]"})
            await world.control("POST", "/v1/stream/close", {"how": "abort"})
            with pytest.raises(ConnectionClosed):
                await listener.until(-1)
        assert [one[1:] for one in entries(world)] == [
            ("anonymous", "fault", "503", "GET / refused"),
            ("control", "fault", "send", "session:1"),
            ("control", "fault", "abort", "session:1"),
        ]
        (played,) = entries(world, "play")
        assert played.outcome == "faults: 0, seed: 1, refused connections: 1, no pings"

    run(listing, body)


def test_real_refusals_are_visible_too(listing: Listing) -> None:
    """Every 401 and 429 that the exchange answers by itself, with its own words."""

    async def body(world: World) -> None:
        call, caller = world.call, world.caller
        assert (await call(caller.get, BALANCES)).status == 401
        assert (await call(caller.signed, "GET", BALANCES, skew_ms=9_000)).status == 401
        for _ in range(10):
            await world.submit(**MARKET_BUY)
        assert (await call(caller.submit, **MARKET_BUY)).status == 429
        assert [one[1:] for one in entries(world)] == [
            ("anonymous", "fault", "401", "GET /api/v1/users/balances: Headers are missing"),
            ("ann", "fault", "401", "GET /api/v1/users/balances: Invalid Nonce"),
            (
                "ann",
                "fault",
                "429",
                "POST /api/v1/order: Quota exceeded. Maximum allowed: 10 per 1s.",
            ),
        ]

    run(listing, body)


@pytest.mark.parametrize(
    "fields",
    [{"faults": [{"kind": "explode"}]}, {"faults": [{"kind": "delay"}]}, {"seed": "x"}, []],
)
def test_mistakes_in_plans_are_told(exchange: Caller, fields: object) -> None:
    """A wrong field is answered with 400 and a sentence; the plan before goes on."""
    exchange.control("POST", PLAY, {"faults": [{"kind": "server_error"}]})
    reply = exchange.control("POST", PLAY, fields)
    assert reply.status == 400
    assert reply.json["message"]
    assert exchange.get("/api/v2/ticker").status == 500
    assert exchange.control("GET", HITS).json == {
        "rest": [{"kind": "server_error", "hits": 1}],
        "stream": [],
    }
    exchange.control("POST", PLAY, {})
    assert exchange.control("POST", PLAY, {}, token="wrong").status == 401
