"""A tape of trades: what is read, what is refused, and that each trade is printed again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.sandbox.market.runs import check_order, played

from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import ConfigurationError, DatasetError
from btcturk_kit.sandbox.market.moves import HouseQuotes, HouseTake, MarketMove
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.recorded_trades import RecordedTrade, RecordedTrades
from btcturk_kit.sandbox.market.trade_tape import TradeTape
from btcturk_kit.simulation.matching import MatchingEngine

HEADER = "ts_ms,market,symbol,trade_id,price,qty,side"
ROWS = [
    HEADER,
    "1000,spot,BTCUSDT,1,100.25,0.5,buy",
    "1000,spot,BTCUSDT,2,100.25,0.25,sell",
    "1500,spot,BTCUSDT,3,101,1,buy",
    "1500,spot,BTCUSDT,9,101,2,buy",
]


def parsed(rows: list[str], **choice: str) -> RecordedTrades:
    """Read lines."""
    return RecordedTrades.parse("\n".join(rows).encode(), source="trades.csv", **choice)  # type: ignore[arg-type] # names of columns


def printed(tape: TradeTape, *, places: int, seed: int = 1) -> list[tuple[int, Side, Decimal, int]]:
    """Play a tape into an empty book; return instant, side, price and units of its trades."""
    engine = MatchingEngine(price_places=places)
    found: list[tuple[int, Side, Decimal, int]] = []
    for at_ms, move in played(tape, seed=seed):
        if isinstance(move, HouseQuotes):
            assert engine.quote(move.maker, bids=move.bids, asks=move.asks) == ()
        elif isinstance(move, HouseTake):
            quantity = engine.quantity_of(move.units)
            result = engine.market_take(0, owner=move.taker, side=move.side, quantity=quantity)
            assert result.is_exhausted
            found += [
                (at_ms, one.taker_side, one.price, engine.units_of(one.quantity))
                for one in result.trades
            ]
    return found


def test_a_file_is_read() -> None:
    """A buy between two steps is rounded up and a sell down; amounts have eight places."""
    trades = parsed(ROWS)
    assert [trades[index] for index in range(len(trades))] == [
        RecordedTrade(1000, 101, 50_000_000, Side.BUY),
        RecordedTrade(1000, 100, 25_000_000, Side.SELL),
        RecordedTrade(1500, 101, 100_000_000, Side.BUY),
        RecordedTrade(1500, 101, 200_000_000, Side.BUY),
    ]
    assert trades.amount_mean == 93_750_000
    assert parsed(["side,qty,price,ts_ms", "buy,1,100,1000"])[0].price == 100


def test_one_of_several_markets_is_chosen() -> None:
    """Rows of other markets are passed over; without a choice the second market is named."""
    rows = [*ROWS, "2000,usdm,BTCUSDT,5,99,1,sell", "2500,usdm,ETHUSDT,1,9,1,sell"]
    assert len(parsed(rows, market="spot")) == 4
    assert len(parsed(rows, market="usdm", symbol="ETHUSDT")) == 1
    with pytest.raises(DatasetError, match="usdm BTCUSDT after spot BTCUSDT: choose one") as raised:
        parsed(rows, symbol="BTCUSDT")
    assert raised.value.row == 6
    with pytest.raises(DatasetError, match="no trade"):
        parsed(rows, market="coinm")
    with pytest.raises(DatasetError, match="the header has no market"):
        parsed(["ts_ms,price,qty,side", "1,1,1,buy"], market="spot")


@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        (0, "ts_ms,price,qty", "the header has no side"),
        (0, "ts_ms,ts_ms,price,qty,side", "names a column twice"),
        (3, "999,spot,BTCUSDT,3,101,1,buy", "time 999 comes before 1000"),
        (3, "soon,spot,BTCUSDT,3,101,1,buy", "not whole milliseconds"),
        (3, "1.5e3,spot,BTCUSDT,3,101,1,buy", "not whole milliseconds"),
        (3, "1500,spot,BTCUSDT,2,101,1,buy", "trade 2 does not come after 2"),
        (3, "1500,spot,BTCUSDT,x,101,1,buy", "'x' is not a decimal number"),
        (3, "1500,spot,BTCUSDT,3,0.99,1,sell", "not a positive price"),
        (3, "1500,spot,BTCUSDT,3,-5,1,buy", "not a positive price"),
        (3, "1500,spot,BTCUSDT,3,nan,1,buy", "finite"),
        (3, "1500,spot,BTCUSDT,3,1e30,1,buy", "too large"),
        (3, "1500,spot,BTCUSDT,3,1e999999999999,1,buy", "too large"),
        (3, f"1500,spot,BTCUSDT,3,{'9' * 50},1,buy", "too long"),
        (3, "1500,spot,BTCUSDT,3,101,0,buy", "qty 0 is not positive"),
        (3, "1500,spot,BTCUSDT,3,101,0.000000004,buy", "is not positive at 8 places"),
        (3, "1500,spot,BTCUSDT,3,101,1,Buy", "neither buy nor sell"),
        (3, "1500,spot,BTCUSDT,3,101,1", "6 columns instead of 7"),
        (3, "", "0 columns instead of 7"),
    ],
)
def test_damage_is_named_with_its_row(line: int, text: str, problem: str) -> None:
    """A damaged file is refused, never repaired."""
    rows = list(ROWS)
    rows[line] = text
    with pytest.raises(DatasetError, match=problem) as raised:
        parsed(rows)
    assert raised.value.row == line + 1
    assert "\n" not in str(raised.value)


def test_a_file_without_a_trade_or_text_is_refused(tmp_path: Path) -> None:
    """So is one that is not there, not text, or no table."""
    for content, problem in ((b"", "the header has no"), (HEADER.encode(), "no trade")):
        with pytest.raises(DatasetError, match=problem):
            RecordedTrades.parse(content, source="trades.csv")
    with pytest.raises(DatasetError, match="ASCII"):
        RecordedTrades.parse(b"\xff", source="trades.csv")
    with pytest.raises(DatasetError, match="is not CSV"):
        RecordedTrades.parse(b"ts_ms,price,qty,side\n" + b"9" * 200_000, source="trades.csv")
    with pytest.raises(DatasetError, match="cannot be read"):
        TradeTape.read(tmp_path / "missing.csv")


def test_every_trade_is_printed_at_its_price() -> None:
    """Played into an empty book, the bundled trades come out as they were recorded."""
    trades = RecordedTrades.bundled(price_places=2)
    assert len(trades) == 5_000
    recorded = [trades[index] for index in range(len(trades))]
    assert printed(TradeTape(trades), places=2) == [
        (
            one.at_ms - recorded[0].at_ms,
            one.side,
            Decimal(one.price).scaleb(-2),
            one.amount * 10**8,
        )
        for one in recorded
    ]


def test_the_seed_draws_the_book_and_not_the_trades() -> None:
    """Another seed has the same takers in another book; the same seed the same moves."""

    def takes(moves: list[tuple[int, MarketMove]]) -> list[tuple[int, MarketMove]]:
        return [entry for entry in moves if isinstance(entry[1], HouseTake)]

    tape = TradeTape.bundled()
    one, again, other = (played(tape, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert takes(one) == takes(other)


def test_a_long_silence_is_cut_and_what_follows_moves_up() -> None:
    """Two recordings of different days follow each other after the longest gap that is played."""
    rows = [HEADER.replace("market,symbol,", "")]
    rows += [
        f"{at_ms},{number},100,1,buy" for number, at_ms in enumerate((0, 900, 10**9, 10**9 + 5))
    ]
    tape = TradeTape(parsed(rows), gap_ms_max=1_000)
    takes = [at for at, move in played(tape) if isinstance(move, HouseTake)]
    assert takes == [0, 900, 1_900, 1_905]
    with pytest.raises(ConfigurationError, match="gap_ms_max is 0"):
        TradeTape(parsed(rows), gap_ms_max=0)


def test_a_run_starts_at_its_first_trade_without_a_past() -> None:
    """The recorded time is kept if no other is asked for; after the last trade comes nothing."""
    playback = TradeTape(parsed(ROWS)).play(seed=9, start_ms=None)
    assert (playback.start_ms, playback.opening_price) == (1000, 101)
    assert playback.recorded_hours(0, NEVER_MS) == []
    moves = [playback.take() for _ in range(7)]
    assert [type(one) for one in moves[:3]] == [HouseQuotes, HouseTake, HouseQuotes]
    assert playback.next_ms() == NEVER_MS


def test_a_price_of_few_steps_has_a_short_ladder() -> None:
    """No level is quoted at nothing."""
    rows = ["ts_ms,price,qty,side", "1,2,1,sell"]
    quotes = played(TradeTape(parsed(rows)))[0][1]
    assert isinstance(quotes, HouseQuotes)
    assert all(price > 0 for price, _ in quotes.bids)
    assert 1 <= len(quotes.bids) < len(quotes.asks) == 10


def test_trades_are_held_compactly() -> None:
    """25 bytes each."""
    trades = RecordedTrades.bundled()
    assert trades.nbytes == 25 * len(trades)


@settings(max_examples=40, deadline=None)
@given(
    trades=st.lists(
        st.tuples(st.integers(0, 3_000), st.integers(1, 400), st.integers(1, 10**9), st.booleans()),
        min_size=1,
        max_size=60,
    ),
    gap_ms_max=st.integers(1, 2_000),
    seed=st.integers(0, 10**6),
)
def test_whatever_is_recorded_is_printed_in_order(
    trades: list[tuple[int, int, int, bool]], gap_ms_max: int, seed: int
) -> None:
    """Time never goes back, no gap is longer than allowed, every trade prints at its price."""
    at_ms, recorded = 0, []
    for wait_ms, price, amount, is_buy in trades:
        at_ms += wait_ms
        side = Side.BUY if is_buy else Side.SELL
        recorded.append(RecordedTrade(at_ms, price, amount, side))
    tape = TradeTape(RecordedTrades(recorded, source="made"), gap_ms_max=gap_ms_max)
    moves = played(tape, seed=seed)
    check_order(moves)
    found = printed(tape, places=0, seed=seed)
    assert [one[1:] for one in found] == [
        (one.side, one.price, one.amount * 10**8) for one in recorded
    ]
    waits = [min(wait_ms, gap_ms_max) for wait_ms, *_ in trades[1:]]
    assert [one[0] for one in found] == [sum(waits[:count]) for count in range(len(trades))]
