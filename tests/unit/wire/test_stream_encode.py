"""Stream encoding: frames equal to those seen on the wire, character for character.

The expected texts are payloads recorded from BtcTurk's stream (2022 to 2026, identities replaced)
or published in its documentation; the candle is constructed from the documentation's field list.
"""

from __future__ import annotations

from decimal import Decimal

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
    OrderUpdated,
    RestingOrder,
    StreamTicker,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    UserTraded,
    VersionTold,
)
from btcturk_kit.wire.stream_encode import ServerEvent, encode_frame

BTCTRY, BTCUSDT, ETHUSDT = Symbol("BTCTRY"), Symbol("BTCUSDT"), Symbol("ETHUSDT")


def levels(*pairs: tuple[str, str]) -> tuple[BookLevel, ...]:
    """Return levels of (price, amount)."""
    return tuple(BookLevel(Decimal(price), Decimal(amount)) for price, amount in pairs)


def change(operation: BookOperation, price: str, amount: str) -> BookChange:
    """Return a change from texts."""
    return BookChange(operation, Decimal(price), Decimal(amount))


TICKER = StreamTicker(
    symbol=BTCUSDT,
    base=Asset("BTC"),
    quote=Asset("USDT"),
    pair_id=19,
    bid=Decimal(86689),
    ask=Decimal(86699),
    bid_quantity=Decimal("0.00863785"),
    ask_quantity=Decimal("0.00288357"),
    last=Decimal(86766),
    high=Decimal(86800),
    low=Decimal(85148),
    open=Decimal(85459),
    volume=Decimal("16.43392495"),
    average=Decimal("86078.60409012"),
    change=Decimal(1240),
    change_percent=Decimal("1.53"),
)
TICKER_FIELDS = (
    '"B":"86689","A":"86699","BA":"0.00863785","AA":"0.00288357","PS":"BTCUSDT","H":"86800",'
    '"L":"85148","LA":"86766","O":"85459","V":"16.43392495","AV":"86078.604090120000","D":"1240",'
    '"DP":"1.53","DS":"USDT","NS":"BTC","PId":19'
)

SOLD = PublicTrade(
    TradeId(100163842129199947),
    BTCTRY,
    Decimal(3765490),
    Decimal("0.01273188"),
    Side.SELL,
    1787692476996,
)
BOUGHT = PublicTrade(
    TradeId(100163842129199948),
    BTCTRY,
    Decimal(3766459),
    Decimal("0.0061489328"),
    Side.BUY,
    1787692476997,
)

RESTING = RestingOrder(
    order_id=OrderId(25338392433),
    client_order_id=ClientOrderId("xxxxx"),
    symbol=Symbol("ARPAUSDT"),
    pair_id=223,
    user_id=907818,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    price=Decimal("0.04573"),
    quantity=Decimal("37154.7082"),
    remaining_quantity=Decimal("37154.7082"),
    remaining_quote=Decimal("1700.7838907919859319"),
)
LEFT_OVER = RestingOrder(
    order_id=OrderId(26947521557),
    client_order_id=ClientOrderId("xxxxx"),
    symbol=Symbol("HNTUSDT"),
    pair_id=317,
    user_id=0,
    side=Side.SELL,
    order_type=OrderType.LIMIT,
    price=Decimal("5.7192"),
    quantity=Decimal("174.84"),
    remaining_quantity=Decimal("139.9"),
    remaining_quote=Decimal("798.1181880359641159"),
)

MATCHED = OrderMatched(
    order_id=OrderId(26849465965),
    client_order_id=ClientOrderId("1735866257566"),
    symbol=Symbol("MEMEUSDT"),
    pair_id=339,
    user_id=147682,
    side=Side.SELL,
    order_type=OrderType.LIMIT,
    price=Decimal("0.011082"),
    quantity=Decimal(41040),
    event_time_ms=1735866257711,
)

FILL = Fill(
    trade_id=TradeId(1149163839863900657),
    order_id=OrderId(25327923517),
    client_order_id=ClientOrderId("xxxxxx"),
    symbol=Symbol("APEUSDT"),
    base=Asset("APE"),
    quote=Asset("USDT"),
    side=Side.SELL,
    quantity=Decimal("205.24"),
    price=Decimal("1.020"),
    fee=Decimal("0.10467240"),
    tax=Decimal("0.02093448"),
    event_time_ms=1729396570700,
)

