"""Writing the ledger's part of a commit: events, legs, fills, journal, their seals, the head.

Every table gets its rows at once. Never add: `BEGIN`, `COMMIT`, a row that is not sealed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from btcturk_kit.adapters import sqlite_statements as sql
from btcturk_kit.adapters.sqlite_file import SqliteFile
from btcturk_kit.adapters.sqlite_rows import Row, capital_row, fill_row
from btcturk_kit.adapters.store_checks import fill_key, repeated
from btcturk_kit.domain.canonical import GENESIS, amount_text
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_chain import (
    CHECKPOINT_EVENTS,
    balances_text,
    event_values,
    leg_rows,
    seal_event,
    seal_row,
)

__all__ = ["Standing", "checkpoint_cuts", "standing_of", "write_balances", "write_ledger"]

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT


class Standing(NamedTuple):
    """How far the file has come: what the next commit is written after.

    Attributes:
        revision: Of the stored state; 0 before the opening.
        facts: Facts in the ledger.
        events: Stored events, facts and the policy's transfers.
        event_seal: The seal of the last one.
        capital_rows: Rows of the capital journal.
        capital_seal: The seal of the last one.
    """

    epoch: int
    revision: int
    facts: int
    events: int
    event_seal: str
    capital_rows: int
    capital_seal: str


def standing_of(row: Row) -> Standing:
    """Return the standing a row tells; zeros before the opening."""
    epoch, revision, facts, events, event_seal, capital_rows, capital_seal = row
    return Standing(
        epoch,
        revision or 0,
        facts or 0,
        events or 0,
        event_seal or GENESIS,
        capital_rows or 0,
        capital_seal or GENESIS,
    )


def checkpoint_cuts(standing: Standing, commit: StateCommit) -> tuple[int, ...]:
    """Return after how many of a commit's events a checkpoint is due."""
    stored = standing.events
    first = CHECKPOINT_EVENTS - stored % CHECKPOINT_EVENTS
    return tuple(range(first, len(commit.events) + 1, CHECKPOINT_EVENTS))


def write_ledger(
    file: SqliteFile,
    commit: StateCommit,
    *,
    standing: Standing,
    capital_rows: Sequence[CapitalState],
    ledgers: Sequence[Ledger],
) -> None:
    """Write the facts of a commit and everything that is sealed.

    Args:
        file: The file, in a write transaction.
        commit: What to write.
        standing: What it is written after.
        capital_rows: New rows of the capital journal.
        ledgers: The ledger at each of `checkpoint_cuts`.

    Raises:
        LedgerConflict: An event is booked already with another content.
        InvariantViolation: An event is booked already.
    """
    if not commit.events and not capital_rows:
        return
    seals = _write_events(file, commit.events, standing)
    _write_fills(file, commit.fills, commit.events, seals)
    capital_seal = _write_capital(file, capital_rows, standing)
    cuts = checkpoint_cuts(standing, commit)
    if cuts:
        rows = [
            (
                standing.events + cut,
                seals[cut - 1],
                ledger.event_count,
                ledger.content_hash,
                balances_text(ledger),
            )
            for cut, ledger in zip(cuts, ledgers, strict=True)
        ]
        file.run_many(sql.INSERT_CHECKPOINT, rows)
    ledger = commit.state.ledger
    head = (
        1,
        ledger.event_count,
        ledger.last_event_key,
        ledger.content_hash,
        standing.events + len(seals),
        seals[-1] if seals else standing.event_seal,
        standing.capital_rows + len(capital_rows),
        capital_seal,
    )
    file.run(sql.UPSERT_HEAD, head)


def _write_events(file: SqliteFile, events: Sequence[LedgerEvent], standing: Standing) -> list[str]:
    """Write events and legs; return the seal of each event."""
    if not events:
        return []
    seal = standing.event_seal
    rows: list[Row] = []
    legs: list[Row] = []
    seals: list[str] = []
    for seq, event in enumerate(events, standing.events + 1):
        values, its_legs = event_values(seq, event), leg_rows(seq, event)
        seal = seal_event(seal, values, its_legs)
        seals.append(seal)
        rows.append((*values, seal))
        legs += its_legs
    try:
        file.run_many(sql.INSERT_EVENT, rows)
    except sqlite3.IntegrityError:
        _refuse_repeated(file, events, standing.events)
        raise
    file.run_many(sql.INSERT_LEG, legs)
    return seals


def write_balances(
    file: SqliteFile, ledger: Ledger, before: Ledger | None
) -> tuple[tuple[Account, Asset], ...]:
    """Write the balances that changed; return them, in the order of their first appearance."""
    known = {} if before is None else before.balances
    # Posting leaves an untouched amount the same object, and keeps the order of the mapping.
    changed = {
        slot: amount for slot, amount in ledger.balances.items() if known.get(slot) is not amount
    }
    if changed:
        rows = [
            (account._value_, asset, amount_text(amount))
            for (account, asset), amount in changed.items()
        ]
        file.run_many(sql.UPSERT_BALANCE, rows)
    return tuple(changed)


def _refuse_repeated(file: SqliteFile, events: Sequence[LedgerEvent], stored: int) -> None:
    told: dict[str, tuple[int, str]] = {}
    for event in events:
        known = file.row(sql.SELECT_EVENT_TOLD, (event.key, stored)) or told.get(event.key)
        if known is not None:
            raise repeated(event, (known[0], known[1]))
        told[event.key] = (event.event_time_ms, event.content)


def _write_fills(
    file: SqliteFile,
    fills: Sequence[Fill],
    events: Sequence[LedgerEvent],
    seals: Sequence[str],
) -> None:
    if not fills:
        return
    places = {event.key: place for place, event in enumerate(events)}
    rows: list[Row] = []
    for fill in fills:
        place = places[fill_key(fill)]
        seal = seals[place]
        row = fill_row(fill, is_own=events[place].legs[0].account is _BOT)
        rows.append((*row, seal_row(seal, row)))
    file.run_many(sql.INSERT_FILL, rows)


def _write_capital(file: SqliteFile, states: Sequence[CapitalState], standing: Standing) -> str:
    """Write rows of the capital journal; return the seal of the last one."""
    seal = standing.capital_seal
    rows: list[Row] = []
    for seq, state in enumerate(states, standing.capital_rows + 1):
        row = (seq, *capital_row(state))
        seal = seal_row(seal, row)
        rows.append((*row, seal))
    if rows:
        file.run_many(sql.INSERT_CAPITAL, rows)
    return seal
