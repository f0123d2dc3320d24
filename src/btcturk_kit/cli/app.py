"""The application: its commands and nothing else.

A command's module is imported when the command is called, or when the names of all are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

__all__ = ["app"]

_COMMANDS: Final = {
    "quickstart": "quickstart:quickstart",
    "stage4-run": "stage4:stage4_run",
    "stage7-run": "stage7:stage7_run",
    "backtest": "backtest:backtest",
    "lookahead": "lookahead:lookahead",
    "sweep": "sweep:sweep",
    "replay": "replay:replay",
    "parity": "parity:parity",
    "attribute": "attribute:attribute",
    "data": "data:data_app",
    "sandbox": "sandbox:sandbox_app",
    "ledger": "ledger:ledger_app",
    "capital": "capital:capital_app",
    "risk": "risk:risk_app",
    "export": "export:export_app",
    "report": "report:report_app",
    "config": "config:config_app",
}
"""Every command and family of commands, in the order of the help: its module and name in there."""

_ALSO: Final = {
    "sandbox": {"quirks": "quirks:quirks"},
    "capital": {"lab": "capital_lab:capital_lab"},
    "data": {"download": "data_live:data_download", "capture": "data_live:data_capture"},
}
"""Commands of a family that have a module of their own."""


def _command(name: str) -> Any:  # noqa: ANN401 - typer's own class of commands
    """Import a command, or a family of them, and make it as the application would."""
    around, entry = typer.Typer(rich_markup_mode=None), _found(_COMMANDS[name])
    if isinstance(entry, typer.Typer):
        around.add_typer(entry)
    else:
        around.command(name)(entry)
    command: Any = get_group(around).commands[name]
    for inner, place in _ALSO.get(name, {}).items():
        extra = typer.Typer(rich_markup_mode=None)
        extra.command(inner)(_found(place))
        command.add_command(get_group(extra).commands[inner])
    return command


def _found(place: str) -> Any:  # noqa: ANN401 - a function or an application
    module, _, name = place.partition(":")
    return getattr(import_module(f"btcturk_kit.cli.{module}"), name)


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each made when it is looked up."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer's own class of commands
        if name not in self._made:
            self._made[name] = _command(name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401 - as above
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _Group(TyperGroup):
    """The root of all commands: knows their names, and no module before it is needed."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(**attributes)
        self.commands = _Commands()


# Boxes around the help would cost every start 130 ms: it is plain text.
app = typer.Typer(
    name="btcturk-kit",
    cls=_Group,
    rich_markup_mode=None,
    help="Building blocks for trading bots on BtcTurk.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _print_version(value: bool) -> None:  # noqa: FBT001 - the callback's signature is typer's
    if value:
        from importlib.metadata import version  # noqa: PLC0415 - it costs 40 ms

        typer.echo(version("btcturk-kit"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Building blocks for trading bots on BtcTurk."""
