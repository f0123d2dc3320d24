"""Recorded messages of the stream decode to the values that stand in them, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.market import BookLevel, PublicTrade
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    BookChange,
    BookChanged,
    BookListed,
    BookOperation,
    CandleUpdated,
    Channel,
    LoginAnswered,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    RestingOrder,
    StreamTicker,
    Subscription,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    UserTraded,
    VersionTold,
)
from btcturk_kit.wire.live_book import BestQuote, LiveBook
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream import login_frame, read_book, read_event, subscription_frame

FOLDER = Path(__file__).parent / "frames"
OURS = ("114-login-request", "151-subscribe", "151-unsubscribe")
THEIRS = sorted(path.stem for path in FOLDER.glob("*.json") if path.stem not in OURS)
NOT_MONEY = {"D", "I", "R", "payload", "timestamp", "clientId", "current", "min", "orderClientId"}
"""Keys whose texts look like numbers and are none."""


def text_of(name: str) -> str:
    """Return a recorded message."""
    return (FOLDER / f"{name}.json").read_text("utf-8").strip()


def decimals(value: Any) -> Iterator[Decimal]:
    """Yield every amount within an event."""
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from decimals(one)


def money(value: Any, *, kind: int, key: str = "") -> Iterator[str]:
    """Yield the text of every amount within a message, without its sign where ours has none."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from money(one, kind=kind, key=name)
    elif isinstance(value, list):
        for one in value:
            yield from money(one, kind=kind, key=key)
    elif isinstance(value, str) and (key not in NOT_MONEY or (key == "D" and kind in (401, 402))):
        try:
            Decimal(value)
        except ArithmeticError:
            return
        yield value.lstrip("-") if kind == 423 else value


@pytest.mark.parametrize("name", THEIRS)
def test_every_digit_arrives(name: str) -> None:
    """The amounts of an event are the texts of the message, trailing zeros included."""
    text = text_of(name)
    kind, model = json.loads(text)
    event = read_event(text)
    assert not isinstance(event, UnknownFrame)
    told = sorted(money(model, kind=kind))
    if kind == 423:
        # Told twice, precisely and rounded: the precise one is a JSON number and counts.
        told.remove("205.24")
        told = sorted([*told, "205.24"])
    if "orderClientId" in model or "newOrderClientId" in model:
        told = [one for one in told if one != model.get("newOrderClientId")]
    assert sorted(f"{one:f}" for one in decimals(event)) == told


def test_the_connection() -> None:
    """Version, answers to subscriptions, answers to a login."""
    assert read_event(text_of("991-hello")) == VersionTold("6.0.0", "2.3.0")
    joined = SubscriptionAnswered(ok=True, is_join=True, channel="obdiff", event="BTCUSDT")
    assert read_event(text_of("100-join")) == joined
    assert read_event(text_of("100-leave")) == joined._replace(is_join=False)
    assert read_event(text_of("114-login-ok")) == LoginAnswered(ok=True, user_id=0, reason="")
    assert read_event(text_of("114-login-failed")) == LoginAnswered(
        ok=False, user_id=None, reason="Unauthorized - Invalid Request"
    )


def test_tickers() -> None:
    """The ticker of all pairs is a tuple of what the ticker of one pair is."""
    ticker = StreamTicker(
        Symbol("BTCTRY"),
        Asset("BTC"),
        Asset("TRY"),
        1,
        *(
            Decimal(one)
            for one in [
                "3779950",
                "3781912",
                "0.00092482",
                "0.02976469",
                "3780291",
                "3891284",
                "3745640",
                "3794559",
                "31.53834999",
                "3824093.600803400000",
                "-12647",
                "-0.38",
            ]
        ),
    )
    assert read_event(text_of("402-ticker")) == TickerUpdated(ticker)
    listed = read_event(text_of("401-ticker-all"))
    assert isinstance(listed, TickersUpdated)
    assert [(one.symbol, one.pair_id, one.last) for one in listed.tickers] == [
        ("BTCTRY", 1, Decimal(3913951)),
        ("ETHTRY", 2, Decimal(132500)),
    ]
    other = read_event(text_of("402-ticker-btcusdt-2026-09"))
    assert isinstance(other, TickerUpdated)
    assert (other.ticker.symbol, other.ticker.change) == ("BTCUSDT", Decimal(1240))


def test_trades() -> None:
    """Times and 64-bit numbers come as text; 0 is a seller, 1 a buyer who took."""
    first = PublicTrade(
        TradeId(100163842129199947),
        Symbol("BTCTRY"),
        Decimal("3765490.0000000000"),
        Decimal("0.0127318800"),
        Side.SELL,
        1787692476996,
    )
    listed = read_event(text_of("421-trade-list"))
    assert isinstance(listed, TradesListed)
    assert (listed.symbol, len(listed.trades), listed.trades[0]) == ("BTCTRY", 2, first)
    assert listed.trades[1].taker_side is Side.BUY
    bought = read_event(text_of("422-trade-avaxtry-2022"))
    sold = read_event(text_of("422-trade"))
    assert isinstance(bought, TradePrinted)
    assert isinstance(sold, TradePrinted)
    assert (bought.trade.symbol, bought.trade.taker_side) == ("AVAXTRY", Side.BUY)
    assert sold.trade == PublicTrade(
        TradeId(101963781951665674),
        Symbol("BTCUSDT"),
        Decimal(40670),
        Decimal("0.0002456604"),
        Side.SELL,
        1647588210843,
    )


