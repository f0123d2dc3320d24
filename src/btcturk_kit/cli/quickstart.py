"""`quickstart`: a local exchange, a bot, and a look at what it did - without keys or network."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.settings import Settings

__all__ = ["quickstart"]

_CYCLES = 600
_CYCLE_SECONDS = 3600.0
_KEY = "quickstart"
_SECRET = b64encode(sha256(b"the local exchange knows no secret").digest()).decode()


def quickstart(
    *,
    seed: Annotated[int, typer.Option(help="Seed of the market.")] = 1,
    cycles: Annotated[int, typer.Option(min=1, help="Market hours to trade.")] = _CYCLES,
    db: Annotated[
        Path | None, typer.Option(help="New SQLite file for the state; default a temporary one.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave exchange and database, and print both.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Trade on the local exchange: real recorded BTC/TRY prices, real HTTP, no keys."""
    from rich.console import Console  # noqa: PLC0415 - only where something is drawn

    with failing_cleanly(as_json=as_json):
        if db is not None and db.exists():
            raise ConfigurationError(
                f"{db} exists", hint="quickstart begins a new account: name a new file"
            )
        folder = None if db is not None else Path(mkdtemp(prefix="btcturk-kit-"))
        file = db or Path(folder or ".") / "quickstart.sqlite3"
        is_kept = folder is None or keep
        try:
            with _progress(Console(stderr=True), cycles) as on_frame:
                summary = _trade(seed, cycles, file, keep=keep, on_frame=on_frame)
        finally:
            if folder is not None and not keep:
                rmtree(folder)
    if as_json:
        print_json(summary)
    else:
        _show(summary, is_kept=is_kept)


def _trade(
    seed: int, cycles: int, db: Path, *, keep: bool, on_frame: Callable[[int], None]
) -> dict[str, Any]:
    from btcturk_kit.sandbox.address import ClockKind  # noqa: PLC0415 - as above
    from btcturk_kit.sandbox.process import SandboxProcess  # noqa: PLC0415 - as above
    from btcturk_kit.settings import FixedSettings  # noqa: PLC0415 - pydantic costs 60 ms

    exchange = SandboxProcess(
        clock=ClockKind.VIRTUAL, seed=seed, api_key=_KEY, api_secret=_SECRET, keep=keep
    )
    with exchange as address:
        settings = FixedSettings(
            api_key=address.api_key,
            api_secret=address.api_secret,  # type: ignore[arg-type]  # pydantic wraps it
            rest_url=address.rest,
            control_url=address.control,
            control_token=address.control_token,  # type: ignore[arg-type]  # as above
            cycle_seconds=_CYCLE_SECONDS,
            db=db,
        )
        summary = asyncio.run(_run(settings, cycles, on_frame))
        if keep:
            summary["exchange"] = {**address._asdict(), "pid": exchange.pid}
    return {"seed": seed, **summary}


async def _run(
    settings: Settings,
    cycles: int,
    on_frame: Callable[[int], None],
) -> dict[str, Any]:
    from btcturk_kit.cli.summary import run_summary  # noqa: PLC0415 - as above
    from btcturk_kit.compose.live import stage4  # noqa: PLC0415 - as above

    started = perf_counter()
    async with stage4(settings, on_frame=on_frame) as bot:
        report = await bot.runner.run(max_cycles=cycles)
        wall_s = perf_counter() - started
        return run_summary(report, bot.store, bot.kit, db=bot.db, wall_s=wall_s)


@contextmanager
def _progress(console: Any, cycles: int) -> Iterator[Callable[[int], None]]:  # noqa: ANN401 - rich's
    """Draw a progress bar where there is a terminal."""
    from rich.progress import Progress  # noqa: PLC0415 - as above

    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("trading on the local exchange", total=cycles)
        yield lambda done: bar.update(task, completed=done)


def _show(summary: dict[str, Any], *, is_kept: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above

    from btcturk_kit.cli.summary import summary_lines  # noqa: PLC0415 - as above

    table = Table(title=f"stage-4 bot on the local exchange, seed {summary['seed']}", box=None)
    table.add_column(justify="right", style="bold")
    table.add_column(overflow="fold")
    for label, text in summary_lines(summary):
        table.add_row(label, text)
    kept = summary["db"] if is_kept else "removed; --keep or --db FILE leaves it"
    table.add_row("state", kept)
    exchange = summary.get("exchange")
    if exchange is not None:
        table.add_row("exchange kept", exchange["rest"])
        table.add_row("control", exchange["control"])
        table.add_row("token", exchange["control_token"])
        table.add_row("its process", f"{exchange['pid']}; kill {exchange['pid']} ends it")
    Console(highlight=False).print(table)
