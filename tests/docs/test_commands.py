"""The page of commands holds every command and every option there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from tests.cli.commands import called, document_of, environment

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text("utf-8")


def sections() -> dict[str, str]:
    """Return the text of each section that documents a command."""
    parts = re.split(r"^## `([a-z0-9 -]+)`$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its full name."""
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from commands(child, (*path, name))
    else:
        yield " ".join(path), command


def existing() -> dict[str, Any]:
    """Return every command of the application by its full name."""
    return dict(commands(typer.main.get_command(import_module("btcturk_kit.cli.app").app)))


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    """The page documents the commands that exist, no more and no fewer."""
    assert set(sections()) == set(existing())


def test_every_option_is_in_the_table_of_its_command() -> None:
    """Each option stands in the section of its command, and no option that does not exist."""
    offenders = []
    for name, command in existing().items():
        real = {
            option
            for parameter in command.params
            if parameter.param_type_name == "option" and parameter.name != "help"
            for option in parameter.opts
            if option.startswith("--")
        }
        listed = set(re.findall(r"^\| `(--[a-z-]+)`", sections().get(name, ""), re.MULTILINE))
        offenders += [f"{name}: {one} is not documented" for one in sorted(real - listed)]
        offenders += [f"{name}: {one} does not exist" for one in sorted(listed - real)]
    assert offenders == []


def test_every_field_of_the_document_of_a_run_is_in_its_table(tmp_path: Path) -> None:
    """The table of fields names what `quickstart --json` prints; `seed` is described beside it."""
    table = PAGE.split("### The document of a run")[1].split("## ")[0]
    listed = [
        name
        for cell in re.findall(r"^\| (`\w.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    ]
    run = called("quickstart", "--json", "--cycles", "2", env=environment(tmp_path), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert sorted([*listed, "seed"]) == sorted(document_of(run))
