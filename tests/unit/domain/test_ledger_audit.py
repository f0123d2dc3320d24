"""Walking a chain of sealed rows: which row is wrong, and what of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.canonical import GENESIS
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, Ledger, LedgerEvent, Leg
from btcturk_kit.domain.ledger_audit import (
    ChainWalk,
    Finding,
    Judged,
    Reach,
    SealedRow,
    Verdict,
    compare_rows,
    judge_legs,
)
from btcturk_kit.domain.ledger_audit_books import BooksAudit, CapitalRow, FillRow, judge_fill
from btcturk_kit.domain.ledger_chain import (
    balances_text,
    event_values,
    leg_rows,
    seal,
    seal_event,
    seal_row,
)
from btcturk_kit.domain.ledger_events import opening_event, treasury_event
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.errors import InvariantViolation

TRY, BTC = Asset("TRY"), Asset("BTC")
COLUMNS = ("rows", "seal", "unsealed")
SPLIT = treasury_event("fill:1", Decimal(4), quote=TRY, now_ms=3)


def sealed(count: int, *, unsealed: int = 0) -> list[SealedRow]:
    """Return a chain of rows."""
    rows, previous = [], GENESIS
    for seq in range(1, count + 1):
        values = (seq, f"value {seq}")
        if seq > unsealed:
            previous = seal_row(previous, values)
        rows.append(SealedRow(seq, values, previous if seq > unsealed else ""))
    return rows


def walk(rows: list[SealedRow], reach: Reach) -> tuple[list[Judged], list[Finding]]:
    """Return what a walk over rows judged and found."""
    one = ChainWalk("rows", reach, columns=COLUMNS)
    judged = [judged for row in rows for judged in one.feed(row)]
    judged += one.finish()
    return judged, one.findings


def reach_of(chain: list[SealedRow], **changes: Any) -> Reach:
    """Return what a true head says of rows."""
    unsealed = sum(not row.seal for row in chain)
    return Reach(len(chain), chain[-1].seal, unsealed)._replace(**changes)


@pytest.mark.parametrize("unsealed", [0, 2, 5])
def test_a_whole_chain_has_no_findings(unsealed: int) -> None:
    """Rows without seals stand at the beginning only, and are told apart."""
    rows = sealed(5, unsealed=unsealed)
    judged, findings = walk(rows, reach_of(rows))
    assert findings == []
    assert [one.verdict for one in judged] == (
        [Verdict.UNSEALED] * unsealed + [Verdict.WHOLE] * (5 - unsealed)
    )


@pytest.mark.parametrize("place", range(5))
def test_a_changed_value_is_told_from_a_changed_seal(place: int) -> None:
    """What follows, a row or the head, shows which of the two is true."""
    rows = sealed(5)
    reach = reach_of(rows)
    changed = [*rows]
    changed[place] = rows[place]._replace(values=(place + 1, "other"))
    judged, findings = walk(changed, reach)
    assert [one.row.seq for one in judged if one.verdict is Verdict.CONTENT] == [place + 1]
    assert findings == []  # what is wrong with it, its reader tells
    changed[place] = rows[place]._replace(seal="0f")
    judged, findings = walk(changed, reach)
    assert findings == [Finding("rows", f"seq={place + 1}", "its seal is '0f'", rows[place].seal)]
    assert judged[place].seal == rows[place].seal


def test_two_rows_that_changed_are_both_told() -> None:
    """Neighbors too; the one after them is trusted again."""
    rows = sealed(6)
    for place in (1, 2):
        rows[place] = rows[place]._replace(values=(place + 1, "other"))
    judged, _ = walk(rows, reach_of(rows))
    assert [one.row.seq for one in judged if one.verdict is Verdict.CONTENT] == [2, 3]


def test_missing_rows_are_told_as_a_range() -> None:
    """In the middle, and at the end where the head knows of more."""
    rows = sealed(8)
    reach = reach_of(rows)
    assert walk([*rows[:2], *rows[3:]], reach)[1] == [
        Finding("rows", "seq=3", "it is missing", "a row")
    ]
    assert walk(rows[:5], reach)[1] == [Finding("rows", "seq=6..8", "it is missing", "a row")]
    changed = rows[1]._replace(values=(2, "other"))
    judged, findings = walk([rows[0], changed, *rows[3:]], reach)
    assert [one.verdict for one in judged][1] is Verdict.CONTENT
    assert findings == [Finding("rows", "seq=3", "it is missing", "a row")]


def test_rows_nobody_booked_are_told() -> None:
    """Before the first row, and after the last one of which the head knows."""
    rows = sealed(3)
    reach = reach_of(rows)
    for seq in (0, 4):
        extra = SealedRow(seq, (seq, "x"), "aa")
        given_rows = sorted([*rows, extra])
        judged, findings = walk(given_rows, reach)
        assert findings == [Finding("rows", f"seq={seq}", "nobody booked this row", "")]
        assert sum(one.verdict is Verdict.EXTRA for one in judged) == 1


def test_a_changed_head_is_told() -> None:
    """Each of its columns about a chain, one at a time, and the chain is whole."""
    rows = sealed(4)
    for name, value, expected in (
        ("rows", 3, "4"),
        ("rows", 9, "4"),
        ("seal", "ab", rows[-1].seal),
        ("unsealed", 1, "0"),
        ("unsealed", -1, "0"),
    ):
        judged, findings = walk(rows, reach_of(rows, **{name: value}))
        assert findings == [Finding("ledger_head", "only_row=1", f"{name} is '{value}'", expected)]
        assert {one.verdict for one in judged} == {Verdict.WHOLE}
    _, findings = walk(rows, Reach(2, "ab", 0))
    assert findings == [Finding("ledger_head", "only_row=1", "rows is '2'", "4")]


def test_without_a_head_the_chain_still_tells() -> None:
    """Only its end is not known then."""
    rows = sealed(4)
    assert walk(rows, Reach(None, "", 0))[1] == []
    rows[3] = rows[3]._replace(values=(4, "other"))
    judged, _ = walk(rows, Reach(None, "", 0))
    assert judged[-1].verdict is Verdict.CONTENT
    judged, findings = walk(rows, Reach(4, "ab", 0))
    assert (judged[-1].verdict, findings) == (Verdict.CONTENT, [])


def test_an_empty_chain_is_whole() -> None:
    """There is nothing to find in a chain that has no rows yet."""
    assert walk([], Reach(0, GENESIS, 0)) == ([], [])
    assert walk([], Reach(0, "", 0)) == ([], [])


def test_differences_name_columns() -> None:
    """What is there and what should be, for each column that differs."""
    columns = ("key", "one", "two")
    stored = [("a", 1, "x"), ("b", 1, "x"), ("c", 1, "x")]
    expected = [("a", 1, "x"), ("b", 2, "y"), ("d", 1, "x")]
    assert compare_rows("table", columns, 1, stored, expected) == [
        Finding("table", "key=b", "one is 1, two is 'x'", "one 2, two 'y'"),
        Finding("table", "key=c", "nobody booked this row", ""),
        Finding("table", "key=d", "it is missing", "('d', 1, 'x')"),
    ]


NAMES = st.text(max_size=6)
LEGS = st.builds(
    Leg,
    st.sampled_from(Account),
    NAMES,
    st.decimals(allow_nan=False, allow_infinity=False),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4),
    st.none() | st.integers(0, 2**40),
)


@given(st.lists(st.none() | st.integers() | st.booleans() | st.text(), max_size=6))
def test_the_seal_of_a_row_is_that_of_its_compact_json(values: list[Any]) -> None:
    """Whatever is in it: any program can make it again."""
    text = json.dumps(values, separators=(",", ":"))
    assert seal_row("ab", tuple(values)) == sha256(f"ab\n{text}".encode()).hexdigest()


@given(
    st.builds(
        LedgerEvent,
        NAMES,
        st.sampled_from(EventKind),
        st.integers(),
        st.integers(),
        st.lists(LEGS, max_size=3).map(tuple),
        NAMES,
    )
)
def test_the_seal_of_an_event_is_that_of_its_row(event: LedgerEvent) -> None:
    """The short way to write plain text gives the seal of the long one, whatever is in it."""
    values, legs = event_values(7, event), leg_rows(7, event)
    assert seal_event(GENESIS, values, legs) == seal_row(GENESIS, (*values, legs))
    assert seal_event(GENESIS, values, legs) == seal(GENESIS, 7, event)


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "ç", "\udc80", "\x1f"])
def test_text_that_needs_escaping_is_sealed_too(text: str) -> None:
    """No two contents share a text, and bytes that are no text can be sealed."""
    event = LedgerEvent("key", EventKind.OPENING, 1, 2, (), text)
    assert seal(GENESIS, 1, event) == seal_row(GENESIS, (1, "key", "opening", 1, 2, text, []))


def test_amounts_that_are_not_finite_have_no_seal() -> None:
    """Nothing is sealed that is no amount."""
    event = LedgerEvent("k", EventKind.OPENING, 1, 2, (Leg(Account.BOT, TRY, Decimal("NaN")),), "")
    with pytest.raises(InvariantViolation):
        seal(GENESIS, 1, event)


def opening() -> LedgerEvent:
    """Return an event with four legs."""
    return opening_event(
        {TRY: Decimal(100), BTC: Decimal(2)}, bot_quote=Decimal(60), quote=TRY, now_ms=5
    )


def damaged(event: LedgerEvent, values: tuple[Any, ...]) -> Judged:
    """Return an event's row whose values are not those of its seal."""
    return Judged(
        SealedRow(1, values, seal(GENESIS, 1, event)),
        Verdict.CONTENT,
        seal(GENESIS, 1, event),
        GENESIS,
    )


