"""Windows of a book, candles of a stream, and what clients of it send."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.identifiers import Symbol, TradeId
from btcturk_kit.domain.market import BookLevel, PublicTrade
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.stream_events import BookOperation
from btcturk_kit.sandbox.access import LoginRequest
from btcturk_kit.sandbox.stream.books import changes_between
from btcturk_kit.sandbox.stream.candles import folded
from btcturk_kit.sandbox.stream.forms import JoinRequest, read_request

BTCTRY = Symbol("BTCTRY")
SIDES = st.dictionaries(st.integers(1, 30), st.integers(1, 3), max_size=20)


def side(amounts: dict[int, int], *, is_bids: bool) -> list[BookLevel]:
    """Return levels, best first."""
    return [
        BookLevel(Decimal(price), Decimal(amounts[price]))
        for price in sorted(amounts, reverse=is_bids)
    ]


@given(SIDES, SIDES, st.booleans())
def test_changes_turn_one_window_into_the_next(
    before: dict[int, int],
    after: dict[int, int],
    is_bids: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    """Applied by the rules for clients they give the new window; nothing is named for nothing."""
    book = dict(side(before, is_bids=is_bids))
    changes = changes_between(
        side(before, is_bids=is_bids), side(after, is_bids=is_bids), is_bids=is_bids
    )
    prices = [change.price for change in changes]
    assert prices == sorted(prices, reverse=is_bids)
    for operation, price, quantity in changes:
        if operation is BookOperation.DELETE:
            assert book.pop(price) == quantity
        else:
            assert (price in book) is (operation is BookOperation.SET)
            assert book.get(price) != quantity
            book[price] = quantity
    assert book == dict(side(after, is_bids=is_bids))


def trade(price: int, at_ms: int) -> PublicTrade:
    """Return a trade of one coin."""
    return PublicTrade(TradeId(1), BTCTRY, Decimal(price), Decimal(1), Side.BUY, at_ms)


def test_a_candle_grows_until_its_interval_ends() -> None:
    """Trades of one interval are one candle; the next one begins with its own first trade."""
    candle = None
    for price, at_ms in ((10, 60_000), (12, 61_000), (9, 62_000), (11, 119_999)):
        candle = folded(candle, trade(price, at_ms), Resolution.MINUTE_1)
    assert candle == Candle(
        BTCTRY,
        Resolution.MINUTE_1,
        60_000,
        Decimal(10),
        Decimal(12),
        Decimal(9),
        Decimal(11),
        Decimal(4),
    )
    following = folded(candle, trade(20, 120_000), Resolution.MINUTE_1)
    assert (following.open_ms, following.open, following.volume) == (120_000, 20, 1)


def test_joins_and_logins_are_read() -> None:
    """The two requests of a client, with or without the type in the model."""
    assert read_request('[151,{"channel":"a","event":"b","join":false}]') == JoinRequest(
        "a", "b", is_join=False
    )
    login = '[114,{"type":114,"publicKey":"k","timestamp":5,"nonce":3000,"signature":"s"}]'
    assert read_request(login) == LoginRequest("k", 5, 3000, "s")
    assert read_request('[114,{"nonce":"3000","timestamp":true}]') == LoginRequest("", -1, -1, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ping",
        "[" * 100_000,
        '{"type":151,"channel":"trade","event":"BTCTRY","join":true}',
        '[151,{"type":151,"channel":"trade","event":["BTCTRY"],"join":true}]',
        '[151,{"type":151,"channel":"trade","event":"BTCTRY","join":1}]',
        '[151,{"type":151,"channel":"trade","event":"BTCTRY"}]',
        '[151,{"type":151},{}]',
        '[151,"join"]',
        '[999,{"type":999}]',
        '[101,{"type":101,"channel":"trade","event":"BTCTRY","code":421}]',
    ],
)
def test_everything_else_is_nothing(text: str) -> None:
    """What BtcTurk does not answer is no request."""
    assert read_request(text) is None