def test_the_candle() -> None:
    """Its time is told in seconds."""
    prices = (Decimal(one) for one in ("3802189", "3809691", "3787859", "3796125", "0.54581564"))
    assert read_event(text_of("428-tradeview-constructed")) == CandleUpdated(
        Candle(Symbol("BTCTRY"), Resolution.HOUR_1, 1_787_684_400_000, *prices)
    )


def test_books() -> None:
    """Both channels list books; a difference has an operation for every price."""
    listed = read_event(text_of("431-orderbook"))
    assert listed == BookListed(
        Channel.BOOK,
        Symbol("BTCTRY"),
        2721198,
        (
            BookLevel(Decimal(3779950), Decimal("0.02538711")),
            BookLevel(Decimal(3779000), Decimal("0.1")),
        ),
        (
            BookLevel(Decimal(3780992), Decimal("0.0496469")),
            BookLevel(Decimal(3781380), Decimal("0.02538711")),
        ),
    )
    assert read_event(text_of("432-obdiff-with-update")) == BookChanged(
        Symbol("ETHUSDT"),
        4008255,
        (
            BookChange(BookOperation.DELETE, Decimal("2765.9"), Decimal("2.86453815")),
            BookChange(BookOperation.INSERT, Decimal("2531.9"), Decimal("0.00789131")),
        ),
        (
            BookChange(BookOperation.INSERT, Decimal(2769), Decimal("1.98627663")),
            BookChange(BookOperation.DELETE, Decimal("2769.6"), Decimal("1.98584633")),
            BookChange(BookOperation.SET, Decimal("2770.3"), Decimal("0.400488")),
        ),
    )


@pytest.mark.parametrize("name", [name for name in THEIRS if name.startswith("431")])
def test_a_recorded_book_is_kept_whole(name: str) -> None:
    """The kept book shows what the message lists."""
    text = text_of(name).replace('"channel":"orderbook"', '"channel":"obdiff"')
    listed = read_event(text)
    assert isinstance(listed, BookListed)
    book = LiveBook(listed.symbol)
    assert book.apply(read_book(text), received_ms=5) is None
    assert book.view() == (listed.symbol, listed.bids, listed.asks, 5, 5)
    assert book.best() == BestQuote(*listed.bids[0], *listed.asks[0], listed.change_number, 5)


def test_the_account() -> None:
    """A hint, a trade with its costs, a fill, and orders coming and going."""
    assert read_event(text_of("201-balance-updated")) == BalanceChanged(0, 135, 50, 1)
    assert read_event(text_of("423-user-trade")) == UserTraded(
        Fill(
            TradeId(1149163839863900657),
            OrderId(25327923517),
            ClientOrderId("xxxxxx"),
            Symbol("APEUSDT"),
            Asset("APE"),
            Asset("USDT"),
            Side.SELL,
            Decimal("205.24"),
            Decimal("1.020"),
            Decimal("0.10467240"),
            Decimal("0.02093448"),
            1729396570700,
        )
    )
    assert read_event(text_of("441-order-match")) == OrderMatched(
        OrderId(26849465965),
        ClientOrderId("1735866257566"),
        Symbol("MEMEUSDT"),
        339,
        147682,
        Side.SELL,
        OrderType.LIMIT,
        Decimal("0.0110820000"),
        Decimal("41040.0000000000"),
        1735866257711,
    )
    order = RestingOrder(
        OrderId(25338392433),
        ClientOrderId("xxxxx"),
        Symbol("ARPAUSDT"),
        223,
        907818,
        Side.BUY,
        OrderType.LIMIT,
        Decimal("0.04573"),
        Decimal("37154.7082"),
        Decimal("37154.7082"),
        Decimal("1700.7838907919859319"),
    )
    assert read_event(text_of("451-order-insert")) == OrderInserted(order)
    assert read_event(text_of("452-order-delete")) == OrderDeleted(order)
    partly = read_event(text_of("452-order-delete-after-partial-fill-2025"))
    assert isinstance(partly, OrderDeleted)
    assert partly.order.side is Side.SELL
    assert partly.order.remaining_quantity == Decimal("139.9")


def test_what_is_ours_to_send_is_encoded_to_the_letter() -> None:
    """Login, join and leave equal the recorded texts; so does the signature."""
    keys = Credentials("test-public-key", "dGVzdC1zZWNyZXQta2V5LWZvci11bml0LXRlc3Rz")
    subscription = Subscription(Channel.BOOK_CHANGES, Symbol("BTCUSDT"))
    assert subscription_frame(subscription, join=True) == text_of("151-subscribe")
    assert subscription_frame(subscription, join=False) == text_of("151-unsubscribe")
    assert login_frame(keys, now_ms=1735689600000) == text_of("114-login-request")
