"""The root of the package: three lists of one set of names, and an import that costs nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import btcturk_kit


def test_the_lists_of_public_names_are_equal(modules: dict[str, ast.Module]) -> None:
    """Type checkers, the lazy import and readers are told the same names of the same modules."""
    typed = {
        name.name: node.module
        for guard in _guards(modules["__init__.py"])
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert typed == {name: f"btcturk_kit.{module}" for name, module in btcturk_kit._HOME.items()}
    assert sorted(btcturk_kit.__all__) == sorted(typed)


def test_every_public_name_is_told_once() -> None:
    """No name has two homes, of which the last would win silently."""
    words = [one for one in btcturk_kit._MODULES.split() if not one.endswith(":")]
    assert len(words) == len(set(words)) == len(btcturk_kit.__all__)


def test_the_import_loads_nothing_of_the_package(modules: dict[str, ast.Module]) -> None:
    """At its top the root imports three modules of the standard library and no more."""
    imported = {
        name
        for node in modules["__init__.py"].body
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported == {"__future__", "importlib", "logging", "typing"}


def _guards(tree: ast.Module) -> Iterator[ast.If]:
    """Yield what only type checkers read."""
    for node in tree.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name):
            assert node.test.id == "_TYPE_CHECKING"
            yield node
