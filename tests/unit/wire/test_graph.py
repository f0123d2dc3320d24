"""Candles: seconds become milliseconds, columns become rows, and a hole stays a hole."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import InvariantViolation, ProtocolError, VenueError
from btcturk_kit.wire import graph
from btcturk_kit.wire.pacing import Endpoint, endpoint_of
from btcturk_kit.wire.requests import Host
from btcturk_kit.wire.tally import Tally

PAIR = Symbol("BTCTRY")
HOURS: dict[str, Any] = {
    "s": "ok",
    "t": [3600, 10800],
    "h": [4, 8],
    "o": [2, 6],
    "l": [1, 5],
    "c": [3, 7],
    "v": [0.10, 9],
}


def read(**changed: object) -> tuple[Any, ...]:
    """Read two hourly candles with some fields changed."""
    body = json.dumps({**HOURS, **changed}).encode()
    return graph.candles(body, symbol=PAIR, resolution=Resolution.HOUR_1)


def test_columns_become_candles() -> None:
    """Open, high, low and close are told apart by name; the hour between has no candle."""
    first, second = read()
    assert first == (PAIR, "60", 3_600_000, *map(Decimal, (2, 4, 1, 3)), Decimal("0.1"))
    assert second.open_ms == 10_800_000


@pytest.mark.parametrize("said", [None, "ok", "no_data"])
def test_no_candles(said: str | None) -> None:
    """Whatever the exchange calls it, empty columns are no candles."""
    assert read(**{name: [] for name in "thlocv"}, s=said) == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"t": [3600]},
        {"v": [1, 2, 3]},
        {"c": [1, None]},
        {"t": [3600, None]},
        {"t": [10800, 3600]},
        {"t": [3600, 3600]},
        {"h": [1, "NaN"]},
        {"o": [1, 1e40]},
        {"s": "error"},
        {"s": None},
        {"h": None},
    ],
)
def test_damaged_columns_are_refused(changed: dict[str, object]) -> None:
    """Unequal lengths, missing numbers, times out of order, and what is called no success."""
    with pytest.raises(ProtocolError, match="GET /v1/klines/history"):
        read(**changed)


@pytest.mark.parametrize("name", list(HOURS))
def test_a_missing_column_is_named(name: str) -> None:
    """Nothing is filled in."""
    body = json.dumps({key: value for key, value in HOURS.items() if key != name}).encode()
    with pytest.raises(ProtocolError, match=f"`{name}`"):
        graph.candles(body, symbol=PAIR, resolution=Resolution.HOUR_1)


DAY: dict[str, Any] = {
    "pair": "BTCTRY",
    "time": 86400,
    "open": 61940.0,
    "high": 62698.0,
    "low": 58500.0,
    "close": 58801.0,
    "volume": 549.1858885452384,
    "total": 33566080.63598728,
    "average": 61119.71,
    "dailyChangeAmount": -3139.0,
    "dailyChangePercentage": -5.07,
}


def test_a_day_has_every_documented_number() -> None:
    """Volume is base, `total` is quote, the change is close minus open."""
    (day,) = graph.daily_candles(json.dumps([DAY]).encode())
    assert (day.symbol, day.open_ms) == (PAIR, 86_400_000)
    assert (day.volume, day.quote_volume) == (
        Decimal("549.1858885452384"),
        Decimal("33566080.63598728"),
    )
    assert day.change == day.close - day.open == -3139
    assert (day.average, day.change_percent) == (Decimal("61119.71"), Decimal("-5.07"))


@pytest.mark.parametrize("bad", ["NaN", "1e40"])
def test_a_damaged_day_is_refused(bad: str) -> None:
    """What exact arithmetic cannot hold never gets past the edge."""
    with pytest.raises(ProtocolError, match="GET /v1/ohlcs"):
        graph.daily_candles(json.dumps([{**DAY, "average": bad}]).encode())


def test_numbers_of_very_different_size_are_looked_at_one_by_one() -> None:
    """A sum of too many digits is no reason to refuse numbers that are fine by themselves."""
    wide = {**DAY, "total": "1" + "0" * 29, "average": "0." + "0" * 24 + "1"}
    (day,) = graph.daily_candles(json.dumps([wide]).encode())
    assert day.average == Decimal("1e-25")
    columns = {**HOURS, "v": ["1" + "0" * 29, "0." + "0" * 24 + "1"]}
    found = graph.candles(json.dumps(columns).encode(), symbol=PAIR, resolution=Resolution.HOUR_1)
    assert found[1].volume == Decimal("1e-25")


def test_new_fields_are_counted() -> None:
    """On the graph host as everywhere."""
    tally = Tally()
    graph.daily_candles(json.dumps([{**DAY, "trades": 7}]).encode(), tally=tally)
    assert tally.counts == {"field:GET /v1/ohlcs:trades": 1}


def test_requests_go_to_the_graph_host() -> None:
    """In whole seconds inside the span, with the space of a day's word encoded."""
    days = graph.daily_candles_request(PAIR, start_ms=1, end_ms=2_999)
    hours = graph.candles_request(PAIR, "1 d", start_ms=1_000, end_ms=2_000)
    assert days.target == "/v1/ohlcs?pair=BTCTRY&from=1&to=2"
    assert hours.target == "/v1/klines/history?symbol=BTCTRY&resolution=1%20d&from=1&to=2"
    for wire in (days, hours):
        assert (wire.host, wire.is_signed) == (Host.GRAPH, False)
        assert endpoint_of(wire.method, wire.target.partition("?")[0]) is wire.endpoint


@pytest.mark.parametrize(("start_ms", "end_ms"), [(2, 1), (-1, 1)])
def test_a_span_that_runs_backwards_is_refused(start_ms: int, end_ms: int) -> None:
    """A negative start gave an error on the wire; here it does not get that far."""
    with pytest.raises(InvariantViolation, match="candles from"):
        graph.daily_candles_request(PAIR, start_ms=start_ms, end_ms=end_ms)


def test_words_of_resolutions() -> None:
    """Minutes have one word, days and weeks two, a month none."""
    assert graph.resolution_words(Resolution.MINUTE_1) == ("1",)
    assert graph.resolution_words(Resolution.WEEK_1) == ("1 w", "1W")
    with pytest.raises(InvariantViolation, match="month"):
        graph.resolution_words(Resolution.MONTH_1)


def test_the_refusal_of_a_word_is_told_by_its_text() -> None:
    """Only a refusal of the exchange, only with that text."""

    def refused(reason: str) -> VenueError:
        return VenueError(status=400, reason=reason, venue_code=1, endpoint=Endpoint.KLINES)

    assert graph.is_unknown_resolution(refused("INVALID_RESOLUTION_FOR_TIME_INTERVAL"))
    assert not graph.is_unknown_resolution(refused("INVALID_REQUEST_ERROR"))
    assert not graph.is_unknown_resolution(ProtocolError("INVALID_RESOLUTION_FOR_TIME_INTERVAL"))
