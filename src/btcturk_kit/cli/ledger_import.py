"""`ledger import`: the past of the owner's coins, from a file or the exchange's own history."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.operating import (
    Db,
    EnvFile,
    Json,
    Reason,
    asked,
    instant_of,
    time_text,
)
from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError, GuardBlocked

if TYPE_CHECKING:
    from btcturk_kit.domain.history import Explained
    from btcturk_kit.domain.lots import LotMove
    from btcturk_kit.domain.operations import BookLots
    from btcturk_kit.settings import Settings

__all__ = ["import_lots", "ledger_import"]


def ledger_import(
    file: Annotated[Path | None, typer.Argument(help="CSV of trades and transfers.")] = None,
    *,
    from_exchange: Annotated[
        bool, typer.Option("--from-exchange", help="Read the exchange's history instead.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="From when on it is read.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="OURS=THEIRS, where a column has another name.")
    ] = None,
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="Amounts are written 1.234,56.")
    ] = False,
    reason: Reason = "history import",
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Give coins of unknown cost the lots that old purchases left."""
    with failing_cleanly(as_json=as_json):
        if (file is None) is not from_exchange:
            raise ConfigurationError(
                "name either a file or --from-exchange", hint="one source, not none and not both"
            )
        if file is not None:
            moves, evidence = _of_file(file, column or [], decimal_comma=decimal_comma)
        else:
            if since is None:
                raise ConfigurationError(
                    "--from-exchange needs --since", hint="say from when on: --since 2020-01-01"
                )
            moves, evidence = _of_exchange(db, env_file, since_ms=instant_of(since, "since"))
        rows = import_lots(db, env_file, moves, evidence=evidence, reason=reason)
    if as_json:
        print_json({"evidence": evidence, "assets": rows})
        return
    typer.echo(f"evidence: {evidence}")
    if not rows:
        typer.echo("it tells nothing of coins that are yours: nothing was booked")
    for row in rows:
        typer.echo(
            f"{row['asset']:>6}  {row['lots']} lots explain {row['explained']}, "
            f"{row['unknown']} stay unknown: {row['status']}"
        )


def import_lots(
    db: Path, env_file: Path | None, moves: tuple[LotMove, ...], *, evidence: str, reason: str
) -> list[dict[str, Any]]:
    """Fold a history up to the opening and book what it explains; return a row for each coin.

    Raises:
        ConfigurationError: There is no account yet.
        GuardBlocked: It explains more than there is; nothing was written.
    """
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - only here
    from btcturk_kit.domain.history import explained_lots  # noqa: PLC0415 - as above
    from btcturk_kit.domain.money import ZERO, total  # noqa: PLC0415 - as above
    from btcturk_kit.domain.operations import BookLots  # noqa: PLC0415 - as above
    from btcturk_kit.pipeline.operation_events import lots_event_of  # noqa: PLC0415 - as above

    with SqliteStateStore.inspect(db) as store:
        stored = store.load()
        if stored is None:
            raise ConfigurationError(f"{db} holds no account yet", hint="run a bot on it first")
        opened_ms = stored.state.opened_ms
        before = [one for one in moves if one.event_time_ms < opened_ms]
        found: list[tuple[Explained, BookLots | None, bool]] = []
        for asset in sorted({one.asset for one in before} & set(stored.state.external)):
            (opening, *_) = store.booked(["opening"])
            held = sum((leg.amount for leg in opening.legs[::2] if leg.asset == asset), ZERO)
            explained = explained_lots(asset, before, held)
            if explained.surplus:
                raise GuardBlocked(
                    f"the history ends with {decimal_text(explained.surplus)} {asset} more than "
                    f"the {decimal_text(held)} {asset} of the opening",
                    hint="add what took them, such as withdrawals; nothing was written",
                )
            request, is_booked = None, False
            if explained.lots:
                request = BookLots(asset=asset, lots=explained.lots, evidence=evidence)
                key = lots_event_of(request, opened_ms=opened_ms, known_ms=0).key
                is_booked = bool(store.booked([key]))
            found.append((explained, request, is_booked))
    rows: list[dict[str, Any]] = []
    for explained, request, is_booked in found:
        status = "booked already" if is_booked else "nothing to book"
        if request is not None and not is_booked:
            carried = asked(db, env_file, request, reason)
            status = "booked" if carried.is_done else f"waits for {carried.waits_for}"
        known = total([lot.quantity for lot in explained.lots])
        rows.append(
            {
                "asset": explained.asset,
                "lots": len(explained.lots),
                "explained": decimal_text(known),
                "unknown": decimal_text(explained.unknown),
                "status": status,
            }
        )
    return rows


def _of_file(
    file: Path, columns: list[str], *, decimal_comma: bool
) -> tuple[tuple[LotMove, ...], str]:
    from btcturk_kit.adapters.statement_file import COLUMNS, read_statement  # noqa: PLC0415 - only here

    names: dict[str, str] = {}
    for pair in columns:
        ours, _, theirs = pair.partition("=")
        if ours not in COLUMNS or not theirs:
            raise ConfigurationError(
                f"--column {pair!r} is not OURS=THEIRS", hint=f"ours are {', '.join(COLUMNS)}"
            )
        names[ours] = theirs
    statement = read_statement(file, columns=names, decimal_comma=decimal_comma)
    return statement.moves, statement.name


def _of_exchange(
    db: Path, env_file: Path | None, *, since_ms: int
) -> tuple[tuple[LotMove, ...], str]:
    from btcturk_kit.cli.operating import stored_state  # noqa: PLC0415 - only here
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - as above

    settings, _ = load_settings(env_file=env_file)
    opened_ms = int(stored_state(db).opened_ms)
    if since_ms >= opened_ms:
        raise ConfigurationError(
            f"the books began at {time_text(opened_ms)} UTC: --since is later",
            hint="import what was before",
        )
    moves = asyncio.run(_read(settings, since_ms, opened_ms))
    return moves, f"history of the exchange since {since_ms}"


async def _read(settings: Settings, since_ms: int, until_ms: int) -> tuple[LotMove, ...]:
    """Read trades and transfers of coins up to the opening; a long span takes its time."""
    from btcturk_kit.compose.live import reading_client  # noqa: PLC0415 - only here
    from btcturk_kit.domain.ledger_events import fill_event  # noqa: PLC0415 - as above
    from btcturk_kit.domain.lots import lot_moves  # noqa: PLC0415 - as above
    from btcturk_kit.pipeline.transfers import transfer_events  # noqa: PLC0415 - as above

    async with reading_client(settings) as client:
        symbols = tuple(await client.pair_rules())
        fills = await client.trade_history(symbols=symbols, start_ms=since_ms, end_ms=until_ms)
        transfers = await client.crypto_transfers(start_ms=since_ms, end_ms=until_ms)
    events = [fill_event(one, is_own=False) for one in fills]
    events += [transfer_events(one, known_ms=until_ms)[0] for one in transfers if one.is_confirmed]
    return tuple(move for event in events for move in lot_moves(event))