RECORDED: list[tuple[ServerEvent, str]] = [
    (VersionTold("6.0.0", "2.3.0"), '[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]'),
    (
        SubscriptionAnswered(ok=True, is_join=True, channel="obdiff", event="BTCUSDT"),
        '[100,{"type":100,"ok":true,"message":"join|obdiff:BTCUSDT"}]',
    ),
    (
        SubscriptionAnswered(ok=True, is_join=False, channel="obdiff", event="BTCUSDT"),
        '[100,{"type":100,"ok":true,"message":"leave|obdiff:BTCUSDT"}]',
    ),
    (
        LoginAnswered(ok=True, user_id=0, reason=""),
        '[114,{"type":114,"id":0,"ok":true,"message":null}]',
    ),
    (
        LoginAnswered(ok=False, user_id=None, reason="Unauthorized - Invalid Request"),
        '[114,{"type":114,"ok":false,"message":"Unauthorized - Invalid Request"}]',
    ),
    (BalanceChanged(0, 135, 50, 1), '[201,{"type":201,"userId":0,"payload":"135,50,1"}]'),
    (
        TickerUpdated(TICKER),
        f'[402,{{{TICKER_FIELDS},"channel":"ticker","event":"BTCUSDT","type":402}}]',
    ),
    (
        TickersUpdated((TICKER, TICKER)),
        (
            f'[401,{{"items":[{{{TICKER_FIELDS},"Ord":0}},{{{TICKER_FIELDS},"Ord":1}}],'
            '"channel":"ticker","event":"all","type":401}]'
        ),
    ),
    (
        TradesListed(BTCTRY, (SOLD, BOUGHT)),
        (
            '[421,{"symbol":"BTCTRY","items":['
            '{"D":"1787692476996","I":"100163842129199947","A":"0.0127318800",'
            '"P":"3765490.0000000000","S":0},'
            '{"D":"1787692476997","I":"100163842129199948","A":"0.0061489328",'
            '"P":"3766459.0000000000","S":1}],"channel":"trade","event":"BTCTRY","type":421}]'
        ),
    ),
    (
        TradePrinted(
            PublicTrade(
                TradeId(101963781951665674),
                BTCUSDT,
                Decimal(40670),
                Decimal("0.0002456604"),
                Side.SELL,
                1647588210843,
            )
        ),
        (
            '[422,{"D":"1647588210843","I":"101963781951665674","A":"0.0002456604",'
            '"P":"40670.0000000000","PS":"BTCUSDT","S":0,"channel":"trade","event":"BTCUSDT",'
            '"type":422}]'
        ),
    ),
    (
        UserTraded(FILL),
        (
            '[423,{"id":1149163839863900657,"orderId":25327923517,"timestamp":1729396570700,'
            '"numeratorSymbol":"APE","denominatorSymbol":"USDT","amount":"-205.24",'
            '"fee":"-0.10467240","tax":"-0.02093448","price":"1.020","orderType":"sell",'
            '"orderClientId":"xxxxxx","preciseAmount":-205.24}]'
        ),
    ),
    (
        CandleUpdated(
            Candle(
                BTCTRY,
                Resolution.HOUR_1,
                1787684400000,
                Decimal(3802189),
                Decimal(3809691),
                Decimal(3787859),
                Decimal(3796125),
                Decimal("0.54581564"),
            )
        ),
        (
            '[428,{"D":1787684400,"P":"BTCTRY","R":"60","O":"3802189","H":"3809691","L":"3787859",'
            '"C":"3796125","V":"0.54581564","channel":"tradeview","event":"BTCTRY_60","type":428}]'
        ),
    ),
    (
        BookListed(
            Channel.BOOK_CHANGES,
            BTCUSDT,
            3999242,
            bids=levels(("86689", "0.00863785"), ("86684.00", "0.02307230")),
            asks=levels(("86699", "0.00288357"), ("86719", "0.00920560")),
        ),
        (
            '[431,{"CS":3999242,"PS":"BTCUSDT",'
            '"AO":[{"A":"0.00288357","P":"86699"},{"A":"0.0092056","P":"86719"}],'
            '"BO":[{"A":"0.00863785","P":"86689"},{"A":"0.0230723","P":"86684"}],'
            '"channel":"obdiff","event":"BTCUSDT","type":431}]'
        ),
    ),
    (
        BookListed(
            Channel.BOOK,
            BTCTRY,
            2721198,
            bids=levels(("3779000", "0.1")),
            asks=levels(("3780992", "0.0496469")),
        ),
        (
            '[431,{"CS":2721198,"PS":"BTCTRY","AO":[{"A":"0.0496469","P":"3780992"}],'
            '"BO":[{"A":"0.1","P":"3779000"}],"channel":"orderbook","event":"BTCTRY","type":431}]'
        ),
    ),
    (
        BookChanged(
            ETHUSDT,
            4008255,
            bids=(
                change(BookOperation.DELETE, "2765.9", "2.86453815"),
                change(BookOperation.INSERT, "2531.9", "0.00789131"),
            ),
            asks=(
                change(BookOperation.INSERT, "2769", "1.98627663"),
                change(BookOperation.DELETE, "2769.6", "1.98584633"),
                change(BookOperation.SET, "2770.3", "0.400488"),
            ),
        ),
        (
            '[432,{"CS":4008255,"PS":"ETHUSDT","AO":[{"CP":1,"P":"2769","A":"1.98627663"},'
            '{"CP":3,"P":"2769.6","A":"1.98584633"},{"CP":0,"P":"2770.3","A":"0.400488"}],'
            '"BO":[{"CP":3,"P":"2765.9","A":"2.86453815"},{"CP":1,"P":"2531.9","A":"0.00789131"}],'
            '"channel":"obdiff","event":"ETHUSDT","type":432}]'
        ),
    ),
    (
        MATCHED,
        (
            '[441,{"type":441,"id":26849465965,"user":147682,"isBid":false,"method":0,"pair":339,'
            '"symbol":"MEMEUSDT","amount":"41040.0000000000","price":"0.0110820000",'
            '"clientId":"1735866257566","timestamp":"1735866257711"}]'
        ),
    ),
    (
        OrderInserted(RESTING),
        (
            '[451,{"type":451,"pairId":223,"symbol":"ARPAUSDT","id":25338392433,"method":0,'
            '"userId":907818,"orderType":0,"price":"0.04573","amount":"37154.7082",'
            '"numLeft":"37154.7082","denomLeft":"1700.7838907919859319","newOrderClientId":"xxxxx"}]'
        ),
    ),
    (
        OrderDeleted(LEFT_OVER),
        (
            '[452,{"type":452,"pairId":317,"symbol":"HNTUSDT","id":26947521557,"method":0,"userId":0,'
            '"orderType":1,"price":"5.7192000000000000","amount":"174.8400000000000000",'
            '"numLeft":"139.9000000000000000","denomLeft":"798.1181880359641159",'
            '"newOrderClientId":"xxxxx"}]'
        ),
    ),
]


