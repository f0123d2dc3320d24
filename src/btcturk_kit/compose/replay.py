"""A recorded session put together again: the stage-4 bot over a recording instead of an exchange.

Nothing leaves the machine and nothing of the session is changed: the replay's books are a file of
its own that is thrown away. Never add: a rule of trading, a second way to assemble the bot.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydantic import ValidationError

from btcturk_kit.adapters.journal_file import JournalFile, read_journal
from btcturk_kit.adapters.recorded import (
    RecordedClock,
    RecordedInstants,
    RecordedTransport,
    read_recording,
)
from btcturk_kit.adapters.whole_files import require_new
from btcturk_kit.compose.live import stage4
from btcturk_kit.domain.cycle import Decision
from btcturk_kit.errors import BtcturkKitError, ConfigurationError, TransportError
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.reporting.cycle_document import CycleDocuments, fill_counts
from btcturk_kit.reporting.parity import compare_runs
from btcturk_kit.runtime.replay import (
    Decided,
    DecisionDifference,
    ReplayedMarket,
    ReplayReport,
    differing_settings,
    first_difference,
)
from btcturk_kit.settings import Settings
from btcturk_kit.wire import recording as lines

__all__ = ["replay"]

_NOWHERE: Final = "http://127.0.0.1:1"
_Fields = tuple[tuple[str, str, str], ...]

_OURS: Final = frozenset({"rest_url", "account", "db", "state_dir", "kill_switch", "freeze_all"})
"""Settings that a replay needs its own of, and that decide nothing."""


async def replay(
    recording: Path,
    *,
    journal: Path | None = None,
    start: Path | None = None,
    changes: Mapping[str, object] | None = None,
    on_decision: Callable[[Decision, int], None] | None = None,
    write: Path | None = None,
) -> ReplayReport:
    """Decide a recorded session once more, and return where the decisions differ, if they do.

    Args:
        recording: The file that `stage4-run --record` wrote.
        journal: The journal of the session, to say which fields of a decision differ; what it holds
            of other sessions is left out. Where every digest is equal it is compared as well: a
            document that tells something else is a difference.
        start: The state file as it was when the session began; None for a new account.
        changes: Settings to replay with in place of the session's own, by name.
        on_decision: Told every decision of the replay and its instant.
        write: New file for the journal of the session, if the replay decides all of it alike.

    Raises:
        ConfigurationError: The file is not a recording of one session, the session went on from
            other books than `start` holds, a setting cannot be, the journal is another one's, or
            `write` exists.
        ProtocolError: The recording is damaged.
    """
    if write is not None:
        require_new(write)
    read = read_recording(recording)
    entries = list(read)
    session = _session_of(entries, recording)
    settings, recorded = _settings_of(session, changes or {})
    made: list[tuple[Decision, int]] = []

    def tell(decision: Decision, now_ms: int) -> None:
        made.append((decision, now_ms))
        if on_decision is not None:
            on_decision(decision, now_ms)

    source = _Source(entries)
    with TemporaryDirectory() as folder:
        db = Path(folder) / "replay.sqlite3"
        if start is not None:
            _copy(start, db)
        own = settings.model_copy(update={"db": db, "state_dir": Path(folder)})
        kit, digest, failure = await _run(own, source, session, on_decision=tell)
    then = [
        Decided(one.now_ms, one.digest) for one in entries if isinstance(one, lines.CycleDecided)
    ]
    told = [Decided(now_ms, one.state.digest) for one, now_ms in made]
    if failure is None:
        _require_decisions(recording, then, told)
    first = first_difference(then, told)
    fields: _Fields = ()
    if journal is not None:
        first, fields = _compared(kit, list(read_journal(journal)), made, then, first)
    if failure is not None:
        if first is None:  # the session may have ended so, too
            raise failure
        fields = (*fields, ("failure", "", f"{type(failure).__name__}: {failure.message}"))
    if write is not None and first is None:
        _write_journal(write, kit, made)
    return ReplayReport(
        account=kit.profile.account,
        ending=read.ending or "open",
        recorded=len(then),
        replayed=len(told),
        digest=digest,
        first=first,
        settings=differing_settings(recorded, {**recorded, **_plain(settings, changes or {})}),
        unanswered=tuple(
            [
                f"{method} {target.partition('?')[0]}"
                for method, target in source.transport.unanswered
            ]
        ),
        unasked=len(source.transport.unasked),
        fields=fields,
    )


def _require_decisions(recording: Path, then: list[Decided], told: list[Decided]) -> None:
    """Nothing beside nothing is no equality."""
    if not then and not told:
        raise ConfigurationError(
            f"{recording} holds no decision: there is nothing to compare",
            hint="a session in which something happened is needed, and its whole recording",
        )


def _write_journal(path: Path, kit: Kit, made: list[tuple[Decision, int]]) -> None:
    documents = CycleDocuments(kit.profile.risk.limits)
    with JournalFile(path, document_of=documents.document) as file:
        for decision, now_ms in made:
            file(decision, now_ms)


def _compared(
    kit: Kit,
    journal: list[dict[str, Any]],
    made: Sequence[tuple[Decision, int]],
    then: Sequence[Decided],
    first: DecisionDifference | None,
) -> tuple[DecisionDifference | None, _Fields]:
    """Return the first difference, by the documents where no digest differs, and its fields.

    Nothing is said of fields if the journal or the replay has no document at that place.
    """
    begin = _beginning(journal, then)
    counts = fill_counts(journal[:begin])
    documents = CycleDocuments(kit.profile.risk.limits, fills_before=counts)
    length = len(then) if first is None else first.place + 1
    now = [documents.document(one, now_ms) for one, now_ms in made[:length]]
    old = journal[begin : begin + length]
    if first is not None and len(now) != len(old):
        return first, ()
    now = now[: len(old)]
    if not now:
        return first, ()
    report = compare_runs(old, now, day_of=_day_of, names=("the journal", "the replay"))
    if first is None and not report.is_equal:
        row = report.first[0]
        at = sum(one.now_ms < row.now_ms for one in then) + row.place
        at = min(at, len(then) - 1)  # a document of an instant at which nothing was decided
        first = DecisionDifference(at, then[at], then[at])
    return first, tuple([(one.field, one.a, one.b) for one in report.first])


def _beginning(journal: Sequence[dict[str, Any]], then: Sequence[Decided]) -> int:
    """Return where the session begins in a journal, which may hold earlier ones."""
    if not then:
        return len(journal)
    for at, one in enumerate(journal):
        if one["now_ms"] == then[0].now_ms:
            return at
    raise ConfigurationError(
        "the journal holds no decision of this session",
        hint="give the journal that this session wrote",
    )


def _day_of(now_ms: int) -> date:
    return datetime.fromtimestamp(now_ms // 1000, tz=UTC).date()


class _Source:
    """The recording as the exchange of the bot; see `runtime.replay.Replayed`."""

    def __init__(self, entries: Sequence[lines.Entry]) -> None:
        self._entries = entries
        self.transport = RecordedTransport(entries)
        self.clock: Clock = RecordedClock(self.transport, entries)
        self.instants: RecordedInstants | None = None

    def instants_on(self, clock: Clock) -> Clock:
        """Return the clock of decisions."""
        self.instants = RecordedInstants(self._entries, clock)
        return self.instants

    def market(self, inner: MarketData) -> MarketData:
        """Return the market up to the end of the recording."""
        if self.instants is None:
            return inner
        return ReplayedMarket(inner, self.instants, self.transport.unanswered)


async def _run(
    settings: Settings,
    source: _Source,
    session: lines.SessionBegun,
    *,
    on_decision: Callable[[Decision, int], None],
) -> tuple[Kit, str, BtcturkKitError | None]:
    """Run the bot to the end of the recording.

    Returns its kit, the digest it ends with, and what ended it before the end of the recording:
    answers that fit other decisions can contradict the books.
    """
    digest, failure = session.digest, None
    async with stage4(settings, replay=source, failures_max=None, on_decision=on_decision) as bot:
        stored = bot.store.load()
        held = _digest_of(None if stored is None else stored.state.digest)
        if held != session.digest:
            raise ConfigurationError(
                "the session went on from other decisions than these books hold",
                hint="give the state file as it was when the session began",
            )
        try:
            report = await bot.runner.run()
            digest = report.state.digest
        except BtcturkKitError as error:
            # What ends a session that was killed ends its replay too: books that it never read.
            if not isinstance(error, TransportError) or not source.transport.unanswered:
                failure = error
            after = bot.store.load()
            digest = digest if after is None else after.state.digest
    return bot.kit, digest, failure


def _digest_of(digest: str | None) -> str:
    """Return the digest of books, zeros for those of a new account."""
    return "0" * 64 if digest is None else digest


def _session_of(entries: Sequence[lines.Entry], path: Path) -> lines.SessionBegun:
    found = [one for one in entries if isinstance(one, lines.SessionBegun)]
    if len(found) != 1:
        raise ConfigurationError(
            f"{path} holds {len(found) or 'no'} session{'' if len(found) == 1 else 's'} of a bot",
            hint="replay a file that one `stage4-run --record` wrote from its beginning",
        )
    return found[0]


def _settings_of(
    session: lines.SessionBegun, changes: Mapping[str, object]
) -> tuple[Settings, dict[str, Any]]:
    """Return the settings of the replay, and those of the session as they were written down."""
    recorded: dict[str, Any] = json.loads(session.settings)
    unknown = sorted(set(changes) - set(Settings.model_fields))
    if unknown:
        raise ConfigurationError(f"{unknown[0]} is not a setting", hint="see the list of settings")
    own = {
        "rest_url": _NOWHERE,
        "account": session.account,
        "api_key": "replay",
        "api_secret": "cmVwbGF5",
        "kill_switch": False,
        "freeze_all": False,
    }
    if recorded.get("dry_run") is None:
        own["dry_run"] = False
    try:
        settings = Settings(**{"_env_file": None, **recorded, **own, **changes})
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        name = str(wrong["loc"][0]) if wrong["loc"] else ""
        if name in changes:
            raise ConfigurationError(
                f"{name} cannot be {changes[name]!r}: {wrong['msg']}", hint="correct --set"
            ) from error
        raise ConfigurationError(
            f"the settings of the session cannot be used: {name} {wrong['msg']}",
            hint="replay it with the version of the kit that recorded it",
        ) from error
    return settings, recorded


def _plain(settings: Settings, changes: Mapping[str, object]) -> dict[str, Any]:
    """Return the changed settings as they would have been written down."""
    written: dict[str, Any] = json.loads(settings.model_dump_json())
    return {name: written[name] for name in changes if name not in _OURS}


def _copy(start: Path, db: Path) -> None:
    if not start.is_file():
        raise ConfigurationError(f"no state file {start}", hint="check --start")
    for suffix in ("", "-wal"):
        file = start.with_name(start.name + suffix)
        if file.is_file():
            shutil.copyfile(file, db.with_name(db.name + suffix))
