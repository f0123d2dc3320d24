"""A recorded session is decided once more: alike, or the first other decision has its causes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import chdir
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from btcturk_kit.adapters.journal_file import JournalFile
from btcturk_kit.adapters.recorded import read_recording
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.cli.app import app
from btcturk_kit.compose.live import stage4
from btcturk_kit.compose.replay import replay
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.errors import ConfigurationError, ProtocolError
from btcturk_kit.reporting.cycle_document import CycleDocuments
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.market.dataset_tape import DatasetTape
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.settings import Settings
from btcturk_kit.wire.recording import CycleDecided

from .market import RULES, market

QUICK = {"trend": {"fast_bars": 2, "slow_bars": 5, "band_ratio": "0.0001"}}


async def session(folder: Path, *, runs: int = 1, **rest: Any) -> None:
    """Trade some market hours on a local exchange; each run has a recording and a journal."""
    async with LocalExchange(seed=7, api_key="replayed", api_secret="cmVwbGF5ZWQ=") as local:
        address = local.address
        settings = Settings(
            api_key=address.api_key,
            api_secret=SecretStr(address.api_secret),
            rest_url=address.rest,
            control_url=address.control,
            control_token=SecretStr(address.control_token),
            db=folder / "session.db",
            state_dir=folder,
            cycle_seconds=3_600,
            parameters=QUICK,
            **{"jitter_seconds": 2, **rest},
        )
        for number in range(runs):
            if number:
                copyfile(folder / "session.db", folder / f"before_{number}.db")
            recorder = FlightRecorder(folder / f"flight_{number}.jsonl.gz")
            documents = CycleDocuments(RiskLimits())
            with JournalFile(
                folder / f"journal_{number}.jsonl", document_of=documents.document
            ) as journal:
                async with stage4(
                    settings, transport=local.transport(), recorder=recorder, on_decision=journal
                ) as bot:
                    await bot.runner.run(max_cycles=25)
            recorder.close()


@pytest.fixture(scope="module")
def armed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two runs of one armed bot; the tests only read them."""
    folder = tmp_path_factory.mktemp("armed")
    asyncio.run(session(folder, runs=2))
    return folder


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two runs at whole hours, in which it is known what fills; the tests only read them."""
    folder = tmp_path_factory.mktemp("traded")
    asyncio.run(session(folder, runs=2, jitter_seconds=0))
    return folder


Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Return how a command is called; it returns exit code, document or None, and text."""

    def called(*arguments: str | Path) -> tuple[int, Any, str]:
        with chdir(tmp_path):
            run = CliRunner().invoke(app, [*map(str, arguments)])
        if run.exception is not None and not isinstance(run.exception, SystemExit):
            raise run.exception
        document = json.loads(run.stdout) if "--json" in arguments else None
        return run.exit_code, document, run.output

    return called


def test_a_session_is_decided_alike(armed: Path) -> None:
    """From the recording alone the bot decides the same, and asks for all of it and no more."""
    report = asyncio.run(replay(armed / "flight_0.jsonl.gz"))
    assert report.is_equal
    assert report.recorded == report.replayed > 3
    assert (report.ending, report.unanswered, report.unasked) == ("whole", (), 0)
    assert report.settings == ()


def test_a_dry_run_is_decided_alike(tmp_path: Path) -> None:
    """A paper account is made again as the session had it."""
    asyncio.run(session(tmp_path, dry_run=True))
    report = asyncio.run(replay(tmp_path / "flight_0.jsonl.gz"))
    assert report.is_equal
    assert report.account.startswith("dry-run")


async def in_real_time(folder: Path) -> None:
    """Trade on the machine's clock, as a bot does on the real exchange; books come every 50 ms."""
    tape = DatasetTape(market(seed=7, cycles=400, cycle_ms=50).depth, prints_middle=True)
    async with LocalExchange(
        listings=[Listing(RULES, tape)],
        clock=ClockKind.REAL,
        rate_windows=False,
        api_key="replayed",
        api_secret="cmVwbGF5ZWQ=",
    ) as local:
        settings = Settings(
            api_key=local.address.api_key,
            api_secret=SecretStr(local.address.api_secret),
            rest_url=local.address.rest,
            db=folder / "session.db",
            state_dir=folder,
            cycle_seconds=0.03,
            # No band: whatever a busy machine lets it see of the market, it buys in the first rise.
            parameters={"trend": {**QUICK["trend"], "band_ratio": "0.000001"}},
        )
        recorder = FlightRecorder(folder / "flight.jsonl")
        try:
            async with stage4(settings, transport=local.transport(), recorder=recorder) as bot:
                await bot.runner.run(max_cycles=60)
        finally:
            recorder.close()


