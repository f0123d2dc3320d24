"""The document of the page: what the exchange knows, as text that loses no digit."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from importlib.resources import files

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, Side, StopMarketBuy
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.overview import (
    HISTORY_ROWS,
    LEVELS,
    ROWS_MAX,
    FaultRow,
    overview_of,
    short_key,
    stream_faults,
)
from btcturk_kit.sandbox.page import PAGE_HEADERS, PAGE_PATHS, page_file
from btcturk_kit.sandbox.stream.faults import Script
from btcturk_kit.sandbox.stream.session import SessionRow
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.pair import PairState, PriceBand

BTCTRY = Symbol("BTCTRY")
LONG_KEY = "0123456789abcdef0123456789abcdef"
FILE_LINES_MAX = 400


def overview(exchange: Exchange, **others: object) -> dict:
    """Return the document as its reader gets it."""
    document = overview_of(exchange, symbol=BTCTRY, clock=ClockKind.VIRTUAL, **others)
    assert json.loads(json.dumps(document)) == document
    return document


def rest(exchange: Exchange, *, price: int = 1_000_000, client_order_id: str = "") -> PlacedOrder:
    """Place an order far below the market."""
    request = LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), Decimal(price))
    order = exchange.submit("ann", request, client_order_id=client_order_id)
    assert isinstance(order, PlacedOrder)
    return order


def test_the_book_is_the_exchanges_with_sums(exchange: Exchange) -> None:
    """Every level has its price, its amount, and the exact amount up to there."""
    exchange.advance_to(exchange.now_ms + 3_600_000)
    book, shown = exchange.book(BTCTRY, levels=LEVELS), overview(exchange)["book"]
    assert book.bids
    for side, levels in (("bids", book.bids), ("asks", book.asks)):
        assert [row[:2] for row in shown[side]] == [
            [f"{one.price:f}", f"{one.quantity:f}"] for one in levels
        ]
        assert Decimal(shown[side][-1][2]) == sum(one.quantity for one in levels)
    assert Decimal(shown["spread"]) == book.asks[0].price - book.bids[0].price


def test_trades_come_newest_first_with_the_takers_side(exchange: Exchange) -> None:
    """A trade is what the public record holds; its number is text, longer than a float's."""
    exchange.submit("ann", MarketBuy(BTCTRY, Decimal(5000)), client_order_id="now")
    (newest,) = exchange.public_trades(BTCTRY, count=1)
    assert overview(exchange)["trades"][0] == {
        "id": str(newest.trade_id),
        "time_ms": newest.event_time_ms,
        "side": "buy",
        "price": f"{newest.price:f}",
        "quantity": f"{newest.quantity:f}",
    }


def test_an_account_shows_balances_and_what_it_has_open(exchange: Exchange) -> None:
    """Open orders come newest first; a stop shows its trigger, a queued cancel shows."""
    first = rest(exchange, client_order_id="first")
    trigger = exchange.ticker(BTCTRY).last * 2
    stop = exchange.submit("ann", StopMarketBuy(BTCTRY, Decimal(1000), trigger))
    assert isinstance(stop, PlacedOrder)
    exchange.cancel("ann", first.order_id)
    (account,) = overview(exchange)["accounts"]
    balance = exchange.holding("ann").account.balance(Asset("TRY"))
    assert account["balances"][0] == {
        "asset": "TRY",
        "free": f"{balance.free:f}",
        "locked": f"{balance.locked:f}",
    }
    of_stop, of_first = account["open_orders"]
    assert (of_stop["type"], of_stop["price"], of_stop["stop_price"], of_stop["quantity"]) == (
        "stop_market",
        None,
        f"{trigger:f}",
        "1000",
    )
    assert of_first == {
        "id": str(first.order_id),
        "client_order_id": "first",
        "symbol": "BTCTRY",
        "side": "buy",
        "type": "limit",
        "price": "1000000",
        "stop_price": None,
        "quantity": "0.001",
        "remaining": "0.001",
        "is_cancel_queued": True,
        "created_ms": first.created_ms,
    }
    assert of_stop["is_cancel_queued"] is False


def test_a_pair_shows_what_was_decided_about_it(exchange: Exchange) -> None:
    """Its state, whether market orders are on, and its band."""
    pair = overview(exchange)["pair"]
    assert (pair["state"], pair["takes_market_orders"], pair["band"]) == ("open", True, None)
    exchange.set_state(BTCTRY, PairState.MAINTENANCE)
    exchange.set_market_orders(BTCTRY, is_on=False)
    exchange.set_band(BTCTRY, PriceBand(Decimal("1E+3"), Decimal(2000)))
    pair = overview(exchange)["pair"]
    assert (pair["state"], pair["takes_market_orders"]) == ("maintenance", False)
    assert pair["band"] == {"low": "1000", "high": "2000"}


def test_a_side_without_quotes_has_no_spread(exchange: Exchange) -> None:
    """Nothing is made up where there is no price."""
    asks = exchange.book(BTCTRY, levels=10**6).asks
    quantity = sum((one.quantity for one in asks), Decimal(1))
    exchange.deposit("ann", Asset("TRY"), quantity * asks[-1].price * 2)
    sweep = LimitOrder(BTCTRY, Side.BUY, quantity, asks[-1].price)
    assert isinstance(exchange.submit("ann", sweep), PlacedOrder)
    book = overview(exchange)["book"]
    assert (book["asks"], book["spread"]) == ([], None)


