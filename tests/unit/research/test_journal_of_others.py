"""A file that is no journal of a sweep is refused, and not a byte of it is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.sweep_journal import SweepJournal


@pytest.mark.parametrize(
    "content",
    [
        b"no end of line",
        b"def propose(self):\n    return ()",
        b'{"schema": "stage7_cycle/1"}\n{"torn',
        b"SQLite format 3\0",
        b"\n",
    ],
)
def test_the_file_of_somebody_else_is_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    """What a crash may have left of a journal is cut off only where it is one."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is no journal of a sweep"):
        SweepJournal(path, {"run": "r"})
    assert path.read_bytes() == content


def test_a_journal_that_was_torn_in_its_first_line_begins_anew(tmp_path: Path) -> None:
    """A crash at the very start leaves nothing that could be lost."""
    path = tmp_path / "trials.jsonl"
    with SweepJournal(path, {"run": "r"}):
        whole = path.read_bytes()
    for length in (0, 1, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        with SweepJournal(path, {"run": "r"}) as journal:
            assert len(journal) == 0
        assert path.read_bytes() == whole
