"""The pairs that are known, and how a text names one with its tape."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import MarketBuy
from btcturk_kit.errors import ConfigurationError, DatasetError
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.market.depth_tape import DepthTape
from btcturk_kit.sandbox.market.recorded_files import bundled_content
from btcturk_kit.sandbox.market.synthetic_market import SyntheticMarket
from btcturk_kit.sandbox.market.trade_tape import TradeTape
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.listing import KNOWN_PAIRS, listing_of
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.wire import decode

TESTS = Path(__file__).parents[2]
PAYLOADS = TESTS / "wire" / "payloads"
HOLED = TESTS / "data" / "btctry_1h_2020-02-18.csv"


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("exchangeinfo.json", {"BTCTRY", "USDTTRY", "ETHUSDT"}),
        ("exchangeinfo-2022-07.json", {"BTCTRY", "ETHTRY", "USDTTRY", "BTCUSDT", "ETHUSDT"}),
    ],
)
def test_rules_are_those_of_the_exchange(name: str, symbols: set[str]) -> None:
    """They equal what exchange info published, but for the limits that move with the price."""
    published = decode.pair_rules((PAYLOADS / name).read_bytes())
    checked = set()
    for symbol, known in KNOWN_PAIRS.items():
        if symbol in published:
            rules = replace(published[symbol], min_price=Decimal(0), max_price=None)
            assert known.rules == rules
            checked.add(symbol)
    assert checked == symbols


def test_a_pair_alone_is_moved_without_a_file() -> None:
    """BTC/TRY by the bundled hours, any other by a made-up market of its own."""
    assert isinstance(listing_of("btc_try").tape, CandleTape)
    for symbol, known in KNOWN_PAIRS.items():
        if symbol == "BTCTRY":
            continue
        rules, tape = listing_of(f" {symbol} ")
        assert rules == known.rules
        assert isinstance(tape, SyntheticMarket)
        assert (tape.opening_price, tape.name) == (known.opening_price, symbol)
        assert tape.price_places == rules.price_places


def test_a_pair_with_a_file_is_moved_by_it(tmp_path: Path) -> None:
    """Candles, trades, level-2 updates, and these with trades beside them."""
    trades, book = tmp_path / "trades.csv", tmp_path / "book,1.jsonl"
    trades.write_bytes(bundled_content("trades_btcusdt_2024-08-08.csv.gz"))
    book.write_bytes(bundled_content("depth_btcusdt_2024-08-08.jsonl.gz"))
    assert isinstance(listing_of(f"BTCTRY={HOLED}", holes="halt").tape, CandleTape)
    assert isinstance(listing_of(f"BTCUSDT={trades}").tape, TradeTape)
    alone, both = listing_of(f"BTCUSDT={book}").tape, listing_of(f"BTCUSDT={book}, {trades}").tape
    assert isinstance(alone, DepthTape)
    assert isinstance(both, DepthTape)
    assert (alone.trades, both.trades is None) == (None, False)
    with pytest.raises(DatasetError, match="minutes missing before time"):
        listing_of(f"BTCTRY={HOLED}")


@pytest.mark.parametrize("text", ["", "XRPTRY", "=file.csv", "BTC", "XRPTRY=file.csv"])
def test_an_unknown_pair_is_refused_with_the_known_ones(text: str) -> None:
    """Never replaced by a similar one."""
    with pytest.raises(ConfigurationError, match="does not know the pair") as raised:
        listing_of(text)
    assert "BTCTRY, ETHTRY, USDTTRY, BTCUSDT, ETHUSDT" in raised.value.hint


@pytest.mark.parametrize("text", ["BTCTRY=", "BTCTRY=missing.csv", "BTCUSDT=one.jsonl,two.csv"])
def test_a_missing_file_is_refused(text: str) -> None:
    """With the pair it was for, and what may be given."""
    with pytest.raises(ConfigurationError, match="there is no file") as raised:
        listing_of(text)
    assert "PAIR=FILE" in raised.value.hint


def test_made_up_pairs_trade_on_one_exchange() -> None:
    """Orders are filled, markets of one seed do not move alike, and all money adds up."""
    exchange = Exchange([listing_of("ETHTRY"), listing_of("USDTTRY")], seed=5)
    exchange.open_account("ann", {Asset("TRY"): Decimal(100_000)})
    for _ in range(20):
        exchange.advance_to(exchange.now_ms + 30_000)
        for symbol in (Symbol("ETHTRY"), Symbol("USDTTRY")):
            order = exchange.submit("ann", MarketBuy(symbol, Decimal(1_000)))
            assert isinstance(order, PlacedOrder)
    exchange.audit()
    times = [
        [one.event_time_ms for one in exchange.public_trades(symbol, count=30)]
        for symbol in (Symbol("ETHTRY"), Symbol("USDTTRY"))
    ]
    assert min(len(one) for one in times) == 30
    assert times[0] != times[1]


def test_a_trade_tape_moves_an_exchange() -> None:
    """Its first minute is printed, and an order in its way is filled."""
    rules = KNOWN_PAIRS[Symbol("BTCUSDT")].rules
    exchange = Exchange([Listing(rules, TradeTape.bundled())], seed=5)
    exchange.open_account("ann", {Asset("USDT"): Decimal(10_000)})
    exchange.advance_to(exchange.now_ms + 60_000)
    assert len(exchange.public_trades(rules.symbol, count=50)) == 50
    order = exchange.submit("ann", MarketBuy(rules.symbol, Decimal(1_000)))
    assert isinstance(order, PlacedOrder)
    exchange.audit()
