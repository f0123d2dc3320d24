"""The local exchange in the event loop of a test: its ports, its end, and its coming back."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import closing
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.sandbox import Account, ClockKind, LocalExchange
from btcturk_kit.sandbox.access import Permission
from btcturk_kit.sandbox.listening import listen, port_of
from btcturk_kit.sandbox.rest.faults import RestScript

from .conftest import BOB, Caller, Reply
from .live import PATIENCE_S, Listener, RawClient

ANN_KEYS: dict[str, Any] = {"api_key": "ann", "api_secret": "QUFBQQ=="}


async def get(address: str, target: str) -> Reply:
    """Read something public on a connection of its own."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    async with asyncio.timeout(PATIENCE_S):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return Reply(int(head.split()[1]), {}, body)


def hits_of(local: LocalExchange) -> int:
    """Return how often the first fault of requests has hit."""
    return local.faults.plan.hits()[0] if local.faults.plan else 0


def is_open(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_one_port_serves_everything_but_control() -> None:
    """REST, graph and stream are at one address; the control interface is on another port."""

    async def main() -> None:
        async with LocalExchange(ports=1, **ANN_KEYS) as local:
            address = local.address
            assert address.rest == address.graph == address.ws.replace("ws:", "http:")
            assert address.control != address.rest
            assert (await get(address.rest, "/api/v2/server/ping")).json == {"pong": True}
            assert (await get(address.rest, "/v1/ohlcs?pair=BTCTRY&from=0")).status == 200
            assert b"now_ms" not in (await get(address.rest, "/v1/clock")).body
            assert (await get(address.control, "/v1/ohlcs?pair=BTCTRY")).status == 401
            async with connect(address.ws, proxy=None) as connection:
                listener = Listener(connection)
                assert (await listener.next())[0] == 991
                await listener.join("obdiff", "BTCTRY")
                assert (await listener.next())[0] == 431
                assert (await listener.log_in(local.exchange.now_ms))["ok"] is True
                await local.advance(ms=600_000)
                assert (await listener.until(432))[-1][0] == 432
                assert (await get(address.rest, "/api/v2/server/ping")).status == 200

    asyncio.run(main())


def test_one_port_counts_connections_and_answers_what_is_no_handshake() -> None:
    """The sixteenth connection of a minute is told to wait, as on a port of the stream alone."""

    async def main() -> None:
        async with LocalExchange(ports=1) as local:
            for _ in range(15):
                async with connect(local.address.ws, proxy=None) as connection:
                    assert connection.remote_address[1] == port_at(local.address.rest)
            with pytest.raises(InvalidStatus) as caught:
                await connect(local.address.ws, proxy=None)
            assert caught.value.response.status_code == 429
            assert caught.value.response.headers["Retry-After"] == "60"
            await local.advance(ms=60_000)
            async with RawClient.connected(local.address.ws) as client:
                assert (await client.frame())[0] == 1

    asyncio.run(main())


def port_at(url: str) -> int:
    """Return the port of an address."""
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("name", ["rest", "graph", "control"])
def test_with_three_ports_only_one_is_the_streams(name: str) -> None:
    """An upgrade anywhere else is an ordinary request, and no connection becomes a stream."""

    async def main() -> None:
        async with LocalExchange() as local:
            url = getattr(local.address, name).replace("http:", "ws:")
            with pytest.raises(InvalidStatus) as caught:
                await connect(url, proxy=None)
            assert caught.value.response.status_code != 101

    asyncio.run(main())


@pytest.mark.parametrize("ports", [1, 3])
def test_a_restart_cuts_everything_and_keeps_the_books(ports: int) -> None:
    """Sessions are gone by a reset, nobody listens meanwhile, and then it is all there again."""

    async def main() -> None:
        async with LocalExchange(ports=ports, **ANN_KEYS) as local:
            address, exchange = local.address, local.exchange
            before_ms = exchange.now_ms
            with closing(Caller(address)) as caller:
                price = str(int(exchange.ticker(exchange.symbols[0]).last) // 2)
                order = {"orderMethod": "limit", "orderType": "buy", "quantity": "0.01"}
                reply = await asyncio.to_thread(caller.submit, price=price, **order)
                order_id = reply.json["data"]["id"]
                async with connect(address.ws, proxy=None) as connection:
                    listener = Listener(connection)
                    await listener.join("ticker", "BTCTRY")
                    now_ms = exchange.now_ms
                    await local.restart(down_ms=5_000)
                    with pytest.raises(ConnectionClosed) as caught:
                        await listener.until(0)
                    assert caught.value.rcvd is None  # no closing handshake
                with pytest.raises(ConnectionError):
                    await asyncio.to_thread(caller.get, "/api/v2/server/ping")
            assert local.address == address
            assert exchange.now_ms == now_ms + 5_000
            assert list(exchange.holding("ann").open_orders) == [order_id]
            assert (await get(address.rest, "/api/v2/server/ping")).status == 200
            async with connect(address.ws, proxy=None) as connection:
                assert (await Listener(connection).next())[0] == 991
            restarts = [one for one in local.history.entries() if one.op == "restart"]
            assert [(one.actor, one.outcome) for one in restarts] == [
                ("control", "down 5000 ms"),
                ("control", "up"),
            ]
            assert before_ms < restarts[0].t == restarts[1].t - 5_000

    asyncio.run(main())


def test_nobody_listens_while_it_is_down() -> None:
    """On a real clock a restart lasts, in market time; who calls meanwhile is refused."""

    async def main() -> None:
        async with LocalExchange(clock=ClockKind.REAL, speed=60) as local:
            port = port_at(local.address.rest)
            start_ms = local.exchange.now_ms
            restart = asyncio.create_task(local.restart(down_ms=20_000))
            while is_open(port):  # noqa: ASYNC110 - a port that closes tells nobody
                await asyncio.sleep(0)
            assert not restart.done()
            await restart
            assert is_open(port)
            assert local.exchange.now_ms - start_ms >= 20_000
            with pytest.raises(ConfigurationError, match="real clock cannot be advanced"):
                await local.advance(ms=1)

    asyncio.run(main())


def test_restarts_come_one_after_another() -> None:
    """Two at once are two in a row; one that lasts longer than the block opens nothing more."""

    async def main() -> None:
        async with LocalExchange(clock=ClockKind.REAL) as local:
            history, port = local.history, port_at(local.address.rest)
            await asyncio.gather(local.restart(down_ms=1), local.restart())
            assert is_open(port)
            late = asyncio.create_task(local.restart(down_ms=20))
            while is_open(port):  # noqa: ASYNC110 - a port that closes tells nobody
                await asyncio.sleep(0)
        await late
        assert not is_open(port)
        outcomes = [one.outcome for one in history.entries() if one.op == "restart"]
        assert outcomes == ["down 1 ms", "up", "down 0 ms", "up", "down 20 ms"]

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["lose_answer", "delay"])
def test_its_end_ends_what_a_fault_holds(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever waits for an answer sees the connection end; no task is left, nothing is logged."""

    async def main() -> None:
        async with LocalExchange(clock=ClockKind.REAL) as local:
            fields = {"kind": kind, "count": None, **({"ms": 3_600_000} if kind == "delay" else {})}
            local.faults.play(RestScript.of({"faults": [fields]}))
            waiting = [
                asyncio.create_task(get(local.address.rest, "/api/v2/ticker")),
                asyncio.create_task(get(local.address.graph, "/v1/ohlcs?pair=BTCTRY")),
            ]
            while hits_of(local) < 2:  # noqa: ASYNC110 - a fault that hits tells nobody
                await asyncio.sleep(0)
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(one, IndexError) for one in ends)  # not even a first line came
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert not caplog.records


def test_a_restart_loses_the_requests_under_way() -> None:
    """What was to be carried out later is not carried out by the exchange that came back."""

    async def main() -> None:
        async with LocalExchange(clock=ClockKind.REAL, **ANN_KEYS) as local:
            fields = {"kind": "delay", "ms": 3_600_000, "carried_out": False}
            local.faults.play(RestScript.of({"faults": [fields]}))
            before = asyncio.all_tasks()
            waiting = asyncio.create_task(get(local.address.rest, "/api/v2/ticker"))
            while hits_of(local) < 1:  # noqa: ASYNC110 - a fault that hits tells nobody
                await asyncio.sleep(0)
            await local.restart()
            with pytest.raises(ConnectionError):
                await waiting
            names = {getattr(one.get_coro(), "__qualname__", "") for one in asyncio.all_tasks()}
            assert names <= {
                *(getattr(one.get_coro(), "__qualname__", "") for one in before),
                "StreamServer._publish_in_time",
            }

    asyncio.run(main())


def test_a_stream_that_overtakes_a_held_request_ends_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An upgrade right behind a request that is never answered: a restart ends both in peace."""

    async def main() -> None:
        async with LocalExchange(ports=1) as local:
            local.faults.play(RestScript.of({"faults": [{"kind": "lose_answer"}]}))
            reader, writer = await asyncio.open_connection("127.0.0.1", port_at(local.address.rest))
            writer.write(
                b"GET /api/v2/server/ping HTTP/1.1\r\nHost: x\r\n\r\n"
                b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            while hits_of(local) < 1:  # noqa: ASYNC110 - a fault that hits tells nobody
                await asyncio.sleep(0)
            await local.restart()
            with pytest.raises(ConnectionError):
                await reader.read()
            writer.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert not caplog.records


def test_a_clock_that_jumped_measures_logins_too() -> None:
    """Who stamps with the time that the exchange tells may log in to the stream, no one else."""

    async def main() -> None:
        async with LocalExchange(**ANN_KEYS) as local:
            local.faults.play(RestScript.of({"faults": [{"kind": "clock_jump", "ms": 60_000}]}))
            now_ms = local.exchange.now_ms
            for told_ms, is_in in ((now_ms + 60_000, True), (now_ms, False)):
                async with connect(local.address.ws, proxy=None) as connection:
                    listener = Listener(connection)
                    assert (await listener.log_in(told_ms))["ok"] is is_in
            newest = local.history.newest(20)
            assert any("GET / met another time" in one.outcome for one in newest)

    asyncio.run(main())


def test_a_delay_is_of_the_market() -> None:
    """An hour of a market that runs an hour in a second is over soon."""

    async def main() -> None:
        async with LocalExchange(clock=ClockKind.REAL, speed=3_600) as local:
            local.faults.play(RestScript.of({"faults": [{"kind": "delay", "ms": 3_600_000}]}))
            before_ms = local.exchange.now_ms
            assert (await get(local.address.rest, "/api/v2/server/ping")).status == 200
            local.stream.follow()
            assert local.exchange.now_ms - before_ms >= 3_600_000

    asyncio.run(main())


def test_a_long_advance_leaves_room_for_others() -> None:
    """Without a listener too: requests are answered while market time passes."""

    async def main() -> None:
        async with LocalExchange() as local:
            advance = asyncio.create_task(local.advance(ms=20 * 86_400_000))
            assert (await get(local.address.rest, "/api/v2/server/ping")).status == 200
            assert not advance.done()
            now_ms = await advance
            assert local.exchange.now_ms == now_ms

    asyncio.run(main())


def test_a_hurried_market_serves_clients_of_either_clock() -> None:
    """Sixty market minutes an hour: server time, stamps and publications are the market's."""

    async def main() -> None:
        async with LocalExchange(clock=ClockKind.REAL, speed=600, start_ms=0, **ANN_KEYS) as local:
            with closing(Caller(local.address)) as caller:
                target = "/api/v1/users/balances"
                assert (await asyncio.to_thread(caller.signed, "GET", target)).status == 200
            async with BtcturkClient.from_env(local.environ()) as client:
                # It stamps with the time of the machine.
                assert [one.asset for one in await client.balances()] == ["TRY", "BTC"]
            async with connect(local.address.ws, proxy=None) as connection:
                listener = Listener(connection)
                await listener.join("ticker", "BTCTRY")
                first_ms = local.exchange.now_ms
                for _ in range(3):
                    await listener.until(402)
                assert local.exchange.now_ms - first_ms >= 764

    asyncio.run(main())


def test_it_ends_with_its_block_and_may_begin_again() -> None:
    """Listeners of the stream are told, every port is closed, and the next block is a new one."""

    async def main() -> None:
        local = LocalExchange(seed=3, **ANN_KEYS)
        addresses = []
        for _ in range(2):
            async with local:
                addresses.append(local.address)
                connection = await connect(local.address.ws, proxy=None)
                await connection.recv()
                with pytest.raises(InvariantViolation, match="open already"):
                    await local.__aenter__()
            await connection.wait_closed()
            assert connection.close_code == 1001
            ports = [port_at(url) for url in addresses[-1][:4]]
            assert not any(is_open(port) for port in ports)
        with pytest.raises(InvariantViolation, match="not open"):
            _ = local.address
        assert addresses[0].control_token != addresses[1].control_token

    asyncio.run(main())


def test_it_leaves_signals_and_logging_alone() -> None:
    """It lives in somebody else's process."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    loggers = [logging.getLogger(name) for name in ("", "uvicorn", "uvicorn.error")]
    seen: list[Any] = []

    def look() -> None:
        seen.append(
            (
                [signal.getsignal(number) for number in numbers],
                [(list(one.handlers), one.level, one.propagate) for one in loggers],
            )
        )

    async def main() -> None:
        look()
        async with LocalExchange():
            look()

    asyncio.run(main())
    assert seen[0] == seen[1]


def test_a_taken_port_leaves_nothing_open() -> None:
    """Whichever port it is, the others are closed again and the next try succeeds."""

    async def main() -> None:
        for name in ("port", "graph_port", "ws_port", "control_port"):
            with listen(0) as taken, listen(0) as free:
                options = {"control_port": port_of(free), name: port_of(taken)}
                if name == "control_port":
                    options["port"] = port_of(free)
                free.close()
                with pytest.raises(ConfigurationError, match="is in use"):
                    await LocalExchange(**options).__aenter__()
            async with LocalExchange(**options) as local:
                assert str(options[name]) in "".join(local.address[:4])

    asyncio.run(main())


def test_it_listens_on_the_other_loopback() -> None:
    """With `::1` every address of the ready line is one of IPv6."""

    async def main() -> None:
        async with LocalExchange(host="::1", ports=1) as local:
            assert all("//[::1]:" in url for url in local.address[:4])
            assert (await get(local.address.rest, "/api/v2/server/ping")).status == 200
            async with connect(local.address.ws, proxy=None) as connection:
                assert (await Listener(connection).next())[0] == 991

    asyncio.run(main())


def test_customers_have_their_own_keys_and_rights() -> None:
    """A second customer trades at its level; a bound key is unauthorized from elsewhere."""
    bob = Account(
        api_key="bob",
        api_secret="QkJCQg==",
        balances={"BTC": 2},
        fee_level=5,
        permissions=[Permission.FUNDS],
        addresses=["127.0.0.2"],
    )

    async def main() -> None:
        async with LocalExchange(accounts=[bob], balances={"TRY": 7}, **ANN_KEYS) as local:
            assert local.exchange.accounts() == ("ann", "bob")
            assert local.credentials.api_key == "ann"
            symbol = local.exchange.symbols[0]
            ours, theirs = (local.exchange.fees_of(name, symbol) for name in ("ann", "bob"))
            assert ours.taker_rate > theirs.taker_rate
            target = "/api/v1/users/balances"
            for source, status in (("127.0.0.1", 401), ("127.0.0.2", 200)):
                with closing(Caller(local.address, source=source)) as caller:
                    reply = await asyncio.to_thread(caller.signed, "GET", target, keys=BOB)
                assert reply.status == status
            async with connect(local.address.ws, proxy=None) as connection:
                listener = Listener(connection)
                model = {
                    "type": 114,
                    "publicKey": "bob",
                    "timestamp": local.exchange.now_ms,
                    "nonce": 3000,
                    "signature": BOB.sign("3000"),
                }
                await listener.send(114, model)
                answer = (await listener.until(114))[-1][1]
                assert answer["ok"] is False
                assert answer["message"] == "Unauthorized - Invalid Request"

    asyncio.run(main())


def test_pairs_are_chosen_by_name() -> None:
    """A name that has no tape is refused before anything listens."""

    async def main() -> None:
        async with LocalExchange(pairs=["btctry"]) as local:
            assert local.exchange.symbols == ("BTCTRY",)
        with pytest.raises(ConfigurationError, match="does not know the pair 'XYZTRY'"):
            await LocalExchange(pairs=["XYZTRY"]).__aenter__()

    asyncio.run(main())
