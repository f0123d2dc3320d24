"""Every recorded answer, digit for digit: nothing that we know of is lost or changed on the way.

The numbers are taken from the text of an answer, field by field as the models name them, and looked
for in the value that our readers make of it. What is missing there must stand in `HIDDEN` with its
reason; what the models do not read stands in `LEFT_OUT`, and nothing else may be in an answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from msgspec import Struct
from msgspec.structs import fields

from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.market import BookLevel
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.wire import decode, graph, listing, models, requests, transfers
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.tally import Tally

FOLDER = Path(__file__).parent / "payloads"
PAIR = Symbol("BTCTRY")

Read = Callable[[bytes, Tally], Any]


class Case(NamedTuple):
    """How one recorded answer is read.

    Attributes:
        read: Our reader of it.
        shape: The type of what stands in `data`, or of the whole answer without an envelope.
        frame: What a bare recording is put into before it is read.
    """

    read: Read
    shape: Any
    frame: str = "%s"


def _book(body: bytes, tally: Tally) -> Any:
    return decode.order_book(body, symbol=PAIR, received_ms=0, tally=tally)


def _candles(body: bytes, tally: Tally) -> Any:
    return graph.candles(body, symbol=PAIR, resolution=Resolution.HOUR_1, tally=tally)


def _accepted(body: bytes, tally: Tally) -> Any:
    name = ClientOrderId(json.loads(body)["data"]["newOrderClientId"])
    return decode.accepted_order(body, client_order_id=name, received_ms=0, tally=tally)


def _canceled(body: bytes, tally: Tally) -> Any:
    decode.canceled(body)


LISTING = Case(lambda body, tally: listing.listing(body, tally=tally), models.ListingModel)
TICKERS = Case(lambda body, tally: decode.tickers(body, tally=tally), models.TickerModel)
BOOK = Case(_book, models.BookModel)
KLINES = Case(_candles, models.KlinesModel)
BALANCES = Case(lambda body, tally: decode.balances(body, tally=tally), models.BalanceModel)
OPEN_ORDERS = Case(
    lambda body, tally: decode.open_orders(body, tally=tally), models.OpenOrdersModel
)
ALL_ORDERS = Case(lambda body, tally: decode.all_orders(body, tally=tally), models.OrderModel)
ACCEPTED = Case(_accepted, models.AcceptedModel)
TRADES = Case(lambda body, tally: decode.fills(body, tally=tally), models.TradeModel)

CASES: dict[str, Case] = {
    "server-time": Case(
        lambda body, tally: decode.server_time_ms(body, tally=tally), models.ServerTimeModel
    ),
    "server-ping": Case(lambda body, tally: decode.ping(body, tally=tally), models.PingModel),
    "exchangeinfo": LISTING,
    "exchangeinfo-2022-07": LISTING,
    "exchangeinfo-symbols-ccxt": LISTING._replace(frame='{"data":{"symbols":%s},"success":true}'),
    "ticker": TICKERS,
    "ticker-btcusdt-2026-09": TICKERS,
    "ticker-currency": TICKERS._replace(
        read=lambda body, tally: decode.tickers_of_currency(body, tally=tally)
    ),
    "ticker-unknown-pair": TICKERS,
    "orderbook": BOOK,
    "orderbook-2022-07-full": BOOK,
    "trades": Case(
        lambda body, tally: decode.public_trades(body, tally=tally), models.PublicTradeModel
    ),
    "ohlcs": Case(
        lambda body, tally: graph.daily_candles(body, tally=tally), models.DailyCandleModel
    ),
    "klines-history": KLINES,
    "klines-history-2020": KLINES,
    "klines-empty": KLINES,
    "balances": BALANCES,
    "balances-dot-decimals-2022": BALANCES,
    "open-orders": OPEN_ORDERS,
    "open-orders-stoplimit": OPEN_ORDERS,
    "all-orders": ALL_ORDERS,
    "all-orders-market-buy-item": ALL_ORDERS._replace(frame='{"data":[%s],"success":true}'),
    "order-single": Case(lambda body, tally: decode.order(body, tally=tally), models.OrderModel),
    "submit-order": ACCEPTED,
    "submit-order-2024-data": ACCEPTED._replace(frame='{"data":%s,"success":true}'),
    "cancel-order": Case(_canceled, type(None)),
    "user-trades": TRADES,
    "user-trades-buy-2021": TRADES,
    "user-crypto": Case(
        lambda body, tally: transfers.transfers(body, where=Endpoint.CRYPTO_HISTORY, tally=tally),
        models.TransferModel,
    ),
    "user-fiat": Case(
        lambda body, tally: transfers.transfers(body, where=Endpoint.FIAT_HISTORY, tally=tally),
        models.TransferModel,
    ),
}

NO_STOP = "a stop price of an order that is no stop order says nothing"
NO_LIMIT = "the price of a market order is that of its first trade, not a limit"
TOTAL = "free and locked together; only compared with them where a comma is unclear"
HIDDEN: dict[tuple[str, str], str] = {
    ("open-orders", "stopPrice"): NO_STOP,
    ("all-orders-market-buy-item", "stopPrice"): NO_STOP,
    ("all-orders-market-buy-item", "price"): NO_LIMIT,
    ("order-single", "price"): NO_LIMIT,
    ("user-trades", "amount"): "rounded; `preciseAmount` is the amount",
    ("balances", "balance"): TOTAL,
    ("balances-dot-decimals-2022", "balance"): TOTAL,
}
"""(Recording, field) → why a number that was read does not stand in the value."""

SECONDS = {"time": models.DailyCandleModel, "t": models.KlinesModel}
SIGNED = {"amount", "preciseAmount", "fee", "tax"}


def body_of(name: str) -> bytes:
    """Return a recorded answer, in its frame if it was recorded bare."""
    text = (FOLDER / f"{name}.json").read_text("utf-8")
    return CASES[name].frame.replace("%s", text).encode()


def written_numbers(value: Any, shape: Any) -> Iterator[tuple[str, str]]:
    """Yield field and text of every number that a model knows, from JSON with texts as numbers."""
    if isinstance(value, list):
        for one in value:
            yield from written_numbers(one, shape)
        return
    known = {field.encode_name.lower(): field for field in fields(shape)}
    for key, inner in value.items():
        field = known.get(key.lower())
        if field is None:
            continue
        name, kinds = field.encode_name, kinds_in(field.type)
        if BookLevel in kinds:
            yield from ((name, text) for level in inner for text in level)
        elif {Decimal, int} & kinds:
            listed = inner if isinstance(inner, list) else [inner]
            yield from ((name, text) for text in listed if text is not None)
        else:
            for model in kinds:
                if isinstance(model, type) and issubclass(model, Struct) and inner is not None:
                    yield from written_numbers(inner, model)


def kinds_in(annotation: Any) -> set[Any]:
    """Return the types an annotation is made of."""
    parts = get_args(annotation)
    return {annotation} if not parts else set().union(*map(kinds_in, parts))


def numbers_in(value: Any) -> Iterator[Decimal]:
    """Yield every number of a domain value, however deep."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, Decimal | int):
        yield Decimal(value)
    elif is_dataclass(value):
        for field in dataclass_fields(value):
            yield from numbers_in(getattr(value, field.name))
    else:
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from numbers_in(one)


