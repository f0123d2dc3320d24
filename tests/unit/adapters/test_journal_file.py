"""Journals: a line per document, whole after a kill, readable to the line that is wrong."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from btcturk_kit.adapters.journal_file import JournalFile, read_journal
from btcturk_kit.errors import ConfigurationError, StoreError


def document(number: int) -> dict[str, Any]:
    """Return the smallest document."""
    return {"schema": "stage7_cycle/1", "now_ms": number, "text": "ş"}


def journal(path: Path) -> JournalFile:
    """Return a journal that numbers what it is told."""
    return JournalFile(path, document_of=lambda _, now_ms: document(now_ms))


def test_documents_come_back_in_order(tmp_path: Path) -> None:
    """What was written is what is read, also by way of the runner's call."""
    path = tmp_path / "run.jsonl"
    with journal(path) as one:
        one.append(document(1))
        one(None, 2)  # type: ignore[arg-type]  # only the instant is used here
    assert list(read_journal(path)) == [document(1), document(2)]


def test_a_line_is_there_before_the_next_cycle_begins(tmp_path: Path) -> None:
    """Nothing waits in a buffer: another reader sees each line at once."""
    path = tmp_path / "run.jsonl"
    with journal(path) as one:
        for number in range(3):
            one.append(document(number))
            assert len(list(read_journal(path))) == number + 1


def test_a_state_file_is_no_journal(tmp_path: Path) -> None:
    """Who gives the books for the journal is told so in one line."""
    path = tmp_path / "bot.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + bytes(84))
    with pytest.raises(ConfigurationError, match="is a state file, not a journal"):
        list(read_journal(path))


def test_nobody_else_may_read_a_new_journal(tmp_path: Path) -> None:
    """The file is its owner's."""
    path = tmp_path / "run.jsonl"
    journal(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_left_out_and_cut_off(tmp_path: Path) -> None:
    """Reading stops before it; continuing writes the next line in its place."""
    path = tmp_path / "run.jsonl"
    with journal(path) as one:
        one.append(document(1))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-9])
    assert list(read_journal(path)) == [document(1)]
    with journal(path) as one:
        one.append(document(2))
    assert list(read_journal(path)) == [document(1), document(2)]


@pytest.mark.parametrize("bad", ["{broken", "[1]", '{"now_ms": 1}'])
def test_a_damaged_line_is_named(tmp_path: Path, bad: str) -> None:
    """A line in the middle that is no document is an error with its number."""
    path = tmp_path / "run.jsonl"
    with journal(path) as one:
        one.append(document(1))
    path.write_text(f"{path.read_text('utf-8')}{bad}\n", "utf-8")
    reading = read_journal(path)
    assert next(reading) == document(1)
    with pytest.raises(ConfigurationError, match="line 2"):
        next(reading)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """Reading and writing say which file, and what to do."""
    with pytest.raises(ConfigurationError, match=r"none\.jsonl cannot be read"):
        list(read_journal(tmp_path / "none.jsonl"))
    with pytest.raises(ConfigurationError, match=r"run\.jsonl cannot be written"):
        journal(tmp_path / "none" / "run.jsonl")


def test_a_full_disk_stops_the_run(tmp_path: Path) -> None:
    """A document that cannot be written is an error of the store: the run must not go on."""
    one = journal(tmp_path / "run.jsonl")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, one._file.fileno())
    os.close(full)
    with pytest.raises(StoreError, match="No space left"):
        one.append(document(1))
    one.close()


def test_half_a_line_stops_the_run(tmp_path: Path) -> None:
    """A write that the system cut short is told like one that failed."""
    one = journal(tmp_path / "run.jsonl")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        with pytest.raises(StoreError, match="only a part"):
            one.append(document(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, was)
        one.close()
