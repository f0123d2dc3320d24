"""A tape of level-2 updates: the book is the recorded one, every break of it is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.sandbox.market.runs import check_order, played

from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import DatasetError
from btcturk_kit.sandbox.market.depth_tape import DepthTape
from btcturk_kit.sandbox.market.moves import HouseLevels, HouseQuotes, HouseTake
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.recorded_depth import RecordedDepth
from btcturk_kit.sandbox.market.recorded_trades import RecordedTrade, RecordedTrades

TOUCHES = Path(__file__).parents[3] / "data" / "bbo_btcusdt_2024-08-08.csv"
COIN = 10**16

Line = dict[str, Any]


def lines() -> list[Line]:
    """Return a sound recording: an early update, a snapshot, one it contains, three after it."""

    def update(
        event_ms: int, first_id: int, last_id: int, bids: Line, asks: Line | None = None
    ) -> Line:
        return {
            "kind": "update",
            "event_ms": event_ms,
            "first_id": first_id,
            "last_id": last_id,
            "bids": [list(level) for level in bids.items()],
            "asks": [list(level) for level in (asks or {}).items()],
        }

    return [
        update(900, 5, 6, {"1.00": "1"}),
        {
            "kind": "snapshot",
            "last_id": 8,
            "bids": [["99.60", "1"], ["100.00", "2.50"], ["99.40", "4"]],
            "asks": [["101.00", "1.0"], ["100.50", "3"]],
        },
        update(950, 7, 8, {"2.00": "1"}),
        update(1_000, 9, 9, {"99.60": "0"}, {"100.50": "1"}),
        update(1_000, 10, 12, {}),
        update(1_100, 13, 20, {"100.20": "7", "99.60": "0"}),
    ]


def parsed(recording: list[Line], *, price_places: int = 2) -> RecordedDepth:
    """Read lines."""
    content = "\n".join(json.dumps(line) for line in recording).encode()
    return RecordedDepth.parse(content, source="book.jsonl", price_places=price_places)


def test_a_recording_is_read() -> None:
    """The snapshot is sorted and stands from the first update after it; empty ones are left out."""
    depth = parsed(lines())
    assert [depth[index] for index in range(len(depth))] == [
        (
            1_000,
            8,
            ((10_000, 250_000_000), (9_960, 100_000_000), (9_940, 400_000_000)),
            ((10_050, 300_000_000), (10_100, 100_000_000)),
        ),
        (1_000, 9, ((9_960, 0),), ((10_050, 100_000_000),)),
        (1_100, 20, ((10_020, 700_000_000), (9_960, 0)), ()),
    ]
    assert depth[-1] == depth[2]


def test_prices_between_steps_are_rounded_from_the_middle_and_added_up() -> None:
    """At whole prices two bids stand on one step until both are gone."""
    recording = lines()
    depth = parsed(recording, price_places=0)
    assert depth[0].bids == ((100, 250_000_000), (99, 500_000_000))
    assert depth[0].asks == ((101, 400_000_000),)
    assert depth[1][2:] == (((99, 400_000_000),), ((101, 200_000_000),))
    recording.append({**recording[-1], "first_id": 21, "last_id": 21, "bids": [["99.4", "0"]]})
    assert parsed(recording, price_places=0)[3].bids == ((99, 0),)


def test_an_update_before_the_snapshot_can_span_it() -> None:
    """What arrived before the snapshot and is newer than it is the first change."""
    recording = lines()
    recording[0]["first_id"], recording[0]["last_id"] = 7, 9
    del recording[2:4]
    assert [(parsed(recording)[number].at_ms) for number in (0, 1)] == [900, 900]
    assert parsed(recording)[1].last_id == 9


def set_to(line: int, **members: object) -> Callable[[list[Line]], None]:
    """Return a damage: members of a line get other values."""
    return lambda recording: recording[line].update(members)


@pytest.mark.parametrize(
    ("damage", "row", "problem"),
    [
        (set_to(5, first_id=14), 6, "first_id 14 does not follow 12: a gap"),
        (set_to(5, first_id=12), 6, "first_id 12 does not follow 12"),
        (set_to(5, last_id=12), 6, "first_id 13 is above last_id 12"),
        (set_to(1, last_id=3), 1, "does not follow the snapshot's 3: a gap"),
        (set_to(5, event_ms=999), 6, "event_ms 999 is no instant from 1000 on"),
        (set_to(5, event_ms=10**16), 6, "event_ms 10000000000000000 is no instant from 1000 on"),
        (set_to(3, event_ms=-1), 4, "event_ms -1 is no instant from 0 on"),
        (set_to(5, bids=[["100.5", "1"]]), 6, "the book is crossed: bid 10050 and ask 10050"),
        (set_to(5, asks=[["99", "1"]]), 6, "the book is crossed"),
        (set_to(5, bids=[["99", "-1"]]), 6, "amount -1 is negative"),
        (set_to(5, bids=[["0.001", "1"]]), 6, "not a positive price"),
        (set_to(5, bids=[["nan", "1"]]), 6, "finite"),
        (set_to(5, bids=[["99", "1e40"]]), 6, "too large"),
        (set_to(5, bids=[[99, 1]]), 6, "is no update"),
        (set_to(5, bids=[["99"]]), 6, "is no update"),
        (set_to(5, kind="trade"), 6, "is no update"),
        (set_to(1, bids=[]), 2, "an empty side"),
        (lambda recording: recording.append(recording[1]), 7, "a second snapshot"),
        (lambda recording: recording[5].pop("first_id"), 6, "missing required field"),
        (lambda recording: recording.pop(1), 0, "no snapshot"),
        (lambda recording: recording.__delitem__(slice(3, 6)), 0, "no update after the snapshot"),
    ],
)
def test_damage_is_named_with_its_line(
    damage: Callable[[list[Line]], object], row: int, problem: str
) -> None:
    """A gap, disorder or a level that cannot be is refused, never repaired."""
    recording = lines()
    damage(recording)
    with pytest.raises(DatasetError, match=problem) as raised:
        parsed(recording)
    assert raised.value.row == row
    assert "\n" not in str(raised.value)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    """One that is not there is refused."""
    path = tmp_path / "book.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines()), "ascii")
    tape = DepthTape.read(path, price_places=2)
    assert [tape.depth[index] for index in range(3)] == [
        parsed(lines())[index] for index in range(3)
    ]
    with pytest.raises(DatasetError, match="cannot be read"):
        DepthTape.read(tmp_path / "missing.jsonl")


def test_a_cut_line_is_refused() -> None:
    """As when the recorder was killed while it wrote."""
    content = "\n".join(json.dumps(line) for line in lines()).encode()
    with pytest.raises(DatasetError, match="is no update") as raised:
        RecordedDepth.parse(content[:-9], source="book.jsonl")
    assert raised.value.row == 6


def test_the_book_is_the_recorded_one() -> None:
    """The best bid and offer agree with what the exchange itself published at the same number."""
    with TOUCHES.open(encoding="ascii") as file:
        touches = {int(row["last_id"]): row for row in csv.DictReader(file)}
    book: tuple[dict[int, int], dict[int, int]] = ({}, {})
    depth = RecordedDepth.bundled(price_places=2)
    for index in range(len(depth)):
        change = depth[index]
        for side, levels in zip(book, (change.bids, change.asks), strict=True):
            side.update(levels)
            for step in [step for step, amount in levels if not amount]:
                del side[step]
        touch = touches.pop(change.last_id, None)
        if touch is not None:
            bid, ask = max(book[0]), min(book[1])
            found = [bid, book[0][bid], ask, book[1][ask]]
            expected = [
                int(Decimal(touch[name]).scaleb(places))
                for name, places in (("bid", 2), ("bid_qty", 8), ("ask", 2), ("ask_qty", 8))
            ]
            assert found == expected
    assert touches == {}


def test_a_run_is_the_snapshot_and_then_its_changes() -> None:
    """In engine units, by one maker; the seed changes nothing, and there is no past."""
    tape = DepthTape(parsed(lines()))
    moves = played(tape)
    assert moves == [
        (
            0,
            HouseQuotes(
                ((10_000, 5 * COIN // 2), (9_960, COIN), (9_940, 4 * COIN)),
                ((10_050, 3 * COIN), (10_100, COIN)),
                "house:book",
            ),
        ),
        (0, HouseLevels(((9_960, 0),), ((10_050, COIN),), "house:book")),
        (100, HouseLevels(((10_020, 7 * COIN), (9_960, 0)), (), "house:book")),
    ]
    assert played(tape, seed=2) == moves
    playback = tape.play(seed=1, start_ms=None)
    assert (playback.start_ms, playback.opening_price) == (1_000, Decimal("100.25"))
    assert playback.recorded_hours(0, NEVER_MS) == []


def test_trades_beside_it_come_before_the_update_of_their_instant() -> None:
    """Those before the snapshot and after the last update are left out."""
    trades = [
        RecordedTrade(at_ms, 10_000, at_ms, Side.BUY) for at_ms in (999, 1_000, 1_050, 1_100, 1_101)
    ]
    tape = DepthTape(parsed(lines()), RecordedTrades(trades, source="made"))
    found = [
        (at_ms, move.units // 10**8 if isinstance(move, HouseTake) else type(move))
        for at_ms, move in played(tape)
    ]
    assert found == [
        (0, HouseQuotes),
        (0, 1_000),
        (0, HouseLevels),
        (50, 1_050),
        (100, 1_100),
        (100, HouseLevels),
    ]


def test_the_bundled_book_has_its_trades() -> None:
    """Forty seconds, at the recorded instants."""
    tape = DepthTape.bundled()
    moves = played(tape)
    check_order(moves)
    assert moves[-1][0] == 39_919
    takes = [move for _, move in moves if isinstance(move, HouseTake)]
    trades, first, last = RecordedTrades.bundled(), tape.depth[0].at_ms, tape.depth[-1].at_ms
    recorded = [trades[index] for index in range(len(trades))]
    assert [(one.side, one.units) for one in takes] == [
        (one.side, one.amount * 10**8) for one in recorded if first <= one.at_ms <= last
    ]


def test_changes_are_held_compactly() -> None:
    """16 bytes a level and 32 an update."""
    depth = RecordedDepth.bundled(price_places=2)
    levels = sum(len(depth[index].bids) + len(depth[index].asks) for index in range(len(depth)))
    assert depth.nbytes == 16 * levels + 32 * len(depth) + 8


@settings(max_examples=40, deadline=None)
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, 500),
            st.dictionaries(st.integers(9_000, 10_000), st.integers(0, 10**9), max_size=4),
            st.dictionaries(st.integers(10_001, 11_000), st.integers(0, 10**9), max_size=4),
        ),
        min_size=1,
        max_size=30,
    ),
    price_places=st.integers(0, 2),
)
def test_steps_hold_the_sum_of_their_prices(
    changes: list[tuple[int, dict[int, int], dict[int, int]]], price_places: int
) -> None:
    """Whatever changes, after each update a step holds what its recorded prices add up to."""
    scale = 10 ** (2 - price_places)
    recording = [lines()[1]]
    books: tuple[dict[int, int], dict[int, int]] = (
        {9_960: 10**8, 10_000: 25 * 10**7, 9_940: 4 * 10**8},
        {10_100: 10**8, 10_050: 3 * 10**8},
    )
    at_ms, expected = 1_000, []
    for number, (wait_ms, *sides) in enumerate(changes):
        at_ms += wait_ms
        texts = [
            [
                [str(Decimal(step).scaleb(-2)), f"{Decimal(amount).scaleb(-8):f}"]
                for step, amount in side.items()
            ]
            for side in sides
        ]
        recording.append(
            {
                "kind": "update",
                "event_ms": at_ms,
                "first_id": 9 + number,
                "last_id": 9 + number,
                "bids": texts[0],
                "asks": texts[1],
            }
        )
        sums: list[dict[int, int]] = []
        for book, side, sign in zip(books, sides, (1, -1), strict=True):
            book.update(side)
            folded: dict[int, int] = {}
            for step, amount in book.items():
                rounded = sign * (sign * step // scale)
                folded[rounded] = folded.get(rounded, 0) + amount
            sums.append({step: amount for step, amount in folded.items() if amount})
        expected.append(sums)
    depth = parsed(recording, price_places=price_places)
    played_books: tuple[dict[int, int], dict[int, int]] = ({}, {})
    found: dict[int, list[dict[int, int]]] = {}
    for index in range(len(depth)):
        change = depth[index]
        for side, levels in zip(played_books, (change.bids, change.asks), strict=True):
            side.update(levels)
        found[change.last_id] = [
            {step: amount for step, amount in side.items() if amount} for side in played_books
        ]
    assert {key: sums for key, sums in found.items() if key > 8} == {
        9 + number: sums for number, sums in enumerate(expected) if 9 + number in found
    }
    assert found[max(found)] == expected[-1]
    check_order(played(DepthTape(depth)))
