"""The `data` commands that ask an exchange: download and capture.

Never add: a key, anything that writes to the exchange.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.instants import instant_text, typed_instant_ms
from btcturk_kit.cli.output import failing_cleanly, print_json, warn
from btcturk_kit.cli.simulation import require_span
from btcturk_kit.cli.stopping import until_stopped
from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.adapters.btcturk_rest import BtcturkClient

__all__ = ["data_capture", "data_download"]

_EnvFile = Annotated[Path | None, typer.Option(help="Dotenv file to read settings from.")]
_Json = Annotated[bool, typer.Option("--json", help="One document at the end.")]
_SECONDS = {length // 1_000: one for one in Resolution if (length := one.length_ms) is not None}


def data_download(
    symbol: Annotated[str, typer.Argument(metavar="PAIR", help="The pair, such as BTCTRY.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder, new or of a dataset.")],
    *,
    since: Annotated[str, typer.Option("--from", help="First candle: a day, a time, an epoch.")],
    until: Annotated[
        str | None, typer.Option("--to", help="Where to end; now if it is not given.")
    ] = None,
    interval: Annotated[int, typer.Option(min=1, help="Seconds of a candle.")] = 3_600,
    env_file: _EnvFile = None,
    as_json: _Json = False,
) -> None:
    """Bring candles from the graph host into a dataset; goes on where it was interrupted."""
    from btcturk_kit.adapters.dataset_download import download_candles  # noqa: PLC0415 - only here
    from btcturk_kit.adapters.dataset_patience import patiently  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        resolution = _SECONDS.get(interval)
        if resolution is None:
            lengths = ", ".join(str(one) for one in sorted(_SECONDS))
            raise ConfigurationError(
                f"there are no candles of {interval} s", hint=f"choose one of {lengths}"
            )
        from_ms = typed_instant_ms(since, "--from") or 0
        to_ms = typed_instant_ms(until, "--to")
        require_span(from_ms, to_ms)

        async def bring(client: BtcturkClient) -> dict[str, Any]:
            now_ms = await patiently(client.clock, client.server_time_ms)
            done = await download_candles(
                client,
                out,
                Symbol(symbol),
                resolution,
                from_ms=from_ms,
                to_ms=now_ms if to_ms is None else to_ms,
                now_ms=now_ms,
                on_page=None if as_json else _page,
            )
            return {"dataset": str(out), "symbol": symbol, **done._asdict()}

        code, done = _with_client(env_file, bring)
    if done is not None:
        if as_json:
            print_json(done)
        else:
            last = "none" if done["last_ms"] is None else instant_text(done["last_ms"])
            typer.echo(f"{out}: {done['candles']} new candles of {symbol}, the last of {last}")
            if done["rounded"]:
                typer.echo(f"prices of {done['rounded']} were finer than the pair's: rounded")
    raise typer.Exit(code)


def data_capture(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder, new or of a capture.")],
    *,
    symbols: Annotated[str, typer.Option(help="Pairs, separated by commas.")],
    kinds: Annotated[
        str, typer.Option("--record", help="What: trades, depth, candles.")
    ] = "trades,depth",
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5.0,
    looks: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    levels: Annotated[int, typer.Option(min=1, max=100, help="Levels a side of a book.")] = 100,
    env_file: _EnvFile = None,
    as_json: _Json = False,
) -> None:
    """Record trades, books and candles of an exchange until stopped; may be interrupted."""
    from btcturk_kit.adapters.dataset_capture import CAPTURED, Capture  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        wanted = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
        for kind in wanted:
            if kind not in CAPTURED:
                raise ConfigurationError(
                    f"--record {kind!r} cannot be recorded", hint=f"choose {', '.join(CAPTURED)}"
                )
        pairs = [Symbol(one.strip()) for one in symbols.split(",") if one.strip()]
        if not wanted or not pairs:
            raise ConfigurationError("nothing to record", hint="name pairs and what to record")
        capture: Capture | None = None

        async def record(client: BtcturkClient) -> dict[str, Any]:
            nonlocal capture
            capture = Capture(client, client.clock, out, pairs, wanted, levels)
            await capture.run(every_ms=round(every * 1_000), looks=looks)
            return {}

        code, _ = _with_client(env_file, record)
    if capture is not None:
        done = capture.captured
        if as_json:
            print_json({"dataset": str(out), "symbols": pairs, **done._asdict()})
        else:
            counts = f"{done.trades} trades, {done.books} books, {done.candles} candles"
            typer.echo(f"{out}: {done.looks} looks, new: {counts}")
        if done.holes:
            warn(f"{done.holes} looks showed new trades only: look more often, some may be missing")
        if done.late:
            warn(f"{done.late} trades came after later ones and were left out")
    raise typer.Exit(code)


def _page(at_ms: int, end_ms: int) -> None:
    typer.echo(f"read to {instant_text(at_ms)} of {instant_text(end_ms)}", err=True)


def _with_client(
    env_file: Path | None, use: Callable[[BtcturkClient], Awaitable[dict[str, Any]]]
) -> tuple[int, dict[str, Any] | None]:
    """Run with the client of the settings; return 130 or 143 if a signal ended it."""
    from btcturk_kit.adapters.http_transport import loop_factory  # noqa: PLC0415 - as below
    from btcturk_kit.compose.live import reading_client  # noqa: PLC0415 - as above
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - pydantic costs 60 ms

    settings, unknown = load_settings(env_file=env_file, overrides={})
    for name in unknown:
        warn(f"{name} is not a setting")

    async def run() -> dict[str, Any]:
        async with reading_client(settings, needs_key=False) as client:
            return await use(client)

    with asyncio.Runner(loop_factory=loop_factory(settings.http)) as runner:
        return runner.run(until_stopped(run))