@pytest.mark.parametrize(
    "event", [opening(), treasury_event("fill:1", Decimal(4), quote=TRY, now_ms=3)]
)
def test_a_changed_leg_is_told_by_the_rest_of_its_event(event: LedgerEvent) -> None:
    """By the event's content, or by its other leg; the true legs are given back."""
    legs = leg_rows(1, event)
    wrong = [(*legs[0][:4], "999", *legs[0][5:]), *legs[1:]]
    found, repaired = judge_legs(damaged(event, (*event_values(1, event), wrong)), None)
    assert [(one.table, one.row) for one in found] == [("ledger_legs", "seq=1 ordinal=0")]
    assert repaired == (*event_values(1, event), legs)


def test_where_every_leg_is_wrong_the_event_is_told() -> None:
    """Nothing proves then what the legs had been."""
    legs = [(*leg[:4], "999", *leg[5:]) for leg in leg_rows(1, SPLIT)]
    found, repaired = judge_legs(damaged(SPLIT, (*event_values(1, SPLIT), legs)), None)
    assert ([one.table for one in found], repaired) == (["ledger_events"], None)


def test_a_changed_event_is_told_where_its_legs_are_true() -> None:
    """Then the row itself is what does not fit; with its trade the column is known."""
    event = opening()
    legs = leg_rows(1, event)
    values = event_values(1, event)
    for content in ("other", "a:b", "bot:TRY:1@x", "bot:TRY:1@5"):
        wrong = (*values[:5], content, legs)
        found, repaired = judge_legs(damaged(event, wrong), None)
        assert repaired is None
        assert [(one.table, one.row) for one in found] == [("ledger_events", "seq=1")]
        assert "does not fit its seal" in found[0].problem
    wrong = (1, "key", *values[2:], legs)
    found, _ = judge_legs(damaged(event, wrong), event)
    assert found[0][2:] == ("key is 'key'", "key 'opening'")
    found, _ = judge_legs(damaged(event, (*values, legs)), event)
    assert "does not fit its seal" in found[0].problem
    found, _ = judge_legs(damaged(event, wrong)._replace(previous=None), event)
    assert found[0].table == "ledger_events"


