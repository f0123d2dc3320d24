"""Commands on the books: what they print, and how they refuse what was typed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.pipeline.desk import NOW_MS, balances, decide_on, fill, observe, opening_of
from typer.testing import CliRunner

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.cli.app import app
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.orders import Side


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state file: coins of both books, 50 TRY in suspense, a charge without a rate."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "state.db"
    opening = opening_of("100000", coins="1", capital="60000")
    charged = fill(1, Side.BUY, "0.01", "1000000")._replace(
        fee=Decimal(1), charge_asset=Asset("BNB")
    )
    state = opening.state
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        store.open_account(opening)
        for at in range(3):
            fills = (charged,) if not at else ()
            held = (*balances("90050", "1.01"),)
            seen = observe(NOW_MS + at, fills=fills, balances=held)
            decision = decide_on(state, seen, observe_only=True)
            store.commit(
                StateCommit(
                    decision.state,
                    state.ledger.event_count,
                    NOW_MS,
                    fills=decision.fills,
                    events=decision.events,
                    capital_rows=decision.capital_rows,
                    positions=decision.positions,
                )
            )
            state = decision.state
    return path


def run(*words: str, code: int = 0) -> Any:
    """Run a command with `--json`; return its document."""
    found = CliRunner().invoke(app, [*words, "--json"])
    assert found.exit_code == code, found.output
    return json.loads(found.stdout)


def text(*words: str) -> list[str]:
    """Run a command; return its lines, none wider than a terminal."""
    found = CliRunner().invoke(app, [*words])
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    return lines


WHY = ("--reason", "because")


def test_what_is_shown(db: Path) -> None:
    """For people and as documents: lots of both books, capital, journal, risk."""
    on = ("--db", str(db))
    lots = run("ledger", "lots", *on)
    assert [(one["book"], one["asset"], one["cost_try"]) for one in lots["lots"]] == [
        ("bot", "BNB", "0"),
        ("bot", "BTC", "10000"),
        ("external", "BTC", None),
    ]
    assert lots["without_value"] == ["fill:1"]
    assert text("ledger", "lots", *on)[-2:] == [
        "external    BTC                    1  2023-11-14 22:13:20  unknown",
        "waits for a rate: fill:1",
    ]
    assert run("capital", "show", *on)["cost_of_lots_try"] == "10000"
    assert "                   law_holds  yes" in text("capital", "show", *on)
    assert len(run("capital", "history", "--limit", "2", *on)["rows"]) == 2
    assert "opening" in text("capital", "history", *on)[1]
    assert run("risk", "show", *on)["mode"] in ("NORMAL", "REDUCE_RISK_ONLY")
    assert any("day_end" in line for line in text("risk", "show", *on))
    assert text("ledger", "show", *on)[-1] == "balanced"


def test_what_is_done(db: Path) -> None:
    """Each command of the group asks for its operation, and says that it is in the books."""
    on = (*WHY, "--db", str(db))
    assert text("ledger", "resolve", "try", "--as", "deposit", "--amount", "20", *on)[0] == (
        "operation 1 is in the books"
    )
    assert run("ledger", "resolve", "TRY", "--as", "owner", *on)["unassigned_try"] == "40050"
    when = ("--at", "1700000050000")
    assert run("ledger", "book", "airdrop", "BTC", "0.1", *when, *on)["status"] == "done"
    paid = run("ledger", "book", "withholding", "TRY", "50", *on)
    assert paid["unassigned_try"] == "40000"
    assert run("ledger", "value", "fill:1", "7", *on)["status"] == "done"
    assert run("risk", "override", "OBSERVE_ONLY", *on)["status"] == "done"
    assert run("risk", "rearm", *on)["operation"] == 7
    words = ("ledger", "assign", "BTC", "0.005", "--to", "owner")
    assert run(*words, *on)["status"] == "waiting"
    assert text("capital", "transfer", "1", "--from", "unassigned", "--to", "trading", *on) == [
        "operation 9 is written down; it waits for the market: a run of the bot"
    ]
    assert run("ledger", "lots", "--db", str(db))["without_value"] == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("capital", "transfer", "x", "--from", "trading", "--to", "treasury"), 3, "amount 'x'"),
        (("capital", "transfer", "1", "--from", "here", "--to", "treasury"), 3, "'here' is none"),
        (("ledger", "assign", "BTC", "1", "--to", "me"), 3, "'me' is neither bot nor owner"),
        (("ledger", "assign", "BTC", "1", "--cost", "1", "--acquired", "once"), 3, "is not a time"),
        (("ledger", "assign", "TRY", "1"), 3, "TRY has no lots"),
        (("ledger", "resolve", "BTC", "--as", "luck"), 3, "'luck' is none of owner"),
        (("ledger", "resolve", "BTC", "--as", "owner"), 8, "no BTC is in suspense"),
        (("ledger", "book", "theft", "BTC", "1"), 3, "'theft' is none of deposit"),
        (("ledger", "book", "deposit", "BTC", "1"), 3, "is not given"),
        (("ledger", "book", "withholding", "BTC", "1"), 3, "is paid in TRY"),
        (("ledger", "book", "withholding", "TRY", "1", "--payer", "treasury"), 3, "no tax is paid"),
        (("ledger", "value", "fill:9", "1"), 8, "no charge of fill:9 waits"),
        (("ledger", "import"), 3, "name either a file or --from-exchange"),
        (("ledger", "import", "--from-exchange"), 3, "needs --since"),
        (("ledger", "import", "--from-exchange", "--since", "2030-01-01"), 3, "the books began"),
        (("ledger", "import", "a.csv", "--column", "when=x"), 3, "is not OURS=THEIRS"),
        (("risk", "override", "WILD"), 3, "'WILD' is none of"),
        (("risk", "override", "NORMAL", "--until", "2020-01-01T00:00+03:00"), 8, "before it"),
        (("risk", "release", "repeats"), 8, "repeats has no latch; latched"),
    ],
)
def test_what_is_refused(db: Path, words: tuple[str, ...], code: int, told: str) -> None:
    """One line, the documented exit code, and nothing is written."""
    document = run(*words, *WHY, "--db", str(db), code=code)
    assert told in document["error"]["message"]
    with SqliteStateStore.inspect(db) as store:
        assert store.operations(after=0) == ()


def test_a_file_without_an_account_is_refused(tmp_path: Path) -> None:
    """For looking, for asking and for importing."""
    path = tmp_path / "empty.db"
    SqliteStateStore.open(path, account="main").close()
    old = tmp_path / "old.csv"
    old.write_text("time,type,asset,quantity\n")
    for words in (("ledger", "lots"), ("risk", "rearm", *WHY), ("ledger", "import", str(old))):
        assert "no account yet" in run(*words, "--db", str(path), code=3)["error"]["message"]


def test_an_import_is_told_in_words(db: Path, tmp_path: Path) -> None:
    """What it explains, what stays unknown; the second time it is booked already."""
    old = tmp_path / "old.csv"
    old.write_text("time,type,asset,quantity,total\n2020-01-01,buy,BTC,0.4,100\n")
    words = ("ledger", "import", str(old), "--db", str(db))
    assert text(*words)[1] == "   BTC  1 lots explain 0.4, 0.6 stay unknown: booked"
    assert text(*words)[1].endswith("booked already")
