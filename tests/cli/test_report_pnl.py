"""`report pnl`: what it prints of a state file, and what it reads for that."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.adapters.test_sqlite_performance import told
from tests.unit.pipeline.desk import OPENED_MS
from typer.testing import CliRunner

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.cli.app import app
from btcturk_kit.domain.cycle import CycleState, StateCommit


def tell(store: SqliteStateStore) -> CycleState:
    """Write the whole plan into a store; return the state it ends in."""
    (opening, state), *rest = told()
    store.open_account(opening)
    for commit, after in rest:
        store.commit(commit)
        state = after
    return state


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CycleState]:
    """Return a state file with two closed trips on three days, and the state in it."""
    path = tmp_path_factory.mktemp("books") / "state.db"
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        return path, tell(store)


def report(path: Path, *options: str) -> dict[str, Any]:
    """Return the document of the command."""
    done = CliRunner().invoke(app, ["report", "pnl", "--db", str(path), "--json", *options])
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def text(path: Path, *options: str) -> str:
    """Return what people read."""
    done = CliRunner().invoke(app, ["report", "pnl", "--db", str(path), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def added(rows: list[dict[str, Any]], name: str) -> Decimal:
    """Return the sum of a column."""
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


def test_the_document_adds_up(books: tuple[Path, CycleState]) -> None:
    """Equity is opening, realized, unrealized and flows; each kind of row sums to the total."""
    path, state = books
    document = report(path)
    total = document["total"]
    assert document["equity_try"] == str(state.performance.equity_try.normalize().to_integral())
    assert Decimal(document["equity_try"]) == (
        Decimal(document["opening_try"])
        + Decimal(total["realized_net_try"])
        + Decimal(document["unrealized_net_try"])
        + Decimal(document["flows_try"])
    )
    assert [row["symbol"] for row in document["rows"]] == ["BTCTRY", "ETHTRY"]
    days, happened = report(path, "--by", "day")["rows"], report(path, "--by", "happened")["rows"]
    for name in ("realized_net_try", "realized_gross_try", "fees_try", "tax_try", "turnover_try"):
        for rows in (document["rows"], days, happened):
            assert added(rows, name) == Decimal(total[name])
    assert [holding["asset"] for holding in document["holdings"]] == ["BTC"]
    assert document["unmarked"] == []


def test_trips_are_rows(books: tuple[Path, CycleState]) -> None:
    """Closed round trips, newest last, at most as many as asked for."""
    path, _ = books
    rows = report(path, "--by", "trip")["rows"]
    assert [row["asset"] for row in rows] == ["BTC", "ETH"]
    assert [row["restated"] for row in rows] == [False, False]
    assert rows[0]["duration_s"] == 50
    assert [row["asset"] for row in report(path, "--by", "trip", "--limit", "1")["rows"]] == ["ETH"]


def test_a_span_of_days(books: tuple[Path, CycleState]) -> None:
    """`--from` and `--to` take days of the zone, first and last included, for every kind of row."""
    path, _ = books
    zone = ("--zone", "UTC")
    assert OPENED_MS == 1_700_000_000_000  # 2023-11-14 22:13:20 UTC
    one = report(path, "--by", "day", "--from", "2023-11-14", "--to", "2023-11-14", *zone)
    assert [row["start_ms"] for row in one["rows"]] == [OPENED_MS]
    pairs = report(path, "--from", "2023-11-15", *zone)["rows"]
    assert [(row["symbol"], row["fills"]) for row in pairs] == [("BTCTRY", 1), ("ETHTRY", 1)]
    late = report(path, "--by", "trip", "--from", "2023-11-15", *zone)["rows"]
    assert [row["asset"] for row in late] == ["ETH"]
    told_ms = [row["start_ms"] for row in report(path, "--by", "happened", *zone)["rows"]]
    assert told_ms == sorted(told_ms)
    assert report(path, "--by", "happened", "--from", "2024-01-01", *zone)["rows"] == []


@pytest.mark.parametrize(
    ("by", "first"),
    [("symbol", "BTCTRY"), ("day", "2023-11-14"), ("trip", "BTC"), ("happened", "2023-11-14")],
)
def test_people_read_a_table(books: tuple[Path, CycleState], by: str, first: str) -> None:
    """Heads first, then a row for each."""
    path, _ = books
    lines = text(path, "--by", by, "--zone", "UTC").splitlines()
    assert any(line.split() == ["treasury", *line.split()[1:]] for line in lines)
    assert any(line.startswith(first) for line in lines)


def test_no_rows_is_no_table(books: tuple[Path, CycleState]) -> None:
    """A span in which nothing was is heads alone."""
    path, _ = books
    shown = text(path, "--by", "trip", "--from", "2030-01-01")
    assert "realized" in shown
    assert "turnover\n" not in shown


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--from", "yesterday"), "--from"),
        (("--to", "2026-13-01"), "--to"),
        (("--zone", "Middle/Earth"), "--zone"),
    ],
)
def test_what_is_no_day_or_zone_is_refused(
    books: tuple[Path, CycleState], options: tuple[str, ...], word: str
) -> None:
    """One line that names the option, and the exit code of a wrong configuration."""
    path, _ = books
    done = CliRunner().invoke(app, ["report", "pnl", "--db", str(path), *options])
    assert done.exit_code == 3
    assert word in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_without_an_account_is_refused(tmp_path: Path) -> None:
    """There is nothing to report before a bot has run."""
    path = tmp_path / "empty.db"
    SqliteStateStore.open(path, account="main").close()
    done = CliRunner().invoke(app, ["report", "pnl", "--db", str(path)])
    assert done.exit_code == 3
    assert "no account" in done.stderr


def test_only_the_report_by_event_time_reads_the_ledger(
    books: tuple[Path, CycleState], tmp_path: Path
) -> None:
    """All others read heads, days and trips: without a ledger they say the same."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(books[0])) as old, closing(sqlite3.connect(path)) as new:
        old.backup(new)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("ALTER TABLE ledger_events RENAME TO taken_away")
    for by in ("symbol", "day", "trip"):
        assert report(path, "--by", by) == report(books[0], "--by", by)
    done = CliRunner().invoke(app, ["report", "pnl", "--db", str(path), "--by", "happened"])
    assert done.exit_code != 0


def test_late_results_and_coins_without_a_mark_are_told(tmp_path: Path) -> None:
    """The head says what was restated, and which coins count at their cost."""
    path = tmp_path / "state.db"
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        state = tell(store)
        told_late = state.performance._replace(marks=(), restated_net=Decimal("1.5"))
        changed = state._replace(performance=told_late)
        store.commit(StateCommit(changed, changed.ledger.event_count, OPENED_MS))
    shown = text(path)
    assert "1.50 TRY of older results" in shown
    assert "BTC: counted at cost" in shown
