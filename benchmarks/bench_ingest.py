"""How fast the store writes trades, beside the same rows written by hand.

A subject is one way to write the same fills into a file on disk: `SqliteStateStore.commit`, and
`executemany` of exactly the rows that such a commit leaves, with the same schema and pragmas.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from harness import Bound, Report, Row

from btcturk_kit.adapters.sqlite_file import open_sqlite_file
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import Observation, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.orders import Side
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.pipeline.profile import Profile

__all__ = ["main"]

ACCOUNT = "bench"
TRY, BTC = Asset("TRY"), Asset("BTC")
OPENED_MS = 1_700_000_000_000
SIZES = {1: (300, Decimal("0.7")), 100: (40, Decimal("0.5")), 10_000: (1, Decimal("0.5"))}
"""Fills per transaction: transactions in a round, and the least ratio of the rates."""

TABLES = (
    "fills",
    "ledger_events",
    "ledger_legs",
    "ledger_balances",
    "capital_journal",
    "positions",
    "lots",
    "ledger_head",
    "ledger_checkpoints",
    "totals",
    "cycle_state",
)
HISTORY = frozenset(
    {"fills", "ledger_events", "ledger_legs", "capital_journal", "ledger_checkpoints"}
)


def commits(size: int, count: int) -> tuple[StateCommit, list[StateCommit]]:
    """Return an opening and commits of so many fills each: buys and sells of the bot in turns."""
    profile = Profile(account=ACCOUNT, symbols=(), day_end=lambda now_ms: now_ms + 86_400_000)
    opening = open_account(
        ACCOUNT,
        (Balance(TRY, Decimal(10_000_000), ZERO),),
        quote=TRY,
        now_ms=OPENED_MS,
        day_end=profile.day_end,
    )
    state, found, number = opening.state, [], 0
    for cycle in range(1, count + 1):
        draft = Draft(state, Observation(OPENED_MS + number, {}), profile, {})
        for _ in range(size):
            number += 1
            fill = _fill(number)
            book(draft, fill_event(fill, is_own=True, known_ms=OPENED_MS + number))
            draft.fills.append(fill)
        before = state
        state = before._replace(
            cycle=cycle, ledger=draft.ledger, positions=draft.positions, capital=draft.capital
        )
        found.append(
            StateCommit(
                state,
                before.ledger.event_count,
                OPENED_MS + number,
                tuple(draft.fills),
                tuple(draft.events),
                tuple(draft.capital_rows),
                tuple(draft.changed_positions.values()),
            )
        )
    return opening, found


def _fill(number: int) -> Fill:
    return Fill(
        TradeId(2_000_000_000 + number),
        OrderId(number),
        ClientOrderId(f"bk1-{number:020}"),
        Symbol("BTCTRY"),
        BTC,
        TRY,
        Side.SELL if number % 2 == 0 else Side.BUY,
        Decimal("0.00123456"),
        Decimal(2_500_000 + number % 977).scaleb(0),
        Decimal("6.17283945"),
        Decimal("1.23456789"),
        OPENED_MS + number,
    )


def by_store(path: Path, opening: StateCommit, work: list[StateCommit]) -> float:
    """Write through the store; return fills per second."""
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        store.begin_epoch()
        store.open_account(opening)
        gc.collect()
        start = perf_counter()
        for commit in work:
            store.commit(commit)
        took_s = perf_counter() - start
    return sum(len(commit.fills) for commit in work) / took_s


def rows_left(path: Path, opening: StateCommit, work: list[StateCommit]) -> list[list[Any]]:
    """Return, per transaction, (text of the statement, rows) of what each commit left."""
    plan: list[list[Any]] = []
    with (
        SqliteStateStore.open(path, account=ACCOUNT) as store,
        closing(sqlite3.connect(path)) as reader,
    ):
        store.begin_epoch()
        store.open_account(opening)
        seen = {table: set(_rows(reader, table)) for table in TABLES}
        marks = {table: _mark(reader, table) for table in HISTORY}
        for commit in work:
            store.commit(commit)
            steps: list[Any] = []
            for table in TABLES:
                if table in HISTORY:
                    new = _rows(reader, table, above=marks[table])
                    marks[table] = _mark(reader, table)
                else:
                    now = set(_rows(reader, table))
                    new = sorted(now - seen[table], key=repr)
                    seen[table] = now
                if new:
                    places = ", ".join("?" for _ in new[0])
                    verb = "INSERT" if table in HISTORY else "INSERT OR REPLACE"
                    steps.append((f"{verb} INTO {table} VALUES ({places})", new))
            plan.append(steps)
    return plan


def _key(table: str) -> str:
    return "trade_id" if table == "fills" else "seq"


def _mark(reader: sqlite3.Connection, table: str) -> int:
    query = f"SELECT coalesce(max({_key(table)}), 0) FROM {table}"  # noqa: S608 - ours
    return int(reader.execute(query).fetchone()[0])


def _rows(reader: sqlite3.Connection, table: str, *, above: int | None = None) -> list[Any]:
    rest = "" if above is None else f" WHERE {_key(table)} > {above}"
    return reader.execute(f"SELECT * FROM {table}{rest}").fetchall()  # noqa: S608 - ours


def by_hand(path: Path, opening: StateCommit, plan: list[list[Any]], fills: int) -> float:
    """Write the same rows with `executemany`, one transaction each; return fills per second."""
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        store.begin_epoch()
        store.open_account(opening)
    # The connection is the store's own: same pragmas, same cache of statements.
    file = open_sqlite_file(path, create=False)
    connection = file._connection  # noqa: SLF001 - a connection as the store has it
    gc.collect()
    start = perf_counter()
    for steps in plan:
        connection.execute("BEGIN IMMEDIATE")
        for text, rows in steps:
            connection.executemany(text, rows)
        connection.execute("COMMIT")
    took_s = perf_counter() - start
    file.close()
    return fills / took_s


def rounds(size: int, count: int, folder: Path, *, times: int) -> Iterator[tuple[float, float]]:
    """Yield (store, by hand) of each round, in turns."""
    opening, work = commits(size, count)
    plan = rows_left(folder / "plan.db", opening, work)
    for number in range(times):
        first, second = folder / f"store-{number}.db", folder / f"hand-{number}.db"
        if number % 2:
            hand = by_hand(second, opening, plan, size * count)
            yield by_store(first, opening, work), hand
        else:
            store = by_store(first, opening, work)
            yield store, by_hand(second, opening, plan, size * count)
        for path in folder.glob("[sh]*.db*"):
            path.unlink()


def main() -> None:
    """Measure every size and print the report."""
    report = Report(
        name="ingest",
        question="fills written per second: the store's commit beside executemany of the same rows",
        unit="fills/s",
    )
    times = int(os.environ.get("BENCH_INGEST_ROUNDS", "7"))
    for size, (count, least) in SIZES.items():
        with TemporaryDirectory() as folder:
            figures = list(rounds(size, count, Path(folder), times=times))
        ratio = median(store / hand for store, hand in figures)
        for place, subject in enumerate(("store", "by hand")):
            measured = [one[place] for one in figures]
            report.rows.append(
                Row(
                    subject=f"{subject}, {size} a transaction",
                    median=median(measured),
                    low=min(measured),
                    high=max(measured),
                    ratio=ratio if subject == "store" else None,
                )
            )
        report.bounds.append(
            Bound(name=f"{size} a transaction", allowed=float(least), measured=ratio, is_least=True)
        )
    report.finish()


if __name__ == "__main__":
    main()
