"""From a file to its tape, by what its first line says."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from btcturk_kit.errors import ConfigurationError, DatasetError
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.market.depth_tape import DepthTape
from btcturk_kit.sandbox.market.files import read_tape
from btcturk_kit.sandbox.market.recorded_files import bundled_content
from btcturk_kit.sandbox.market.trade_tape import TradeTape

HOLED = Path(__file__).parents[3] / "data" / "btctry_1h_2020-02-18.csv"


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    """Return a file of trades."""
    path = tmp_path / "trades"
    path.write_bytes(bundled_content("trades_btcusdt_2024-08-08.csv.gz"))
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Return a packed file of level-2 updates."""
    path = tmp_path / "book"
    path.write_bytes(gzip.compress(bundled_content("depth_btcusdt_2024-08-08.jsonl.gz")))
    return path


def test_each_kind_is_told_by_its_first_line(trades: Path, book: Path) -> None:
    """Whatever a file is called, packed or plain."""
    candles = read_tape(HOLED, price_places=0, holes="halt")
    assert isinstance(candles, CandleTape)
    assert candles.recorded.interval_ms == 3_600_000
    tape = read_tape(trades, price_places=2)
    assert isinstance(tape, TradeTape)
    assert tape.trades.price_places == 2
    alone = read_tape(book, price_places=2)
    assert isinstance(alone, DepthTape)
    assert alone.trades is None
    both = read_tape(book, price_places=2, trades=trades)
    assert isinstance(both, DepthTape)
    assert both.trades is not None


def test_a_choice_of_market_reaches_the_reader(tmp_path: Path) -> None:
    """Of two markets in a file one is read."""
    path = tmp_path / "two.csv"
    path.write_text("ts_ms,market,price,qty,side\n1,a,5,1,buy\n2,b,6,1,buy\n", "ascii")
    tape = read_tape(path, price_places=0, market="b")
    assert isinstance(tape, TradeTape)
    assert tape.trades[0].price == 6
    with pytest.raises(DatasetError, match="choose one by market="):
        read_tape(path, price_places=0)


def test_holes_are_refused_unless_chosen() -> None:
    """The default is the careful one."""
    with pytest.raises(DatasetError, match="minutes missing before time"):
        read_tape(HOLED, price_places=0)


@pytest.mark.parametrize("content", ["", "date,close\n2024-03-02,31.467\n", "[1,2]", "\xff\xfe"])
def test_anything_else_is_no_recording(tmp_path: Path, content: str) -> None:
    """In one line: what it could have been."""
    path = tmp_path / "other.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DatasetError, match=r"other\.csv, row 1: is no recording") as raised:
        read_tape(path, price_places=0)
    assert "\n" not in str(raised.value)


def test_trades_stand_beside_a_book_only(trades: Path) -> None:
    """Candles and trades carry their own."""
    with pytest.raises(ConfigurationError, match="not beside btctry"):
        read_tape(HOLED, price_places=0, trades=trades)
