"""A parity check: record a session, replay it, change one setting, compare field by field.

    python examples/14_parity_check.py

The session runs on a local exchange in this process. Its recording is all that the replay has.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from btcturk_kit.adapters.journal_file import JournalFile, read_journal
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.compose.live import stage4
from btcturk_kit.compose.replay import replay
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.reporting.cycle_document import CycleDocuments
from btcturk_kit.reporting.parity import compare_runs
from btcturk_kit.sandbox import LocalExchange
from btcturk_kit.settings import Settings

QUICK = {"trend": {"fast_bars": 2, "slow_bars": 5, "band_ratio": "0.0001"}}


def day_of(now_ms: int) -> date:
    """Return the day of an instant in UTC."""
    return datetime.fromtimestamp(now_ms // 1000, tz=UTC).date()


def journal_in(path: Path) -> JournalFile:
    """Return a new journal."""
    return JournalFile(path, document_of=CycleDocuments(RiskLimits()).document)


async def session(folder: Path) -> None:
    """Trade forty market hours on a local exchange; record them, and keep a journal."""
    async with LocalExchange(seed=7) as local:
        address = local.address
        settings = Settings(
            api_key=address.api_key,
            api_secret=SecretStr(address.api_secret),
            rest_url=address.rest,
            control_url=address.control,
            control_token=SecretStr(address.control_token),
            db=folder / "session.sqlite3",
            state_dir=folder,
            cycle_seconds=3_600,
            parameters=QUICK,
        )
        recorder = FlightRecorder(folder / "flight.jsonl.gz")
        with journal_in(folder / "session.jsonl") as journal:
            bot = stage4(
                settings, transport=local.transport(), recorder=recorder, on_decision=journal
            )
            async with bot as running:
                report = await running.runner.run(max_cycles=40)
        recorder.close()
    print(f"the session: {report.cycles} cycles, digest {report.state.digest[:12]}")


async def main(folder: Path) -> None:
    """Run the session and check it."""
    await session(folder)
    flight, journal = folder / "flight.jsonl.gz", folder / "session.jsonl"

    same = await replay(flight)
    print(f"the replay: equal is {same.is_equal}, digest {same.digest[:12]}")

    with journal_in(folder / "other.jsonl") as other:
        changed = await replay(
            flight, journal=journal, changes={"order_ratio": "0.10"}, on_decision=other
        )
    print(f"with {changed.settings[0].name} changed: equal is {changed.is_equal}")
    for asked in changed.unanswered:
        print(f"the recording has no answer to {asked}")
    for field, then, now in changed.fields[:3]:
        print(f"first, {field}: {then} became {now}")

    parity = compare_runs(
        list(read_journal(journal)), list(read_journal(folder / "other.jsonl")), day_of=day_of
    )
    print(f"field by field: {len(parity.differences)} differences in {len(parity.fields)} fields")


with TemporaryDirectory() as temporary:
    asyncio.run(main(Path(temporary)))
