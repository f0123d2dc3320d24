"""What all commands share: help that is readable, and an output that cannot be written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.cli.commands import COMMAND, environment
from typer.testing import CliRunner

from btcturk_kit.cli.app import app


def test_help_holds_no_picture() -> None:
    """A word between colons would be shown as one, as `KEY:SECRET:` was."""
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["sandbox", "serve", "--help"]).stdout
    assert "One more as KEY:SECRET, maybe with :ASSET=AMOUNT,...; repeatable." in shown
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
