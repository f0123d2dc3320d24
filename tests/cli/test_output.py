"""What all commands share: help that is readable, and an output that cannot be written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.cli.commands import COMMAND, called, environment, finished
from typer.testing import CliRunner

from btcturk_kit.cli.app import app

NOBODY = "http://127.0.0.1:9"


def test_help_holds_no_picture() -> None:
    """A word between colons would be shown as one, as `KEY:SECRET:` was."""
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["sandbox", "serve", "--help"]).stdout
    words = " ".join(shown.split())
    assert "One more as KEY:SECRET, maybe with :ASSET=AMOUNT,...; repeatable." in words
    assert "\N{CIRCLED IDEOGRAPH SECRET}" not in shown


@pytest.mark.parametrize(
    "arguments", [("serve",), ("serve", "--json"), ("quirks",), ("quirks", "--json")]
)
def test_a_full_disk_behind_the_output_is_one_line(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """Whoever redirects a ready line or a document learns why there is none, with exit code 7."""
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [*COMMAND, "sandbox", *arguments],
            env=environment(tmp_path),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert run.stderr.splitlines() == [
        "error: no space left to write what this command prints (free some, or redirect it)"
    ]
    assert run.returncode == 7


@pytest.mark.parametrize(
    ("code", "arguments", "settings"),
    [
        (0, ("sandbox", "quirks", "history_amount"), {}),
        (0, ("config", "quota", "--json"), {}),
        (2, ("stage4-run", "--max-cycles", "0"), {}),
        (3, ("stage4-run", "--json"), {"BTCTURK_API_KEY": "k\u00e9y"}),
        (4, ("stage4-run", "--json"), {"BTCTURK_KIT_CONTROL_URL": NOBODY}),
        (7, ("ledger", "show", "--json", "--db", "none.db"), {}),
        (8, ("stage4-run", "--json"), {"BTCTURK_KIT_KILL_SWITCH": "1"}),
    ],
)
def test_a_process_says_what_a_call_says(
    tmp_path: Path, code: int, arguments: tuple[str, ...], settings: dict[str, str]
) -> None:
    """Every kind of exit: the same code, and the same to the letter on both streams.

    So most tests of commands may call them, which is faster than to start them.
    """
    keys = {"BTCTURK_API_KEY": "k", "BTCTURK_API_SECRET": "QUFBQQ=="}
    env = environment(tmp_path, **{"BTCTURK_KIT_REST_URL": NOBODY, **keys, **settings})
    started, here = (run(*arguments, env=env, cwd=tmp_path) for run in (finished, called))
    assert started.returncode == code, started.stderr
    assert (here.returncode, here.stdout, here.stderr) == (
        started.returncode,
        started.stdout,
        started.stderr,
    )
