"""Finds that are kept: raw inputs in `seeds/`, which the fuzz tests read before they draw any.

`seeds/README.md` says how one is added. Never add: what an input must lead to; the tests say that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import example

__all__ = ["SEEDS", "replayed"]

SEEDS = Path(__file__).with_name("seeds")


def replayed(folder: str, make: Callable[[bytes], dict[str, Any]]) -> Callable[[Any], Any]:
    """Return a decorator that gives a test every seed of a folder as an explicit example.

    Args:
        folder: Below `seeds/`.
        make: From the bytes of a file to the arguments of the test.
    """

    def decorate(test: Any) -> Any:
        for path in sorted((SEEDS / folder).iterdir()):
            test = example(**make(path.read_bytes()))(test)
        return test

    return decorate
