"""The recipes for exports and policies, typed as they stand on the state file of a short run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOWTO = Path(__file__).parents[2] / "docs" / "howto"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make `bot.sqlite3` in a folder, as the recipes find it."""
    place = tmp_path_factory.mktemp("reader")
    typed("btcturk-kit quickstart --cycles 150 --db bot.sqlite3", place)
    return place


def typed(script: str, folder: Path) -> str:
    """Run a script as a reader types it and return what it prints; it must succeed."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("BTCTURK_")}
    binaries = str(Path(sys.executable).parent)
    environment = {**kept, "PATH": os.pathsep.join([binaries, kept.get("PATH", "")])}
    run = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of one language on one page."""
    text = (HOWTO / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_exports_of_the_recipe_are_made(folder: Path) -> None:
    """Tables, beancount text, statement and returns: each block does what the page says."""
    tables, beancount, statement, returns = blocks("export-the-books.md", "bash")
    typed(tables, folder)
    assert (folder / "tables" / "capital_journal.csv").exists()
    assert (folder / "fills" / "fills.jsonl").exists()
    assert "bean-check books.beancount" in typed(beancount, folder)
    assert "Disposals of 2023" in typed(statement, folder)
    assert (folder / "2023.csv").exists()
    said = typed(returns, folder)
    assert "unknown: " not in said
    assert "over the deposit" in said


def test_every_account_of_the_text_is_in_the_recipe(folder: Path) -> None:
    """The table of accounts names what beancount users will meet."""
    typed("btcturk-kit export beancount --db bot.sqlite3 --out accounts.beancount", folder)
    text = (folder / "accounts.beancount").read_text("utf-8")
    page = (HOWTO / "export-the-books.md").read_text("utf-8")
    last_parts = {one.rpartition(":")[2] for one in re.findall(r" open (\S+)", text)}
    assert {one for one in last_parts if f":{one}`" not in page} == set()


def test_the_policies_of_the_recipe_are_compared(folder: Path) -> None:
    """The first block prints the page's table, the second a document, the third draws."""
    table, own, picture = blocks("compare-capital-policies.md", "bash")
    (shown,) = blocks("compare-capital-policies.md", "text")
    assert typed(table, folder) == shown
    names = [one["name"] for one in json.loads(typed(own, folder))["policies"]]
    assert names == ["as it was done", "half", "careful", "by cycle"]
    typed(picture, folder)
    assert (folder / "policies.svg").read_text("utf-8").startswith("<?xml")
