"""The command `sandbox quirks`: tables for people, a document for programs, an error for a typo."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from btcturk_kit.cli.app import app
from btcturk_kit.sandbox.quirk_book import facts, quirks
from btcturk_kit.sandbox.vectors import vector_text


def run(*arguments: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error on a terminal of 80 columns."""
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["sandbox", "quirks", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_tables_name_every_quirk_and_every_fact() -> None:
    """On 80 columns no name and no reading is cut, and no line is longer."""
    code, text, _ = run()
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    for one in quirks():
        assert f" {one.name} " in text
        for reading in one.readings:
            assert reading in text
    for fact in facts():
        assert f" {fact.fact} " in text
    assert "…" not in text


def test_the_document_holds_everything() -> None:
    """Sources, dates, defaults, meanings, and the calls that bring a fact about."""
    code, text, _ = run("--json")
    document = json.loads(text)
    assert code == 0
    assert document["quirks"] == json.loads(json.dumps([one._asdict() for one in quirks()]))
    assert document["facts"] == json.loads(json.dumps([one._asdict() for one in facts()]))


@pytest.mark.parametrize("entry", quirks(), ids=lambda one: one.name)
def test_one_quirk_is_shown_with_its_vector(entry: object) -> None:
    """For people its readings and sources, for programs its vector too."""
    one = next(known for known in quirks() if known is entry)
    code, text, _ = run(one.name)
    assert code == 0
    assert f"{one.default} (default)" in text
    for source in one.source:
        assert source in text
    code, text, _ = run(one.name, "--json")
    assert json.loads(text)["vector"] == json.loads(vector_text("quirks", one.name))


def test_a_typo_is_one_line() -> None:
    """It names the quirk that was meant; with `--json` the same is a document."""
    code, text, told = run("histry_amount")
    assert (code, text) == (3, "")
    assert told.count("\n") == 1
    assert "meant history_amount" in told
    code, text, _ = run("histry_amount", "--json")
    assert json.loads(text)["error"]["code"] == "ConfigurationError"
