"""Files of others taken into datasets: slices of real recordings, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from btcturk_kit.adapters.dataset_files import read_dataset
from btcturk_kit.adapters.dataset_import import Imported, ImportRequest, import_file, read_rules
from btcturk_kit.adapters.dataset_manifest import RulesEntry
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ConfigurationError, DatasetError

DATA = Path(__file__).parents[2] / "data"
BTCUSDT = Symbol("BTCUSDT")
KLINE = "1704067200000,1.5,2,1,1.5,3,1704070799999,4,5,6,7,0"


def taken(file: str | Path, out: Path, symbol: str, **options: Any) -> Imported:
    """Import a file of the tests' data, or another one."""
    return import_file(DATA / file, out, ImportRequest(symbol=Symbol(symbol), **options))


def test_hours_come_in_with_their_holes(tmp_path: Path) -> None:
    """The step is found, decimals too, and rules that were made up are labelled."""
    done = taken("btctry_1h_2020-02-18.csv", tmp_path / "d", "BTCTRY", source="there")
    assert (done.kind, done.rows) == ("candles", 91)
    found = read_dataset(tmp_path / "d")
    pair = found.pairs[Symbol("BTCTRY")]
    assert (pair.interval_ms, pair.rules.price_places, pair.rules.quote) == (3_600_000, 0, "TRY")
    assert (found.name, found.source) == ("d", "there")
    assert "BTCTRY: rules made up to fit the data" in found.labels


def test_a_volume_with_floating_dust_is_rounded_and_noted(tmp_path: Path) -> None:
    """Eleven decimals become eight, and the dataset says so."""
    done = taken("btcperp_1m_2022-01.csv", tmp_path / "d", "BTCUSD")
    assert done.notes == ("BTCUSD: volumes rounded to 8 decimals",)
    assert done.notes[0] in read_dataset(tmp_path / "d").notes


def test_daily_closes_become_bars_that_say_what_they_are(tmp_path: Path) -> None:
    """Four equal prices, no volume, a note."""
    done = taken("btcturk_usdttry_2025-12.csv", tmp_path / "d", "USDTTRY")
    bars = read_dataset(tmp_path / "d").pairs[Symbol("USDTTRY")].bars
    assert bars is not None
    assert list(bars.high) == list(bars.low) == list(bars.close)
    assert set(bars.volume) == {0}
    assert done.notes == ("USDTTRY: closes alone, no highs, lows or volumes",)


def test_one_market_is_picked_from_a_tape_of_several(tmp_path: Path) -> None:
    """Without a choice the file is refused; numbers of trades are kept."""
    with pytest.raises(DatasetError, match="choose one"):
        taken("trades_2024-08-08.csv", tmp_path / "d", "BTCUSDT")
    done = taken(
        "trades_2024-08-08.csv", tmp_path / "d", "BTCUSDT", market="spot", row_symbol="BTCUSDT"
    )
    assert (done.kind, done.rows) == ("trades", 40)
    assert len(set(read_dataset(tmp_path / "d").pairs[BTCUSDT].trade_ids)) == 40
    with pytest.raises(DatasetError, match="no such trade"):
        taken("trades_2024-08-08.csv", tmp_path / "e", "BTCUSDT", market="spot", row_symbol="X")
    (tmp_path / "a.csv").write_text("ts,price,qty,side\n1704067200000,1,1,buy\n")
    with pytest.raises(DatasetError, match="has no column market"):
        taken(tmp_path / "a.csv", tmp_path / "e", "BTCUSDT", market="spot")
    assert not (tmp_path / "e").exists()


def test_a_book_agrees_with_the_recorded_touch(tmp_path: Path) -> None:
    """Every row of the exchange's own touch; a changed one is refused and nothing is written."""
    book, touch = "l2_btcusdt_2024-08-08.jsonl", DATA / "touch_btcusdt_2024-08-08.csv"
    done = taken(book, tmp_path / "d", "BTCUSDT", touch=touch)
    assert (done.kind, done.rows, done.touches) == ("depth", 58, len(touch.read_text().split()) - 1)
    lines = touch.read_text().splitlines()
    wrong = tmp_path / "wrong.csv"
    for changed, problem in (
        (lines[5].replace("618", "619"), "another touch"),
        ("7" + lines[5][1:], "no update ends at"),
    ):
        wrong.write_text("\n".join([*lines[:5], changed]))
        with pytest.raises(DatasetError, match=problem) as caught:
            taken(book, tmp_path / "e", "BTCUSDT", touch=wrong)
        assert caught.value.row == 6
    assert not (tmp_path / "e").exists()


