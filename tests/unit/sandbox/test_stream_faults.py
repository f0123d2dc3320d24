"""Plans of faults: what becomes of each frame, and that chance repeats."""

from __future__ import annotations

import json
from typing import Any

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.stream.faults import (
    Action,
    Break,
    BreakHow,
    Fault,
    FaultKind,
    FaultPlan,
    Script,
    SendText,
)
from btcturk_kit.sandbox.stream.session import Outgoing


def difference(number: int, event: str = "BTCTRY") -> Outgoing:
    """Return a change set of a book."""
    model = {
        "CS": number,
        "AO": [{"CP": 1, "P": "101", "A": "2"}],
        "BO": [{"CP": 0, "P": "99.5", "A": "1"}],
    }
    return Outgoing(432, "obdiff", event, json.dumps([432, model]))


def snapshot(number: int, event: str = "BTCTRY") -> Outgoing:
    """Return a whole book."""
    model = {"CS": number, "AO": [{"P": "101", "A": "2"}], "BO": []}
    return Outgoing(431, "obdiff", event, json.dumps([431, model]))


def plan_of(kind: FaultKind, **fields: Any) -> FaultPlan:
    """Return a plan of one fault."""
    return FaultPlan(Script(faults=(Fault(kind=kind, **fields),)))


def pass_all(plan: FaultPlan, *frames: Outgoing, session: int = 1) -> list[Action]:
    """Return what becomes of frames, one after another."""
    return [
        action
        for frame in frames
        for action in plan.pass_on(session, frame, snapshot=lambda: "whole")
    ]


def numbers(actions: list[Action]) -> list[int]:
    """Return the numbers of the change sets that are sent."""
    return [json.loads(action.text)[1]["CS"] for action in actions]


def test_without_faults_every_frame_passes_untouched() -> None:
    """Text for text, even one that is no JSON."""
    frame = Outgoing(777, "", "", "any text")
    assert pass_all(FaultPlan(Script()), frame) == [SendText("any text")]


def test_a_dropped_frame_leaves_a_hole() -> None:
    """`after` lets frames pass first, `count` says how many are lost."""
    plan = plan_of(FaultKind.DROP, after=1, count=2)
    assert numbers(pass_all(plan, *map(difference, range(5)))) == [0, 3, 4]
    assert plan.hits() == (2,)


def test_a_drop_without_an_end_is_a_stall() -> None:
    """With types it is a deaf model: the others still come."""
    plan = plan_of(FaultKind.DROP, types=(441, 451, 452), count=None)
    frames = [Outgoing(kind, "", "", str(kind)) for kind in (451, 201, 441, 201, 452, 423)]
    assert [action.text for action in pass_all(plan, *frames)] == ["201", "201", "423"]


def test_a_skipped_number_shifts_all_later_ones() -> None:
    """Nothing is lost, but one number is missing, until a snapshot begins a new count."""
    plan = plan_of(FaultKind.SKIP_NUMBER, after=1)
    told = numbers(pass_all(plan, *map(difference, range(4))))
    assert told == [0, 2, 3, 4]
    assert numbers(pass_all(plan, difference(4, "ETHTRY"))) == [4]
    assert numbers(pass_all(plan, difference(4), session=2)) == [4]
    assert numbers(pass_all(plan, snapshot(7), difference(8))) == [7, 8]


def test_the_channel_of_whole_books_does_not_end_a_shift() -> None:
    """Both channels count for themselves: a book of `orderbook` says nothing about `obdiff`."""
    plan = plan_of(FaultKind.SKIP_NUMBER)
    whole = snapshot(70)._replace(channel="orderbook")
    told = numbers(pass_all(plan, difference(1), whole, difference(2), snapshot(3), difference(4)))
    assert told == [2, 70, 3, 3, 4]


def test_a_snapshot_unasked_ends_a_shift() -> None:
    """It carries the number of the exchange, so the changes behind it do too."""
    faults = (Fault(kind=FaultKind.SKIP_NUMBER), Fault(kind=FaultKind.SNAPSHOT))
    plan = FaultPlan(Script(faults=faults))
    told = [
        action
        for number in (1, 2, 3)
        for action in plan.pass_on(1, difference(number), snapshot=lambda: snapshot(2).text)
    ]
    assert numbers(told) == [2, 3, 2, 3]


