"""The tape: what a file must be, and where a seed starts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from btcturk_kit.errors import DatasetError
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS, RecordedCandles

HEADER = "ts_ms,open,high,low,close,volume"
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS


def rows(count: int = 60) -> list[str]:
    """Return the lines of a sound file."""
    return [HEADER, *(f"{START_MS + hour * HOUR_MS},100,110,90,105,1.5" for hour in range(count))]


def write(folder: Path, lines: list[str]) -> Path:
    """Write lines into a file."""
    path = folder / "candles.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_the_bundled_tape_is_whole() -> None:
    """It holds 21 months of hours without a hole and room for 3000 hours after every start."""
    tape = RecordedCandles.bundled()
    assert len(tape.candles) == 15_384
    assert tape.candles[-1].open_ms - tape.candles[0].open_ms == 15_383 * HOUR_MS
    starts = {tape.start_index(seed) for seed in range(200)}
    assert min(starts) >= 24
    assert max(starts) + 3_000 <= len(tape.candles)
    assert len(starts) > 150


def test_a_plain_and_a_packed_file_are_read(tmp_path: Path) -> None:
    """Prices become steps of the pair and volumes units of eight places; gzip goes by the name."""
    path = write(tmp_path, rows())
    packed = tmp_path / "candles.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    tape = RecordedCandles.read(path)
    assert tape.candles == RecordedCandles.read(packed).candles
    assert tape.candles[0][1:] == (100, 110, 90, 105, 150_000_000)
    assert RecordedCandles.read(path, price_places=1).candles[0].open == 1000


def test_a_price_finer_than_the_pair_is_rounded(tmp_path: Path) -> None:
    """Half to even, as everywhere."""
    lines = rows()
    lines[1] = f"{START_MS},100.5,110.25,90.5,105.75,0"
    assert RecordedCandles.read(write(tmp_path, lines)).candles[0][1:5] == (100, 110, 90, 106)


def test_a_short_tape_starts_a_day_in(tmp_path: Path) -> None:
    """Without 3000 hours ahead every seed starts at the first hour with a day behind it."""
    tape = RecordedCandles.read(write(tmp_path, rows()))
    assert {tape.start_index(seed) for seed in range(9)} == {24}


@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        (0, "time,open,high,low,close,volume", "header"),
        (
            9,
            f"{START_MS + 9 * HOUR_MS},100,110,90,105,1",
            "candles of 60 minutes missing before time",
        ),
        (9, f"{START_MS + 7 * HOUR_MS},100,110,90,105,1", "does not come after"),
        (9, f"{START_MS + 2 * HOUR_MS},100,110,90,105,1", "does not come after"),
        (9, f"{START_MS + 8 * HOUR_MS + 1},100,110,90,105,1", "not whole candles of 60 minutes"),
        (9, f"{START_MS + 8 * HOUR_MS},111,110,90,105,1", "between low and high"),
        (9, f"{START_MS + 8 * HOUR_MS},100,110,90,89,1", "between low and high"),
        (9, f"{START_MS + 8 * HOUR_MS},0,110,0,105,1", "not a positive price"),
        (9, f"{START_MS + 8 * HOUR_MS},100,110,90,105,-1", "negative"),
        (9, f"{START_MS + 8 * HOUR_MS},100,110,90,105", "5 columns"),
        (9, f"{START_MS + 8 * HOUR_MS},100,nan,90,105,1", "finite"),
        (9, "soon,100,110,90,105,1", "soon"),
    ],
)
def test_damage_is_named_with_its_row(tmp_path: Path, line: int, text: str, problem: str) -> None:
    """A file with a hole, disorder or impossible prices is refused, never repaired."""
    lines = rows()
    lines[line] = text
    with pytest.raises(DatasetError, match=problem) as raised:
        RecordedCandles.read(write(tmp_path, lines))
    assert raised.value.row == line + 1
    assert raised.value.source == "candles.csv"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, damaged gzip, binary content and too few hours each get one clear line."""
    with pytest.raises(DatasetError, match="cannot be read"):
        RecordedCandles.read(tmp_path / "missing.csv")
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(DatasetError, match="cannot be read"):
        RecordedCandles.read(broken)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="ASCII"):
        RecordedCandles.read(binary)
    with pytest.raises(DatasetError, match="at least 48"):
        RecordedCandles.read(write(tmp_path, rows(47)))
