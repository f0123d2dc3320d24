"""The command `sandbox quirks`: what the local exchange can be told to do otherwise, and why.

Never add: what a quirk does, or words about one (both stand beside its vector).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json
from btcturk_kit.sandbox.quirk_book import (
    FactEntry,
    QuirkEntry,
    facts,
    quirk_named,
)
from btcturk_kit.sandbox.quirk_book import quirks as all_quirks
from btcturk_kit.sandbox.vectors import vector_text

__all__ = ["quirks"]


def quirks(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Show one, with its vector.")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List what sources tell differently of BtcTurk, and how this exchange can read it."""
    with failing_cleanly(as_json=as_json):
        if name:
            _print_one(quirk_named(name), as_json=as_json)
        elif as_json:
            print_json(
                {
                    "quirks": [one._asdict() for one in all_quirks()],
                    "facts": [one._asdict() for one in facts()],
                }
            )
        else:
            _print_all(all_quirks(), facts())


def _print_one(entry: QuirkEntry, *, as_json: bool) -> None:
    vector = vector_text("quirks", entry.name)
    if as_json:
        print_json({**entry._asdict(), "vector": json.loads(vector)})
        return
    from rich.console import Console  # noqa: PLC0415 - only who lists pays for it

    console = Console(highlight=False, markup=False)
    console.print(f"{entry.name} ({entry.fact}; seen {entry.seen})\n{entry.about}\n")
    for reading, meaning in entry.readings.items():
        mark = " (default)" if reading == entry.default else ""
        console.print(f"  {reading}{mark}: {meaning}")
    console.print("\nSources:")
    for one in entry.source:
        console.print(f"  {one}", soft_wrap=True)
    console.print(
        f"\nTake one with: btcturk-kit sandbox serve --quirk {entry.name}=READING"
        f"\nIts vector:    btcturk-kit sandbox quirks {entry.name} --json",
        soft_wrap=True,
    )


def _print_all(entries: Iterable[QuirkEntry], known: Iterable[FactEntry]) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Column, Table  # noqa: PLC0415 - as above

    console = Console(highlight=False, markup=False)
    name = Column("Quirk", no_wrap=True)
    table = Table(name, "Readings", "Fact", "Seen", title="Quirks, the default reading first")
    for one in entries:
        money = " (money)" if one.is_money else ""
        table.add_row(one.name, ", ".join(one.readings) + money, one.fact, one.seen)
    console.print(table)
    says = Column("What is known, and how this exchange shows it", overflow="fold")
    table = Table("Fact", says, title="Facts")
    for fact in known:
        belongs = f" Quirks: {', '.join(fact.quirks)}." if fact.quirks else ""
        plays = "".join(
            f"\n{one['control']} {json.dumps(one['fields'], separators=(',', ':'))}"
            for one in fact.play
        )
        table.add_row(fact.fact, f"{fact.says} {fact.here}{belongs}{plays}", end_section=True)
    console.print(table)
    console.print("`btcturk-kit sandbox quirks NAME` says more of one quirk; --json says all.")
