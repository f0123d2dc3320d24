"""`kill -9` at every statement: the file holds what it held before, or everything after."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from btcturk_kit.adapters.store_schema.migrations import packaged_migrations

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what every file held after each kill; see the program."""
    program = ROOT / "tests" / "contract" / "store_kills.py"
    done = subprocess.run(
        [sys.executable, program, ROOT, tmp_path_factory.mktemp("kills")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def test_a_commit_is_whole_or_absent(report: dict[str, dict[str, Any]]) -> None:
    """Killed before its transaction is committed it is absent, killed after that it is there."""
    works = [name for name in report if name == "opening" or name.startswith("commit")]
    assert len(works) == 11
    kills = 0
    for work in works:
        names, found = report[work]["names"], report[work]["found"]
        before, after = report[work]["before"], report[work]["after"]
        assert before != after
        assert names[0] == "begin"
        assert names[-2:] == ["before:commit", "after:commit"]
        assert found[:-1] == [before] * (len(names) - 1), work
        assert found[-1] == after, work
        kills += len(found)
    assert kills > 150


def test_making_a_store_survives_every_kill(report: dict[str, dict[str, Any]]) -> None:
    """Opened again after a kill at any statement, a new store is complete and empty."""
    made = report["create"]
    assert len(made["names"]) > 40
    assert made["found"] == [made["after"]] * len(made["names"])


def test_a_migration_leaves_one_schema_or_the_next(report: dict[str, dict[str, Any]]) -> None:
    """After a kill at any statement the schema is that of a whole number of migrations."""
    done = report["migrate"]
    names, found = done["names"], done["found"]
    packaged = len(packaged_migrations())
    numbers = list(range(1, packaged + 3))
    assert names.count("before:commit") == len(numbers)
    whole = {0: ["ok", 0, [], []]}
    for state in (one for one in found if one[2]):
        whole.setdefault(len(state[2]), state)
    assert whole[packaged + 1][2:] == [numbers[:-1], [[1]]]
    assert done["after"][2:] == [numbers, [[1, 1]]]
    committed = 0
    for name, state in zip(names, found, strict=True):
        committed += name == "after:commit"
        assert state == whole[committed], name
