"""Options that commands share which play a strategy over recorded data.

Never add: a command, an option of one command only, an import that costs the help time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

__all__ = [
    "CAPITAL_TRY",
    "Assignments",
    "Begin",
    "Capital",
    "DatasetAddress",
    "End",
    "IntervalSeconds",
    "Json",
    "LimitsFile",
    "Pairs",
    "StrategyNames",
]

DatasetAddress = Annotated[
    str, typer.Argument(help="A dataset's folder, or sample:NAME for one that is included.")
]
StrategyNames = Annotated[
    list[str], typer.Option("--strategy", help="A plug-in's name; repeatable.")
]
Begin = Annotated[
    str | None, typer.Option("--from", help="First day or instant; before it only warm-up.")
]
End = Annotated[str | None, typer.Option("--to", help="Last day or instant.")]
Pairs = Annotated[str | None, typer.Option(help="Pairs to trade, by commas.")]
IntervalSeconds = Annotated[
    float | None, typer.Option(help="Length of a bar, for trades and books.")
]
Capital = Annotated[str, typer.Option(help="What the account opens with, TRY.")]
CAPITAL_TRY: Final = "100000"  # if no capital is given
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A strategy's parameter; repeatable."),
]
LimitsFile = Annotated[Path | None, typer.Option(help="Dotenv file with limits and guards.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
