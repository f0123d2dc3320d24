"""The tutorial "Your first backtest", typed command by command: it prints what the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.commands import called, environment

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "first-backtest.md").read_text("utf-8")


def commands() -> list[tuple[str, str]]:
    """Return each command of the page with the output that is shown below it."""
    return re.findall(r"^```console\n\$ (.*)\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)


def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    """The outputs are real, but for the time that they took, and the report is written."""
    shown = commands()
    assert [command.split()[1] for command, _ in shown] == [
        *("data", "backtest", "lookahead", "sweep", "backtest")
    ]
    for command, output in shown:
        program, *arguments = shlex.split(command)
        assert program == "btcturk-kit"
        run = called(*arguments, env=environment(tmp_path), cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert _timeless(run.stdout) == _timeless(output), command
    assert "<html" in (tmp_path / "first.html").read_text("utf-8")


def test_the_story_that_is_told_is_the_one_that_happened() -> None:
    """The best trial of the sweep is the one that is judged next, and it loses there."""
    (_, _, _, sweep, judged) = commands()
    first = re.search(r"^ +\d+ .*fast_bars=(\d+) slow_bars=(\d+)$", sweep[1], re.MULTILINE)
    assert first is not None
    assert f"--set fast_bars={first[1]} --set slow_bars={first[2]} " in judged[0]
    assert re.search(r"^total return +-\d", judged[1], re.MULTILINE)


def _timeless(output: str) -> list[str]:
    """Return the lines of an output without the one that says how long it took."""
    return [one for one in output.rstrip().splitlines() if not one.startswith("took ")]
