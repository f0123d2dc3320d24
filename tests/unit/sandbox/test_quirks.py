"""Quirks: each is described, shown by a vector, and changes exactly what it names."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from fnmatch import filter as matching
from functools import cache
from typing import Any

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.moves import PairHalt
from btcturk_kit.sandbox.quirk_book import QuirkEntry, facts, quirk_named, quirks
from btcturk_kit.sandbox.rest.gate import Gate
from btcturk_kit.sandbox.rest.graph_answers import _filled
from btcturk_kit.sandbox.vectors import (
    QuietTape,
    Seen,
    differences,
    open_exchange,
    play,
    vector_names,
    vector_of,
)
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.wire.encode_graph import GraphCandle
from btcturk_kit.wire.pacing import Endpoint, endpoint_of

from .inside import InsideDoor

OTHERS = [(name, reading) for name, all_of in Quirks.readings().items() for reading in all_of[1:]]
"""Every reading that is not a default."""


async def seen_in(scene: str, chosen: Quirks) -> dict[str, object]:
    """Run a scene; return every answer, all frames of a type at a step, and the whole books."""
    vector = vector_of("scenes", scene)
    exchange, access = open_exchange(vector.setup, chosen)
    door = InsideDoor(exchange, access)
    found: dict[str, object] = {}
    for seen in await play(vector, door):
        found[f"{scene}/{seen.step}"] = (seen.status, seen.body)
        for text in seen.frames:
            number = json.loads(text)[0]
            told = found.setdefault(f"{scene}/{seen.step}/{number}", [])
            assert isinstance(told, list)
            told.append(text)
    books = [exchange.holding(name) for name in exchange.accounts()]
    found[f"{scene}/books"] = [
        (
            one.account.balances(),
            [(order.view(), order.stop_price) for order in one.orders.values()],
            one.fills,
        )
        for one in books
    ]
    exchange.audit()
    return found


def conversation(chosen: Quirks) -> dict[str, object]:
    """Run all scenes."""

    async def main() -> dict[str, object]:
        found: dict[str, object] = {}
        for scene in vector_names("scenes"):
            found |= await seen_in(scene, chosen)
        return found

    return asyncio.run(main())


@cache
def by_default() -> dict[str, object]:
    """Return what the scenes bring without any choice."""
    return conversation(Quirks())


def named(changes: list[str]) -> set[str]:
    """Return the answers that patterns stand for; each stands for one at least."""
    known = list(by_default())
    found: set[str] = set()
    for pattern in changes:
        ones = matching(known, pattern) if "*" in pattern else [pattern]
        assert ones, pattern
        found.update(ones)
    return found


def test_the_conversation_leaves_nothing_out() -> None:
    """Every endpoint is called, and every type of frame that is sent by default comes."""
    asked = set()
    for scene in vector_names("scenes"):
        for step in vector_of("scenes", scene).steps:
            if "call" in step:
                method, _, target = step["call"]["line"].partition(" ")
                asked.add(endpoint_of(method, target.partition("?")[0]))
    assert asked - {None} == set(Endpoint) - {Endpoint.WEBSOCKET, Endpoint.GRAPH}
    kinds = {int(one.rpartition("/")[2]) for one in by_default() if one.count("/") == 2}
    assert kinds == {100, 114, 201, 401, 402, 421, 422, 428, 431, 432, 441, 451, 452, 991}


def test_equal_conversations_give_equal_bytes() -> None:
    """What is compared below is not left to chance."""
    assert conversation(Quirks()) == by_default()


@pytest.mark.parametrize(("name", "reading"), OTHERS)
def test_a_quirk_changes_exactly_what_it_names(name: str, reading: str) -> None:
    """All endpoints, a stream and orders: only the listed answers differ, and not by nothing."""
    before, after = by_default(), conversation(Quirks.of({name: reading}))
    differ = {one for one in before.keys() | after.keys() if before.get(one) != after.get(one)}
    assert differ == named(vector_of("quirks", name).expected[reading]["changes"])
    assert differ
    is_money = any(one.endswith("/books") for one in differ)
    assert is_money is quirk_named(name).is_money


@pytest.mark.parametrize("name", Quirks.readings())
def test_a_default_changes_nothing(name: str) -> None:
    """Choosing a default by name is choosing nothing, and its vector says so."""
    default = Quirks.readings()[name][0]
    assert Quirks.of({name: default}) == Quirks()
    assert vector_of("quirks", name).expected[default]["changes"] == []


def test_every_quirk_has_a_file_and_every_file_a_quirk() -> None:
    """Code and data know the same quirks and the same readings, in the same order."""
    assert set(vector_names("quirks")) == set(Quirks.readings())
    for entry in quirks():
        readings = Quirks.readings()[entry.name]
        assert tuple(entry.readings) == readings
        assert tuple(vector_of("quirks", entry.name).expected) == readings
        assert entry.default == readings[0] == getattr(Quirks(), entry.name)


@pytest.mark.parametrize("entry", quirks(), ids=lambda entry: entry.name)
def test_every_quirk_is_described(entry: QuirkEntry) -> None:
    """Where it comes from, when it was seen, what it is about, what each reading means."""
    assert entry.source
    assert all(one.startswith("https://") for one in entry.source)
    assert entry.seen
    for sentence in (entry.about, *entry.readings.values()):
        assert sentence.endswith(".")
    is_fact = entry.fact in {one.fact for one in facts()}
    assert is_fact or entry.fact in ("awkward case", "open question")


def test_a_quirk_of_a_fact_is_listed_there() -> None:
    """Whoever starts from a fact finds its quirk, and what a fact lists exists."""
    listed = {(one.fact, name) for one in facts() for name in one.quirks}
    for entry in quirks():
        assert not entry.fact.startswith("V") or (entry.fact, entry.name) in listed
    assert {name for _, name in listed} <= set(Quirks.readings())


def test_all_known_facts_are_listed() -> None:
    """V1 to V31, each with what this exchange does about it."""
    numbers = [one.fact for one in facts() if one.fact.startswith("V")]
    assert numbers == [f"V{number}" for number in range(1, 32)]
    for one in facts():
        assert one.says.endswith(".")
        assert one.here.endswith(".")
        assert one.source
        assert one.seen


def test_an_unknown_quirk_is_refused_with_a_suggestion() -> None:
    """A typing error is found before anything is served."""
    with pytest.raises(ConfigurationError, match="no quirk 'balance_decimal'") as refused:
        Quirks.of({"balance_decimal": "comma"})
    assert "balance_decimals" in str(refused.value.hint)
    with pytest.raises(ConfigurationError, match="no quirk 'xyz'") as refused:
        Quirks.of({"xyz": "comma"})
    assert refused.value.hint == "`btcturk-kit sandbox quirks` lists all"


def test_an_unknown_reading_is_refused_with_those_there_are() -> None:
    """The hint lists them."""
    with pytest.raises(ConfigurationError, match="no reading 'point'") as refused:
        Quirks.of({"balance_decimals": "point"})
    assert refused.value.hint == "take one of dot, comma"


def test_an_unknown_vector_is_refused() -> None:
    """The reader says where to look."""
    with pytest.raises(ConfigurationError, match="no vector 'x' in quirks"):
        vector_of("quirks", "x")


def test_a_spent_stamp_is_forgotten_when_it_is_out_of_date() -> None:
    """Nobody can use it then, so nothing is kept of it; two customers do not share stamps."""
    gate = Gate(Quirks(repeated_stamps="refused"))
    assert gate.problem_with_stamp("ann", "5000", now_ms=0) == ""
    assert gate.problem_with_stamp("bob", "5000", now_ms=0) == ""
    assert gate.problem_with_stamp("ann", "5000", now_ms=10_000) == "Invalid Nonce"
    assert gate.problem_with_stamp("ann", "20000", now_ms=20_000) == ""
    assert len(gate._spent) == len(gate._by_age) == 1


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"status": "400"}, "step: status 200, not 400"),
        ({"body": "{}"}, 'step: {"a": 1.0, "b": ["x"]}, not {}'),
        ({"fields": {"a": "1.0"}}, "step: a is '1.0', not '1.0'"),
        ({"fields": {"b.1": "x"}}, "step: b.1 is 'absent', not 'x'"),
        ({"fields": {"b.0.c": "x"}}, "step: b.0.c is 'absent', not 'x'"),
        ({"frames": []}, "step: frames 7"),
        ({"frames": [{"type": "7", "fields": {"d": "y"}}]}, "step: d is 'x', not 'y'"),
    ],
)
def test_what_differs_from_a_vector_is_told(wanted: dict[str, Any], problem: str) -> None:
    """A status, a body, one field, the types of frames, a field of a frame."""
    seen = Seen("step", 200, b'{"a": 1.0, "b": ["x"]}', ('[7,{"d":"x"}]',))
    assert differences({"answers": {"step": wanted}}, [seen]) == [problem]


def test_nothing_moves_the_market_of_a_vector() -> None:
    """The quiet tape has a price and no moves; another start is kept."""
    tape = QuietTape(Decimal(3), start_ms=5)
    assert tape.play(seed=1, start_ms=None) is tape
    later = tape.play(seed=1, start_ms=7)
    assert (later.start_ms, later.opening_price) == (7, Decimal(3))
    assert later.recorded_hours(0, 10) == []
    assert later.next_ms() > 10**15
    assert later.take() == PairHalt(is_halted=False)


def test_gaps_are_filled_up_to_a_bound() -> None:
    """A pair that slept for years does not make an answer of a million candles."""
    first = GraphCandle(0, *[Decimal(7)] * 6)
    late = first._replace(open_ms=60_000 * 10**6)
    found = _filled([first, late], 60_000)
    assert len(found) == 20_000
    assert found[1] == GraphCandle(60_000, *[Decimal(7)] * 4, Decimal(0), Decimal(0))
    assert _filled([], 60_000) == []
