"""Faults of the stream over real sockets: what a client sees of each."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from btcturk_kit.sandbox.stream.faults import Break, BreakHow
from btcturk_kit.sandbox.venue.pair import Listing

from .conftest import Caller
from .live import Listener, RawClient, World, run

HOUR_MS = 3_600_000


async def changes(world: World, listener: Listener) -> list[tuple[int, Any]]:
    """Return what an hour brings to a fresh subscription of changes, its snapshot first."""
    await listener.join("obdiff", "BTCTRY")
    await world.advance(HOUR_MS)
    return await listener.mark(world)


def numbers(frames: list[tuple[int, Any]]) -> list[int]:
    """Return the change numbers, counted from the snapshot."""
    return [model["CS"] - frames[0][1]["CS"] for _, model in frames]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("drop", [0, 1, 3, 4]),
        ("repeat", [0, 1, 2, 2, 3]),
        ("swap", [0, 1, 3, 2, 4]),
        ("skip_number", [0, 1, 3, 4, 5]),
    ],
)
def test_numbers_of_change_sets_go_wrong(listing: Listing, kind: str, expected: list[int]) -> None:
    """Missing, twice, in the wrong order, or numbered past one: at the second change set."""

    async def body(world: World) -> None:
        await world.play({"kind": kind, "types": [432], "after": 1})
        async with world.listening() as listener:
            assert numbers(await changes(world, listener))[: len(expected)] == expected
        assert (await world.control("GET", "/v1/stream/sessions"))["fault_hits"] == [1]

    run(listing, body)


def test_a_second_snapshot_comes_unasked(listing: Listing) -> None:
    """It has the number of the change before it, and the chain goes on behind it."""

    async def body(world: World) -> None:
        await world.play({"kind": "snapshot", "types": [432], "after": 2})
        async with world.listening() as listener:
            frames = await changes(world, listener)
        assert [kind for kind, _ in frames[:6]] == [431, 432, 432, 432, 431, 432]
        assert numbers(frames)[:6] == [0, 1, 2, 3, 3, 4]

    run(listing, body)


def test_a_crossed_book(listing: Listing) -> None:
    """The best bid of the snapshot is above its best ask."""

    async def body(world: World) -> None:
        await world.play({"kind": "cross", "types": [431]})
        async with world.listening() as listener:
            _, model = (await changes(world, listener))[0]
        assert int(model["BO"][0]["P"]) > int(model["AO"][0]["P"])

    run(listing, body)


@pytest.mark.parametrize("kind", ["garbage", "cut_text"])
def test_texts_that_cannot_be_read(listing: Listing, kind: str) -> None:
    """The frame is whole, its text is not."""

    async def body(world: World) -> None:
        await world.play({"kind": kind, "channel": "trade"})
        async with world.listening() as listener:
            await listener.join("trade", "BTCTRY")
            text = await listener.text()
            with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
                json.loads(text)
            await world.advance(HOUR_MS)
            assert {kind for kind, _ in await listener.mark(world)} == {422}

    run(listing, body)


def test_a_stalled_feed_still_answers_pings(listing: Listing) -> None:
    """Nothing comes, the socket stays open and pongs; a new plan ends it."""

    async def body(world: World) -> None:
        async with world.listening() as listener:
            await listener.join("ticker", "all")
            assert (await listener.next())[0] == 401
            await world.play({"kind": "drop", "count": None})
            await world.advance(HOUR_MS)
            await (await listener.connection.ping())
            assert await listener.mark(world) == []
            await world.play()
            await world.advance(1_000)
            assert (await listener.next())[0] == 401

    run(listing, body)


def test_a_deaf_private_feed_still_tells_balances(listing: Listing) -> None:
    """441, 451 and 452 stop, 201 goes on."""

    async def body(world: World) -> None:
        await world.play({"kind": "drop", "types": [441, 451, 452], "count": None})
        async with world.listening() as listener:
            await listener.log_in(world.exchange.now_ms)
            order = await world.submit(
                quantity="0.01",
                price=await world.far_price(),
                orderMethod="limit",
                orderType="buy",
            )
            await world.cancel(order["id"])
            await world.submit(quantity="0.01", orderMethod="market", orderType="sell")
            await world.advance(60_000)
            assert {kind for kind, _ in await listener.mark(world)} == {201}

    run(listing, body)


@pytest.mark.parametrize(("how", "code"), [("close", 1012), ("abort", None), ("cut_frame", None)])
def test_connections_end_by_plan(listing: Listing, how: str, code: int | None) -> None:
    """Politely with the code of the plan, or without a word; a new connection is let in."""

    async def body(world: World) -> None:
        await world.play({"kind": how, "types": [421], "code": 1012})
        async with world.listening() as listener:
            await listener.join("trade", "BTCTRY")
            with pytest.raises(ConnectionClosed) as closed:
                await listener.text()
            received = closed.value.rcvd
            assert (received.code if received else None) == code
        async with world.listening() as listener:
            await listener.join("trade", "BTCTRY")
            assert (await listener.next())[0] == 421

    run(listing, body)


@pytest.mark.parametrize("length", [100, 1_000, 100_000])
def test_a_frame_is_cut_in_the_middle(listing: Listing, length: int) -> None:
    """The header announces it whole, half of it comes, then the end."""

    async def body(world: World) -> None:
        text = "[777," + "7" * (length - 6) + "]"
        async with RawClient.connected(world.url) as client:
            await client.frame()
            world.stream.inject([1], Break(BreakHow.CUT_FRAME, text=text))
            with pytest.raises(asyncio.IncompleteReadError) as cut:
                await client.frame()
            assert cut.value.expected == length
            assert cut.value.partial == text.encode()[: length // 2]

    run(listing, body)


def test_connections_are_refused_by_plan(listing: Listing) -> None:
    """As many as the plan says, with 503."""

    async def body(world: World) -> None:
        await world.play(refused_connections=2)
        for _ in range(2):
            with pytest.raises(InvalidStatus) as refused:
                await connect(world.url, proxy=None)
            assert refused.value.response.status_code == 503
        async with world.listening():
            pass

    run(listing, body)


def test_any_frame_can_be_sent_to_whom_it_concerns(listing: Listing) -> None:
    """To all, to the listeners of a channel, to an account, to one session."""

    async def body(world: World) -> None:
        async with world.listening() as first, world.listening() as second:
            await first.log_in(world.exchange.now_ms)
            await second.join("orderbook", "BTCTRY")
            await second.next()

            async def send(text: str, **whom: Any) -> list[int]:
                fields = {"text": text, **whom}
                return list((await world.control("POST", "/v1/stream/send", fields))["sessions"])

            assert await send('[777,{"x":1}]') == [1, 2]
            assert await send('[453,{"type":453}]', api_key="ann") == [1]
            assert await send('[431,{"CS":0}]', channel="orderbook", event="BTCTRY") == [2]
            assert await send('[431,{"CS":0}]', channel="obdiff") == []
            assert await send('[801,{"type":801}]', session=2) == [2]
            assert [kind for kind, _ in await first.mark(world)] == [777, 453]
            assert [kind for kind, _ in await second.mark(world)] == [777, 431, 801]

    run(listing, body)


@pytest.mark.parametrize(("how", "code"), [("close", 4000), ("abort", None), ("cut_frame", None)])
def test_connections_can_be_ended_at_any_moment(
    listing: Listing, how: str, code: int | None
) -> None:
    """What is queued goes out first; the others are left alone."""

    async def body(world: World) -> None:
        async with world.listening() as first, world.listening() as second:
            fields = {"how": how, "code": 4000, "session": 1}
            answer = await world.control("POST", "/v1/stream/close", fields)
            assert answer == {"sessions": [1]}
            with pytest.raises(ConnectionClosed) as closed:
                await first.text()
            received = closed.value.rcvd
            assert (received.code if received else None) == code
            assert await second.mark(world) == []

    run(listing, body)


def test_the_control_interface_says_who_listens(listing: Listing) -> None:
    """Account, subscriptions, numbers of books, and how many frames were handed out."""

    async def body(world: World) -> None:
        async with world.listening() as listener:
            await listener.log_in(world.exchange.now_ms)
            await listener.join("orderbook", "BTCTRY")
            _, model = await listener.next()
            await listener.join("nonsense", "x")
            assert await world.control("GET", "/v1/stream/sessions") == {
                "now_ms": world.exchange.now_ms,
                "sessions": [
                    {
                        "session": 1,
                        "account": "ann",
                        "joined": ["orderbook:BTCTRY", "nonsense:x"],
                        "change_numbers": {"orderbook:BTCTRY": model["CS"]},
                        "sent": 5,
                    }
                ],
                "fault_hits": [],
            }

    run(listing, body)


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        ("faults", {"faults": [{"kind": "explode"}]}),
        ("send", {"txt": "x"}),
        ("close", {"how": "slowly"}),
        ("close", {"how": "close", "code": 1005}),
        ("faults", {"faults": [{"kind": "close", "code": 5000}]}),
        ("close", []),
    ],
)
def test_mistakes_in_control_calls_are_told(listing: Listing, route: str, fields: object) -> None:
    """A wrong field is answered with 400 and a sentence."""

    async def body(world: World) -> None:
        reply = await world.call(world.caller.control, "POST", f"/v1/stream/{route}", fields)
        assert reply.status == 400
        assert reply.json["message"]

    run(listing, body)


def test_the_token_guards_the_stream_too(listing: Listing) -> None:
    """Without it nothing is sent and nothing is told."""

    async def body(world: World) -> None:
        for method, target in (("POST", "/v1/stream/send"), ("GET", "/v1/stream/sessions")):
            call = world.caller.control
            reply = await world.call(call, method, target, {"text": "x"}, token="wrong")
            assert reply.status == 401

    run(listing, body)


def test_the_whole_book_is_told(exchange: Caller) -> None:
    """`/v1/book` is what the endpoint shows and more; a pair that is not listed is 404."""
    book = exchange.control("GET", "/v1/book?symbol=BTCTRY").json
    assert book["symbol"] == "BTCTRY"
    shown = exchange.get("/api/v2/orderbook?pairSymbol=BTCTRY").json["data"]
    assert book["bids"] == shown["bids"]
    assert book["asks"] == shown["asks"]
    assert exchange.control("GET", "/v1/book?symbol=XYZ").status == 404
