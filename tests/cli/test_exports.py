"""`export`, `report returns` and `capital lab` on the state file of a short run."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from contextlib import chdir, closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from shutil import copy
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import structlog
from beancount import loader
from tests.cli.commands import COMMAND, document_of, environment, finished, one_line_error
from typer.testing import CliRunner

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.cli.app import app
from btcturk_kit.cli.report_returns import valued_days
from btcturk_kit.reporting.returns import EquityDay

YEAR = 2023
"""Of the market that `quickstart` trades in."""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the state file of a bot that bought and sold; the tests only read it."""
    folder = tmp_path_factory.mktemp("books")
    run = finished(
        "quickstart", "--json", "--cycles", "150", "--db", folder / "bot.db",
        env=environment(folder), cwd=folder,
    )  # fmt: skip
    assert document_of(run)["sells"] >= 2
    return folder / "bot.db"


def called(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command inside this process, in a folder; a process of its own takes its time."""
    with chdir(folder):
        run = CliRunner().invoke(app, [*map(str, arguments)])
    structlog.reset_defaults()  # the application points it to the streams of the runner
    if run.exception is not None and not isinstance(run.exception, SystemExit):
        raise run.exception
    return subprocess.CompletedProcess(arguments, run.exit_code, run.stdout, run.stderr)


def ran(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to a good end without a word on standard error."""
    run = called(folder, *arguments)
    assert (run.returncode, run.stderr) == (0, ""), run
    return run


def failed(folder: Path, *arguments: str | Path, exit_code: int, code: str) -> tuple[str, str]:
    """Run a command with `--json` to a bad end; return its line and its hint."""
    return one_line_error(called(folder, *arguments, "--json"), exit_code=exit_code, code=code)


def stored(db: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the file itself."""
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as plain:
        return list(plain.execute(query))


def test_every_table_is_exported_with_every_row(db: Path, tmp_path: Path) -> None:
    """What SQLite says is in the file is in the folder: no table and no row is missing."""
    document = document_of(ran(tmp_path, "export", "tables", "--db", db, "--out", "out", "--json"))
    names = {
        name
        for (name,) in stored(db, "SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith("sqlite_")
    }
    assert {one.stem for one in (tmp_path / "out").iterdir()} == names == set(document["rows"])
    for name in names:
        with (tmp_path / "out" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        theirs = stored(db, f'SELECT * FROM "{name}"')  # noqa: S608 - a name of the file's own
        assert len(rows) - 1 == len(theirs) == document["rows"][name]
        ours = [["" if cell is None else str(cell) for cell in row] for row in theirs]
        assert sorted(rows[1:]) == sorted(ours)


def test_chosen_tables_are_exported_as_json_lines(db: Path, tmp_path: Path) -> None:
    """Decimals are the texts that are stored, to the last digit."""
    ran(
        tmp_path, "export", "tables", "--db", db, "--out", "out", "--format", "jsonl",
        "--table", "fills", "--table", "ledger_legs",
    )  # fmt: skip
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        "fills.jsonl",
        "ledger_legs.jsonl",
    ]
    lines = (tmp_path / "out" / "fills.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert [(one["trade_id"], one["price"], one["fee"]) for one in found] == stored(
        db, "SELECT trade_id, price, fee FROM fills ORDER BY trade_id"
    )


def test_an_unknown_table_is_named_with_those_there_are(db: Path, tmp_path: Path) -> None:
    """Nothing is written, not even the tables that exist."""
    line, hint = failed(
        tmp_path, "export", "tables", "--db", db, "--out", "out", "--table", "fills",
        "--table", "fill", exit_code=3, code="ConfigurationError",
    )  # fmt: skip
    assert "no table 'fill'" in line
    assert "ledger_events" in hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("export", "tables", "--out", "out"),
        ("export", "beancount", "--out", "out"),
        ("export", "statement", "--year", "2023"),
        ("report", "returns"),
        ("capital", "lab"),
    ],
    ids=lambda one: " ".join(one[:2]),
)
def test_a_missing_or_damaged_file_is_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    """No state file: exit code 7; not one at all: the same; nothing is made or left."""
    (tmp_path / "text.db").write_text("no database " * 500)
    failed(tmp_path, *command, "--db", "none.db", exit_code=7, code="StoreError")
    failed(tmp_path, *command, "--db", "text.db", exit_code=7, code="StoreCorrupt")
    assert [one.name for one in tmp_path.iterdir()] == ["text.db"]


def test_a_file_without_an_account_has_no_books(tmp_path: Path) -> None:
    """A state file that no bot has opened yet is told apart from a missing one."""
    SqliteStateStore.open(tmp_path / "new.db", account="main").close()
    for command in (("export", "beancount", "--out", "out"), ("capital", "lab")):
        line, _ = failed(
            tmp_path, *command, "--db", "new.db", exit_code=3, code="ConfigurationError"
        )
        assert "holds no account yet" in line


@pytest.mark.parametrize("command", ["tables", "beancount"])
def test_a_bad_place_is_one_line_and_nothing_is_overwritten(
    command: str, db: Path, tmp_path: Path
) -> None:
    """A folder that is not there and a name that is taken are refused."""
    (tmp_path / "taken").write_text("mine")
    for out, said in (("nowhere/out", "No such file"), ("taken", "taken exists")):
        line, _ = failed(
            tmp_path, "export", command, "--db", db, "--out", out, exit_code=3,
            code="ConfigurationError",
        )  # fmt: skip
        assert said in line
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
    assert (tmp_path / "taken").read_text() == "mine"


def test_beancount_agrees_with_the_books(db: Path, tmp_path: Path) -> None:
    """The text of a real run passes `bean-check` and has the run's balances."""
    said = ran(tmp_path, "export", "beancount", "--db", db, "--out", "books.beancount").stdout
    assert "check it: bean-check books.beancount" in said
    options = ("--db", db, "--out", "again.beancount", "--zone", "UTC", "--json")
    document = document_of(ran(tmp_path, "export", "beancount", *options))
    assert (document["out"], document["limits"]) == ("again.beancount", {})
    assert document["events"] > 5
    check = Path(sys.executable).with_name("bean-check")
    command = [str(check)] if check.exists() else [sys.executable, "-m", "beancount.scripts.check"]
    run = subprocess.run(
        [*command, "books.beancount"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    entries, errors, _ = loader.load_file(str(tmp_path / "books.beancount"))
    assert errors == []
    held: dict[str, Decimal] = {}
    for entry in entries:
        for posting in getattr(entry, "postings", ()):
            if posting.account == "Assets:BtcTurk:Treasury":
                held["treasury"] = held.get("treasury", Decimal(0)) + posting.units.number
    shown = document_of(ran(tmp_path, "capital", "show", "--db", db, "--json"))
    assert held["treasury"] == Decimal(shown["treasury_try"]) > 0


def test_average_cost_is_not_passed_off_as_lots(db: Path, tmp_path: Path) -> None:
    """Beancount has no booking method for it: the export says so and writes nothing."""
    copy(db, tmp_path / "average.db")
    with closing(sqlite3.connect(tmp_path / "average.db")) as plain:
        plain.execute("DROP TRIGGER capital_journal_no_update")
        plain.execute("UPDATE capital_journal SET account = account || '+average'")
        plain.commit()
    line, hint = failed(
        tmp_path, "export", "beancount", "--db", "average.db", "--out", "out", exit_code=3,
        code="ConfigurationError",
    )  # fmt: skip
    assert "average cost" in line
    assert "export statement" in hint


def test_the_statement_has_what_the_run_realized(db: Path, tmp_path: Path) -> None:
    """With no coins but the bot's, gains of the year are the realized total of the books."""
    document = document_of(
        ran(tmp_path, "export", "statement", "--db", db, "--year", str(YEAR), "--json")
    )
    shown = document_of(ran(tmp_path, "capital", "show", "--db", db, "--json"))
    assert document["total"]["gain_try"] == shown["last_realized_pnl_total_try"]
    assert document["rules_note"].startswith("No tax rules")
    text = ran(tmp_path, "export", "statement", "--db", db, "--year", str(YEAR)).stdout
    assert text.startswith(f"Disposals of {YEAR}")
    ran(
        tmp_path, "export", "statement", "--db", db, "--year", str(YEAR), "--format", "csv",
        "--out", "year.csv",
    )  # fmt: skip
    rows = list(csv.DictReader((tmp_path / "year.csv").read_text().splitlines()))
    gains = [Decimal(row["gain_try"]) for row in rows]
    assert sum(gains) == Decimal(document["total"]["gain_try"])


def test_a_statement_of_a_year_without_books_is_refused(db: Path, tmp_path: Path) -> None:
    """An unknown year, zone and rule pack are one line each, exit code 3, and no file."""
    for options, said in (
        (("--year", "2019"), "nothing in 2019"),
        (("--year", str(YEAR), "--zone", "Mars/Olympus"), "not a time zone"),
        (("--year", str(YEAR), "--rules", "nobody"), "plug-in 'nobody' is not installed"),
    ):
        line, _ = failed(
            tmp_path, "export", "statement", "--db", db, *options, "--out", "out", exit_code=3,
            code="ConfigurationError",
        )  # fmt: skip
        assert said in line
    assert list(tmp_path.iterdir()) == []


def test_a_rule_pack_is_found_by_its_entry_point(db: Path, tmp_path: Path) -> None:
    """An installed plug-in that is named gives the statement its rules."""
    site = tmp_path / "site"
    (site / "my_rules-0.1.0.dist-info").mkdir(parents=True)
    points = "[btcturk_kit]\nmy-rules = my_rules\n"
    (site / "my_rules-0.1.0.dist-info" / "entry_points.txt").write_text(points)
    (site / "my_rules-0.1.0.dist-info" / "METADATA").write_text("Name: my-rules\nVersion: 0.1.0\n")
    (site / "my_rules.py").write_text(
        """
from datetime import date
from decimal import Decimal
from btcturk_kit.domain.tax_rules import TaxBase, TaxKind, TaxRule, TaxRuleState
from btcturk_kit.hooks.specs import hookimpl

@hookimpl
def kit_tax_rules():
    return (TaxRule(name="levy", kind=TaxKind.TRANSACTION_TAX, state=TaxRuleState.NOT_IN_FORCE,
                    from_day=date(2020, 1, 1), base=TaxBase.PROCEEDS, rate=Decimal("0.0003"),
                    source="bill 1"),)
"""
    )
    run = finished(
        "export", "statement", "--db", db, "--year", str(YEAR), "--rules", "my-rules",
        env={**environment(tmp_path), "PYTHONPATH": str(site)}, cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "levy (transaction_tax): NOT IN FORCE, from 2020-01-01" in run.stdout


def test_a_full_disk_behind_standard_output_is_one_line(db: Path, tmp_path: Path) -> None:
    """A statement that is redirected to where no space is left ends with exit code 7."""
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [*COMMAND, "export", "statement", "--db", str(db), "--year", str(YEAR)],
            env=environment(tmp_path), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert run.returncode == 7
    assert len(run.stderr.splitlines()) == 1


def test_returns_are_those_of_the_recorded_equity(db: Path, tmp_path: Path) -> None:
    """Without transfers the nominal return is the last day's equity over the first day's."""
    found = document_of(ran(tmp_path, "report", "returns", "--db", db, "--json"))
    first, last = date.fromisoformat(found["first"]), date.fromisoformat(found["last"])
    assert (last - first).days == found["days"] > 3
    (end,) = stored(db, "SELECT equity_try FROM cycle_records ORDER BY cycle DESC LIMIT 1")
    (start,) = stored(
        db,
        "SELECT equity_try FROM cycle_records WHERE now_ms < "
        "(SELECT (MIN(now_ms) + 10800000) / 86400000 * 86400000 + 75600000 FROM cycle_records)"
        " ORDER BY cycle DESC LIMIT 1",
    )
    exact = Decimal(end[0]) / Decimal(start[0]) - 1
    assert abs(Decimal(found["nominal_ratio"]) - exact) <= Decimal("1e-12")
    assert (found["in_usdt_ratio"], found["deposit_ratio"], found["notes"]) == (None, None, [])


def test_what_was_moved_on_a_day_without_equity_counts_on_the_next() -> None:
    """Nothing that was put in or taken out is lost, and days stay in order."""
    days = [date(2026, 1, number) for number in range(1, 5)]
    equity = {days[0]: Decimal(10), days[2]: Decimal(12)}
    moved = {days[1]: (Decimal(1), Decimal(0)), days[2]: (Decimal(2), Decimal(3))}
    assert valued_days(equity, moved | {days[3]: (Decimal(9), Decimal(9))}) == [
        EquityDay(days[0], Decimal(10)),
        EquityDay(days[2], Decimal(12), Decimal(3), Decimal(3)),
    ]


def test_returns_against_series_of_the_user(db: Path, tmp_path: Path) -> None:
    """Rates come from CSV files; days that have none are named."""
    plain = document_of(ran(tmp_path, "report", "returns", "--db", db, "--json"))
    (tmp_path / "usdt.csv").write_text(f"date,close\n{plain['first']},27\n{plain['last']},27.5\n")
    (tmp_path / "deposit.csv").write_text("date,rate\n2023-09-22,0.30\n")
    series = ("--usdt-try", "usdt.csv", "--deposit-rate", "deposit.csv")
    run = ran(tmp_path, "report", "returns", "--db", db, *series, "--json")
    found = document_of(run)
    assert found["usdt_ratio"] == "0.018518518519"
    assert Decimal(found["in_usdt_ratio"]) < Decimal(found["nominal_ratio"])
    assert Decimal(found["excess_ratio"]) < 0 < Decimal(found["deposit_ratio"])
    assert len(found["missing_rates"]) == found["days"] - 1
    text = ran(tmp_path, "report", "returns", "--db", db, *series).stdout
    assert "days without a USDT rate: 2023-" in text
    assert f"over the deposit  {Decimal(found['excess_ratio']) * 100:,.2f} %" in text
    late = ("--deposit-rate", "late.csv", "--from", plain["first"], "--to", plain["last"])
    (tmp_path / "late.csv").write_text(f"date,rate\n{plain['last']},0.30\n")
    text = ran(tmp_path, "report", "returns", "--db", db, *late).stdout
    assert "deposit, TRY  unknown" in text
    assert "unknown: deposit: no rate from" in text


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("date,close\n2023-10-03,abc\n", "DatasetError", "row 2"),
        ("date,close\n2023-10-03,1\n\n2023-10-03,2\n", "DatasetError", "comes twice"),
        ("date,close\n2023-10-03,-1\n", "DatasetError", "not above zero"),
        ("date,close\n2023-10-03,NaN\n", "DatasetError", "not above zero"),
        ("date,close\nyesterday,1\n", "DatasetError", "no day and number"),
        ("date,close\n2023-10-03\n", "DatasetError", "no day and number"),
        (None, "ConfigurationError", "cannot be read"),
    ],
)
def test_a_bad_series_is_one_line(
    db: Path, tmp_path: Path, text: str | None, code: str, said: str
) -> None:
    """The row and what is wrong with it; exit code 3."""
    if text is not None:
        (tmp_path / "usdt.csv").write_text(text)
    line, _ = failed(
        tmp_path, "report", "returns", "--db", db, "--usdt-try", "usdt.csv", exit_code=3, code=code
    )
    assert said in line


def test_a_span_of_one_day_or_a_bad_day_is_refused(db: Path, tmp_path: Path) -> None:
    """A return needs two valued days, and options need days."""
    for options, said in (
        (("--to", "2019-01-01"), "no two days"),
        (("--from", "soon"), "--from 'soon' is not a day"),
    ):
        line, _ = failed(
            tmp_path, "report", "returns", "--db", db, *options, exit_code=3,
            code="ConfigurationError",
        )  # fmt: skip
        assert said in line


def test_the_policy_in_force_replayed_is_the_journal(db: Path, tmp_path: Path) -> None:
    """Row by row the replay equals what was stored; other policies share the sum of both."""
    found = document_of(
        ran(
            tmp_path, "capital", "lab", "--db", db, "--json",
            "--policy", "as set:trading_ratio=0.60",
            "--policy", "all in:treasury_ratio=0,basis=gross,granularity=checkpoint",
        )
    )  # fmt: skip
    done, same, all_in = found["policies"]
    assert [one["is_journal"] for one in found["policies"]] == [True, True, False]
    assert {**done, "name": "", "policy": ""} == {**same, "name": "", "policy": ""}
    assert same["policy"]["treasury_ratio"] == "0.4"
    assert all_in["treasury_try"] == "0"
    sums = {
        Decimal(one["trading_capital_try"]) + Decimal(one["treasury_try"])
        for one in found["policies"]
    }
    assert len(sums) == 1


def test_the_lab_draws_a_picture(db: Path, tmp_path: Path) -> None:
    """SVG is well-formed, names each policy and is the same each time; PNG is one."""
    said = ran(tmp_path, "capital", "lab", "--db", db, "--plot", "one.svg").stdout
    assert "high water mark" in said
    assert "picture in one.svg" in said
    ran(tmp_path, "capital", "lab", "--db", db, "--plot", "two.svg")
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert drawn == (tmp_path / "two.svg").read_text("utf-8")
    assert ET.fromstring(drawn).tag.endswith("svg")  # noqa: S314 - drawn just above
    assert "as it was done" in drawn
    ran(tmp_path, "capital", "lab", "--db", db, "--plot", "three.png")
    assert (tmp_path / "three.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_the_extra_is_one_line(db: Path, tmp_path: Path) -> None:
    """Without matplotlib the command says what to install; without --plot it works."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['matplotlib'] = None\n")
    env = {**environment(tmp_path), "PYTHONPATH": str(site)}
    run = finished("capital", "lab", "--db", db, "--plot", "a.svg", "--json", env=env, cwd=tmp_path)
    line, hint = one_line_error(run, exit_code=3, code="ConfigurationError")
    assert "matplotlib is not installed" in line
    assert "btcturk-kit[plot]" in hint
    run = finished("capital", "lab", "--db", db, env=env, cwd=tmp_path)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--policy", "treasury_ratio=0.4"), "no name of its own"),
        (("--policy", "half:treasury_ratio=half"), "'treasury_ratio=half' is not understood"),
        (("--policy", "half:share=0.5"), "'share=0.5' is not understood"),
        (("--policy", "two:treasury_ratio=2"), "is -1"),
        (("--policy", "odd:treasury_ratio=0.5,trading_ratio=0.6"), "do not sum to 1"),
        (("--plot", "picture.gif"), "no picture that can be drawn"),
    ],
)
def test_a_policy_that_cannot_be_is_one_line(
    db: Path, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    """Exit code 3 and what to write instead; no picture is left."""
    line, hint = failed(
        tmp_path, "capital", "lab", "--db", db, *options, exit_code=3, code="ConfigurationError"
    )
    assert said in line
    assert hint
    assert list(tmp_path.iterdir()) == []
