"""Encoding and decoding are each other's mirror, and the bytes look like the exchange's."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, BookLevel, OrderBook, Ticker
from btcturk_kit.domain.order_events import OrderAccepted, VenueOrder
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.wire import decode, encode, encode_account, encode_public
from btcturk_kit.wire.pacing import Refusal

PAYLOADS = Path(__file__).parents[2] / "wire" / "payloads"
BTCTRY, BTC, TRY = Symbol("BTCTRY"), Asset("BTC"), Asset("TRY")

INSTANTS = st.integers(1, 4_000_000_000_000)
IDS = st.integers(1, 2**63 - 1)
PRICES = st.decimals("0.00000001", "9999999999", places=8)
AMOUNTS = st.decimals("0", "99999999999", places=16)
NAMES = st.text("abcdefXYZ0123456789-", min_size=1, max_size=50).map(ClientOrderId)
SIDES = st.sampled_from(Side)


@given(now_ms=INSTANTS)
def test_server_time_comes_back(now_ms: int) -> None:
    """The instant survives, and the text beside it names the same one."""
    body = encode_public.server_time(now_ms)
    assert decode.server_time_ms(body) == now_ms
    assert json.loads(body)["serverTime2"].endswith("0000+00:00")


@given(
    price_scale=st.integers(0, 8),
    quantity_scale=st.integers(0, 8),
    numbers=st.tuples(PRICES, PRICES, PRICES, PRICES),
    has_ceiling=st.booleans(),
    has_fraction=st.booleans(),
    is_trading=st.booleans(),
    methods=st.lists(st.sampled_from(OrderType), unique=True),
)
def test_pair_rules_come_back(
    *,
    price_scale: int,
    quantity_scale: int,
    numbers: tuple[Decimal, Decimal, Decimal, Decimal],
    has_ceiling: bool,
    has_fraction: bool,
    is_trading: bool,
    methods: list[OrderType],
) -> None:
    """Every rule of a pair survives, limits and missing limits alike."""
    notional, floor, ceiling, tick = numbers
    rules = PairRules(
        symbol=BTCTRY,
        base=BTC,
        quote=TRY,
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        quote_scale=price_scale,
        has_fraction=has_fraction,
        min_notional=notional,
        min_price=floor,
        max_price=ceiling if has_ceiling else None,
        tick_size=tick,
        order_types=tuple(methods),
        is_trading=is_trading,
    )
    body = encode.envelope(encode_public.exchange_data([rules], now_ms=1))
    assert decode.pair_rules(body) == {BTCTRY: rules}


@given(prices=st.lists(PRICES, min_size=6, max_size=6), volume=AMOUNTS, now_ms=INSTANTS)
def test_a_ticker_comes_back(prices: list[Decimal], volume: Decimal, now_ms: int) -> None:
    """Every number of the row survives."""
    last, bid, ask, high, low, opened = prices
    ticker = Ticker(BTCTRY, last, bid, ask, high, low, opened, volume, now_ms)
    row = encode_public.ticker_row(ticker, base=BTC, quote=TRY, average=last)
    (read,) = decode.tickers(encode.envelope([row]))
    assert read[:9] == ticker[:9]


@given(
    bids=st.lists(st.tuples(PRICES, AMOUNTS), max_size=5, unique_by=lambda level: level[0]),
    asks=st.lists(st.tuples(PRICES, AMOUNTS), max_size=5, unique_by=lambda level: level[0]),
    now_ms=INSTANTS,
)
def test_an_order_book_comes_back(
    bids: list[tuple[Decimal, Decimal]], asks: list[tuple[Decimal, Decimal]], now_ms: int
) -> None:
    """Both sides survive, best first."""
    book = OrderBook(
        BTCTRY,
        tuple(BookLevel(*level) for level in sorted(bids, reverse=True)),
        tuple(BookLevel(*level) for level in sorted(asks)),
        now_ms,
        now_ms,
    )
    body = encode.envelope(encode_public.order_book_data(book), code="SUCCESS")
    assert decode.order_book(body, symbol=BTCTRY, received_ms=now_ms) == book


@given(held=st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=3), now_ms=INSTANTS)
def test_balances_come_back(held: list[tuple[Decimal, Decimal]], now_ms: int) -> None:
    """Free and locked survive to the sixteenth place; the total is their sum."""
    balances = tuple(
        Balance(Asset(f"A{number}"), free, locked) for number, (free, locked) in enumerate(held)
    )
    rows = [encode_account.balance_row(balance, now_ms=now_ms) for balance in balances]
    read = decode.balances(encode.envelope(rows))
    assert [one[:3] for one in read] == [one[:3] for one in balances]
    for row, balance in zip(rows, balances, strict=True):
        assert Decimal(row["balance"]) == balance.total
        assert row["orderFund"] == row["locked"]


ORDERS = st.builds(
    lambda number, name, side, state, price, amounts, now_ms: VenueOrder(
        OrderId(number),
        name,
        BTCTRY,
        side,
        OrderType.LIMIT if price is not None else OrderType.MARKET,
        state,
        price,
        max(amounts),
        min(amounts),
        now_ms,
    ),
    IDS,
    NAMES,
    SIDES,
    st.sampled_from(
        [
            OrderStatus.OPEN,
            OrderStatus.PARTIALLY_FILLED,
            OrderStatus.FILLED,
            OrderStatus.CANCELED,
        ]
    ),
    st.none() | PRICES,
    st.tuples(AMOUNTS, AMOUNTS),
    INSTANTS,
)


def row_of(order: VenueOrder, first_price: Decimal | None = None) -> dict[str, object]:
    """Return one order as listings write it."""
    return encode_account.order_row(
        order,
        base=BTC,
        quote=TRY,
        submitted=order.quantity,
        first_price=first_price,
        time_ms=order.updated_ms,
    )


@given(order=ORDERS, first_price=st.none() | PRICES)
def test_an_order_comes_back(order: VenueOrder, first_price: Decimal | None) -> None:
    """In all three listings; a market order's first price is shown and is not taken for a limit."""
    row = row_of(order, first_price)
    order = order._replace(created_ms=order.updated_ms)
    assert decode.order(encode.envelope(row)) == order
    assert decode.all_orders(encode.envelope([row, row])) == (order, order)
    is_buy = order.side is Side.BUY
    data = encode_account.open_orders_data(
        asks=[] if is_buy else [row], bids=[row] if is_buy else []
    )
    assert decode.open_orders(encode.envelope(data)) == (order,)


