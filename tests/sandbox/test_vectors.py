"""Every vector against a served exchange: bytes in, bytes out, and what the books say then."""

from __future__ import annotations

import asyncio

import pytest

from btcturk_kit.sandbox.vectors import (
    Vector,
    differences,
    play,
    state_of,
    vector_names,
    vector_of,
)
from btcturk_kit.sandbox.venue.quirks import Quirks

from .vector_door import served

ALWAYS = [(folder, name) for folder in ("facts", "faults") for name in vector_names(folder)]


async def problems(vector: Vector, reading: str, quirks: Quirks) -> list[str]:
    """Run one vector; return where the exchange differs from it."""
    expected = vector.expected[reading]
    async with served(vector.setup, quirks) as door:
        found = differences(expected, await play(vector, door))
        state = await state_of(door)
    if state != expected["state"]:
        found.append(f"the books say {state}, not {expected['state']}")
    return found


@pytest.mark.parametrize("name", Quirks.readings())
def test_every_reading_is_as_its_vector_says(name: str) -> None:
    """The same bytes are sent under each reading, and each is answered as its vector says."""
    vector = vector_of("quirks", name)

    async def main() -> dict[str, list[str]]:
        return {
            reading: await problems(vector, reading, Quirks.of({name: reading}))
            for reading in vector.expected
        }

    assert asyncio.run(main()) == {reading: [] for reading in Quirks.readings()[name]}


@pytest.mark.parametrize(("folder", "name"), ALWAYS)
def test_facts_without_a_switch_hold_too(folder: str, name: str) -> None:
    """What is always so, and what a fault brings about, is as its vector says."""
    assert asyncio.run(problems(vector_of(folder, name), "always", Quirks())) == []