def test_a_trade_is_held_against_its_event() -> None:
    """Missing, changed, unreadable, or another one than was booked."""
    event = opening()
    whole = Judged(SealedRow(1, (), "aa"), Verdict.WHOLE, "aa", GENESIS)
    row = FillRow((7, "x"), seal_row("aa", (7, "x")), event)
    assert judge_fill("7", whole, event, row) == []
    assert judge_fill("7", whole, event, None)[0].problem == "it is missing"
    found = judge_fill("7", whole, event, row._replace(values=(7, "y")))
    assert found[0].problem == "it does not fit its seal"
    other = event._replace(content="other")
    found = judge_fill("7", whole, event, row._replace(event=other))
    assert found == [
        Finding("fills", "trade_id=7", "it tells (5, 'other')", f"{(5, event.content)}")
    ]
    found = judge_fill("7", whole, event, row._replace(event=event._replace(legs=())))
    assert found[0].problem == "it makes other legs than were booked"
    old = whole._replace(verdict=Verdict.UNSEALED)
    assert judge_fill("7", old, event, row._replace(seal="")) == []
    assert judge_fill("7", old, event, row._replace(event=None))[0].problem == "it cannot be read"


def capital_after(ledger: Ledger, **changes: Any) -> CapitalState:
    """Return the capital at a ledger."""
    state = CapitalState(
        "main", Decimal(60), last_event_count=ledger.event_count,
        last_event_key=ledger.last_event_key, content_hash=ledger.content_hash,
    )  # fmt: skip
    return state._replace(**changes)


