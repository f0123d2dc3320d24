"""What a trader may get wrong on the commands of the books: one line, and nothing half done."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.cli.commands import COMMAND, environment
from tests.contract.booked_life import ACCOUNT, BookedLife
from typer.testing import CliRunner

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.cli.app import app
from btcturk_kit.cli.output import pointed

WIDTH = 80


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state file of some events."""
    path = tmp_path_factory.mktemp("books") / "state.db"
    life = BookedLife(21)
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        store.begin_epoch()
        store.open_account(life.opening)
        for commit in life.commits(25):
            store.commit(commit)
    return path


def refused(*words: object) -> tuple[int, str]:
    """Run a command that must fail; return its exit code and its one line."""
    result = CliRunner().invoke(app, list(map(str, words)))
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(")"), "what to do about it is missing"
    return result.exit_code, line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ledger", "show", "--known-by", "9999-12-31"), "no time"),
        (("ledger", "show", "--known-by", "9" * 26), "no time"),
        (("ledger", "show", "--known-by", "2026-01-01", "--zone", "Mars"), "no time zone"),
        (("report", "pnl", "--from", "2026-02-01", "--to", "2026-01-01"), "is after --to"),
        (("report", "returns", "--usdt-try", "none.csv"), "cannot be read: No such file"),
        (("capital", "lab", "--policy", "a:treasury_ratio=nan"), "not understood"),
        (("capital", "lab", "--policy", f"a:treasury_ratio=0.{'3' * 60}"), "not understood"),
        (("capital", "transfer", "1e40", "--from", "trading", "--to", "treasury"), "not an amount"),
        (("capital", "transfer", "1,5", "--from", "trading", "--to", "treasury"), "with a point"),
        (("capital", "transfer", "1", "--from", "trading", "--to", "trading"), "both trading"),
        (("capital", "transfer", "1", "--from", "trading", "--to", "bot"), "--to 'bot' is none"),
        (("risk", "override", "NORMAL", "--until", "9" * 20), "not a time"),
    ],
)
def test_what_cannot_be_is_one_line(db: Path, words: tuple[str, ...], told: str) -> None:
    """Exit code 3, what is wrong, and what to write instead."""
    reason = ("--reason", "because") if words[1] in ("transfer", "override") else ()
    code, line = refused(*words, *reason, "--db", db)
    assert (code, told in line) == (3, True), line


def test_the_last_day_of_the_calendar_is_a_day(db: Path) -> None:
    """A span to the end of all days is one of all days."""
    shown = CliRunner().invoke(app, ["report", "pnl", "--db", str(db), "--to", "9999-12-31"])
    assert shown.exit_code == 0, shown.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "show"),
        ("ledger", "show", "--known-by", "2026-01-01"),
        ("ledger", "verify"),
        ("risk", "rearm", "--reason", "because"),
        ("export", "tables", "--out", "tables"),
    ],
)
def test_an_empty_file_is_left_as_it_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    """To look at a file does not make a state file of it."""
    path = tmp_path / "empty.db"
    path.touch()
    code, line = refused(*words, "--db", path)
    assert (code, "it is empty" in line, path.stat().st_size) == (7, True, 0)


def test_a_bot_may_begin_on_an_empty_file(tmp_path: Path) -> None:
    """A run that looks for its account there finds none, which is no error."""
    path = tmp_path / "empty.db"
    path.touch()
    assert SqliteStateStore.peek(path, account=ACCOUNT) is None
    assert path.stat().st_size == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ledger", "show"), "error: no space left"),
        (("report", "pnl"), "error: no space left"),
        (("capital", "history", "--json"), "error: no space left"),
        (("risk", "rearm", "--reason", "x"), "error: operation 1 is written down, but there is no"),
    ],
)
def test_a_full_disk_behind_the_output_is_one_line(
    db: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """Exit code 7; of an operation the line says that it is written down all the same."""
    copy = tmp_path / "state.db"
    copy.write_bytes(db.read_bytes())
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [*COMMAND, *words, "--db", str(copy)],
            env=environment(tmp_path), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    (line,) = run.stderr.splitlines()
    assert (run.returncode, line.startswith(told)) == (7, True), line


@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "show"),
        ("ledger", "show", "--known-by", "2100-01-01"),
        ("ledger", "lots"),
        ("capital", "show"),
        ("capital", "history"),
        ("capital", "lab"),
        ("risk", "show"),
        ("report", "pnl", "--by", "symbol"),
    ],
)
def test_what_people_read_fits_a_terminal(db: Path, words: tuple[str, ...]) -> None:
    """No line is wider than eighty columns, and none ends in spaces."""
    shown = CliRunner().invoke(app, [*words, "--db", str(db)])
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if line != line.rstrip()] == []


def test_points_stand_below_each_other() -> None:
    """Whole numbers and fractions of any length."""
    assert pointed(["1", "-20.25", "300.5"]) == ["  1   ", "-20.25", "300.5 "]
    assert pointed([]) == []