@given(
    trade_id=IDS,
    order_id=IDS,
    name=st.none() | NAMES,
    side=SIDES,
    numbers=st.tuples(AMOUNTS.filter(bool), PRICES, AMOUNTS, AMOUNTS),
    now_ms=INSTANTS,
)
def test_a_fill_comes_back(
    *,
    trade_id: int,
    order_id: int,
    name: ClientOrderId | None,
    side: Side,
    numbers: tuple[Decimal, Decimal, Decimal, Decimal],
    now_ms: int,
) -> None:
    """Signs leave and come back, ids beyond 2**53 and all sixteen places survive."""
    quantity, price, fee, tax = numbers
    fill = Fill(
        trade_id=TradeId(trade_id),
        order_id=OrderId(order_id),
        client_order_id=name,
        symbol=BTCTRY,
        base=BTC,
        quote=TRY,
        side=side,
        quantity=quantity,
        price=price,
        fee=fee,
        tax=tax,
        event_time_ms=now_ms,
    )
    body = encode.envelope([encode_account.fill_row(fill, base_places=8)], message="SUCCESS")
    assert decode.fills(body) == (fill,)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (LimitOrder(BTCTRY, Side.SELL, Decimal("0.1"), Decimal(5)), ("sell", "limit", "5", "0.1")),
        (LimitOrder(BTCTRY, Side.BUY, Decimal("0.1"), Decimal(5)), ("buy", "limit", "5", "0.1")),
        (MarketBuy(BTCTRY, Decimal(100)), ("buy", "market", "0", "100")),
        (MarketSell(BTCTRY, Decimal("0.1")), ("sell", "market", "0", "0.1")),
    ],
)
def test_an_acceptance_comes_back(request_: OrderRequest, words: tuple[str, ...]) -> None:
    """Number, name and instant survive; the words are lower case and the stop price is null."""
    accepted = OrderAccepted(ClientOrderId("mine"), OrderId(21_770_789_256), 1_735_689_600_000)
    data = encode_account.accepted_data(accepted, request_, base=BTC, quote=TRY)
    body = encode.envelope(data, message="SUCCESS")
    came = decode.accepted_order(body, client_order_id=ClientOrderId("mine"), received_ms=5)
    assert came == accepted
    assert tuple(data[name] for name in ("type", "method", "price", "quantity")) == words
    assert data["stopPrice"] is None


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            StopLimitOrder(BTCTRY, Side.SELL, Decimal("0.1"), Decimal(5), Decimal(6)),
            ("sell", "stoplimit", "5", "6", "0.1"),
        ),
        (
            StopMarketBuy(BTCTRY, Decimal(100), Decimal(6)),
            ("buy", "stopmarket", "0", "6", "100"),
        ),
        (
            StopMarketSell(BTCTRY, Decimal("0.1"), Decimal(6)),
            ("sell", "stopmarket", "0", "6", "0.1"),
        ),
    ],
)
def test_the_acceptance_of_a_stop_order(request_: StopRequest, words: tuple[str, ...]) -> None:
    """It names the trigger, and the method in one word."""
    accepted = OrderAccepted(ClientOrderId("mine"), OrderId(21_770_789_256), 1_735_689_600_000)
    data = encode_account.accepted_data(accepted, request_, base=BTC, quote=TRY)
    names = ("type", "method", "price", "stopPrice", "quantity")
    assert tuple(data[name] for name in names) == words


