"""The `sandbox` commands: run the local exchange.

Never add: rules of the exchange, or an import of the server at the head: it needs an extra.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from btcturk_kit.cli.output import failing_cleanly
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.extra import needing_the_extra
from btcturk_kit.sandbox.listening import LOOPBACK
from btcturk_kit.sandbox.market.recorded_candles import Holes
from btcturk_kit.sandbox.setup import Account, ExchangeSetup, amounts_of

if TYPE_CHECKING:
    from btcturk_kit.sandbox.address import SandboxAddress

__all__ = ["sandbox_app"]

sandbox_app = typer.Typer(
    name="sandbox", help="The local exchange.", no_args_is_help=True, add_completion=False
)

_PORT_MAX = 65_535


@sandbox_app.callback()
def _sandbox() -> None:
    """The local exchange: BtcTurk's protocol on this machine, with recorded prices."""


@sandbox_app.command()
def serve(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=_PORT_MAX, help="Main port; 0 picks a free one.")
    ] = 0,
    graph_port: Annotated[int, typer.Option(min=0, max=_PORT_MAX, help="Port of the candles.")] = 0,
    ws_port: Annotated[int, typer.Option(min=0, max=_PORT_MAX, help="Port of the stream.")] = 0,
    control_port: Annotated[
        int, typer.Option(min=0, max=_PORT_MAX, help="Port of the control interface.")
    ] = 0,
    ports: Annotated[
        int, typer.Option(help="3: candles and stream on ports of their own; 1: all on one.")
    ] = 3,
    host: Annotated[str, typer.Option(help="IP address to listen on.")] = LOOPBACK,
    allow_other_machines: Annotated[
        bool,
        typer.Option("--allow-other-machines", help="Let --host be one that others reach."),
    ] = False,
    control_token: Annotated[
        str, typer.Option(help="Bearer token of the control interface; made if missing.")
    ] = "",
    clock: Annotated[
        ClockKind, typer.Option(help="real: runs by itself; virtual: stands still until advanced.")
    ] = ClockKind.REAL,
    speed: Annotated[int, typer.Option(help="How many times as fast a real clock runs.")] = 1,
    start_ms: Annotated[
        int | None, typer.Option(help="When the market begins, UTC milliseconds.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the market.")] = 1,
    pair: Annotated[
        list[str] | None,
        typer.Option(help="PAIR, PAIR=FILE or PAIR=BOOK,TRADES; repeatable; default BTCTRY."),
    ] = None,
    holes: Annotated[
        Holes, typer.Option(help="A hole in recorded candles: refuse the file, or halt the pair.")
    ] = "refuse",
    api_key: Annotated[str, typer.Option(help="Key of the account; made if missing.")] = "",
    api_secret: Annotated[
        str, typer.Option(help="Secret of the account, base64; made if missing.")
    ] = "",
    balance: Annotated[
        list[str] | None,
        typer.Option(help="Opening balance as ASSET=AMOUNT, repeatable; default TRY=100000."),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(help="One more as KEY:SECRET, maybe with :ASSET=AMOUNT,...; repeatable."),
    ] = None,
    quirk: Annotated[
        list[str] | None,
        typer.Option(help="Another reading of what no source settles: NAME=READING, repeatable."),
    ] = None,
    rate_windows: Annotated[
        bool, typer.Option(help="Whether too many requests are refused.")
    ] = True,
    setup: Annotated[str, typer.Option(hidden=True, help="All of the above as JSON.")] = "",
    until_stdin_ends: Annotated[
        bool, typer.Option("--until-stdin-ends", help="Stop when standard input ends.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="No word besides the JSON line.")] = False,
) -> None:
    """Run the local exchange until SIGTERM or SIGINT; print one JSON line when it is ready."""
    _check_amounts(balance or [])
    with failing_cleanly(as_json=as_json):
        chosen = (
            ExchangeSetup.from_json(setup)
            if setup
            else ExchangeSetup(
                clock=clock,
                speed=speed,
                seed=seed,
                start_ms=start_ms,
                pairs=pair or (),
                holes=holes,
                api_key=api_key,
                api_secret=api_secret,
                balances=balance or (),
                accounts=[Account.of(text) for text in account or ()],
                quirks=quirk or (),
                rate_windows=rate_windows,
                ports=ports,
                host=host,
                allows_other_machines=allow_other_machines,
                port=port,
                graph_port=graph_port,
                ws_port=ws_port,
                control_port=control_port,
                control_token=control_token,
            )
        )
        code = _serve(chosen, until_stdin_ends=until_stdin_ends, is_quiet=as_json)
    raise typer.Exit(code)


def _serve(setup: ExchangeSetup, *, until_stdin_ends: bool, is_quiet: bool) -> int:
    with needing_the_extra():
        from btcturk_kit.sandbox.local_exchange import (  # noqa: PLC0415 - needs the extra
            LocalExchange,
        )
        from btcturk_kit.sandbox.serving import serve  # noqa: PLC0415 - as above

    def announce(address: SandboxAddress) -> None:
        typer.echo(json.dumps(address._asdict()))
        if not is_quiet:
            typer.echo(f"local exchange on {address.rest}; stop it with Ctrl-C", err=True)
            page = f"{address.control}/#token={address.control_token}"
            typer.echo(f"its page: {page}", err=True)

    exchange = LocalExchange(**{one.name: getattr(setup, one.name) for one in fields(setup)})
    return serve(exchange, on_ready=announce, ends_with_stdin=until_stdin_ends)


def _check_amounts(texts: list[str]) -> None:
    """Call a balance that cannot be read a mistake in the command."""
    try:
        amounts_of(texts)
    except ConfigurationError as error:
        raise typer.BadParameter(error.message, param_hint="--balance") from error
