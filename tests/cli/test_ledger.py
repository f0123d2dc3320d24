"""`ledger verify` and `ledger show` of a moment: what they print, and how they exit."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.contract.booked_life import ACCOUNT, OPENED_MS, BookedLife
from typer.testing import CliRunner

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.adapters.store_schema.migrations import migrate, packaged_migrations
from btcturk_kit.cli.app import app
from btcturk_kit.cli.ledger_as_of import instant_ms
from btcturk_kit.domain.ledger import Account
from btcturk_kit.errors import ConfigurationError


@pytest.fixture
def life() -> BookedLife:
    """Return a life."""
    return BookedLife(21)


@pytest.fixture
def db(tmp_path: Path, life: BookedLife) -> Path:
    """Return a state file."""
    path = tmp_path / "state.db"
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        store.begin_epoch()
        store.open_account(life.opening)
        for commit in life.commits(25):
            store.commit(commit)
    return path


def run(*arguments: object) -> tuple[int, str]:
    """Run the command; return its exit code and its output."""
    result = CliRunner().invoke(app, ["ledger", *map(str, arguments)])
    return result.exit_code, result.stdout


def damage(path: Path, statement: str) -> None:
    """Change a file as a stranger would."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.commit()


def test_whole_books_verify(db: Path, life: BookedLife) -> None:
    """Exit code 0, the number of events and the last seal."""
    code, text = run("verify", "--db", db, "--json")
    document = json.loads(text)
    assert (code, document["is_whole"], document["findings"]) == (0, True, [])
    assert document["events"] == len(life.events)
    assert len(document["seal"]) == 64
    code, text = run("verify", "--db", db)
    assert code == 0
    assert f"{len(life.events)} events: whole" in text
    assert document["seal"] in text


def test_damage_is_told_row_by_row(db: Path) -> None:
    """Exit code 9, and every damaged row of several; bytes that are no text are shown."""
    damage(db, "UPDATE fills SET symbol = CAST(x'ff41' AS TEXT) WHERE rowid IN "
           "(SELECT trade_id FROM fills ORDER BY trade_id LIMIT 1)")  # fmt: skip
    damage(db, "UPDATE ledger_head SET event_count = 3")
    code, text = run("verify", "--db", db, "--json")
    document = json.loads(text)
    assert (code, document["is_whole"]) == (9, False)
    assert {one["table"] for one in document["findings"]} == {"fills", "ledger_head"}
    code, text = run("verify", "--db", db)
    assert code == 9
    assert "2 damaged rows" in text
    assert "\\udcff" in text or "it does not fit its seal" in text


def test_what_follows_from_damaged_events_is_not_compared(db: Path) -> None:
    """It is said instead."""
    damage(db, "DELETE FROM ledger_events WHERE seq = 4")
    code, text = run("verify", "--db", db)
    assert code == 9
    assert "ledger_events [seq=4]: it is missing" in text
    assert "note: balances" in text


def test_a_file_that_was_never_opened_is_whole(tmp_path: Path) -> None:
    """There is nothing in it, and that is said."""
    path = tmp_path / "new.db"
    SqliteStateStore.open(path, account=ACCOUNT).close()
    code, text = run("verify", "--db", path)
    assert (code, "no account was opened" in text) == (0, True)


def test_events_from_before_the_seals_are_folded(tmp_path: Path, db: Path) -> None:
    """They are counted, and what they cannot prove is said."""
    damage(db, "UPDATE ledger_events SET seal = ''")
    damage(db, "UPDATE fills SET seal = ''")
    damage(db, "UPDATE capital_journal SET seal = ''")
    damage(db, "UPDATE ledger_head SET unsealed_events = stored_events, event_seal = '', "
           "unsealed_capital = stored_capital, capital_seal = ''")  # fmt: skip
    code, text = run("verify", "--db", db)
    assert code == 0, text
    assert "from before there were seals" in text
    assert "note: positions and lots were not compared" in text
    damage(db, "UPDATE ledger_legs SET amount = '9' WHERE seq = 2 AND ordinal = 0")
    assert run("verify", "--db", db)[0] == 9


def test_an_older_schema_is_not_touched(tmp_path: Path) -> None:
    """Verifying writes nothing, so it does not bring a file up to date."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, packaged_migrations()[:1])
    before = path.read_bytes()
    code, _ = run("verify", "--db", path)
    assert (code, path.read_bytes() == before) == (7, True)
    assert run("verify", "--db", tmp_path / "none.db")[0] == 7
    (tmp_path / "text.db").write_text("not a database" * 100)
    assert run("verify", "--db", tmp_path / "text.db")[0] == 7


def test_the_books_of_a_moment_are_shown(db: Path, life: BookedLife) -> None:
    """At the opening there is what was opened with, and the lots of it."""
    code, text = run("show", "--db", db, "--known-by", OPENED_MS, "--json")
    document = json.loads(text)
    assert (code, document["events"], document["known_by_ms"]) == (0, 1, OPENED_MS)
    assert document["account"] == ACCOUNT
    assert document["balances"]["BTC"] == {"external": "2", "opening": "-2"}
    assert document["positions"]["external"]["BTC"]["quantity"] == "2"
    code, text = run("show", "--db", db, "--happened-by", "2100-01-01", "--json")
    document = json.loads(text)
    held = life.state.ledger.balance(Account.BOT, life.events[0].legs[0].asset)
    assert document["events"] == len(life.events)
    assert document["content_hash"] == life.state.ledger.content_hash
    assert document["ledger_balanced"]
    assert str(held.normalize()) != ""
    code, text = run("show", "--db", db, "--happened-by", "2100-01-01")
    assert (code, "lots of external" in text) == (0, True)
    assert text.splitlines()[0].startswith(f"account {ACCOUNT}, ")
    assert text.splitlines()[-1] == "balanced"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("", "UTC", None),
        ("1700000000000", "UTC", 1_700_000_000_000),
        ("2023-11-14", "UTC", 1_700_006_399_999),
        ("2023-11-14", "Europe/Istanbul", 1_699_995_599_999),
        ("2023-11-14T22:13:20", "UTC", 1_700_000_000_000),
        ("2023-11-15T01:13:20", "Europe/Istanbul", 1_700_000_000_000),
        ("2023-11-14T22:13:20+00:00", "Europe/Istanbul", 1_700_000_000_000),
    ],
)
def test_times_are_read_in_the_day_zone(text: str, zone: str, expected: int | None) -> None:
    """A date means its last instant there; a time that names its own zone keeps it."""
    assert instant_ms(text, zone) == expected


@pytest.mark.parametrize(("text", "zone"), [("soon", "UTC"), ("2023-11-14", "Atlantis")])
def test_what_is_no_time_is_refused(text: str, zone: str) -> None:
    """With what was written, and what can be."""
    with pytest.raises(ConfigurationError, match="no time"):
        instant_ms(text, zone)
