"""Datasets on disk: what is read is exact, what is damaged is named, what is written is whole."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.adapters.dataset_columns import ColumnText, decimal_text, instants_ms, scaled
from btcturk_kit.adapters.dataset_depth import depth_of
from btcturk_kit.adapters.dataset_files import SAMPLES, FileForm, read_dataset, write_dataset
from btcturk_kit.adapters.dataset_growing import append_lines, last_line
from btcturk_kit.adapters.dataset_manifest import manifest_json_schema
from btcturk_kit.adapters.dataset_series import candles_of, shape_at, trades_of
from btcturk_kit.adapters.dataset_shapes import shape_of
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ConfigurationError, DatasetError

PAIR = Symbol("BTCTRY")
HEADER = "ts_ms,open,high,low,close,volume"
HOUR_MS = 3_600_000
# Parquet is an extra; the tests' dependencies have it.
FORMS = [one for one in FileForm if one is not FileForm.PARQUET or find_spec("polars")]
RULES = {"base": "BTC", "quote": "TRY", "price_scale": 2, "quantity_scale": 8}
FEES = [{"since": "2023-07-10", "maker_rate": "0.1", "taker_rate": "0.2", "vat_rate": "0.2"}]


def dataset(folder: Path, *, pair: dict[str, Any] | None = None, **files: str) -> Path:
    """Write a dataset of one pair by hand; the files' names have `_` for their point."""
    folder.mkdir(exist_ok=True)
    members: dict[str, Any] = {"rules": RULES, "fees": FEES, **(pair or {})}
    for name, text in files.items():
        full = name.replace("_", ".")
        (folder / full).write_text(text)
        entry: dict[str, Any] = {"files": [full]}
        if name.startswith("candles"):
            entry["interval_s"] = 3600
        members[name.partition("_")[0]] = entry
    manifest = {"schema": "dataset/1", "name": "one", "pairs": {PAIR: members}}
    (folder / "dataset.json").write_text(json.dumps(manifest))
    return folder


def column(*values: str) -> ColumnText:
    """Return a column of a file."""
    return ColumnText("a.csv", "price", values)


