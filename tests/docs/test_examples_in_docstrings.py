"""Every example in a docstring runs and gives what it says."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import btcturk_kit

MODULES = sorted(
    {
        module.name
        for module in pkgutil.walk_packages(btcturk_kit.__path__, "btcturk_kit.")
        if not module.name.endswith("__main__")
    }
)


def examples_of(name: str) -> list[doctest.DocTest]:
    """Return the examples of one module, each with the names of the module around it."""
    return [one for one in doctest.DocTestFinder().find(import_module(name)) if one.examples]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    """Importing a module succeeds, and its examples print what stands below them."""
    said: list[str] = []
    for example in examples_of(name):
        doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not said, "".join(said)


def test_there_are_examples() -> None:
    """The search above finds examples at all; it would otherwise pass without looking."""
    assert len(examples_of("btcturk_kit.domain.money")) >= 3