def test_kinds_and_pairs_join_in_one_dataset(tmp_path: Path) -> None:
    """What is there is kept; the same kind again needs `replaces`; the pair's rules stay."""
    out = tmp_path / "d"
    book = "l2_btcusdt_2024-08-08.jsonl"
    taken(book, out, "BTCUSDT", source="there", price_decimals=2)
    spot = {"market": "spot", "row_symbol": "BTCUSDT"}
    taken("trades_2024-08-08.csv", out, "BTCUSDT", source="elsewhere", **spot)
    taken("btctry_1h_2020-02-18.csv", out, "BTCTRY", notes=("a note",))
    found = read_dataset(out)
    assert found.source == "there; elsewhere"
    assert (found.pairs[BTCUSDT].trades is None, found.pairs[BTCUSDT].depth is None) == (False,) * 2
    with pytest.raises(ConfigurationError, match="has depth of BTCUSDT already"):
        taken(book, out, "BTCUSDT")
    taken(book, out, "BTCUSDT", replaces=True)
    assert read_dataset(out) == found


def test_rules_are_read_and_prices_held_to_them(tmp_path: Path) -> None:
    """Prices finer than the rules are refused unless they shall be rounded."""
    path = tmp_path / "rules.json"
    rules = {"base": "BTC", "quote": "TRY", "price_scale": 0, "quantity_scale": 8}
    path.write_text(json.dumps({**rules, "min_notional": "99.91", "as_of": "2024-01-01"}))
    kline = tmp_path / "klines.csv"
    kline.write_text(f"{KLINE}\n{KLINE.replace('1704067200000', '1704067260000', 1)}\n")
    entry = read_rules(path)
    with pytest.raises(DatasetError, match=r"row 1: open '1\.5' has more than 0 decimals"):
        taken(kline, tmp_path / "d", "BTCTRY", rules=entry)
    taken(kline, tmp_path / "d", "BTCTRY", rules=entry, rounds=True)
    found = read_dataset(tmp_path / "d")
    bars = found.pairs[Symbol("BTCTRY")].bars
    assert bars is not None
    assert list(bars.close) == [2, 2]
    assert not any("rules" in label for label in found.labels)
    path.write_text("{}")
    for wrong in (path, tmp_path / "none.json"):
        with pytest.raises(ConfigurationError):
            read_rules(wrong)


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    """Assets of an odd pair, the length of a lone candle, a touch without a book, an odd file."""
    one, out = tmp_path / "one.csv", tmp_path / "d"
    one.write_text(f"{KLINE}\n")
    for source, symbol, options, problem in (
        (one, "BTCTRY", {}, "does not tell how long"),
        (one, "ABC", {"interval_s": 60}, "cannot be told from ABC"),
        (one, "BTCTRY", {"touch": one}, "no book to compare with"),
        ("touch_btcusdt_2024-08-08.csv", "BTCUSDT", {}, "without times"),
        ("README.md", "BTCUSDT", {}, "no recording we know"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            taken(source, out, symbol, **options)
    (tmp_path / "none.csv").write_text("ts,open,high,low,close,volume\n")
    with pytest.raises(DatasetError, match="has no candle"):
        taken(tmp_path / "none.csv", out, "BTCTRY")
    assert not out.exists()
    assert taken(one, out, "ABC", interval_s=60, base="A", quote="BC").rows == 1
    assert taken(one, out, "XYZ", interval_s=60, quote="Z").rows == 1
    entry = RulesEntry(base="A", quote="B", price_scale=1, quantity_scale=0)
    assert taken(one, out, "AB", interval_s=60, rules=entry).rows == 1