@given(
    units=st.lists(st.integers(0, 10**10), min_size=1, max_size=8),
    places=st.integers(0, 6),
    trims=st.booleans(),
)
def test_amounts_are_read_exactly(units: list[int], places: int, trims: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever decimals a column is written with, its numbers are those of `Decimal`."""
    texts = [decimal_text(one, places) for one in units]
    if trims:
        texts = [one.rstrip("0").rstrip(".") if "." in one else one for one in texts]
    read = scaled(column(*texts))
    for number, text in zip(read.values, texts, strict=True):
        assert Decimal(number).scaleb(-read.scale) == Decimal(text)
    assert read.scale <= places
    assert list(scaled(column(*texts), 8).values) == [one * 10 ** (8 - places) for one in units]


def test_amounts_may_have_exponents_and_end_zeros() -> None:
    """What floating-point tools write is read; zeros at the end ask for no decimals."""
    assert list(scaled(column("1e-05", "2.5E+1")).values) == [1, 2_500_000]
    assert scaled(column("61837.6300", "61837.5000")).scale == 2
    assert list(scaled(column("1.005", "1.015"), 2, rounds=True).values) == [100, 102]
    assert list(scaled(column(".5", "1")).values) == [5, 10]


@pytest.mark.parametrize(
    "bad", ["", ".", "x", "-1", "1.2.3", "nan", "inf", "1_000", "1,5", "9" * 19, "\uff11"]
)
def test_what_is_no_amount_is_named_with_its_row(bad: str) -> None:
    """The message has the file, the row, the column and the text."""
    with pytest.raises(DatasetError, match=r"a\.csv, row 3: price '") as caught:
        scaled(column("1.5", bad))
    assert caught.value.row == 3


def test_finer_amounts_than_wanted_are_refused() -> None:
    """A third decimal where two are wanted; end zeros are none."""
    with pytest.raises(DatasetError, match="more than 2 decimals"):
        scaled(column("1.50", "1.505"), 2)
    assert list(scaled(column("1.500", "1.510"), 2).values) == [150, 151]


def test_instants_of_every_length() -> None:
    """Seconds, milliseconds, microseconds, nanoseconds, ISO with and without a zone."""
    for text in (
        "1704067200",
        "1704067200000",
        "1704067200000000",
        "1704067200000000000",
        "2024-01-01",
        "2024-01-01 00:00:00 UTC",
        "2024-01-01T03:00:00+03:00",
    ):
        assert list(instants_ms(column(text))) == [1_704_067_200_000]
    assert not instants_ms(column())
    for bad in (["12345"], ["1704067200", "1704067200000"], ["2024-01-01", "x"], ["2024-13-01"]):
        with pytest.raises(DatasetError):
            instants_ms(column(*bad))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("form", FORMS)
def test_a_dataset_is_written_as_it_was_read(tmp_path: Path, name: str, form: FileForm) -> None:
    """Every sample, in every form, digit by digit."""
    found = read_dataset(f"sample:{name}")
    write_dataset(found, tmp_path / "out", form=form)
    assert read_dataset(tmp_path / "out") == found
    with pytest.raises(ConfigurationError, match="exists"):
        write_dataset(found, tmp_path / "out")


def test_parquet_without_its_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and nothing is left behind."""
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    found = read_dataset("sample:btcusd-minutes")
    with pytest.raises(ConfigurationError, match="needs polars"):
        write_dataset(found, tmp_path / "out", form=FileForm.PARQUET)
    assert list(tmp_path.iterdir()) == []


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    """A packed file holds no name and no time."""
    found = read_dataset("sample:btcusd-minutes")
    for name in ("a", "b"):
        write_dataset(found, tmp_path / name)
    one, other = (tmp_path / name / "BTCUSD" / "candles.csv.gz" for name in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()


def test_a_bars_instant_is_when_it_closed(tmp_path: Path) -> None:
    """Open plus interval; prices have the decimals of the rules, volumes their own."""
    folder = dataset(tmp_path / "d", candles_csv=f"{HEADER}\n0,1,2.5,1,2,0.125\n")
    pair = read_dataset(folder).pairs[PAIR]
    assert pair.bars is not None
    assert list(pair.times_ms) == [HOUR_MS]
    assert (pair.bars.high[0], pair.bars.volume[0], pair.bars.volume_scale) == (250, 125, 3)
    assert read_dataset(folder / "dataset.json").name == "one"


def test_files_of_a_folder_go_on_from_each_other(tmp_path: Path) -> None:
    """In order of name; other files and unfinished ones are not read; no file is no data."""
    folder = dataset(tmp_path / "d", pair={"trades": {"files": ["tape/"]}})
    assert read_dataset(folder).pairs[PAIR].trades is None
    (folder / "tape").mkdir()
    for name, at_ms in (("b.csv", 2), ("a.csv", 1)):
        (folder / "tape" / name).write_text(f"ts_ms,price,qty,side\n{at_ms},1,1,buy\n")
    (folder / "tape" / "readme.txt").write_text("no data")
    (folder / "tape" / ".c.csv").write_text("unfinished")
    trades = read_dataset(folder).pairs[PAIR].trades
    assert trades is not None
    assert list(trades.times_ms) == [1, 2]


@pytest.mark.parametrize(
    ("rows", "row", "problem"),
    [
        ("0,1,1,1,1,1\n0,1,1,1,1,1\n", 3, "does not come after"),
        ("0,1,1,1,1,1\n60000,1,1,1,1,1\n", 3, "before the one before it has closed"),
        ("0,1,2,1,3,1\n", 2, "high 2.00, low 1.00, close 3.00 cannot be"),
        ("0,0,0,0,0,1\n", 2, "cannot be"),
        ("0,1,1,1,1\n", 2, "5 columns instead of 6"),
        ("0,1,1.005,1,1,1\n", 2, "more than 2 decimals"),
        ('0,"1,1,1,1,1\n', 2, "is not CSV"),
    ],
)
def test_candles_that_cannot_be_are_refused(
    tmp_path: Path, rows: str, row: int, problem: str
) -> None:
    """The message names file and row."""
    folder = dataset(tmp_path / "d", candles_csv=f"{HEADER}\n{rows}")
    with pytest.raises(DatasetError, match=problem) as caught:
        read_dataset(folder)
    assert (caught.value.source, caught.value.row) == ("candles.csv", row)


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A cut packed file, bytes that are no text, a missing file, a table of something else."""
    whole = gzip.compress(f"{HEADER}\n0,1,1,1,1,1\n".encode() * 50)
    (tmp_path / "cut.csv").write_bytes(whole[:-20])
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\xfd\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for name, problem in (("cut", "cannot be read"), ("bytes", "cannot be read"), ("other", "1: ")):
        with pytest.raises(DatasetError, match=problem):
            candles_of([tmp_path / f"{name}.csv"])
    with pytest.raises(ConfigurationError, match=r"missing\.csv cannot be read"):
        candles_of([tmp_path / "missing.csv"])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"pairs": {"btc": {"rules": RULES, "fees": FEES}}}, "'btc' is no pair"),
        ({"pairs": {"BTCTRY": {"rules": RULES, "fees": []}}}, "without a level"),
        ({"pairs": {"BTCTRY": {"rules": {**RULES, "price_scale": 19}, "fees": FEES}}}, "decimals"),
        ({"pairs": {"BTCTRY": {"rules": RULES, "fees": FEES, "colour": 1}}}, "unknown field"),
        ({"schema": "dataset/2"}, "dataset/2"),
        (
            {
                "pairs": {
                    "BTCTRY": {
                        "rules": RULES,
                        "fees": FEES,
                        "candles": {"files": ["../a.csv"], "interval_s": 0},
                    }
                }
            },
            "inside the folder",
        ),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    """One line that says what and where."""
    whole = {"schema": "dataset/1", "name": "one", "pairs": {}, **changes}
    (tmp_path / "dataset.json").write_text(json.dumps(whole))
    with pytest.raises(ConfigurationError, match=problem) as caught:
        read_dataset(tmp_path)
    assert "\n" not in caught.value.message


def test_datasets_and_pairs_that_are_not_there_are_named(tmp_path: Path) -> None:
    """A sample, a folder, a pair."""
    for address in ("sample:none", tmp_path / "none"):
        with pytest.raises(ConfigurationError):
            read_dataset(address)
    with pytest.raises(ConfigurationError, match="has no pair ETHTRY"):
        read_dataset("sample:btctry-hours", symbols=[Symbol("ETHTRY")])


def test_the_schema_of_the_manifest_names_its_parts() -> None:
    """It refuses what the reader refuses."""
    schema = manifest_json_schema()
    assert schema["$ref"] == "#/$defs/Manifest"
    assert schema["$defs"]["PairEntry"]["additionalProperties"] is False


def test_shapes_are_told_by_their_columns() -> None:
    """Headers in any case and order, dumps of Binance without one, and none of these."""
    kinds = {
        "Close,Volume,Date,Open,High,Low": "candles",
        "1,2,3,4,5,6,7,8,9,10,11,0": "candles",
        "1,2,3,4,5,6": "candles",
        "time,price,amount,isBuyerMaker": "trades",
        "7,1.5,2,3,1704067200000,true,true": "trades",
        "7,1.5,2,7,7,1704067200000,false,true": "trades",
        "date,close": "closes",
        "last_id,bid,bid_qty,ask,ask_qty": "touch",
    }
    for header, kind in kinds.items():
        shape = shape_of(header.split(","))
        assert shape is not None
        assert shape.kind == kind
    for header in ("a,b", "1,2", "price,qty,side", "1,2,3,4,5,6,7"):
        assert shape_of(header.split(",")) is None


def test_sides_are_the_takers(tmp_path: Path) -> None:
    """A buyer that was the maker was hit by a seller; an unknown word is refused."""
    path = tmp_path / "a.csv"
    path.write_text("7,1.5,2,3,1704067200000,True,True\n8,1.5,2,3,1704067200001,False,True\n")
    tape = trades_of([path])
    assert (list(tape.is_buy), list(tape.ids)) == ([0, 1], [7, 8])
    path.write_text("ts,price,qty,side\n1704067200000,1,1,BUY\n1704067200000,1,1,long\n")
    with pytest.raises(DatasetError, match="row 3: side 'long' is no side"):
        trades_of([path])


def test_quoted_tables_and_blank_ends_are_read(tmp_path: Path) -> None:
    """Quotes, Windows line ends, a mark at the beginning, empty lines at the end."""
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'\xef\xbb\xbfDate,Open,High,Low,Close,Volume\r\n"2024-01-01","1","2","1","2","5"\r\n\r\n'
    )
    assert shape_at(path) is not None
    assert list(candles_of([path]).high) == [2]


BOOK = [
    {"kind": "update", "event_ms": 1, "first_id": 1, "last_id": 4, "bids": [], "asks": []},
    {
        "kind": "update",
        "event_ms": 2,
        "first_id": 5,
        "last_id": 7,
        "bids": [["9", "1"]],
        "asks": [],
    },
    {"kind": "snapshot", "last_id": 5, "bids": [["8", "1"]], "asks": [["11.5", "2"]]},
    {
        "kind": "update",
        "event_ms": 3,
        "first_id": 8,
        "last_id": 8,
        "bids": [["9", "0"]],
        "asks": [],
    },
]


def lines(path: Path, *messages: dict[str, Any]) -> Path:
    """Write messages a line each."""
    path.write_text("".join(json.dumps(one) + "\n" for one in messages))
    return path


def test_a_book_goes_on_from_its_snapshot(tmp_path: Path) -> None:
    """What the snapshot contains is dropped, what arrived before it and goes on is not."""
    depth = depth_of([lines(tmp_path / "a.jsonl", *BOOK)], PAIR)
    assert list(depth.last_ids) == [5, 7, 8]
    assert list(depth.columns.times_ms) == [2, 2, 3]
    assert list(depth.columns.best_bid) == [80, 90, 80]
    assert list(depth.columns.best_ask) == [115, 115, 115]


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([BOOK[2], {**BOOK[3], "first_id": 9}], "updates 6 to 8 are missing"),
        ([BOOK[2]], "no update after it"),
        ([{"kind": "update", "event_ms": 1, "bids": [], "asks": []}], "before any snapshot"),
        ([BOOK[2], BOOK[1], {**BOOK[3], "event_ms": 1}], "does not come after"),
        ([{**BOOK[2], "kind": "trade"}], "of the kind 'trade'"),
        ([{"kind": "update", "bids": [], "asks": []}], "without event_ms"),
        ([{"bids": []}], "is no update"),
        ([], "holds no snapshot"),
        ([BOOK[2], {**BOOK[1], "bids": [["x", "1"]]}], "is not a number"),
    ],
)
def test_a_book_with_a_hole_is_refused(
    tmp_path: Path, messages: list[dict[str, Any]], problem: str
) -> None:
    """A gap, disorder, an update of nothing known, a line that is none."""
    with pytest.raises(DatasetError, match=problem):
        depth_of([lines(tmp_path / "a.jsonl", *messages)], PAIR)


def test_unnumbered_snapshots_follow_each_other(tmp_path: Path) -> None:
    """As `data capture` writes them: each replaces the book at its own instant."""
    first = {"kind": "snapshot", "event_ms": 5, "bids": [["8", "1"]], "asks": []}
    second = {"kind": "snapshot", "event_ms": 9, "bids": [["7", "1"]], "asks": []}
    update = {"kind": "update", "event_ms": 9, "bids": [["7.5", "1"]], "asks": []}
    depth = depth_of([lines(tmp_path / "a.jsonl", first, second, update)], PAIR)
    assert list(depth.columns.best_bid) == [80, 70, 75]
    assert not depth.last_ids


def test_a_line_that_was_cut_off_is_cut_away(tmp_path: Path) -> None:
    """What follows the last line feed goes before anything is added; the header comes once."""
    path = tmp_path / "folder" / "a.csv"
    append_lines(path, ["1"], header="h")
    with path.open("a") as file:
        file.write("2,half a li")
    assert last_line([path]) == "1"
    append_lines(path, ["2", "3"], header="h")
    assert path.read_text() == "h\n1\n2\n3\n"
    path.write_text("torn")
    assert last_line([path, tmp_path / "none"]) == ""
    append_lines(path, [], header="h")
    assert (path.read_text(), last_line([path])) == ("h\n", "h")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """One line, for a new dataset as for a growing file."""
    (tmp_path / "file").write_text("")
    found = read_dataset("sample:btcusd-minutes")
    with pytest.raises(ConfigurationError, match="cannot write"):
        write_dataset(replace(found, name="x"), tmp_path / "file" / "out")
    with pytest.raises(ConfigurationError, match="cannot write"):
        append_lines(tmp_path / "file" / "a.csv", ["1"])
