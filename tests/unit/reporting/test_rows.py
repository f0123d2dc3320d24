"""Rows as CSV and JSON Lines: read back they are what was stored."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.reporting.rows import Cell, RowFormat, csv_lines, json_lines, row_lines

CELLS = st.one_of(
    st.none(),
    st.integers(),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6),
)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS)))
def test_csv_is_read_back_by_the_standard_library(rows: list[tuple[Cell, Cell, Cell]]) -> None:
    """Commas, quotes and ends of line in a text come back as they were."""
    text = "".join(csv_lines(("a", "b", "c"), rows))
    found = list(csv.reader(iter_lines(text)))
    assert found[0] == ["a", "b", "c"]
    assert found[1:] == [["" if cell is None else str(cell) for cell in row] for row in rows]


def iter_lines(text: str) -> list[str]:
    """Return the text cut at line feeds only, as a file opened with `newline=""` gives it."""
    return [f"{line}\n" for line in text.split("\n")[:-1]]


@given(st.lists(st.tuples(CELLS, CELLS)))
def test_json_lines_are_one_object_each(rows: list[tuple[Cell, Cell]]) -> None:
    """Each line is an object by column; a text stays a text and nothing stays null."""
    lines = list(json_lines(("a", "b"), rows))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    assert [json.loads(line) for line in lines] == [{"a": a, "b": b} for a, b in rows]


def test_null_and_empty_text_differ_in_csv() -> None:
    """NULL is nothing, an empty text is a pair of quotes."""
    assert list(csv_lines(("a", "b"), [(None, "")])) == ["a,b\n", ',""\n']


@pytest.mark.parametrize(
    ("form", "first"), [(RowFormat.CSV, "a\n"), (RowFormat.JSONL, '{"a": 1}\n')]
)
def test_the_format_chooses(form: RowFormat, first: str) -> None:
    """CSV has a header, JSON Lines has none."""
    assert next(row_lines(("a",), [(1,)], form=form)) == first
