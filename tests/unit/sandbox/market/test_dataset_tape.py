"""The columns of a dataset as a tape: what stands in them happens, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.market import DepthColumns, TradeColumns
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.dataset_tape import DatasetTape
from btcturk_kit.sandbox.market.moves import HouseLevels, HousePrint, HouseQuotes, HouseTake
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.listing import bundled_listing
from btcturk_kit.sandbox.venue.pair import Listing, PairState

RULES = bundled_listing().rules
BTCTRY = Symbol("BTCTRY")
LOT = 10**8  # engine units
DEPTH = DepthColumns(
    symbol=BTCTRY,
    price_scale=0,
    quantity_scale=8,
    times_ms=[1_000, 2_000, 3_000],
    is_snapshot=[1, 0, 1],
    ask_starts=[2, 4, 6],
    ends=[3, 5, 7],
    price=[100, 99, 104, 98, 105, 90, 110],
    quantity=[5, 0, 7, 3, 0, 4, 6],
    best_bid=[100, 100, 90],
    best_ask=[104, 104, 110],
)
TRADES = TradeColumns(
    symbol=BTCTRY,
    price_scale=0,
    quantity_scale=8,
    times_ms=[500, 2_000, 2_500],
    price=[103, 100, 104],
    quantity=[9, 1, 2],
    is_buy=[1, 0, 1],
)


def test_books_and_trades_come_in_their_order() -> None:
    """Trades before the update of their millisecond; what is before the first book is left out."""
    playback = DatasetTape(DEPTH, TRADES).play(seed=1, start_ms=None)
    assert (playback.start_ms, playback.opening_price) == (1_000, 102)
    told = []
    while (now_ms := playback.next_ms()) != NEVER_MS:
        told.append((now_ms, playback.take()))
    maker, taker = "house:book", "house:taker"
    assert told == [
        (1_000, HouseQuotes(((100, 5 * LOT),), ((104, 7 * LOT),), maker)),
        (2_000, HouseTake(Side.SELL, LOT, taker)),
        (2_000, HouseLevels(((98, 3 * LOT),), ((105, 0),), maker)),
        (2_500, HouseTake(Side.BUY, 2 * LOT, taker)),
        (3_000, HouseQuotes(((90, 4 * LOT),), ((110, 6 * LOT),), maker)),
    ]
    assert playback.recorded_hours(0, 10_000) == []


def test_the_clock_of_the_exchange_may_be_another_one() -> None:
    """A tape that starts elsewhere keeps its distances."""
    playback = DatasetTape(DEPTH).play(seed=1, start_ms=61_000)
    instants = []
    while (now_ms := playback.next_ms()) != NEVER_MS:
        instants.append(now_ms)
        playback.take()
    assert instants == [61_000, 62_000, 63_000]


def test_the_middle_is_printed_after_each_book_and_touches_nothing() -> None:
    """The last trade lies in the book, and whoever rests there has not traded."""
    exchange = Exchange([Listing(RULES, DatasetTape(DEPTH, prints_middle=True))], seed=1)
    exchange.open_account("ann", {Asset("TRY"): Decimal(10_000)})
    order = LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(103))
    placed = exchange.submit("ann", order)
    assert exchange.ticker(BTCTRY).last == 102
    exchange.advance_to(3_000)
    assert exchange.ticker(BTCTRY).last == 100
    assert not exchange.holding("ann").fills
    assert getattr(placed, "remaining", None) == 1
    assert [one.price for one in exchange.public_trades(BTCTRY, count=5)] == [100, 102, 102]
    exchange.audit()


def test_nothing_is_printed_in_a_pair_that_is_closed() -> None:
    """A print while the pair is halted is gone; its book waits for the opening."""
    exchange = Exchange([Listing(RULES, DatasetTape(DEPTH, prints_middle=True))], seed=1)
    exchange.set_state(BTCTRY, PairState.HALTED)
    exchange.advance_to(3_000)
    exchange.set_state(BTCTRY, PairState.OPEN)
    assert exchange.ticker(BTCTRY).last == 102
    assert exchange.book(BTCTRY, levels=1).bids[0].price == 90


def test_trades_are_printed_instead_of_the_middle_where_there_are_any() -> None:
    """What was recorded outranks what is made up."""
    playback = DatasetTape(DEPTH, TRADES, prints_middle=True).play(seed=1, start_ms=None)
    moves = []
    while playback.next_ms() != NEVER_MS:
        moves.append(playback.take())
    assert not any(isinstance(one, HousePrint) for one in moves)


@pytest.mark.parametrize(
    "depth",
    [
        replace(DEPTH, is_snapshot=[0, 0, 1]),
        replace(DEPTH, times_ms=[]),
        replace(DEPTH, quantity_scale=17),
    ],
)
def test_columns_that_are_no_market_are_refused(depth: DepthColumns) -> None:
    """Without a first book, or with finer amounts than the exchange knows, there is no tape."""
    with pytest.raises(ConfigurationError, match=r"snapshot|decimals"):
        DatasetTape(depth)
