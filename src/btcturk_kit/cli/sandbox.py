"""The `sandbox` commands: run the local exchange.

Never add: rules of the exchange, or an import of the server at the head: it needs an extra.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from btcturk_kit.cli.output import failing_cleanly
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ZERO, decimal_of
from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.sandbox.address import ClockKind

if TYPE_CHECKING:
    from btcturk_kit.sandbox.address import SandboxAddress

__all__ = ["sandbox_app"]

sandbox_app = typer.Typer(
    name="sandbox", help="The local exchange.", no_args_is_help=True, add_completion=False
)

_EXTRA = {"starlette", "uvicorn"}
_OPENING = {Asset("TRY"): Decimal(100_000)}
_PORT_MAX = 65_535


@sandbox_app.callback()
def _sandbox() -> None:
    """The local exchange: BtcTurk's protocol on this machine, with recorded prices."""


@sandbox_app.command()
def serve(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=_PORT_MAX, help="Port on 127.0.0.1; 0 picks a free one.")
    ] = 0,
    ws_port: Annotated[
        int, typer.Option(min=0, max=_PORT_MAX, help="Port of the stream; 0 picks a free one.")
    ] = 0,
    clock: Annotated[
        ClockKind, typer.Option(help="real: wall time; virtual: stands still until advanced.")
    ] = ClockKind.REAL,
    api_key: Annotated[str, typer.Option(help="Key of the account; made if missing.")] = "",
    api_secret: Annotated[
        str, typer.Option(help="Secret of the account, base64; made if missing.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the market.")] = 1,
    dataset: Annotated[
        Path | None, typer.Option(help="Hourly candles instead of the bundled ones (CSV, gzip).")
    ] = None,
    balance: Annotated[
        list[str] | None,
        typer.Option(help="Opening balance as ASSET=AMOUNT, repeatable; default TRY=100000."),
    ] = None,
    until_stdin_ends: Annotated[
        bool, typer.Option("--until-stdin-ends", help="Stop when standard input ends.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="No word besides the JSON line.")] = False,
) -> None:
    """Run the local exchange until SIGTERM or SIGINT; print one JSON line when it is ready."""
    with failing_cleanly(as_json=as_json):
        code = _serve(
            port=port,
            ws_port=ws_port,
            clock=clock,
            api_key=api_key,
            api_secret=api_secret,
            seed=seed,
            dataset=dataset,
            opening=_opening(balance or []),
            until_stdin_ends=until_stdin_ends,
            is_quiet=as_json,
        )
    raise typer.Exit(code)


def _serve(
    *,
    port: int,
    ws_port: int,
    clock: ClockKind,
    api_key: str,
    api_secret: str,
    seed: int,
    dataset: Path | None,
    opening: dict[Asset, Decimal],
    until_stdin_ends: bool,
    is_quiet: bool,
) -> int:
    try:
        from btcturk_kit.sandbox.serving import (  # noqa: PLC0415 - the extra is needed here only
            ServeOptions,
            serve,
        )
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise ConfigurationError(
            "the local exchange needs more packages: pip install 'btcturk-kit[sandbox]'"
        ) from error

    def announce(address: SandboxAddress) -> None:
        typer.echo(json.dumps(address._asdict()))
        if not is_quiet:
            typer.echo(f"local exchange on {address.rest}; stop it with Ctrl-C", err=True)

    return serve(
        ServeOptions(
            port=port,
            ws_port=ws_port,
            clock=clock,
            seed=seed,
            opening=opening,
            api_key=api_key,
            api_secret=api_secret,
            dataset=dataset,
            ends_with_stdin=until_stdin_ends,
        ),
        on_ready=announce,
    )


def _opening(texts: list[str]) -> dict[Asset, Decimal]:
    """Read the opening balances; any given replaces the default altogether."""
    opening: dict[Asset, Decimal] = {}
    for text in texts:
        asset, _, number = text.partition("=")
        try:
            amount = decimal_of(number)
        except InvariantViolation:
            amount = -Decimal(1)
        if not asset or amount < ZERO or asset.upper() in opening:
            raise typer.BadParameter(
                f"{text!r} is not ASSET=AMOUNT, or comes twice", param_hint="--balance"
            )
        opening[Asset(asset.upper())] = amount
    return opening or dict(_OPENING)
