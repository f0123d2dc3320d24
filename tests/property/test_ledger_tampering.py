"""One damaged row in a state file is found, and found where it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest
from tests.contract.booked_life import ACCOUNT, BookedLife
from tests.contract.tampering import TABLES, tamper

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.adapters.sqlite_verify import verify_ledger
from btcturk_kit.domain.ledger_audit import Finding

CHECKPOINTED = ("ledger_checkpoints", "ledger_head", "ledger_events", "capital_journal")


def write(path: Path, life: BookedLife, *, commits: int, fills: int = 0) -> None:
    """Write a life: drawn commits, then one of many plain trades."""
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        store.begin_epoch()
        store.open_account(life.opening)
        for commit in life.commits(commits):
            store.commit(commit)
        if fills:
            store.commit(life.plain_fills(fills))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with every kind of event."""
    path = tmp_path_factory.mktemp("books") / "short.db"
    life = BookedLife(6)
    while not life.state.unvalued:  # rows of every table
        path.unlink(missing_ok=True)
        life = BookedLife(life.draw.randrange(1_000_000))
        write(path, life, commits=45)
    return path


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with checkpoints."""
    path = tmp_path_factory.mktemp("books") / "long.db"
    write(path, BookedLife(7), commits=5, fills=2_000)
    return path


def stands_for(finding: Finding, table: str, places: frozenset[str]) -> bool:
    """Whether a finding names one of some rows; a range names all of its rows."""
    if finding.table != table:
        return False
    column, _, numbers = finding.row.partition("=")
    first, dots, last = numbers.partition("..")
    if not dots:
        return finding.row in places
    return any(f"{column}={number}" in places for number in range(int(first), int(last) + 1))


def attack(original: Path, folder: Path, seed: int, tables: tuple[str, ...]) -> None:
    """Damage a copy of a file and make sure that the damage is found where it is."""
    path = shutil.copy(original, folder / "damaged.db")
    done = tamper(path, Random(seed), tables)  # noqa: S311 - drawn again from its seed
    found = verify_ledger(path).findings
    told = f"seed {seed}: {done.table} {done.what}: {found[:5]}"
    assert any(stands_for(one, done.table, done.places) for one in found), told
    # Not by calling everything damaged: what follows from the row may be told beside it.
    assert len(found) <= 6, told


def test_whole_books_have_no_findings(short: Path, long: Path) -> None:
    """Books that nobody touched are whole, late facts and valuations in them too."""
    for path in (short, long):
        found = verify_ledger(path)
        assert (found.findings, found.notes, found.unsealed) == ((), (), 0)


@pytest.mark.parametrize("share", range(8))
def test_a_damaged_row_is_found_where_it_is(short: Path, tmp_path: Path, share: int) -> None:
    """Whatever is done to a row of any table, the row is named."""
    for seed in range(share * 12, share * 12 + 12):
        attack(short, tmp_path, seed, tuple(TABLES))


def test_a_damaged_checkpoint_is_found_where_it_is(long: Path, tmp_path: Path) -> None:
    """Checkpoints, and the chain around them, are as closely watched."""
    for seed in range(8):
        attack(long, tmp_path, seed, CHECKPOINTED)


@pytest.mark.long
@pytest.mark.parametrize("share", range(10))
def test_a_thousand_damaged_rows_are_found(
    short: Path, long: Path, tmp_path: Path, share: int
) -> None:
    """Of a thousand random tamperings each is found at its row."""
    for seed in range(10_000 + share * 100, 10_000 + share * 100 + 100):
        if seed % 10:
            attack(short, tmp_path, seed, tuple(TABLES))
        else:
            attack(long, tmp_path, seed, CHECKPOINTED)
