"""What is known of BtcTurk's contradictions: every quirk with its source, and every fact.

Read from the files beside the vectors, so that a description and what shows it cannot part. Never
add: what a reading does (`venue.quirks` names who reads it), words of one's own about a quirk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from btcturk_kit.sandbox.vectors import vector_of
from btcturk_kit.sandbox.venue.quirks import Quirks

__all__ = ["FactEntry", "QuirkEntry", "facts", "quirk_named", "quirks"]

_FACTS: Final = files("btcturk_kit.sandbox") / "data" / "vectors" / "facts.json"


class QuirkEntry(NamedTuple):
    """One quirk.

    Attributes:
        name: What it is called in code and on the command line.
        default: The reading that holds if nobody chooses.
        readings: What each means, the default first.
        fact: `V3` and the like, `awkward case`, or `open question`.
        about: What it changes.
        source: Where it is told or was seen.
        seen: When.
        is_money: Whether it changes what orders do, and so balances.
    """

    name: str
    default: str
    readings: Mapping[str, str]
    fact: str
    about: str
    source: tuple[str, ...]
    seen: str
    is_money: bool


class FactEntry(NamedTuple):
    """One thing that is known, whether or not a quirk belongs to it.

    Attributes:
        fact: `V1` to `V31`, `awkward case`, or `open question`.
        says: What is known.
        source: Where it is told or was seen.
        seen: When.
        here: How this exchange shows it, or why it has no switch.
        quirks: The quirks that belong to it.
        play: Calls of the control interface that bring it about, with their bodies.
    """

    fact: str
    says: str
    source: tuple[str, ...]
    seen: str
    here: str
    quirks: tuple[str, ...]
    play: tuple[Mapping[str, Any], ...]


def quirk_named(name: str) -> QuirkEntry:
    """Return one quirk.

    Raises:
        ConfigurationError: There is none of this name.

    Example:
        >>> quirk_named("no_match_code").readings["1052"]
        '1052, as on the wire.'
    """
    Quirks.of({name: Quirks.readings().get(name, ("",))[0]})
    about = vector_of("quirks", name).about
    return QuirkEntry(
        name,
        Quirks.readings()[name][0],
        about["readings"],
        about["fact"],
        about["names"],
        tuple(about["source"]),
        about["seen"],
        about["is_money"],
    )


@cache
def quirks() -> tuple[QuirkEntry, ...]:
    """Return all quirks, by what they concern: answers, orders and money, the stream."""
    return tuple(quirk_named(name) for name in Quirks.readings())


@cache
def facts() -> tuple[FactEntry, ...]:
    """Return all facts: V1 to V31, then awkward cases and open questions that are no quirk."""
    return tuple(
        FactEntry(
            one["fact"],
            one["says"],
            tuple(one["source"]),
            one["seen"],
            one["here"],
            tuple(one.get("quirks", ())),
            tuple(one.get("play", ())),
        )
        for one in json.loads(_FACTS.read_text("utf-8"))
    )
