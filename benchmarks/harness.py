"""Measuring side by side: paired rounds, medians, ratios; a table for people, JSON for machines.

Absolute figures move with the machine and with what else it does, so every subject of a bench is
run in every round, in turns, and what counts is the ratio to the baseline. Nothing here is a test:
a bound that is not met is printed, and the bench still ends with success.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Bound", "Report", "Row", "on_core", "paired_rounds"]

RESULTS = Path(__file__).parent / "results"


def paired_rounds(
    subjects: Mapping[str, Callable[[], float]], *, rounds: int
) -> dict[str, list[float]]:
    """Run every subject once per round and return the figures of each, in order.

    Every other round runs backwards, so that no subject always profits from the one before it.

    Args:
        subjects: Name to a function that measures once and returns the figure.
        rounds: How often each is measured.
    """
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    order = list(subjects)
    for _ in range(rounds):
        for name in order:
            figures[name].append(subjects[name]())
        order.reverse()
    return figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured of one subject.

    Attributes:
        median: Of all rounds.
        low: Smallest of them.
        high: Largest of them.
        ratio: Median over that of the baseline; None for the baseline itself.
        note: What else is worth knowing.
    """

    subject: str
    median: float
    low: float
    high: float
    ratio: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A figure the project set itself, and what was measured."""

    name: str
    allowed: float
    measured: float
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the measured figure keeps the bound."""
        if self.is_least:
            return self.measured >= self.allowed
        return self.measured <= self.allowed


@dataclass(slots=True, kw_only=True)
class Report:
    """The outcome of one bench: print it, and keep it.

    Attributes:
        name: File name of the result, without ending.
        question: What is measured, in one line.
        unit: Of the figures.
    """

    name: str
    question: str
    unit: str
    rows: list[Row] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)

    def add_rounds(self, figures: Mapping[str, list[float]], *, baseline: str = "") -> None:
        """Add a row per subject, with ratios to the median of `baseline` where one is named."""
        base = median(figures[baseline]) if baseline else None
        for subject, measured in figures.items():
            middle = median(measured)
            is_compared = base is not None and base > 0 and subject != baseline
            self.rows.append(
                Row(
                    subject=subject,
                    median=middle,
                    low=min(measured),
                    high=max(measured),
                    ratio=middle / base if base and is_compared else None,
                )
            )

    def finish(self) -> None:
        """Print the table and write `results/<name>.json`."""
        print(self.as_text())
        RESULTS.mkdir(exist_ok=True)
        document: dict[str, Any] = {
            "name": self.name,
            "question": self.question,
            "unit": self.unit,
            "python": sys.version.split()[0],
            "machine": platform.machine(),
            "cpu_count": os.cpu_count(),
            "rows": [asdict(row) for row in self.rows],
            "bounds": [{**asdict(bound), "is_met": bound.is_met} for bound in self.bounds],
        }
        text = json.dumps(document, indent=2)
        (RESULTS / f"{self.name}.json").write_text(f"{text}\n", "utf-8")

    def as_text(self) -> str:
        """Return the table, one line per row and per bound."""
        width = max([len(row.subject) for row in self.rows], default=0)
        lines = [f"{self.name}: {self.question} [{self.unit}]"]
        for row in self.rows:
            ratio = "" if row.ratio is None else f"  x{row.ratio:.3f}"
            note = f"  {row.note}" if row.note else ""
            span = f"{row.low:,.3f} .. {row.high:,.3f}"
            lines.append(f"  {row.subject:<{width}}  {row.median:>14,.3f}  ({span}){ratio}{note}")
        for bound in self.bounds:
            sign = ">=" if bound.is_least else "<="
            verdict = "met" if bound.is_met else "NOT MET"
            figures = f"{bound.measured:,.3f} {sign} {bound.allowed:,.3f}"
            lines.append(f"  bound {bound.name}: {figures}  {verdict}")
        return "\n".join(lines)


def on_core(which: int) -> list[str]:
    """Return what pins a command to one core, where the system can."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    code = (
        f"import os, sys; os.sched_setaffinity(0, {{{cores[which]}}}); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", code]
