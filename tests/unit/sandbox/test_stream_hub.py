"""The stream without sockets: what is sent to whom, when, and in which order."""

from __future__ import annotations

import json
from base64 import b64decode
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol, TradeId
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderStatus,
    Side,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.market.candle_hours import HOUR_MS
from btcturk_kit.sandbox.stream.hub import PUBLICATION_MS, StreamHub
from btcturk_kit.sandbox.stream.session import Outgoing
from btcturk_kit.sandbox.stream.views import StreamViews
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.sandbox.venue.public_record import PrintedTrade
from btcturk_kit.wire.signing import signature

BTCTRY = Symbol("BTCTRY")
SECRET = "QUFBQQ=="
MINUTE_MS = 60_000


class Listener:
    """One session, and what it was sent."""

    def __init__(self, hub: StreamHub, number: int = 1) -> None:
        self.hub = hub
        self.number = number
        self.frames: list[Outgoing] = []
        hub.open(number, self.frames.append)

    def send(self, *frame: Any) -> None:
        """Send a frame."""
        self.hub.receive(self.number, json.dumps(frame))

    def join(self, channel: str, event: str, *, leave: bool = False) -> None:
        """Join or leave."""
        model = {"type": 151, "channel": channel, "event": event, "join": not leave}
        self.send(151, model)

    def log_in(self, nonce: int = 3000, signed: str = "ann3000", key: str = "ann") -> None:
        """Log in at the exchange's time."""
        assert signed.startswith("ann")
        signed_text = signature("ann", b64decode(SECRET), signed.removeprefix("ann"))
        self.send(
            114,
            {
                "type": 114,
                "publicKey": key,
                "timestamp": self.hub.now_ms,
                "nonce": nonce,
                "signature": signed_text,
            },
        )

    def take(self) -> list[tuple[int, Any]]:
        """Return what came since the last time as (type, model)."""
        taken = [(frame.type, json.loads(frame.text)[1]) for frame in self.frames]
        self.frames.clear()
        return taken

    def advance(self, by_ms: int) -> None:
        """Move the exchange's clock."""
        target = self.hub.now_ms + by_ms
        while not self.hub.step_to(target):
            pass


