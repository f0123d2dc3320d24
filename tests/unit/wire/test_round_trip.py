"""What the local exchange writes of transfers, candles and stop orders comes back as it was."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.order_events import OrderAccepted, VenueOrder
from btcturk_kit.domain.orders import (
    OrderStatus,
    OrderType,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.domain.transfers import Transfer, TransferKind
from btcturk_kit.wire import decode, encode, encode_account, encode_graph, encode_public, graph
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.tally import Tally
from btcturk_kit.wire.transfers import transfers

PAIR, BTC, TRY = Symbol("BTCTRY"), Asset("BTC"), Asset("TRY")
AMOUNTS = st.decimals(min_value="1e-8", max_value=10**9, places=8)
PRICES = st.decimals(min_value="0.01", max_value=10**7, places=2)
SECONDS = st.integers(1, 2 * 10**9)


@given(amount=AMOUNTS, fee=AMOUNTS, is_deposit=st.booleans(), time_s=SECONDS)
def test_a_transfer_comes_back(
    amount: Decimal, fee: Decimal, *, is_deposit: bool, time_s: int
) -> None:
    """The sign becomes the kind; chain and tag survive."""
    path = encode_account.CryptoPath("addr", "7", "hash", 3, is_confirmed=True)
    signed = amount if is_deposit else -amount
    row = encode_account.transfer_row(
        transfer_id=5, asset=BTC, amount=signed, event_time_ms=time_s, fee=fee, path=path
    )
    tally = Tally()
    found = transfers(encode.envelope([row]), where=Endpoint.CRYPTO_HISTORY, tally=tally)
    kind = TransferKind.DEPOSIT if is_deposit else TransferKind.WITHDRAWAL
    expected = Transfer(
        transfer_id=5,
        kind=kind,
        asset=BTC,
        amount=amount,
        fee=fee,
        tax=Decimal(0),
        event_time_ms=time_s,
        is_confirmed=True,
        confirmations=3,
        address="addr",
        tag="7",
        tx_hash="hash",
    )
    assert found == (expected,)
    assert tally.counts == {}


@given(
    prices=st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES, AMOUNTS), min_size=1, max_size=4),
    first_s=SECONDS,
)
def test_candles_come_back(
    prices: list[tuple[Decimal, Decimal, Decimal, Decimal, Decimal]], first_s: int
) -> None:
    """Rows become columns of seconds and rows of milliseconds again."""
    written = [
        encode_graph.GraphCandle((first_s + 60 * place) * 1000, *numbers, Decimal(1))
        for place, numbers in enumerate(prices)
    ]
    body = encode_graph.candle_history(written)
    read = graph.candles(body, symbol=PAIR, resolution=Resolution.MINUTE_1)
    assert read == tuple(Candle(PAIR, Resolution.MINUTE_1, *one[:6]) for one in written)


@given(prices=st.tuples(PRICES, PRICES, PRICES, PRICES), volume=AMOUNTS, day=st.integers(0, 30_000))
def test_a_day_comes_back(
    prices: tuple[Decimal, Decimal, Decimal, Decimal], volume: Decimal, day: int
) -> None:
    """With its turnover, and the change that follows from open and close."""
    written = encode_graph.GraphCandle(day * 86_400_000, *prices, volume, volume * 2)
    row = encode_graph.daily_row(written, symbol=PAIR, price_places=0)
    (read,) = graph.daily_candles(encode.document([row]))
    assert read[:8] == (PAIR, *written)
    assert (read.average, read.change) == (2, read.close - read.open)


STOPS: st.SearchStrategy[StopRequest] = st.one_of(
    st.builds(StopLimitOrder, st.just(PAIR), st.sampled_from(Side), AMOUNTS, PRICES, PRICES),
    st.builds(StopMarketBuy, st.just(PAIR), PRICES, PRICES),
    st.builds(StopMarketSell, st.just(PAIR), AMOUNTS, PRICES),
)


@given(stop=STOPS)
def test_the_answer_to_a_stop_order_comes_back(stop: StopRequest) -> None:
    """Number, name and time; everything else in it is an echo and no news."""
    accepted = OrderAccepted(ClientOrderId("bk1-1"), OrderId(7), 9)
    data = encode_account.accepted_data(accepted, stop, base=BTC, quote=TRY)
    tally = Tally()
    read = decode.accepted_order(
        encode.envelope(data), client_order_id=accepted.client_order_id, received_ms=1, tally=tally
    )
    assert read == accepted
    assert tally.counts == {}


@given(price=st.none() | PRICES, stop_price=PRICES, quantity=AMOUNTS)
def test_a_waiting_stop_order_comes_back(
    price: Decimal | None, stop_price: Decimal, quantity: Decimal
) -> None:
    """With its trigger; the limit price is only that of a stop limit order."""
    kind = OrderType.STOP_MARKET if price is None else OrderType.STOP_LIMIT
    order = VenueOrder(
        OrderId(7),
        ClientOrderId("bk1-1"),
        PAIR,
        Side.SELL,
        kind,
        OrderStatus.OPEN,
        price,
        quantity,
        quantity,
        9,
        stop_price,
        8,
    )
    row = encode_account.order_row(
        order,
        base=BTC,
        quote=TRY,
        submitted=quantity,
        first_price=None,
        time_ms=8,
        stop_price=stop_price,
    )
    assert decode.order(encode.envelope(row)) == order


def test_a_ping_comes_back() -> None:
    """It says yes."""
    assert decode.ping(encode_public.server_ping())