def test_the_history_is_its_newest_entries(exchange: Exchange) -> None:
    """Only the tail is shown, newest first, with the number of all."""
    for _ in range(HISTORY_ROWS + 5):
        rest(exchange)
    document = overview(exchange)
    entries = list(exchange.history.entries())
    assert document["history_count"] == len(entries) > HISTORY_ROWS
    assert document["history"] == [one._asdict() for one in entries[: -HISTORY_ROWS - 1 : -1]]


def test_an_old_exchange_gives_a_small_document(exchange: Exchange) -> None:
    """Rows are bounded and texts are cut, and the document says how much there is."""
    for number in range(ROWS_MAX + 3):
        rest(exchange, client_order_id=f"{number}-" + "x" * 5000)
        exchange.open_account(f"other-{number}", {})
    sessions = [SessionRow(one, "", ("x" * 5000,) * 90, {}, 0) for one in range(ROWS_MAX + 1)]
    faults = [FaultRow("stream", "x" * 5000, 0, None)] * (ROWS_MAX + 2)
    document = overview(exchange, sessions=sessions, faults=faults)
    assert len(json.dumps(document)) < 1_000_000
    (ann, *_) = document["accounts"]
    assert ann["open_orders"][0]["client_order_id"].startswith(f"{ROWS_MAX + 2}-xxx")
    assert ann["open_orders_count"] == ROWS_MAX + 3
    assert document["accounts_count"] == ROWS_MAX + 4
    assert document["sessions_count"] == ROWS_MAX + 1
    assert document["sessions"][0]["joined_count"] == 90
    assert document["faults_count"] == ROWS_MAX + 2
    for name in ("accounts", "sessions", "faults"):
        assert len(document[name]) == ROWS_MAX


def test_no_whole_key_leaves_the_exchange(exchange: Exchange) -> None:
    """A key is shortened where it names an account, an actor, what was changed, a session."""
    exchange.open_account(LONG_KEY, {Asset("TRY"): Decimal(1)})
    exchange.set_fee_level(LONG_KEY, 2)
    sessions = [SessionRow(1, LONG_KEY, (), {}, 0)]
    document = overview(exchange, sessions=sessions)
    assert LONG_KEY not in json.dumps(document)
    short = short_key(LONG_KEY)
    assert document["accounts"][1]["name"] == short
    assert (document["history"][0]["id"], document["history"][1]["actor"]) == (short, short)
    assert document["sessions"][0]["account"] == short


def test_looking_changes_nothing(exchange: Exchange) -> None:
    """The history and the books are the same after any number of looks."""
    rest(exchange)
    before = exchange.history.lines(), overview(exchange)
    assert (exchange.history.lines(), overview(exchange)) == before
    exchange.audit()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "skip_number", "types": [432]}, "skip number type 432"),
        ({"kind": "drop", "channel": "trade"}, "drop on trade:any event"),
        ({"kind": "drop", "event": "BTCTRY"}, "drop on any channel:BTCTRY"),
        ({"kind": "close", "session": 3, "after": 2}, "close in session 3 after 2 of them"),
        ({"kind": "swap", "chance_bps": 50}, "swap with a chance of 50 bps"),
    ],
)
def test_a_fault_is_told_in_words(fault: dict, words: str) -> None:
    """Every field that narrows a fault is told, and no other."""
    (row,) = stream_faults(Script.of({"faults": [fault]}), [0])
    assert row == FaultRow("stream", words, 0, 1)


def test_a_server_that_does_not_ping_is_a_fault_too() -> None:
    """A plan without faults in its list can still be one."""
    assert stream_faults(Script(), []) == []
    (row,) = stream_faults(Script(sends_pings=False), [])
    assert row.what == "send no pings"


def test_the_page_is_its_own_files_under_a_strict_policy() -> None:
    """Every path gives a file with a type; nothing in the files asks another machine."""
    for path in PAGE_PATHS:
        file = page_file(path)
        assert file.body
        assert file.content_type
        text = file.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "//www" not in text
        assert "http:" not in text
        assert "https:" not in text
        assert "innerHTML" not in text
    policy = PAGE_HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "*" not in policy


def test_every_file_of_the_page_is_served_and_short() -> None:
    """No file lies unserved, no script imports one that is not served, none outgrows the limit."""
    folder = files("btcturk_kit.sandbox").joinpath("page_files")
    names = {file.name for file in folder.iterdir()}
    assert {f"/{name}" for name in names} == {*PAGE_PATHS, "/index.html"} - {"/"}
    scripts = [path for path in PAGE_PATHS if path.endswith(".js")]
    imported: set[str] = set()
    for path in scripts:
        assert page_file(path).content_type.startswith("text/javascript")
        text = page_file(path).body.decode()
        assert len(text.splitlines()) <= FILE_LINES_MAX
        imported.update(re.findall(r' from "\.(/[^"]+)";', text))
    assert imported == set(scripts) - {"/page.js"}