class Replica:
    """A book kept from `obdiff` by the rules for clients, with nothing of the kit in it."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, Decimal]] = {}
        self.last = 0

    def apply(self, number: int, model: Any) -> None:
        """Take a 431 or a 432."""
        if number == 431:
            self.sides = {
                side: {Decimal(one["P"]): Decimal(one["A"]) for one in model[side]}
                for side in ("AO", "BO")
            }
        else:
            assert model["CS"] == self.last + 1
            for side in ("AO", "BO"):
                for one in model[side]:
                    price, levels = Decimal(one["P"]), self.sides[side]
                    assert (price in levels) is (one["CP"] != 1)
                    if one["CP"] == 3:
                        assert levels.pop(price) == Decimal(one["A"])
                    else:
                        levels[price] = Decimal(one["A"])
        self.last = model["CS"]

    def levels(self, side: str) -> list[tuple[Decimal, Decimal]]:
        """Return a side, best first."""
        return sorted(self.sides[side].items(), reverse=side == "BO")


@pytest.fixture
def access() -> Access:
    """Return the keys of `ann`."""
    access = Access()
    access.add_key("ann", SECRET)
    return access


@pytest.fixture
def hub(exchange: Exchange, access: Access) -> StreamHub:
    """Return the stream of an exchange."""
    return StreamHub(exchange, access, seed=11)


@pytest.fixture
def ann(hub: StreamHub) -> Listener:
    """Return a session of `ann`, logged in, with nothing to read."""
    listener = Listener(hub)
    listener.log_in()
    assert [number for number, _ in listener.take()] == [991, 114]
    return listener


def far_bid(exchange: Exchange, quantity: str = "0.01") -> LimitOrder:
    """Return a buy a tenth below the market."""
    price = int(exchange.ticker(BTCTRY).last) * 9 // 10
    return LimitOrder(BTCTRY, Side.BUY, Decimal(quantity), Decimal(price))


def placed(exchange: Exchange, request: OrderRequest | StopRequest, name: str) -> PlacedOrder:
    """Submit an order of `ann` that must be taken."""
    order = exchange.submit("ann", request, client_order_id=name)
    assert isinstance(order, PlacedOrder)
    return order


def test_a_session_begins_with_the_versions(hub: StreamHub) -> None:
    """The server speaks first."""
    assert Listener(hub).take() == [(991, {"type": 991, "current": "6.0.0", "min": "2.3.0"})]


@pytest.mark.parametrize(
    ("channel", "event"),
    [
        ("trade", "XYZTRY"),
        ("orderbook", "btctry"),
        ("candles", "BTCTRY"),
        ("obdiff", "all"),
        ("tradeview", "BTCTRY"),
        ("tradeview", "BTCTRY_7"),
        ("tradeview", "ETHTRY_60"),
        ("ticker", "ALL"),
        ("", ""),
    ],
)
def test_nonsense_is_acknowledged_and_then_silent(hub: StreamHub, channel: str, event: str) -> None:
    """A bad subscription looks fine and never brings anything."""
    listener = Listener(hub)
    listener.take()
    listener.join(channel, event)
    listener.advance(HOUR_MS)
    assert listener.take() == [
        (100, {"type": 100, "ok": True, "message": f"join|{channel}:{event}"})
    ]
    listener.join(channel, event)
    listener.join(channel, event, leave=True)
    assert [model["ok"] for _, model in listener.take()] == [False, True]


def test_joining_twice_is_not_ok_and_brings_nothing_again(hub: StreamHub) -> None:
    """The second answer is the first one with `ok` false; leaving twice is the same."""
    listener = Listener(hub)
    for leave in (False, False, True, True):
        listener.join("trade", "BTCTRY", leave=leave)
    answers = [(model["message"], model["ok"]) for kind, model in listener.take() if kind == 100]
    assert answers == [
        ("join|trade:BTCTRY", True),
        ("join|trade:BTCTRY", False),
        ("leave|trade:BTCTRY", True),
        ("leave|trade:BTCTRY", False),
    ]
    listener.advance(HOUR_MS)
    assert listener.take() == []


def test_what_is_no_request_is_not_answered(hub: StreamHub) -> None:
    """Objects, other types and other texts are passed over."""
    listener = Listener(hub)
    listener.take()
    for text in ('{"type":151}', '[999,{"type":999}]', "hello"):
        hub.receive(1, text)
    assert listener.take() == []


@pytest.mark.parametrize(("event", "kind"), [("all", 401), ("BTCTRY", 402)])
def test_tickers_come_every_764_milliseconds(hub: StreamHub, event: str, kind: int) -> None:
    """Whether anything changed or not; the values are those of the exchange."""
    listener = Listener(hub)
    listener.join("ticker", event)
    assert [number for number, _ in listener.take()] == [991, 100, kind]
    listener.advance(100 * PUBLICATION_MS)
    frames = listener.take()
    assert [number for number, _ in frames] == [kind] * 100
    model = frames[-1][1]
    row = model["items"][0] if event == "all" else model
    ticker, book = hub._exchange.ticker(BTCTRY), hub._exchange.book(BTCTRY, levels=1)
    assert (row["B"], row["A"]) == (str(ticker.bid), str(ticker.ask))
    assert Decimal(row["BA"]) == book.bids[0].quantity
    assert Decimal(row["D"]) == ticker.ask - ticker.open
    assert len(row["AV"].partition(".")[2]) == 12
    assert ticker.low <= Decimal(row["AV"]) <= ticker.high
    assert (row["PId"], row["NS"], row["DS"], row.get("Ord", 0)) == (1, "BTC", "TRY", 0)


def test_trades_come_as_a_list_and_then_one_by_one(hub: StreamHub, exchange: Exchange) -> None:
    """The list is the last fifty, oldest first; what follows is what the public record says."""
    exchange.advance_to(exchange.now_ms + 10 * HOUR_MS)
    listener = Listener(hub)
    listener.join("trade", "BTCTRY")
    kind, model = listener.take()[-1]
    assert (kind, len(model["items"])) == (421, 50)
    identifiers = [int(one["I"]) for one in model["items"]]
    assert identifiers == sorted(identifiers)
    listener.advance(HOUR_MS)
    singles = listener.take()
    assert {kind for kind, _ in singles} == {422}
    newest = exchange.public_trades(BTCTRY, count=36)
    told = [model["I"] for _, model in singles]
    assert told[-36:] == [str(one.trade_id) for one in reversed(newest)]
    assert int(told[0]) == identifiers[-1] + 2
    assert {model["S"] for _, model in singles} == {0, 1}


def test_a_market_sell_is_printed_at_once(
    hub: StreamHub, exchange: Exchange, ann: Listener
) -> None:
    """422 does not wait for a publication; the side is the taker's, 0 a sale."""
    ann.join("trade", "BTCTRY")
    ann.take()
    placed(exchange, MarketSell(BTCTRY, Decimal("0.0001")), "sell")
    printed = [model for kind, model in ann.take() if kind == 422]
    assert [(one["A"], one["S"]) for one in printed] == [("0.0001000000", 0)]