def test_a_session_on_the_clock_of_the_machine_is_decided_alike(tmp_path: Path) -> None:
    """Instants that no two runs share come from the recording, and so does the exchange's time."""
    asyncio.run(in_real_time(tmp_path))
    report = asyncio.run(replay(tmp_path / "flight.jsonl"))
    assert report.is_equal
    assert report.recorded >= 1
    assert (report.ending, report.unanswered, report.unasked) == ("whole", (), 0)


def test_a_torn_recording_is_equal_as_far_as_it_goes(armed: Path, tmp_path: Path) -> None:
    """A full disk ends a file in the middle of a line: that line is left out, and told."""
    lines = _lines_of(armed / "flight_0.jsonl.gz")
    (tmp_path / "torn.jsonl").write_bytes(b"".join(lines[:-3])[:-9])
    report = asyncio.run(replay(tmp_path / "torn.jsonl"))
    assert report.ending == "torn"
    assert report.is_equal
    assert report.recorded > 1


def test_a_recording_that_was_changed_is_refused(armed: Path, tmp_path: Path, call: Call) -> None:
    """Neither an answer nor the session can be replaced or taken out: the chain breaks there."""
    lines = _lines_of(armed / "flight_0.jsonl.gz")
    (session,) = [at for at, one in enumerate(lines) if b'"session"' in one]
    answer = next(at for at, one in enumerate(lines) if b"/api/v2/orderbook" in one) + 1
    other = {
        "answer": [*lines[:answer], lines[answer].replace(b"1", b"2", 1), *lines[answer + 1 :]],
        "session": [*lines[:session], *lines[session + 1 :]],
        "settings": [line.replace(b"0.20", b"0.10") for line in lines],
    }
    for name, changed in other.items():
        assert changed != lines
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(b"".join(changed))
        with pytest.raises(ProtocolError):
            asyncio.run(replay(path))
        code, document, _ = call("replay", path, "--json")
        assert code not in {0, 9}, name
        assert document["error"]["code"] == "ProtocolError"


def test_a_session_that_went_on_needs_the_books_it_had(armed: Path) -> None:
    """The second run of a bot is replayed from the state file it began with, and only from it."""
    flight = armed / "flight_1.jsonl.gz"
    report = asyncio.run(replay(flight, start=armed / "before_1.db"))
    assert report.is_equal
    assert report.recorded > 1
    with pytest.raises(ConfigurationError, match="went on from other decisions"):
        asyncio.run(replay(flight))
    with pytest.raises(ConfigurationError, match="no state file"):
        asyncio.run(replay(flight, start=armed / "none.db"))


def test_another_setting_is_named_with_the_first_decision_it_changes(armed: Path) -> None:
    """The difference comes with the setting, the fields, and what the recording cannot answer."""
    report = asyncio.run(
        replay(
            armed / "flight_0.jsonl.gz",
            journal=armed / "journal_0.jsonl",
            changes={"order_ratio": "0.10"},
        )
    )
    assert not report.is_equal
    assert [one.name for one in report.settings] == ["order_ratio"]
    assert report.first is not None
    assert report.first.recorded != report.first.replayed
    assert report.unanswered == ("POST /api/v1/order",)
    assert report.unasked > 0
    assert "submits.0.quantity" in [field for field, _, _ in report.fields]