def test_a_stop_order_looks_like_the_published_one() -> None:
    """A waiting stop-market order of March 2022 shows its trigger as its price too."""
    order = VenueOrder(
        OrderId(61912740),
        ClientOrderId("BtcTurk API"),
        BTCTRY,
        Side.SELL,
        OrderType.STOP_MARKET,
        OrderStatus.OPEN,
        None,
        Decimal("0.12345678"),
        Decimal("0.12345678"),
        1647883449587,
    )
    row = encode_account.order_row(
        order,
        base=BTC,
        quote=TRY,
        submitted=order.quantity,
        first_price=None,
        time_ms=1647883449587,
        stop_price=Decimal(20000),
    )
    # The published price is 20000.00: the pair had two decimals then.
    assert encode.envelope(row) == (
        b'{"data":{"id":61912740,"price":"20000","amount":"0.12345678","quantity":"0.12345678",'
        b'"stopPrice":"20000","pairSymbol":"BTCTRY","pairSymbolNormalized":"BTC_TRY",'
        b'"type":"sell","method":"stopmarket","orderClientId":"BtcTurk API","time":1647883449587,'
        b'"updateTime":1647883449587,"status":"Untouched","leftAmount":"0.1234567800000000"},'
        b'"success":true,"message":null,"code":0}'
    )


def test_transfers_look_like_the_recorded_ones() -> None:
    """A withdrawal of coins and a deposit of lira of October 2021, byte for byte."""
    out = encode_account.transfer_row(
        transfer_id=10279218,
        asset=Asset("XLM"),
        amount=Decimal("-146.7576"),
        event_time_ms=1635329695617,
        fee=Decimal("0.02"),
        path=encode_account.CryptoPath("GAHK", "109492429", "91fd", 0, is_confirmed=False),
    )
    back = encode_account.transfer_row(
        transfer_id=34086674, asset=TRY, amount=Decimal(480), event_time_ms=1635329589097
    )
    assert encode.document([out, back]) == (
        b'[{"balanceType":"withdrawal","currencySymbol":"XLM","address":"GAHK",'
        b'"tag":"109492429","txHash":"91fd","confirmationCount":0,"isConfirmed":false,'
        b'"id":10279218,"timestamp":1635329695617,"amount":"-146.7576","fee":"-0.02","tax":"0"},'
        b'{"balanceType":"deposit","currencySymbol":"TRY","address":null,"tag":null,'
        b'"txHash":null,"confirmationCount":null,"isConfirmed":false,"id":34086674,'
        b'"timestamp":1635329589097,"amount":"480","fee":"0","tax":"0"}]'
    )


