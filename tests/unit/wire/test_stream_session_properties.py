"""Whatever a connection does to a session: never a wrong book, nothing private lost or doubled."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.stream_events import (
    BookUpdated,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    ResyncNeeded,
    StaleBook,
    StreamEvent,
)
from btcturk_kit.wire.stream_session import StreamSession
from btcturk_kit.wire.stream_step import Step

from .stream_texts import (
    BTCTRY,
    CHANGES,
    HELLO,
    KEYS,
    LOGGED_IN,
    TICKERS,
    change,
    matched,
    resting,
    tickers,
    whole,
)

Level = dict[int, int]


class Market:
    """The exchange's side: its book, the chain of its messages, and what travels to us."""

    def __init__(self) -> None:
        self.bids: Level = {10: 1, 9: 2}
        self.asks: Level = {12: 1, 13: 2}
        self.number = 0
        self.is_joined = False
        self.truth: dict[int, tuple[Level, Level]] = {}
        self.wire: deque[str] = deque()

    def hear(self, texts: Iterable[str]) -> None:
        """Answer what the session sends."""
        for text in texts:
            kind, model = json.loads(text)
            if kind == 114:
                self.wire.append(LOGGED_IN)
            elif model["channel"] == "obdiff":
                if model["join"] and not self.is_joined:
                    self.list_book()
                self.is_joined = model["join"]

    def list_book(self) -> None:
        """Send the whole book."""
        self.number += 1
        self.truth[self.number] = (dict(self.bids), dict(self.asks))
        self.wire.append(
            whole(
                self.number,
                bids=[(str(p), str(a)) for p, a in sorted(self.bids.items(), reverse=True)],
                asks=[(str(p), str(a)) for p, a in sorted(self.asks.items())],
            )
        )

    def move(self, price: int, amount: int) -> None:
        """Change one price of a side and tell it, if somebody listens."""
        side = self.bids if price <= 11 else self.asks
        if not amount and price not in side:
            return
        operation = 3 if not amount else 0 if price in side else 1
        side[price] = amount
        if not amount:
            del side[price]
        if not self.is_joined:
            return
        self.number += 1
        self.truth[self.number] = (dict(self.bids), dict(self.asks))
        row = [(operation, str(price), str(amount or 1))]
        is_bid = side is self.bids
        self.wire.append(
            change(self.number, bids=row if is_bid else (), asks=() if is_bid else row)
        )

    def cut(self) -> None:
        """Lose what travels and everything that was joined."""
        self.wire.clear()
        self.is_joined = False


class Reader:
    """Our side: a session, what it told, and the checks after every input."""

    def __init__(self, *, is_private: bool) -> None:
        self.session = StreamSession()
        self.market = Market()
        self.told: list[StreamEvent] = []
        self.newest = 0
        self.losses = 0
        self.sent_private: list[tuple[int, int]] = []
        self.apply(self.session.connected(now_ms=0))
        if is_private:
            self.apply(self.session.login(KEYS, now_ms=0))
        self.apply(self.session.subscribe([CHANGES, TICKERS]))

    def apply(self, step: Step) -> None:
        """Send what is to be sent, keep what is told, obey the verdict."""
        self.market.hear(step.texts)
        self.told += step.events
        if step.verdict is not None:
            self.lose()

    def lose(self) -> None:
        """Lose the connection and open another."""
        self.losses += 1
        self.market.cut()
        self.newest = 0
        self.apply(self.session.lost(f"loss {self.losses}", now_ms=0))
        assert isinstance(self.session.book(BTCTRY, now_ms=0), StaleBook)
        before = len(self.told)
        self.market.wire.append(HELLO)
        self.apply(self.session.connected(now_ms=0))
        fresh = self.told[before:]
        assert not fresh or isinstance(fresh[0], ResyncNeeded)

    def receive(self, text: str) -> None:
        """Give the session one text."""
        try:
            kind, model = json.loads(text)
        except ValueError:
            kind, model = 0, {}
        if kind in {431, 432}:
            self.newest = max(self.newest, model["CS"])
        if kind in {441, 451, 452}:
            self.sent_private.append((kind, model["id"]))
        self.apply(self.session.received(text, now_ms=0))

    def check_book(self) -> None:
        """The book is stale, or it is what the exchange had at the newest message we got."""
        book = self.session.book(BTCTRY, now_ms=0)
        if isinstance(book, StaleBook):
            return
        assert isinstance(book, OrderBook)
        bids, asks = self.market.truth[self.newest]
        assert {int(level.price): int(level.quantity) for level in book.bids} == bids
        assert {int(level.price): int(level.quantity) for level in book.asks} == asks