def test_a_journal_that_tells_something_else_is_a_difference(traded: Path, tmp_path: Path) -> None:
    """Where all digests are equal one changed figure names its decision; a tail may miss."""
    flight, documents = traded / "flight_0.jsonl.gz", _documents(traded / "journal_0.jsonl")
    whole = asyncio.run(replay(flight, journal=traded / "journal_0.jsonl"))
    assert whole.is_equal
    place = next(at for at, one in enumerate(documents) if one["fills"])
    price = documents[place]["fills"][0]["price"]
    documents[place]["fills"][0]["price"] = "1"
    report = asyncio.run(replay(flight, journal=_written(tmp_path, documents)))
    assert report.first is not None
    assert report.first.place == place
    assert report.first.recorded == report.first.replayed
    assert report.fields == (("fills.0.price", "1", price),)
    torn = asyncio.run(replay(flight, journal=_written(tmp_path, documents[:place])))
    assert torn.is_equal
    del documents[1]
    missing = asyncio.run(replay(flight, journal=_written(tmp_path, documents)))
    assert missing.first is not None
    assert missing.first.place == 1
    assert missing.fields[0][0] == "cycle"


def test_one_changed_digit_of_an_answer_names_the_decision_and_the_fields(
    traded: Path, tmp_path: Path
) -> None:
    """The fee of a trade, with the chain mended: the first decision that saw it, and what came."""
    lines = _lines_of(traded / "flight_0.jsonl.gz")
    at, found = next(
        (at, match)
        for at, one in enumerate(lines)
        if b"transactions/trade" in lines[at - 1]
        and (match := re.search(rb'fee\\?": ?\\?"?-?[0-9.]*?([1-8])', one))
    )
    digit = found.start(1)
    lines[at] = lines[at][:digit] + b"9" + lines[at][digit + 1 :]
    path, before = tmp_path / "changed.jsonl", "0" * 64
    with path.open("wb") as file:
        for line in lines:
            mended = re.sub(rb"[0-9a-f]{64}", before.encode(), line, count=1)
            before = sha256(mended.rstrip(b"\n")).hexdigest()
            file.write(mended)
    report = asyncio.run(replay(path, journal=traded / "journal_0.jsonl"))
    booked = next(
        place for place, one in enumerate(_documents(traded / "journal_0.jsonl")) if one["fills"]
    )
    assert report.first is not None
    assert report.first.place == booked
    assert {"charges.0.amount", "exposure.cash_try"} <= {one for one, _, _ in report.fields}
    assert report.settings == ()
    # Later answers tell the trade as it was, which contradicts the books of the replay.
    assert report.fields[-1][:2] == ("failure", "")
    assert report.fields[-1][2].startswith("LedgerConflict: trade ")


def test_one_journal_may_hold_several_sessions(traded: Path, tmp_path: Path) -> None:
    """The fields of a difference are those of the session that is replayed."""
    first, second = (_documents(traded / f"journal_{number}.jsonl") for number in (0, 1))
    both = _written(tmp_path, [*first, *second])
    flight, start = traded / "flight_1.jsonl.gz", traded / "before_1.db"
    assert asyncio.run(replay(flight, start=start, journal=both)).is_equal
    changes = {"order_ratio": "0.10"}
    alone = traded / "journal_1.jsonl"
    told = [
        asyncio.run(replay(flight, start=start, journal=one, changes=changes)).fields
        for one in (both, alone)
    ]
    assert told[0] == told[1] != ()
    with pytest.raises(ConfigurationError, match="holds no decision of this session"):
        asyncio.run(replay(flight, start=start, journal=traded / "journal_0.jsonl"))


def _documents(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _written(folder: Path, documents: list[dict[str, Any]]) -> Path:
    path = folder / "journal.jsonl"
    path.write_text("".join([json.dumps(one) + "\n" for one in documents]))
    return path


def test_a_killed_session_is_equal_as_far_as_it_goes(armed: Path, tmp_path: Path) -> None:
    """A recording without its end has no books to close; what was decided is decided again."""
    entries = list(read_recording(armed / "flight_0.jsonl.gz"))
    decided = [at for at, one in enumerate(entries) if isinstance(one, CycleDecided)]
    lines = _lines_of(armed / "flight_0.jsonl.gz")[: decided[-2] + 1]
    (tmp_path / "killed.jsonl").write_bytes(b"".join(lines))
    report = asyncio.run(replay(tmp_path / "killed.jsonl"))
    assert report.ending == "open"
    assert report.recorded == len(decided) - 1
    assert report.is_equal
    # Before its first decision there is nothing to compare, which is no equality.
    (tmp_path / "short.jsonl").write_bytes(b"".join(lines[: decided[0] // 2]))
    with pytest.raises(ConfigurationError, match="holds no decision"):
        asyncio.run(replay(tmp_path / "short.jsonl"))


def _lines_of(path: Path) -> list[bytes]:
    import gzip  # noqa: PLC0415 - only here

    with gzip.open(path) as file:
        return file.readlines()


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"no_such": 1}, "no_such is not"), ({"taker_ratio": "2"}, "taker_ratio cannot be '2'")],
)
def test_settings_that_cannot_be_are_refused(
    armed: Path, changes: dict[str, object], told: str
) -> None:
    """A replay with a setting that does not exist would prove nothing."""
    with pytest.raises(ConfigurationError, match=told):
        asyncio.run(replay(armed / "flight_0.jsonl.gz", changes=changes))