def test_exchange_info_looks_like_the_recorded_one() -> None:
    """Pairs and currencies of August 2026 have every field, in order, as number or as text."""
    recorded = json.loads(
        (PAYLOADS / "exchangeinfo.json").read_text("utf-8"), parse_float=str, parse_int=str
    )
    rules = decode.pair_rules((PAYLOADS / "exchangeinfo.json").read_bytes())
    data = encode_public.exchange_data(rules.values(), now_ms=1787523577790)
    body = encode.envelope(data, message="", extensions=None)
    ours = json.loads(body, parse_float=str, parse_int=str)
    assert list(ours) == list(recorded)
    assert {**ours, "data": None} == {**recorded, "data": None}
    assert list(ours["data"]) == list(recorded["data"])
    assert json.dumps(ours["data"]["symbols"]) == json.dumps(recorded["data"]["symbols"])
    known = {row["symbol"]: json.dumps(row) for row in ours["data"]["currencies"]}
    for row in recorded["data"]["currencies"]:
        assert known[row["symbol"]] == json.dumps(row)
    blocks = {row["currencySymbol"]: list(row) for row in ours["data"]["currencyOperationBlocks"]}
    assert set(blocks) == {"Btc", "Usdt", "Eth"}  # no lira: it has no chain
    assert blocks["Btc"] == list(recorded["data"]["currencyOperationBlocks"][0])


def test_ether_has_the_number_it_was_recorded_with() -> None:
    """Its pairs are listed by name, so its number and name are the exchange's: July 2022."""
    recorded = json.loads((PAYLOADS / "exchangeinfo-2022-07.json").read_text("utf-8"))
    row = next(one for one in recorded["data"]["currencies"] if one["symbol"] == "ETH")
    ours = encode_public.currency_of(Asset("ETH"))
    assert (ours.number, ours.name, ours.color) == (row["id"], row["name"], row["color"])


def test_a_pair_and_a_currency_nobody_recorded() -> None:
    """They get numbers behind the known ones, apart from each other."""
    rules = [
        PairRules(
            symbol=Symbol(f"{base}TRY"),
            base=Asset(base),
            quote=TRY,
            price_scale=2,
            quantity_scale=4,
        )
        for base in ("AAA", "BBB")
    ]
    data = encode_public.exchange_data(rules, now_ms=1)
    assert len({row["id"] for row in data["symbols"]}) == 2
    assert len({row["id"] for row in data["currencies"]}) == 3
    assert all(row["id"] >= 1_000 for row in data["symbols"])


def test_a_trade_looks_like_the_published_one() -> None:
    """A documented sell of September 2022: ours has the same bytes."""
    fill = Fill(
        trade_id=TradeId(1181163798924649598),
        order_id=OrderId(10938696222),
        client_order_id=None,
        symbol=Symbol("ETHWTRY"),
        base=Asset("ETHW"),
        quote=TRY,
        side=Side.SELL,
        quantity=Decimal("0.33840811"),
        price=Decimal("122.00"),
        fee=Decimal("0.06297817"),
        tax=Decimal("0.01133607"),
        event_time_ms=1663848223334,
    )
    assert encode.envelope([encode_account.fill_row(fill, base_places=4)]) == (
        b'{"data":[{"id":1181163798924649598,"timestamp":1663848223334,"amount":"-0.3384",'
        b'"preciseAmount":-0.3384081100000000,"fee":"-0.06297817","tax":"-0.01133607",'
        b'"price":"122.00","numeratorSymbol":"ETHW","denominatorSymbol":"TRY","orderType":"sell",'
        b'"orderId":10938696222,"orderClientId":null}],"success":true,"message":null,"code":0}'
    )


