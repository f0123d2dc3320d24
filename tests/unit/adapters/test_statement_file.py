"""A statement as CSV: read whole, or refused with the line that is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from btcturk_kit.adapters.statement_file import read_statement
from btcturk_kit.errors import ConfigurationError

D = Decimal


def written(folder: Path, text: str) -> Path:
    """Return a file with this text."""
    path = folder / "old.csv"
    path.write_text(text, "utf-8")
    return path


def test_rows_are_moves(tmp_path: Path) -> None:
    """Costs come from the total, or from price, fee and tax; in another quote there is none."""
    text = (
        "time,type,asset,quantity,price,total,quote,fee,tax\n"
        "2020-01-01T00:00:00,buy,btc,0.5,100,,TRY,1,0.2\n"
        "1577836800000,BUY,BTC,1,,99.5,,,\n"
        "2020-01-02T03:00+03:00,buy,BTC,1,9,,USDT,,\n"
        "2020-01-03,sell,BTC,-1,,,,,\n"
        "2020-01-04,deposit,ETH,2,,,,,\n"
        "2020-01-05,withdrawal,ETH,1,,,,,\n"
    )
    moves = read_statement(written(tmp_path, text)).moves
    assert [(one.asset, one.quantity, one.net) for one in moves] == [
        ("BTC", D("0.5"), D("51.2")),
        ("BTC", D(1), D("99.5")),
        ("BTC", D(1), None),
        ("BTC", D(-1), None),
        ("ETH", D(2), None),
        ("ETH", D(-1), None),
    ]
    assert moves[0].event_time_ms == moves[1].event_time_ms == 1_577_836_800_000
    assert moves[2].event_time_ms == 1_577_836_800_000 + 86_400_000


def test_other_names_and_decimal_commas(tmp_path: Path) -> None:
    """Semicolons are seen from the first line; the name of the evidence is that of the content."""
    text = "\ufeffTarih;Tip;asset;quantity;total\n2020-01-01;buy;BTC;1.000,5;2 000,25\n"
    names = {"time": "Tarih", "type": "Tip"}
    found = read_statement(written(tmp_path, text), columns=names, decimal_comma=True)
    assert (found.moves[0].quantity, found.moves[0].net) == (D("1000.5"), D("2000.25"))
    again = read_statement(written(tmp_path, text), columns=names, decimal_comma=True)
    assert found.name == again.name
    assert found.name.startswith("old.csv sha256:")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("soon,buy,BTC,1,1", "line 2: time 'soon'"),
        ("2020-01-01,swap,BTC,1,1", "type 'swap' is none of buy"),
        ("2020-01-01,buy,,1,1", "asset or quantity is missing"),
        ("2020-01-01,buy,BTC,,1", "asset or quantity is missing"),
        ("2020-01-01,buy,BTC,x,1", "quantity 'x' is not an amount"),
        ("2020-01-01,buy,BTC,inf,1", "quantity 'inf' is not an amount"),
        ("2020-01-01,buy,BTC,1,", "neither total nor price"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, problem: str) -> None:
    """Nothing of the file is used then."""
    path = written(tmp_path, f"time,type,asset,quantity,price\n{row}\n")
    with pytest.raises(ConfigurationError, match=problem):
        read_statement(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Missing, empty, without a needed column, or not text."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_statement(tmp_path / "none.csv")
    with pytest.raises(ConfigurationError, match="has no column time"):
        read_statement(written(tmp_path, ""))
    with pytest.raises(ConfigurationError, match="no column asset, quantity"):
        read_statement(written(tmp_path, "time,type\n"))
    binary = tmp_path / "b.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_statement(binary)
