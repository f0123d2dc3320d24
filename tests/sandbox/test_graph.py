"""Candles over HTTP: the graph host, on a port of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from btcturk_kit.sandbox.venue.quirks import Quirks

from .conftest import Caller

Start = Callable[..., Caller]

HOUR_S, DAY_S = 3_600, 86_400
NO_DATA = b'{"s":null,"t":[],"h":[],"o":[],"l":[],"c":[],"v":[]}'


def history(exchange: Caller, resolution: str, *, first_s: int = 0) -> dict[str, list[int]]:
    """Return the candles of a resolution up to now."""
    query = f"symbol=BTCTRY&resolution={resolution}&from={first_s}"
    reply = exchange.graph.get(f"/v1/klines/history?{query}&to={exchange.now_ms() // 1000}")
    assert reply.status == 200
    found: dict[str, list[int]] = reply.json
    assert list(found) == ["s", "t", "h", "o", "l", "c", "v"]
    assert len({len(found[name]) for name in "thoclv"}) == 1
    return found


def test_candles_agree_with_what_was_printed(exchange: Caller) -> None:
    """The last minute holds the last trades; volumes of minutes add up to those of their hour."""
    start_s = exchange.now_ms() // 1000
    exchange.advance(2 * HOUR_S * 1000)
    trades = exchange.get("/api/v2/trades?pairSymbol=BTCTRY").json["data"]
    minutes = history(exchange, "1", first_s=start_s)
    newest_s = trades[0]["date"] // 60_000 * 60
    of_minute = [one for one in trades if one["date"] // 1000 >= newest_s]
    prices = [int(one["price"]) for one in of_minute]
    assert minutes["t"][-1] == newest_s
    assert (minutes["h"][-1], minutes["l"][-1]) == (max(prices), min(prices))
    assert (minutes["c"][-1], minutes["o"][-1]) == (prices[0], prices[-1])
    hours = history(exchange, "60", first_s=start_s)
    assert hours["t"][:2] == [start_s, start_s + HOUR_S]
    for name, fold in (("h", max), ("l", min)):
        in_hour = [
            value
            for opened_s, value in zip(minutes["t"], minutes[name], strict=True)
            if opened_s < start_s + HOUR_S
        ]
        assert hours[name][0] == fold(in_hour)


def test_minutes_without_trades_have_no_candle(exchange: Caller) -> None:
    """Minutes are missing between those that are there, and none is empty."""
    exchange.advance(HOUR_S * 1000)
    minutes = history(exchange, "1")
    steps = {
        later - earlier for earlier, later in zip(minutes["t"], minutes["t"][1:], strict=False)
    }
    assert max(steps) > 60
    assert all(step > 0 and step % 60 == 0 for step in steps)
    assert all(float(volume) > 0 for volume in minutes["v"])


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60, 240])
def test_every_resolution_of_minutes(exchange: Caller, minutes: int) -> None:
    """Candles open on whole multiples, in order."""
    exchange.advance(5 * HOUR_S * 1000)
    opened = history(exchange, str(minutes))["t"]
    assert opened == sorted(set(opened))
    assert all(one % (minutes * 60) == 0 for one in opened)


def test_days_open_at_midnight_and_weeks_on_thursday(exchange: Caller) -> None:
    """Hours of the tape before the first trade are part of them; the last is not finished."""
    now_s = exchange.now_ms() // 1000
    days, weeks = history(exchange, "1%20d"), history(exchange, "1+w")
    assert days["t"][-1] <= now_s < days["t"][-1] + DAY_S
    assert all(one % DAY_S == 0 for one in days["t"])
    assert all(one // DAY_S % 7 == 0 for one in weeks["t"])  # 1970-01-01 was a Thursday
    assert max(days["h"]) == max(weeks["h"])
    rows = exchange.graph.get(f"/v1/ohlcs?pair=BTC_TRY&from={days['t'][-3]}").json
    assert [row["time"] for row in rows] == days["t"][-3:]
    assert [row["close"] for row in rows] == days["c"][-3:]
    assert list(rows[0]) == [
        "pair",
        "time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "total",
        "average",
        "dailyChangeAmount",
        "dailyChangePercentage",
    ]
    assert all(row["dailyChangeAmount"] == row["close"] - row["open"] for row in rows)
    assert all(row["low"] <= float(row["average"]) <= row["high"] for row in rows)


def test_years_are_those_of_the_calendar(start: Start) -> None:
    """They open on 1 January UTC, and one that opens before the query is not in it."""
    exchange = start(seed=3)  # in its second recorded year
    exchange.advance(DAY_S * 1000)
    days, years = history(exchange, "1%20d"), history(exchange, "1+y")
    opened = [
        int(datetime(datetime.fromtimestamp(one, UTC).year, 1, 1, tzinfo=UTC).timestamp())
        for one in days["t"]
    ]
    assert years["t"] == sorted(set(opened))
    assert len(years["t"]) > 1
    for index, open_s in enumerate(years["t"]):
        rows = [place for place, one in enumerate(opened) if one == open_s]
        assert years["o"][index] == days["o"][rows[0]]
        assert years["h"][index] == max(days["h"][row] for row in rows)
        assert years["l"][index] == min(days["l"][row] for row in rows)
        assert years["c"][index] == days["c"][rows[-1]]
    newest_s = years["t"][-1]
    assert history(exchange, "1+y", first_s=newest_s)["t"] == [newest_s]
    reply = exchange.graph.get(
        f"/v1/klines/history?symbol=BTCTRY&resolution=1+y&from={newest_s + 1}&to={10**11}"
    )
    assert reply.body == NO_DATA


def test_both_ends_of_a_query_are_inclusive(exchange: Caller) -> None:
    """A candle is in if it opens in the span."""
    hours = history(exchange, "60")["t"]
    span = f"from={hours[-4]}&to={hours[-2]}"
    reply = exchange.graph.get(f"/v1/klines/history?symbol=btctry&resolution=60&{span}")
    assert reply.json["t"] == hours[-4:-1]


def test_nothing_found_is_told_in_null(exchange: Caller) -> None:
    """A span before all data and a pair that is not listed."""
    for query in ("symbol=BTCTRY&resolution=60&from=1&to=2", "symbol=NO&resolution=1&from=0&to=9"):
        reply = exchange.graph.get(f"/v1/klines/history?{query}")
        assert (reply.status, reply.body) == (200, NO_DATA)
    reply = exchange.graph.get("/v1/ohlcs?pair=NOPE")
    assert (reply.status, reply.body) == (200, b"[]")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("klines/history?symbol=BTCTRY&resolution=1D&from=1&to=2", "INVALID_RESOLUTION"),
        ("klines/history?symbol=BTCTRY&resolution=7&from=1&to=2", "INVALID_RESOLUTION"),
        ("klines/history?symbol=BTCTRY&resolution=1&from=-1&to=2", "INVALID_RESOLUTION"),
        ("klines/history?symbol=BTCTRY&resolution=1&from=3&to=2", "INVALID_RESOLUTION"),
        ("klines/history?symbol=BTCTRY&resolution=1&from=1", "INVALID_REQUEST_ERROR"),
        ("ohlcs?from=1", "INVALID_REQUEST_ERROR"),
        ("ohlcs?pair=BTCTRY&from=soon", "INVALID_RESOLUTION"),
    ],
)
def test_queries_that_are_refused(exchange: Caller, target: str, message: str) -> None:
    """Old day names, unknown lengths, times that are none or in disorder, missing parameters."""
    reply = exchange.graph.get(f"/v1/{target}")
    assert reply.status == 400
    assert reply.json["message"].startswith(message)


def test_days_can_be_named_as_documented(start: Start) -> None:
    """A switch turns the two ways of writing a day round."""
    exchange = start(quirks=Quirks(day_resolution="joined"))
    assert history(exchange, "1D")["t"]
    assert history(exchange, "1Y")["t"]
    spaced = exchange.graph.get("/v1/klines/history?symbol=BTCTRY&resolution=1+d&from=1&to=2")
    assert spaced.json["message"] == "INVALID_RESOLUTION_FOR_TIME_INTERVAL"


def test_the_hosts_are_apart(exchange: Caller) -> None:
    """The graph host has no API and no control interface, the others have no candles."""
    for path in ("/api/v2/ticker", "/v1/clock", "/v1/truth?api_key=ann", "/"):
        assert exchange.graph.get(path).status == 404
    assert exchange.control("GET", "/v1/ohlcs?pair=BTCTRY").status == 404
    assert exchange.graph.send("POST", "/v1/ohlcs").status == 405


def test_the_graph_host_has_two_windows(exchange: Caller) -> None:
    """120 days queries a minute, and 600 of everything in ten minutes, blocked for as long."""
    path = "/v1/ohlcs?pair=NOPE"
    assert {exchange.graph.get(path).status for _ in range(120)} == {200}
    reply = exchange.graph.get(path)
    assert (reply.status, reply.headers["retry-after"]) == (429, "60")
    assert (reply.json["limit"], reply.json["period"]) == ("120", "1m")
    other = "/v1/klines/history?symbol=NO&resolution=1&from=0&to=9"
    assert {exchange.graph.get(other).status for _ in range(480)} == {200}
    reply = exchange.graph.get(other)
    assert (reply.status, reply.headers["retry-after"]) == (429, "600")
    assert (reply.json["limit"], reply.json["period"]) == ("600", "10m")
    exchange.advance(60_000)
    assert exchange.graph.get(path).status == 429
    exchange.advance(540_000)
    assert exchange.graph.get(path).status == 200
