"""The sources of the project, read and parsed once for the tests of the house rules."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the directory of the project."""
    return ROOT


def _parsed(folder: Path) -> dict[str, ast.Module]:
    return {
        path.relative_to(folder).as_posix(): ast.parse(path.read_text("utf-8"), str(path))
        for path in sorted(folder.rglob("*.py"))
    }


@pytest.fixture(scope="session")
def modules() -> dict[str, ast.Module]:
    """Return the parsed modules of the package by path below `btcturk_kit/`."""
    return _parsed(ROOT / "src" / "btcturk_kit")


@pytest.fixture(scope="session")
def test_files() -> dict[str, ast.Module]:
    """Return the parsed files of the tests by path below `tests/`."""
    return _parsed(ROOT / "tests")