def test_numbers_can_be_skipped_twice() -> None:
    """The second skip adds to the first; what is no change set passes."""
    plan = plan_of(FaultKind.SKIP_NUMBER, count=None)
    assert numbers(pass_all(plan, snapshot(0), difference(1), difference(2))) == [0, 2, 4]
    assert pass_all(plan, Outgoing(422, "obdiff", "BTCTRY", "x")) == [SendText("x")]


def test_a_repeated_frame_comes_twice() -> None:
    """The same text, one behind the other."""
    assert numbers(pass_all(plan_of(FaultKind.REPEAT), difference(1), difference(2))) == [1, 1, 2]


def test_swapped_frames_change_places() -> None:
    """The held one waits for the next of its kind, not for just any; others are not held up."""
    plan = plan_of(FaultKind.SWAP, channel="obdiff")
    other = Outgoing(422, "trade", "BTCTRY", '[422,{"CS":-1}]')
    told = numbers(pass_all(plan, difference(1), other, difference(2), difference(3)))
    assert told == [-1, 2, 1, 3]


def test_swaps_without_an_end_are_pairs() -> None:
    """Each second frame passes in front of the first."""
    plan = plan_of(FaultKind.SWAP, count=None)
    assert numbers(pass_all(plan, *map(difference, range(4)))) == [1, 0, 3, 2]


def test_what_is_held_is_forgotten_with_its_session() -> None:
    """So are shifted numbers; those of other sessions stay."""
    plan = FaultPlan(
        Script(faults=(Fault(kind=FaultKind.SKIP_NUMBER, count=2), Fault(kind=FaultKind.SWAP)))
    )
    pass_all(plan, difference(1))
    pass_all(plan, difference(1), session=2)
    assert pass_all(plan, difference(2)) == []
    plan.forget(1)
    assert numbers(pass_all(plan, difference(5))) == [5]
    assert numbers(pass_all(plan, difference(5), session=2)) == [6]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.GARBAGE, "<html>"),
        (FaultKind.CUT_TEXT, '[432, {"CS": 1'),
    ],
)
def test_texts_that_cannot_be_read(kind: FaultKind, expected: str) -> None:
    """The page of a gateway, or the first half of a frame."""
    (action,) = pass_all(plan_of(kind), difference(1))
    assert isinstance(action, SendText)
    assert action.text.startswith(expected)
    with pytest.raises(ValueError, match=r"Expecting|delimiter|Unterminated"):
        json.loads(action.text)


@pytest.mark.parametrize("frame", [difference(1), snapshot(1)])
def test_a_crossed_book_has_a_bid_above_every_ask(frame: Outgoing) -> None:
    """A bid at ten times a price of the frame, as an insertion where there are operations."""
    (action,) = pass_all(plan_of(FaultKind.CROSS), frame)
    model = json.loads(action.text)[1]
    assert model["BO"][0]["P"] == "1010"
    assert model["BO"][0].get("CP") == (1 if frame.type == 432 else None)
    assert model["AO"] == json.loads(frame.text)[1]["AO"]


def test_what_has_no_prices_is_not_crossed() -> None:
    """A trade passes, and so does an empty book."""
    empty = Outgoing(431, "obdiff", "BTCTRY", '[431,{"CS":1,"AO":[],"BO":[]}]')
    trade = Outgoing(422, "trade", "BTCTRY", "[422,{}]")
    actions = pass_all(plan_of(FaultKind.CROSS, count=None), empty, trade)
    assert [action.text for action in actions] == [empty.text, trade.text]


def test_a_second_snapshot_comes_behind_the_frame() -> None:
    """Where there is no book to show, only the frame comes."""
    plan = plan_of(FaultKind.SNAPSHOT, count=None)
    frame = Outgoing(432, "obdiff", "BTCTRY", "change")
    assert pass_all(plan, frame) == [SendText("change"), SendText("whole")]
    assert plan.pass_on(1, frame, snapshot=lambda: None) == [SendText("change")]