def test_a_recording_without_a_session_is_refused(tmp_path: Path) -> None:
    """What a client alone recorded says nothing of decisions."""
    FlightRecorder(tmp_path / "flight.jsonl").close()
    with pytest.raises(ConfigurationError, match="no sessions of a bot"):
        asyncio.run(replay(tmp_path / "flight.jsonl"))


def test_the_command_replays_and_tells_a_difference_by_its_code(armed: Path, call: Call) -> None:
    """Equal is 0; another decision is 9, with its causes in text and in the document."""
    flight = armed / "flight_0.jsonl.gz"
    code, document, _ = call("replay", flight, "--json")
    assert (code, document["is_equal"], document["first"]) == (0, True, None)
    code, _, text = call("replay", flight)
    assert (code, text.startswith("equal in ")) == (0, True)
    other = ("replay", flight, "--set", "order_ratio=0.10", "--journal", armed / "journal_0.jsonl")
    code, document, _ = call(*other, "--json")
    assert (code, document["settings"][0]["name"]) == (9, "order_ratio")
    assert document["first"]["recorded"] != document["first"]["replayed"]
    code, _, text = call(*other)
    assert code == 9
    assert "different from decision 0" in text
    assert "setting order_ratio: 0.20 | 0.10" in text
    assert "no answer to POST /api/v1/order" in text
    assert call("replay", flight, "--set", "=1")[0] == 3


def test_the_command_compares_journals(armed: Path, call: Call) -> None:
    """A journal equals itself; two runs differ, with 9; rounding and leaving out are asked for."""
    one, other = armed / "journal_0.jsonl", armed / "journal_1.jsonl"
    code, _, text = call("parity", one, one)
    assert (code, text.startswith("equal in ")) == (0, True)
    code, document, _ = call("parity", one, other, "--json")
    assert code == 9
    assert document["fields"]["cycle"] == document["cycles_a"] + document["cycles_b"]
    code, _, text = call("parity", one, other, "--ignore", "fills", "--quantize", "fills.price=2")
    assert code == 9
    # The hours of two runs may earn the same: a journal with one figure changed may not.
    *cycles, last = [json.loads(line) for line in one.read_text("utf-8").splitlines()]
    last["metrics"]["equity_try"] = str(Decimal(last["metrics"]["equity_try"]) + 1)
    changed = armed / "changed.jsonl"
    changed.write_text("".join(json.dumps(row) + "\n" for row in [*cycles, last]), "utf-8")
    code, document, _ = call("parity", one, changed, "--json")
    assert (code, [Decimal(day["difference"]) for day in document["days"]]) == (9, [1])
    assert "days, second less first, in TRY:" in call("parity", one, changed)[2]
    assert call("parity", one, other, "--quantize", "fills.price")[0] == 3
    assert call("parity", one, armed / "none.jsonl")[0] == 3
    code, _, text = call("parity", one, armed / "session.db")
    assert code == 3
    assert "is a state file, not a journal" in " ".join(text.split())


def test_the_journal_of_a_session_comes_out_of_its_recording(armed: Path, tmp_path: Path) -> None:
    """Document for document what the session would have written; nothing of another session."""
    out = tmp_path / "journal.jsonl"
    words = ["replay", str(armed / "flight_0.jsonl.gz"), "--write-journal", str(out)]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    assert out.read_bytes() == (armed / "journal_0.jsonl").read_bytes()
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 3
    out.unlink()
    other = CliRunner().invoke(app, [*words, "--set", "order_ratio=0.01"])
    assert other.exit_code == 9
    assert not out.exists()