DEEDS = st.one_of(
    st.tuples(st.just("move"), st.integers(7, 16), st.integers(0, 3)),
    st.tuples(st.just("private"), st.sampled_from([441, 451, 452]), st.integers(1, 50)),
    st.tuples(
        st.sampled_from(
            ["deliver", "deliver", "deliver", "drop", "repeat", "swap", "garbage", "book", "cut"]
        )
    ),
    st.tuples(st.just("tick"), st.integers(0, 2_000)),
    st.tuples(st.just("ticker")),
)


def do(reader: Reader, deed: tuple[str | int, ...]) -> None:
    """Do one thing to the exchange, to the session, or to what travels between them."""
    market = reader.market
    match deed:
        case ("move", int(price), int(amount)):
            market.move(price, amount)
        case ("private", int(kind), int(order_id)):
            market.wire.append(matched(order_id) if kind == 441 else resting(kind, order_id))
        case ("tick", int(elapsed_ms)):
            reader.apply(reader.session.passed(elapsed_ms))
        case ("ticker",):
            market.wire.append(tickers())
        case ("book",) if market.is_joined:
            market.list_book()
        case ("cut",):
            reader.lose()
        case ("garbage",):
            market.wire.append('[432,{"CS"')
        case (str(fault),) if market.wire:
            travel(reader, fault)


def travel(reader: Reader, fault: str) -> None:
    """Deliver the next text, or do to it what networks do."""
    wire = reader.market.wire
    if fault == "deliver":
        reader.receive(wire.popleft())
    elif fault == "drop":
        wire.popleft()
    elif fault == "repeat":
        wire.appendleft(wire[0])
    elif fault == "swap":
        wire.rotate(-1)
        wire.insert(1, wire.pop())


@pytest.mark.parametrize("is_private", [False, True])
@settings(max_examples=150)
@given(deeds=st.lists(DEEDS, max_size=60))
def test_whatever_happens(deeds: list[tuple[str | int, ...]], *, is_private: bool) -> None:
    """After every input the book is right or stale; every loss is told once, every message once."""
    reader = Reader(is_private=is_private)
    for deed in deeds:
        do(reader, deed)
        reader.check_book()
    reader.lose()
    reader.apply(reader.session.lost("the end", now_ms=0))
    reasons = [event.reason for event in reader.told if isinstance(event, ResyncNeeded)]
    lost = [reason for reason in reasons if reason.startswith("loss")]
    assert lost == [f"loss {number}" for number in range(1, reader.losses + 1)]
    private: list[tuple[int, int]] = []
    for event in reader.told:
        match event:
            case OrderMatched(order_id):
                private.append((441, order_id))
            case OrderInserted(order):
                private.append((451, order.order_id))
            case OrderDeleted(order):
                private.append((452, order.order_id))
    assert private == reader.sent_private


@settings(max_examples=100)
@given(deeds=st.lists(DEEDS, max_size=40))
def test_a_quiet_connection_heals_every_book(deeds: list[tuple[str | int, ...]]) -> None:
    """Once messages come through whole and in order again, the book is right before long."""
    reader = Reader(is_private=True)
    for deed in deeds:
        do(reader, deed)
    # What still travels damaged is delivered; a hole shows at the next change.
    for _ in range(16):
        reader.market.move(7, 1 + len(reader.told) % 2)
        while reader.market.wire:
            reader.receive(reader.market.wire.popleft())
        reader.apply(reader.session.passed(1_000))
    reader.check_book()
    assert isinstance(reader.session.book(BTCTRY, now_ms=0), OrderBook)
    assert any(isinstance(event, BookUpdated) for event in reader.told)