@pytest.mark.parametrize("how", list(BreakHow))
def test_connections_end_in_place_of_a_frame(how: BreakHow) -> None:
    """Politely with a code, by a reset, or in the middle of the frame."""
    plan = plan_of(FaultKind(how.value), code=1012)
    assert pass_all(plan, difference(1))[0] == Break(how, 1012, difference(1).text)


@pytest.mark.parametrize("code", [-1, 99, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_a_code_that_cannot_be_sent_is_refused(code: int) -> None:
    """Whether the fault is made here or read from a plan; it would mute its connection."""
    with pytest.raises(ConfigurationError, match=f"{code} is no close code"):
        Fault(kind=FaultKind.CLOSE, code=code)
    with pytest.raises(ConfigurationError, match=f"{code} is no close code"):
        Script.of({"faults": [{"kind": "close", "code": code}]})


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
def test_codes_that_can_be_sent_are_taken(code: int) -> None:
    """The ends of each range."""
    assert Script.of({"faults": [{"kind": "close", "code": code}]}).faults[0].code == code


def test_a_fault_hits_what_it_names() -> None:
    """Type, channel, event and session all have to fit."""
    fault = Fault(
        kind=FaultKind.DROP, types=(432,), channel="obdiff", event="BTCTRY", session=1, count=None
    )
    plan = FaultPlan(Script(faults=(fault,)))
    assert pass_all(plan, difference(1)) == []
    assert len(pass_all(plan, snapshot(1), difference(1, "ETHTRY"))) == 2
    assert len(pass_all(plan, difference(1), session=2)) == 1
    assert len(pass_all(plan, difference(1)._replace(channel="orderbook"))) == 1


def test_the_first_fault_that_is_due_takes_the_frame() -> None:
    """A spent fault leaves it to the next one."""
    plan = FaultPlan(
        Script(faults=(Fault(kind=FaultKind.DROP), Fault(kind=FaultKind.REPEAT, count=None)))
    )
    assert numbers(pass_all(plan, difference(1), difference(2))) == [2, 2]
    assert plan.hits() == (1, 1)


def test_chance_repeats_with_its_seed() -> None:
    """About as many frames are hit as the chance says, the same ones for the same seed."""

    def lost(seed: int) -> list[int]:
        fault = Fault(kind=FaultKind.DROP, chance_bps=2_500, count=None)
        plan = FaultPlan(Script(faults=(fault,), seed=seed))
        return numbers(pass_all(plan, *map(difference, range(1000))))

    assert lost(1) == lost(1) != lost(2)
    assert 700 < len(lost(1)) < 800


def test_connections_are_refused_as_often_as_told() -> None:
    """Then they are let in again."""
    plan = FaultPlan(Script(refused_connections=2))
    assert [plan.refuses_connection() for _ in range(3)] == [True, True, False]


def test_a_plan_is_read_from_json() -> None:
    """Each field has its default; one that nobody knows is refused."""
    script = Script.of(
        {"faults": [{"kind": "drop", "types": [441], "count": None}], "sends_pings": False}
    )
    assert script.faults == (Fault(kind=FaultKind.DROP, types=(441,), count=None),)
    assert not script.sends_pings
    for fields in ({"faults": [{"kind": "explode"}]}, {"fault": []}, {"faults": [{}]}):
        with pytest.raises(ConfigurationError, match="no plan of faults"):
            Script.of(fields)


def test_hits_are_told_with_the_frame_as_it_was() -> None:
    """Session, fault and frame of every hit, and how often each kind has hit."""
    fault = Fault(kind=FaultKind.DROP, types=(432,))
    told: list[Any] = []
    plan = FaultPlan(Script(faults=(fault,)), told=lambda *hit: told.append(hit))
    pass_all(plan, snapshot(1), difference(2), difference(3), session=4)
    assert told == [(4, fault, difference(2))]
    assert plan.rows() == [{"kind": "drop", "hits": 1}]


@pytest.mark.parametrize("fields", [{"after": -1}, {"count": 0}, {"chance_bps": 0}])
def test_a_fault_that_could_never_hit_is_refused(fields: dict[str, int]) -> None:
    """A number of times is positive, and so is a chance."""
    with pytest.raises(ConfigurationError, match=r"count is|whole number"):
        Script.of({"faults": [{"kind": "drop", **fields}]})