def digits(number: Decimal) -> tuple[str, str]:
    """Return a number by its digits: 1.0 is not 1.00 here."""
    return str(number.as_tuple().digits), str(number.as_tuple().exponent)


def test_every_recording_is_tried() -> None:
    """A recorded answer that nothing reads would prove nothing."""
    names = {path.stem for path in FOLDER.glob("*.json")}
    errors = {name for name in names if name.startswith("error-")}
    assert set(CASES) | errors | {"submit-order-request"} == names
    assert len(errors) == 9


@pytest.mark.parametrize("name", CASES)
def test_every_number_survives(name: str) -> None:
    """Each number that a model knows stands in the value with the same digits, zeros included."""
    case, body = CASES[name], body_of(name)
    value = case.read(body, Tally())
    text = json.loads(body, parse_float=str, parse_int=str)
    data = text["data"] if isinstance(text, dict) and "data" in text else text
    is_shaped = isinstance(case.shape, type) and issubclass(case.shape, Struct)
    found = Counter(digits(number) for number in numbers_in((value,)))
    hidden = set()
    written = list(written_numbers(data, case.shape)) if is_shaped else []
    for field, written_text in written:
        number = Decimal(written_text.replace(",", "."))
        if field in SIGNED and case.shape in (models.TradeModel, models.TransferModel):
            number = number.copy_abs()
        if SECONDS.get(field) is case.shape:
            number *= 1000
        if field in INTEGERS.get(case.shape, ()):
            number = Decimal(int(number))
        if found[digits(number)]:
            found[digits(number)] -= 1
        else:
            hidden.add((name, field))
    assert hidden == {one for one in HIDDEN if one[0] == name}


INTEGERS = {models.BookModel: ("timestamp",)}
"""Times that once came as 1657052334812.0: an integer all the same."""


@pytest.mark.parametrize("name", CASES)
def test_every_field_is_known(name: str) -> None:
    """Each field of each answer is read, or left out for a reason that is written down."""
    tally = Tally()
    CASES[name].read(body_of(name), tally)
    assert tally.counts == {}


def test_nothing_is_left_out_that_nobody_sends() -> None:
    """A field stays in the list only while a recording has it."""
    text = "".join(path.read_text("utf-8").lower() for path in FOLDER.glob("*.json"))
    left_out = {name for names in models.LEFT_OUT.values() for name in names}
    assert {name for name in left_out if f'"{name}"' not in text} == set()
    assert all(reason for names in models.LEFT_OUT.values() for reason in names.values())


def test_what_we_send_has_the_recorded_bytes() -> None:
    """Our body of the documented order, keys sorted, is the documented one less its idle field."""
    documented = json.loads((FOLDER / "submit-order-request.json").read_text("utf-8"))
    assert documented.pop("stopPrice") == "0"
    order = LimitOrder(PAIR, Side.BUY, Decimal("0.001"), Decimal("20000.00"))
    sent = requests.submit(order, client_order_id=ClientOrderId("test")).body
    assert json.dumps(json.loads(sent), sort_keys=True) == json.dumps(documented, sort_keys=True)