def test_a_trade_without_commission_has_no_negative_zero() -> None:
    """A fee of nothing is written as 0."""
    fill = Fill(
        trade_id=TradeId(1),
        order_id=OrderId(2),
        client_order_id=None,
        symbol=BTCTRY,
        base=BTC,
        quote=TRY,
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(1),
        fee=Decimal(0),
        tax=Decimal(0),
        event_time_ms=1,
    )
    row = encode_account.fill_row(fill, base_places=8)
    assert (row["fee"], row["tax"]) == ("0", "0")


def test_a_ticker_looks_like_the_recorded_one() -> None:
    """The BTCTRY row of August 2026: the daily change uses ask, the percentage uses last."""
    ticker = Ticker(
        symbol=BTCTRY,
        last=Decimal(3713440),
        bid=Decimal(3712281),
        ask=Decimal(3715990),
        high=Decimal(3733751),
        low=Decimal(3617080),
        open=Decimal(3686279),
        volume=Decimal("27.81911204"),
        event_time_ms=1787525058187,
    )
    row = encode_public.ticker_row(ticker, base=BTC, quote=TRY, average=Decimal(3688109))
    assert encode.envelope([row]) == (
        b'{"data":[{"pair":"BTCTRY","pairNormalized":"BTC_TRY","timestamp":1787525058187,'
        b'"last":3713440,"high":3733751,"low":3617080,"bid":3712281,"ask":3715990,"open":3686279,'
        b'"volume":27.81911204,"average":3688109,"daily":29711,"dailyPercent":0.74,'
        b'"denominatorSymbol":"TRY","numeratorSymbol":"BTC","order":1000}],'
        b'"success":true,"message":null,"code":0}'
    )


def test_an_order_book_looks_like_the_recorded_one() -> None:
    """Amounts have eight places and the code is a text, on this endpoint only."""
    book = OrderBook(
        BTCTRY,
        (BookLevel(Decimal(3712281), Decimal("0.03866329")),),
        (BookLevel(Decimal(3715990), Decimal("0.01663")),),
        1787525059089,
        0,
    )
    assert encode.envelope(encode_public.order_book_data(book), code="SUCCESS") == (
        b'{"data":{"timestamp":1787525059089,"bids":[["3712281","0.03866329"]],'
        b'"asks":[["3715990","0.01663000"]]},"success":true,"message":null,"code":"SUCCESS"}'
    )


def test_a_public_trade_has_a_text_for_a_number() -> None:
    """The id is a text here, as recorded, and the side is the taker's."""
    row = encode_public.public_trade_row(
        trade_id=TradeId(101963791673044018),
        symbol=Symbol("BTCUSDT"),
        base=BTC,
        quote=Asset("USDT"),
        price=Decimal(20510),
        quantity=Decimal("0.59571434"),
        taker_side=Side.SELL,
        event_time_ms=1657053670308,
    )
    assert row == {
        "pair": "BTCUSDT",
        "pairNormalized": "BTC_USDT",
        "numerator": "BTC",
        "denominator": "USDT",
        "date": 1657053670308,
        "tid": "101963791673044018",
        "price": "20510",
        "amount": "0.59571434",
        "side": "sell",
    }


def test_refusals_look_like_the_recorded_ones() -> None:
    """Business errors, a cancel, a full window, and the strange 401 with `success: true`."""
    assert encode.success() == b'{"success":true,"message":"SUCCESS","code":0}'
    assert encode_public.server_ping() == b'{"pong":true}'
    assert encode.refusal("Order not found", 1152) == (
        b'{"success":false,"message":"Order not found","code":1152}'
    )
    assert encode.unauthorized("Invalid Nonce") == (
        b'{"success":true,"message":"Unauthorized - Invalid Nonce","code":1037}'
    )
    assert encode.rate_limited(Refusal(120, "1m", "ip", 7)) == (
        b'{"message":"TOO_MANY_REQUESTS","success":false,"code":429,'
        b'"details":"Quota exceeded. Maximum allowed: 120 per 1m.","limit":"120","period":"1m",'
        b'"policy":"ip"}'
    )
    account = json.loads(encode.rate_limited(Refusal(10, "1s", "account", 1)))
    assert account["details"] == (
        "Quota exceeded. Maximum allowed: 10 per 1s. Please try again in 1 second(s)."
    )
