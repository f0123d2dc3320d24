"""The stream over real sockets, with a client that knows nothing of the kit."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.sandbox import ClockKind, SandboxProcess
from btcturk_kit.sandbox.stream.server import StreamLimits
from btcturk_kit.sandbox.venue.pair import Listing

from .live import Listener, RawClient, World, run, running

TICK_MS = 764
HOUR_MS = 3_600_000


def test_the_server_speaks_first_and_compresses_nothing(listing: Listing) -> None:
    """The hello comes unasked; an offered compression is not taken."""

    async def body(world: World) -> None:
        async with connect(world.url, proxy=None, compression="deflate") as connection:
            assert connection.protocol.extensions == []
            assert await connection.recv() == '[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]'

    run(listing, body)


@pytest.mark.parametrize(
    ("channel", "event", "first", "later"),
    [
        ("ticker", "all", 401, 401),
        ("ticker", "BTCTRY", 402, 402),
        ("trade", "BTCTRY", 421, 422),
        ("orderbook", "BTCTRY", 431, 431),
        ("obdiff", "BTCTRY", 431, 432),
        ("tradeview", "BTCTRY_60", 428, 428),
    ],
)
def test_every_channel_begins_and_goes_on(
    listing: Listing, channel: str, event: str, first: int, later: int
) -> None:
    """The answer, what there is, and then what comes; nothing more after leaving."""

    async def body(world: World) -> None:
        await world.advance(HOUR_MS // 2)
        async with world.listening() as listener:
            answer = (await listener.join(channel, event))[-1][1]
            assert answer == {"type": 100, "ok": True, "message": f"join|{channel}:{event}"}
            kind, model = await listener.next()
            assert (kind, model["event"], model["channel"]) == (first, event, channel)
            await world.advance(HOUR_MS)
            kind, model = await listener.next()
            assert (kind, model["event"], model["channel"]) == (later, event, channel)
            await listener.join(channel, event, leave=True)
            await world.advance(HOUR_MS)
            assert await listener.mark(world) == []

    run(listing, body)


def test_what_makes_no_sense_leaves_the_connection_open(listing: Listing) -> None:
    """Bytes, objects, unknown types and texts are not answered; nonsense is acknowledged."""

    async def body(world: World) -> None:
        async with world.listening() as listener:
            for message in (b"bytes", "{}", "[999,{}]", "text", '[151,{"event":["BTCTRY"]}]'):
                await listener.connection.send(message)
            answers = [await listener.join("trade", "xyztry") for _ in range(2)]
            assert [[model["ok"] for _, model in frames] for frames in answers] == [[True], [False]]
            await world.advance(HOUR_MS)
            assert await listener.mark(world) == []

    run(listing, body)


def test_private_messages_follow_what_is_done_over_http(listing: Listing) -> None:
    """Resting, canceled, matched: each told to who is logged in, by itself."""

    async def body(world: World) -> None:
        async with world.listening() as listener, world.listening() as stranger:
            answer = await listener.log_in(world.exchange.now_ms)
            assert answer == {"type": 114, "id": 100_001, "ok": True, "message": None}
            price = await world.far_price()
            order = await world.submit(
                quantity="0.01",
                price=price,
                orderMethod="limit",
                orderType="buy",
                newOrderClientId="mine",
            )
            (_, inserted), (hint, _) = await listener.until(201)
            assert hint == 201
            assert (inserted["type"], inserted["id"]) == (451, order["id"])
            assert (inserted["newOrderClientId"], inserted["price"]) == ("mine", price)
            await world.cancel(order["id"])
            await world.advance(60_000)
            (_, deleted), _ = await listener.until(201)
            assert (deleted["type"], deleted["numLeft"]) == (452, "0.0100000000000000")
            await world.submit(quantity="0.001", orderMethod="market", orderType="sell")
            (_, matched), *_ = await listener.until(201)
            assert (matched["type"], matched["amount"]) == (441, "0.0010000000")
            assert await stranger.mark(world) == []

    run(listing, body)


def test_a_login_that_is_not_signed_well_changes_nothing(listing: Listing) -> None:
    """The time signed instead of the nonce, and a clock as nonce."""

    async def body(world: World) -> None:
        now_ms = world.exchange.now_ms
        async with world.listening() as listener:
            assert await listener.log_in(now_ms, signed=str(now_ms)) == {
                "type": 114,
                "ok": False,
                "message": "Unauthorized - Invalid Signature",
            }
            answer = await listener.log_in(now_ms, nonce=now_ms, signed=str(now_ms))
            assert answer["message"] == "Unauthorized - Invalid Request"
            await world.submit(quantity="0.001", orderMethod="market", orderType="sell")
            assert await listener.mark(world) == []

    run(listing, body)


def test_the_sixteenth_connection_of_a_minute_is_refused(listing: Listing) -> None:
    """With 429 and a minute to wait; after it the door is open again."""

    async def body(world: World) -> None:
        for _ in range(15):
            async with world.listening():
                pass
        with pytest.raises(InvalidStatus) as refused:
            await connect(world.url, proxy=None)
        response = refused.value.response
        assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
        assert json.loads(response.body)["message"] == "TOO_MANY_REQUESTS"
        await world.advance(60_000)
        async with world.listening():
            pass

    run(listing, body)


def test_a_client_without_pongs_is_closed_politely(listing: Listing) -> None:
    """As long as it answers pings it stays; then it is closed with 1000."""

    async def body(world: World) -> None:
        async with RawClient.connected(world.url) as client:
            opcode, payload = await client.frame()
            assert payload.startswith(b"[991")
            for _ in range(50):  # longer than a client without pongs would be left alone
                opcode, payload = await client.frame()
                assert opcode == 9
                client.write(10, payload)
            while opcode == 9:
                opcode, payload = await client.frame()
            assert (opcode, payload) == (8, (1000).to_bytes(2, "big"))

    run(listing, body, limits=StreamLimits(ping_interval_s=0.02, pong_timeout_s=0.8))


def test_without_pings_nobody_is_closed(listing: Listing) -> None:
    """A server told not to ping sends none, and does not miss pongs either."""

    async def body(world: World) -> None:
        await world.play(sends_pings=False)
        async with RawClient.connected(world.url) as client:
            assert (await client.frame())[1].startswith(b"[991")
            await asyncio.sleep(0.3)  # three times what a pong may take
            await world.control("POST", "/v1/stream/send", {"text": "still here"})
            assert await client.frame() == (1, b"still here")

    run(listing, body, limits=StreamLimits(ping_interval_s=0.01, pong_timeout_s=0.1))


def test_a_client_that_reads_is_waited_for(listing: Listing) -> None:
    """An hour of tickers is many times what may wait; all of them arrive, in order."""

    async def body(world: World) -> None:
        async with world.listening() as listener:
            await listener.join("ticker", "all")
            first_ms = world.exchange.now_ms // TICK_MS
            advancing = asyncio.create_task(world.advance(HOUR_MS))
            expected = (world.exchange.now_ms + HOUR_MS) // TICK_MS - first_ms
            for _ in range(1 + expected):
                assert (await listener.next())[0] == 401
            await advancing
            assert await listener.mark(world) == []

    run(listing, body, limits=StreamLimits(waiting_chars_max=20_000))


def test_a_client_that_does_not_read_is_closed_and_holds_nobody_up(listing: Listing) -> None:
    """The clock reaches its target, the others hear everything, the slow one is gone."""

    async def body(world: World) -> None:
        async with RawClient.connected(world.url) as slow, world.listening() as listener:
            for event in ("all", "BTCTRY"):
                slow.write(1, json.dumps([151, _join("ticker", event)]).encode())
            await listener.join("trade", "BTCTRY")
            while len((await sessions(world))[0]["joined"]) < 2:
                pass
            start_ms = world.exchange.now_ms
            reading = asyncio.create_task(listener.until_told())
            await world.advance(4 * HOUR_MS)
            assert world.exchange.now_ms == start_ms + 4 * HOUR_MS
            await world.control("POST", "/v1/stream/send", {"text": '[0,{"type":0}]'})
            frames = await reading
            newest = world.exchange.public_trades(Symbol("BTCTRY"), count=1)[0]
            assert frames[-1][1]["I"] == str(newest.trade_id)
            assert [row["session"] for row in await sessions(world)] == [2]

    limits = StreamLimits(waiting_chars_max=100_000, patience_s=0.3, close_timeout_s=0.1)
    run(listing, body, limits=limits)


def test_a_client_that_stops_reading_gets_1008_when_it_reads_again(listing: Listing) -> None:
    """It is told why, if it still listens in time."""

    async def body(world: World) -> None:
        async with world.listening() as listener:
            big = json.dumps([0, {"text": "x" * 400}])
            await world.control("POST", "/v1/stream/send", {"text": big * 300})
            with pytest.raises(ConnectionClosed) as closed:
                await listener.text()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008

    run(listing, body, limits=StreamLimits(waiting_chars_max=100_000))


def test_changes_over_the_wire_are_the_book_of_the_exchange(listing: Listing) -> None:
    """Minutes of market, orders coming and going over HTTP: the replayed window is `/v1/book`."""

    async def body(world: World) -> None:
        async with world.listening() as listener:
            await listener.join("obdiff", "BTCTRY")
            _, model = await listener.next()
            sides = {side: {_price(one): one["A"] for one in model[side]} for side in ("AO", "BO")}
            last = model["CS"]
            orders: list[int] = []
            for turn in range(130):
                market = int(world.exchange.ticker(Symbol("BTCTRY")).last)
                order = await world.submit(
                    quantity="0.01",
                    price=str(market * (9_999 - turn * 7) // 10_000),
                    orderMethod="limit",
                    orderType="buy",
                )
                orders.append(order["id"])
                if turn % 4 == 3:
                    await world.cancel(orders.pop())  # the farthest: nothing has filled it
                await world.advance(100_000 if turn % 20 == 0 else 1_600)
                next_ms = world.stream.hub.next_publication_ms
                assert next_ms is not None
                await world.advance(next_ms - world.exchange.now_ms)
                for kind, change in await listener.mark(world):
                    assert (kind, change["CS"]) == (432, last + 1)
                    last = change["CS"]
                    _apply(sides, change)
                truth = await world.control("GET", "/v1/book?symbol=BTCTRY")
                for side, name in (("AO", "asks"), ("BO", "bids")):
                    window = sorted(sides[side].items(), reverse=side == "BO")
                    assert [(price, Decimal(amount)) for price, amount in window] == [
                        (Decimal(price), Decimal(amount)) for price, amount in truth[name][:100]
                    ]
            assert len(truth["bids"]) > 100
            (row,) = await sessions(world)
            assert row["change_numbers"] == {"obdiff:BTCTRY": last}

    run(listing, body)


def test_equal_calls_give_equal_frames(listing: Listing) -> None:
    """Two exchanges with one seed and the same calls send the same bytes."""

    async def one_run() -> list[tuple[int, Any]]:
        async with running(listing, seed=7) as world, world.listening() as listener:
            await listener.log_in(world.exchange.now_ms)
            frames = []
            for channel in ("obdiff", "trade", "ticker"):
                frames += await listener.join(channel, "BTCTRY")
            for turn in range(5):
                await world.submit(
                    quantity="0.01",
                    price=await world.far_price(),
                    orderMethod="limit",
                    orderType="buy",
                    newOrderClientId=f"o{turn}",
                )
                await world.advance(100_000)
                frames += await listener.mark(world)
            return frames

    one = asyncio.run(one_run())
    assert one == asyncio.run(one_run())
    assert len(one) > 500


def test_on_a_real_clock_publications_come_by_themselves(listing: Listing) -> None:
    """Nobody calls and nobody advances: tickers come all the same, before and after a pause."""

    async def body(world: World) -> None:
        async with world.listening() as listener:
            for _ in range(2):
                await listener.join("ticker", "all")
                assert [(await listener.next())[0] for _ in range(2)] == [401, 401]
                await listener.join("ticker", "all", leave=True)

    run(listing, body, clock=ClockKind.REAL)


def test_the_process_says_where_its_stream_is() -> None:
    """The ready line holds the address, and a client finds the server there."""

    async def hello(url: str) -> tuple[int, Any]:
        async with connect(url, proxy=None) as connection:
            return await Listener(connection).next()

    with SandboxProcess() as address:
        assert asyncio.run(hello(address.ws))[0] == 991


def _join(channel: str, event: str) -> dict[str, Any]:
    return {"type": 151, "channel": channel, "event": event, "join": True}


def _price(level: dict[str, str]) -> Decimal:
    return Decimal(level["P"])


def _apply(sides: dict[str, dict[Decimal, str]], change: Any) -> None:
    for side, levels in sides.items():
        for one in change[side]:
            if one["CP"] == 3:
                del levels[_price(one)]
            else:
                assert (_price(one) in levels) is (one["CP"] == 0)
                levels[_price(one)] = one["A"]


async def sessions(world: World) -> list[dict[str, Any]]:
    """Return what the exchange knows of its sessions."""
    answer = await world.control("GET", "/v1/stream/sessions")
    return list(answer["sessions"])