def test_whole_books_come_when_they_changed(hub: StreamHub, exchange: Exchange) -> None:
    """One at once, then one per publication with a change, numbered in a row."""
    listener = Listener(hub)
    listener.join("orderbook", "BTCTRY")
    first = listener.take()[-1][1]
    listener.advance(HOUR_MS)
    listener.advance((hub.next_publication_ms or 0) - hub.now_ms)
    frames = listener.take()
    assert {kind for kind, _ in frames} == {431}
    # Thirteen ladders and up to 39 takers; some fall into one publication.
    assert 13 <= len(frames) <= 52
    numbers = [model["CS"] for _, model in frames]
    assert numbers == list(range(first["CS"] + 1, first["CS"] + 1 + len(frames)))
    book = exchange.book(BTCTRY, levels=100)
    last = frames[-1][1]
    assert [(Decimal(one["P"]), Decimal(one["A"])) for one in last["BO"]] == list(book.bids)
    assert [(Decimal(one["P"]), Decimal(one["A"])) for one in last["AO"]] == list(book.asks)


def test_changes_replayed_are_the_book(listing: Listing, access: Access) -> None:
    """Over hours of market, with hundreds of orders beyond the window's edge, for two listeners.

    The second one joins late and counts from a number of its own.
    """
    exchange = Exchange([listing], seed=5)
    exchange.open_account("ann", {Asset("TRY"): Decimal(10**9), Asset("BTC"): Decimal(1000)})
    hub = StreamHub(exchange, access, seed=5)
    early, late = Listener(hub, 1), Listener(hub, 2)
    replicas = {early.number: Replica(), late.number: Replica()}
    early.join("obdiff", "BTCTRY")
    open_orders: list[int] = []
    at_the_edge = 0
    for turn in range(450):
        if turn == 100:
            late.join("obdiff", "BTCTRY")
        last = int(exchange.ticker(BTCTRY).last)
        side = Side.SELL if turn % 2 else Side.BUY
        away = 1 + (turn * 37) % 400
        price = Decimal(last + away * last // 10_000 * (1 if turn % 2 else -1))
        order = placed(exchange, LimitOrder(BTCTRY, side, Decimal("0.01"), price), f"o{turn}")
        open_orders.append(order.order_id)
        if turn % 5 == 4:
            exchange.cancel("ann", open_orders.pop(turn * 7 % len(open_orders)))
        early.advance(200_000 if turn % 20 == 0 else 1_500)
        # At the very instant of a publication everything is told that there is.
        early.advance((hub.next_publication_ms or 0) - hub.now_ms)
        shown = exchange.book(BTCTRY, levels=100)
        at_the_edge += len(shown.bids) == len(shown.asks) == 100
        for listener in (early, late)[: 1 if turn < 100 else 2]:
            replica = replicas[listener.number]
            for kind, model in listener.take():
                if kind in (431, 432):
                    replica.apply(kind, model)
            assert replica.levels("BO") == list(shown.bids)
            assert replica.levels("AO") == list(shown.asks)
    assert at_the_edge > 50
    assert replicas[1].last != replicas[2].last
    numbers = [row.change_numbers["obdiff:BTCTRY"] for row in hub.rows()]
    assert numbers == [replicas[1].last, replicas[2].last]
    exchange.audit()


def test_candles_grow_and_turn(hub: StreamHub, exchange: Exchange) -> None:
    """428 is the running candle, sent at publications after trades."""
    exchange.advance_to(exchange.now_ms + HOUR_MS // 2)
    listener = Listener(hub)
    listener.join("tradeview", "BTCTRY_60")
    kind, model = listener.take()[-1]
    assert (kind, model["P"], model["R"]) == (428, "BTCTRY", "60")
    listener.advance(2 * HOUR_MS)
    frames = listener.take()
    assert {kind for kind, _ in frames} == {428}
    opened = [model["D"] for _, model in frames]
    assert opened == sorted(opened)
    assert len(set(opened)) == 3
    assert all(opens % 3600 == 0 for opens in opened)
    assert frames[-1][1]["C"] == str(exchange.ticker(BTCTRY).last)


def test_a_candle_holds_whole_quantities(exchange: Exchange, ann: Listener) -> None:
    """Trades are shown with ten decimals; what they add to a candle is not cut."""
    ann.join("tradeview", "BTCTRY_1")
    for number in range(3):
        placed(exchange, MarketBuy(BTCTRY, Decimal(1_000)), f"b{number}")
    ann.advance(PUBLICATION_MS)
    shown = Decimal([model for kind, model in ann.take() if kind == 428][-1]["V"])
    (recorded,) = exchange.candles(
        BTCTRY, MINUTE_MS, first_ms=exchange.now_ms - MINUTE_MS, last_ms=2**60
    )
    assert shown == recorded.volume
    assert shown.as_tuple().exponent == -16


def test_a_pair_without_trades_in_the_interval_has_no_candle_yet(
    exchange: Exchange, hub: StreamHub
) -> None:
    """At the very first instant nothing has traded: only the answer comes."""
    listener = Listener(hub)
    listener.join("tradeview", "BTCTRY_1")
    assert [kind for kind, _ in listener.take()] == [991, 100]


def test_a_login_signs_the_nonce(hub: StreamHub) -> None:
    """A small nonce, signed, is let in; the customer gets a number."""
    listener = Listener(hub)
    listener.log_in()
    assert listener.take()[-1] == (
        114,
        {"type": 114, "id": 100_001, "ok": True, "message": None},
    )
    assert hub.rows()[0].account == "ann"


def test_bad_logins_are_refused_in_the_words_of_the_exchange(hub: StreamHub) -> None:
    """A clock as nonce, another signature, an unknown key, a time that is too far off."""
    listener = Listener(hub)
    listener.take()
    now_ms = hub.now_ms
    listener.log_in(nonce=now_ms, signed=f"ann{now_ms}")
    listener.log_in(signed=f"ann{now_ms}")
    listener.log_in(key="bob")
    hub.step_to(now_ms + 1)
    model = {"publicKey": "ann", "timestamp": now_ms - 3000, "nonce": 3000, "signature": "x"}
    listener.send(114, model)
    listener.send(114, {})
    reasons = [model["message"].removeprefix("Unauthorized - ") for _, model in listener.take()]
    assert reasons == [
        "Invalid Request",
        "Invalid Signature",
        "Invalid Request",
        "Invalid Request",
        "Invalid Request",
    ]
    assert hub.rows()[0].account == ""


def test_an_order_that_rests_is_told_at_once(exchange: Exchange, ann: Listener) -> None:
    """451 with what it locks, then the hint that balances changed."""
    request = far_bid(exchange)
    order = placed(exchange, request, "mine")
    (first, model), (second, hint) = ann.take()
    assert (first, second) == (451, 201)
    assert model == {
        "type": 451,
        "pairId": 1,
        "symbol": "BTCTRY",
        "id": order.order_id,
        "method": 0,
        "userId": 100_001,
        "orderType": 0,
        "price": str(request.price),
        "amount": "0.01",
        "numLeft": "0.01",
        "denomLeft": format(exchange.holding("ann").account.locked(Asset("TRY")).normalize(), "f"),
        "newOrderClientId": "mine",
    }
    assert hint == {"type": 201, "userId": 100_001, "payload": "1,2,1"}


def test_a_cancel_is_told_when_it_is_carried_out(exchange: Exchange, ann: Listener) -> None:
    """452 comes after the queue, padded to sixteen decimals."""
    order = placed(exchange, far_bid(exchange), "mine")
    exchange.cancel("ann", order.order_id)
    assert [kind for kind, _ in ann.take()] == [451, 201]
    ann.advance(MINUTE_MS)
    (first, model), (second, _) = ann.take()
    assert (first, second) == (452, 201)
    assert (model["amount"], model["numLeft"]) == ("0.0100000000000000",) * 2
    assert order.status is OrderStatus.CANCELED


def test_what_is_left_in_a_deletion_is_from_when_it_was_queued(
    listing: Listing, access: Access
) -> None:
    """An order that fills partly while its cancel waits is deleted with the older amount."""
    for seed in range(200):
        exchange = Exchange([listing], seed=seed)
        exchange.open_account("ann", {Asset("BTC"): Decimal(50)})
        listener = Listener(StreamHub(exchange, access, seed=seed))
        listener.log_in()
        # Just inside the spread, at the instant before the first taker may come.
        ask = exchange.book(BTCTRY, levels=1).asks[0].price
        order = placed(exchange, LimitOrder(BTCTRY, Side.SELL, Decimal(20), ask - 1), "x")
        listener.advance(140)
        exchange.cancel("ann", order.order_id)
        listener.advance(MINUTE_MS)
        if order.remaining == order.quantity:
            continue
        frames = listener.take()
        kinds = [kind for kind, _ in frames if kind != 201]
        assert kinds == [991, 114, 451, 441, 452]
        assert frames[-2][1]["numLeft"] == "20.0000000000000000"
        return
    pytest.fail("no cancel lost a race")


def test_each_fill_is_told_with_its_own_amount(listing: Listing, access: Access) -> None:
    """441 per fill, a hint after each, their sum is the order, and no 452 at the end."""
    exchange = Exchange([listing], seed=11)
    exchange.open_account("ann", {Asset("TRY"): Decimal(10**8)})
    listener = Listener(StreamHub(exchange, access, seed=1))
    listener.log_in()
    listener.take()
    asks = exchange.book(BTCTRY, levels=3).asks
    quantity = asks[0].quantity + asks[1].quantity + Decimal("0.00000001")
    order = placed(exchange, LimitOrder(BTCTRY, Side.BUY, quantity, asks[2].price), "deep")
    assert order.status is OrderStatus.FILLED
    frames = listener.take()
    assert [kind for kind, _ in frames] == [441, 201, 441, 201, 441, 201, 201]
    matches = [model for kind, model in frames if kind == 441]
    assert sum(Decimal(one["amount"]) for one in matches) == quantity
    assert [Decimal(one["price"]) for one in matches] == [ask.price for ask in asks]
    assert {(one["clientId"], one["isBid"], one["method"]) for one in matches} == {
        ("deep", True, 0)
    }
    assert all(len(one["price"].partition(".")[2]) == 10 for one in matches)


def test_a_market_order_is_matched_and_never_inserted(exchange: Exchange, ann: Listener) -> None:
    """Its method is 1, and no 451 comes for it."""
    placed(exchange, MarketSell(BTCTRY, Decimal("0.0001")), "now")
    frames = ann.take()
    assert [kind for kind, _ in frames] == [441, 201, 201]
    assert (frames[0][1]["method"], frames[0][1]["isBid"]) == (1, False)


@pytest.fixture
def emptied(listing: Listing, access: Access) -> tuple[Exchange, Listener]:
    """Return an exchange where nobody offers coins any more, and a session of `ann`."""
    exchange = Exchange([listing], seed=11, has_latency=False)
    exchange.open_account("ann", {Asset("TRY"): Decimal(10**9), Asset("BTC"): Decimal(10**6)})
    exchange.open_account("bob", {Asset("TRY"): Decimal(10**11)})
    exchange.submit("bob", MarketBuy(BTCTRY, Decimal(10**10)))
    assert not exchange.book(BTCTRY, levels=1).asks
    listener = Listener(StreamHub(exchange, access, seed=1))
    listener.log_in()
    listener.take()
    return exchange, listener


def test_a_market_order_that_meets_nobody_is_told_as_deleted(
    emptied: tuple[Exchange, Listener],
) -> None:
    """452 with all of its money left is the only sign of it."""
    exchange, listener = emptied
    order = placed(exchange, MarketBuy(BTCTRY, Decimal(1_000)), "nobody")
    assert order.status is OrderStatus.CANCELED
    frames = listener.take()
    assert [kind for kind, _ in frames] == [452, 201]
    model = frames[0][1]
    assert (model["id"], model["method"], model["orderType"]) == (order.order_id, 1, 0)
    assert [Decimal(model[name]) for name in ("price", "amount", "numLeft")] == [0, 0, 0]
    assert Decimal(model["denomLeft"]) == 1_000
    exchange.audit()


def test_the_rest_of_a_market_order_is_told_as_deleted(emptied: tuple[Exchange, Listener]) -> None:
    """After its 441s comes 452 with what could not be sold."""
    exchange, listener = emptied
    order = placed(exchange, MarketSell(BTCTRY, Decimal(10**5)), "too much")
    assert (order.status, order.remaining > 0) == (OrderStatus.CANCELED, True)
    frames = listener.take()
    kinds = [kind for kind, _ in frames if kind != 201]
    assert kinds == [441] * (len(kinds) - 1) + [452]
    assert len(kinds) > 1
    sold = sum(Decimal(model["amount"]) for kind, model in frames if kind == 441)
    deleted = next(model for kind, model in frames if kind == 452)
    assert Decimal(deleted["numLeft"]) == Decimal(deleted["amount"]) - sold == order.remaining


def test_a_stop_market_buy_is_told_with_what_it_locks(exchange: Exchange, ann: Listener) -> None:
    """Its coins are not known, so they are zero; its price is the trigger, as in listings."""
    stop = exchange.book(BTCTRY, levels=1).asks[0].price * 2
    order = placed(exchange, StopMarketBuy(BTCTRY, Decimal(5_000), stop), "stop")
    exchange.cancel("ann", order.order_id)
    ann.advance(MINUTE_MS)
    frames = [(kind, model) for kind, model in ann.take() if kind != 201]
    assert [kind for kind, _ in frames] == [451, 452]
    for _, model in frames:
        assert (model["method"], model["orderType"]) == (3, 0)
        assert [Decimal(model[name]) for name in ("amount", "numLeft")] == [0, 0]
        assert (Decimal(model["denomLeft"]), Decimal(model["price"])) == (5_000, stop)


def test_a_stop_market_sell_would_bring_its_trigger(exchange: Exchange, ann: Listener) -> None:
    """What is left in quote is valued at the trigger, less the taker's commission."""
    stop = exchange.book(BTCTRY, levels=1).bids[0].price // 2
    placed(exchange, StopMarketSell(BTCTRY, Decimal("0.01"), stop), "stop")
    model = ann.take()[0][1]
    assert (model["amount"], model["numLeft"], model["price"]) == ("0.01", "0.01", str(stop))
    assert Decimal(model["denomLeft"]) == Decimal("0.01") * stop * (1 - Decimal("0.0024"))


def test_user_trades_are_a_switch(listing: Listing, access: Access) -> None:
    """423 comes between 441 and 201 where it is switched on, with fee and tax."""
    exchange = Exchange([listing], seed=11)
    exchange.open_account("ann", {Asset("BTC"): Decimal(1)})
    hub = StreamHub(exchange, access, seed=1, sends_user_trades=True)
    listener = Listener(hub)
    listener.log_in()
    listener.take()
    placed(exchange, MarketSell(BTCTRY, Decimal("0.0001")), "now")
    frames = listener.take()
    assert [kind for kind, _ in frames] == [441, 423, 201, 201]
    fill = exchange.holding("ann").fills[0]
    assert (frames[1][1]["id"], frames[1][1]["fee"]) == (fill.trade_id, f"-{fill.fee}")


def test_private_messages_reach_their_owner_only(
    hub: StreamHub, exchange: Exchange, access: Access, ann: Listener
) -> None:
    """Another customer and a stranger hear nothing; two sessions of one customer both do."""
    access.add_key("bob", SECRET)
    stranger, second = Listener(hub, 2), Listener(hub, 3)
    second.log_in()
    stranger.take()
    second.take()
    placed(exchange, far_bid(exchange), "mine")
    assert stranger.take() == []
    assert ann.take() == second.take() != []


def test_a_deposit_is_a_change_of_balance(exchange: Exchange, ann: Listener) -> None:
    """Money from outside brings the hint too."""
    exchange.deposit("ann", Asset("TRY"), Decimal(5))
    assert [kind for kind, _ in ann.take()] == [201]


def test_without_a_listener_a_long_advance_is_one_step(hub: StreamHub, ann: Listener) -> None:
    """Nobody listens to the market: nothing is published on the way."""
    assert hub.next_publication_ms is None
    assert hub.step_to(hub.now_ms + 100 * HOUR_MS)
    assert ann.take() == []


def test_a_session_that_ended_hears_nothing(hub: StreamHub, exchange: Exchange) -> None:
    """Its subscriptions end with it; closing it again does nothing; the next one starts anew."""
    listener = Listener(hub)
    listener.join("ticker", "all")
    listener.take()
    hub.close(1)
    hub.close(1)
    assert exchange.on_event is None
    assert hub.rows() == ()
    assert hub.step_to(hub.now_ms + HOUR_MS)
    assert listener.take() == []
    second = Listener(hub, 2)
    second.join("orderbook", "BTCTRY")
    shown = second.take()[-1][1]["BO"][0]["P"]
    assert shown == str(exchange.book(BTCTRY, levels=1).bids[0].price)


def test_a_late_publication_comes_once(hub: StreamHub, exchange: Exchange) -> None:
    """A submit that moves the clock over a publication delays it; none is sent twice."""
    listener = Listener(hub)
    listener.join("ticker", "all")
    before_ms = hub.next_publication_ms
    assert before_ms is not None
    listener.take()
    hub.step_to(before_ms - 1)
    placed(exchange, far_bid(exchange), "late")
    assert hub.now_ms > before_ms
    assert hub.step_to(hub.now_ms)
    assert hub.step_to(hub.now_ms)
    assert [kind for kind, _ in listener.take()] == [401]
    assert hub.next_publication_ms == before_ms + PUBLICATION_MS


def test_missed_publications_are_not_made_up_for(hub: StreamHub) -> None:
    """A jump over hours brings one ticker; the next one comes in its time."""
    listener = Listener(hub)
    listener.join("ticker", "all")
    listener.take()
    hub.jump_to(hub.now_ms + 10 * HOUR_MS)
    assert [kind for kind, _ in listener.take()] == [401]
    hub.jump_to((hub.next_publication_ms or 0) - 1)
    assert listener.take() == []
    hub.jump_to(hub.now_ms + 1)
    assert [kind for kind, _ in listener.take()] == [401]


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [("0.12345678919", "0.1234567891"), ("0.00000000000003", "0.00000000000003")],
)
def test_public_quantities_are_cut_but_never_to_nothing(
    exchange: Exchange, quantity: str, shown: str
) -> None:
    """Ten decimals are shown, of a trade smaller than that all."""
    printed = PrintedTrade(TradeId(1), Decimal(100), Decimal(quantity), Side.BUY, exchange.now_ms)
    assert StreamViews(exchange).pairs[BTCTRY].public_trade(printed).quantity == Decimal(shown)


def test_a_snapshot_is_the_book_as_last_told(hub: StreamHub) -> None:
    """It carries the number of the last change; there is none without a subscription."""
    listener = Listener(hub)
    assert hub.snapshot(1, "BTCTRY") is None
    assert hub.snapshot(2, "BTCTRY") is None
    listener.join("obdiff", "BTCTRY")
    listener.advance(HOUR_MS)
    replica = Replica()
    for kind, model in listener.take():
        if kind in (431, 432):
            replica.apply(kind, model)
    text = hub.snapshot(1, "BTCTRY")
    assert text is not None
    kind, model = json.loads(text)
    whole = Replica()
    whole.apply(kind, model)
    assert (whole.last, whole.sides) == (replica.last, replica.sides)


def test_equal_calls_give_equal_frames(listing: Listing) -> None:
    """Same seed, same calls: the same texts in the same order; another seed, others."""

    def run(seed: int) -> list[str]:
        exchange = Exchange([listing], seed=seed)
        exchange.open_account("ann", {Asset("TRY"): Decimal(100_000)})
        access = Access()
        access.add_key("ann", SECRET)
        listener = Listener(StreamHub(exchange, access, seed=seed))
        listener.log_in()
        for channel, event in (
            ("ticker", "all"),
            ("trade", "BTCTRY"),
            ("obdiff", "BTCTRY"),
            ("tradeview", "BTCTRY_5"),
        ):
            listener.join(channel, event)
        for turn in range(5):
            order = placed(exchange, far_bid(exchange, "0.001"), f"o{turn}")
            listener.advance(5 * MINUTE_MS)
            exchange.cancel("ann", order.order_id)
        listener.advance(HOUR_MS)
        return [frame.text for frame in listener.frames]

    one = run(3)
    assert one == run(3)
    assert one != run(4)