@pytest.mark.parametrize(("event", "text"), RECORDED, ids=lambda one: type(one).__name__)
def test_a_frame_is_the_one_that_was_seen(event: ServerEvent, text: str) -> None:
    """The values of a recorded payload give its text again, and the number of its type."""
    frame = encode_frame(event)
    assert frame.text == text
    assert frame.type == int(text[1:4])


def test_an_update_has_the_shape_of_an_insertion() -> None:
    """453 is documented with the fields of 451."""
    inserted = encode_frame(OrderInserted(RESTING)).text
    assert encode_frame(OrderUpdated(RESTING)).text == inserted.replace("451", "453")


def test_an_unknown_frame_goes_out_as_it_came() -> None:
    """Its text is not touched."""
    assert encode_frame(UnknownFrame(777, '[777, {"x": 1}]')) == (777, '[777, {"x": 1}]')


@pytest.mark.parametrize(
    ("order_type", "number"),
    [
        (OrderType.LIMIT, 0),
        (OrderType.MARKET, 1),
        (OrderType.STOP_LIMIT, 2),
        (OrderType.STOP_MARKET, 3),
        (None, 9),
    ],
)
def test_methods_have_numbers(order_type: OrderType | None, number: int) -> None:
    """Each kind of order has its number; one that has no name here has none of the known ones."""
    text = encode_frame(MATCHED._replace(order_type=order_type)).text
    assert f'"method":{number},' in text


def test_a_purchase_has_positive_amounts_and_no_negative_zero() -> None:
    """423: the amount of a buy has no sign, and costs of zero stay zero."""
    fill = FILL._replace(side=Side.BUY, fee=Decimal("0.00"), tax=Decimal(0))
    text = encode_frame(UserTraded(fill)).text
    assert '"amount":"205.24","fee":"0.00","tax":"0",' in text
    assert text.endswith('"preciseAmount":205.24}]')


def test_an_order_without_a_name_of_ours_has_an_empty_one() -> None:
    """A client order id that is missing is written as an empty text."""
    text = encode_frame(OrderInserted(RESTING._replace(client_order_id=None))).text
    assert text.endswith('"newOrderClientId":""}]')
    assert '"clientId":"",' in encode_frame(MATCHED._replace(client_order_id=None)).text


def test_padding_never_cuts() -> None:
    """A finer quantity keeps its digits but no zeros at the end; a large one gets no exponent."""
    halves = Decimal("0.5000000000000000")
    assert '"amount":"0.5000000000"' in encode_frame(MATCHED._replace(quantity=halves)).text
    fine = Decimal("0.0000000000000001")
    assert f'"amount":"{fine:f}"' in encode_frame(MATCHED._replace(quantity=fine)).text
    book = BookListed(Channel.BOOK, BTCTRY, 1, bids=levels(("4E+6", "100")), asks=())
    assert '"BO":[{"A":"100","P":"4000000"}]' in encode_frame(book).text


def test_a_model_can_be_bent_before_it_is_written() -> None:
    """Another form of a model is made in place; unknown frames go out as they came."""

    def bend(number: int, model: dict[str, object]) -> None:
        model["seen"] = number

    version = VersionTold("6.0.0", "2.3.0")
    bent = encode_frame(version, bend=bend).text
    assert bent == encode_frame(version).text.replace("}", ',"seen":991}')
    raw = '[777, {"x": 1}]'
    assert encode_frame(UnknownFrame(777, raw), bend=bend).text == raw