def audit_of(
    rows: Iterator[CapitalRow], events: list[LedgerEvent | None], checkpoints: Any = ()
) -> BooksAudit:
    """Return the audit of some events."""
    audit = BooksAudit(CostMethod.FIFO, rows, dict(checkpoints))
    for seq, event in enumerate(events, 1):
        audit.add(Judged(SealedRow(seq, (), "s"), Verdict.WHOLE, "s", ""), event)
    audit.finish()
    return audit


def test_the_journal_is_held_against_the_books() -> None:
    """Each row stands at a fact of the chain, and tells the books that were there."""
    event = opening()
    ledger = Ledger().post(event)
    true = capital_after(ledger)
    assert audit_of(iter([CapitalRow(1, true)]), [event]).findings == []
    for changes, problem in (
        ({"treasury_try": Decimal(1)}, "treasury_try is 1"),
        ({"trading_capital_try": Decimal(1)}, "trading_capital_try is 1"),
        ({"content_hash": "x"}, "it stands at (1, 'opening', 'x')"),
        ({"last_event_count": 2}, "it stands at fact 2"),
    ):
        rows = iter([CapitalRow(1, capital_after(ledger, **changes))])
        (found,) = audit_of(rows, [event]).findings
        assert (found.table, found.row, found.problem) == ("capital_journal", "seq=1", problem)
    rows = iter([CapitalRow(1, None), CapitalRow(2, None)])
    assert audit_of(rows, [event]).findings == []
    rows = iter([CapitalRow(1, capital_after(ledger, last_event_count=0)), CapitalRow(2, true)])
    (found,) = audit_of(rows, [event]).findings
    assert found.row == "seq=1"


def test_after_a_lost_event_nothing_is_compared() -> None:
    """What follows from the events has nothing to be compared with."""
    rows = iter([CapitalRow(1, capital_after(Ledger().post(opening())))])
    audit = audit_of(rows, [None, opening()])
    assert (audit.findings, audit.is_whole) == ([], False)


def test_an_event_that_does_not_balance_is_told() -> None:
    """Of rows without seals only the sums can tell."""
    event = opening()
    off = event._replace(legs=event.legs[1:])
    audit = audit_of(iter([]), [off])
    assert [(one.table, one.row) for one in audit.findings] == [("ledger_events", "seq=1")]
    assert not audit.is_whole


def test_checkpoints_are_held_against_the_books() -> None:
    """Each stands at its thousandth event, with the seal, the facts and the balances of it."""
    event = opening()
    transfer = treasury_event("opening", Decimal("0.01"), quote=TRY, now_ms=6)
    events: list[LedgerEvent | None] = [event, *[transfer] * 999]
    ledger = Ledger().post(event, *[transfer] * 999)
    row = (1000, "s", 1, ledger.content_hash, balances_text(ledger))
    assert audit_of(iter([]), events, {1000: row}).findings == []
    (found,) = audit_of(iter([]), events).findings
    assert found[:3] == ("ledger_checkpoints", "seq=1000", "it is missing")
    (found,) = audit_of(iter([]), events, {1000: (*row[:4], "x")}).findings
    assert found[:3] == ("ledger_checkpoints", "seq=1000", "balances is 'x'")
    (found,) = audit_of(iter([]), events, {1000: row, 7: row}).findings
    assert found[:3] == ("ledger_checkpoints", "seq=7", "nobody booked this row")
    events[3] = None
    (found,) = audit_of(iter([]), events, {1000: (1000, "x", 5, "y", "z")}).findings
    assert found[2:] == ("seal is 'x'", "seal 's'")
