"""Stamps increase whatever happens to threads, processes, clocks and the power."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.adapters.shared_counts import CountFile
from btcturk_kit.adapters.stamps import STAMP_CELLS, Stamps
from btcturk_kit.errors import StoreError

NOW = 1_700_000_000_000


class Disk:
    """Remembers the cells as they were at the last flush: what a power cut leaves."""

    def __init__(self) -> None:
        self.cells = [0] * STAMP_CELLS
        self.kept = list(self.cells)
        self.flushes = 0

    def flush(self) -> None:
        """Keep what is there."""
        self.flushes += 1
        self.kept = list(self.cells)

    def stamps(self) -> Stamps:
        """Return a sequence over these cells."""
        return Stamps(self.cells, flush=self.flush)


def test_threads_never_get_the_same_stamp() -> None:
    """Four threads that ask as fast as they can: all stamps differ, each thread's increase."""
    stamps, lists = Stamps(), [[] for _ in range(4)]

    def ask(mine: list[int]) -> None:
        mine += [stamps.next_ms(NOW) for _ in range(2_000)]

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({stamp for mine in lists for stamp in mine}) == 8_000
    assert all(before < after for mine in lists for before, after in pairwise(mine))


@given(
    st.lists(
        st.tuples(
            st.integers(-3_000, 3_000), st.sampled_from(["go", "go", "restart", "power cut"])
        ),
        min_size=1,
        max_size=80,
    )
)
def test_no_stamp_comes_twice_whatever_happens(steps: list[tuple[int, str]]) -> None:
    """The clock steps both ways, programs restart, and power cuts throw away what was not kept."""
    disk, now_ms, boot_ms, given_out = Disk(), NOW, NOW - 10_000, [0]
    stamps = disk.stamps()
    for step_ms, event in steps:
        now_ms += step_ms
        if event == "power cut":
            disk.cells = list(disk.kept)
            boot_ms += 5_000
        if event != "go":
            stamps = disk.stamps()
            stamps.resume(boot_ms)
        given_out.append(stamps.next_ms(now_ms))
    assert all(before < after for before, after in pairwise(given_out))


def test_a_program_that_restarts_does_not_run_ahead() -> None:
    """A hundred restarts on one boot skip no stamp: the sequence stays with the clock."""
    disk = Disk()
    for number in range(100):
        stamps = disk.stamps()
        stamps.resume(5_000)
        assert stamps.next_ms(NOW + number) == NOW + number


def test_after_a_power_cut_a_second_is_skipped_at_most() -> None:
    """The sequence goes on behind the mark, which is near the clock."""
    disk = Disk()
    stamps = disk.stamps()
    stamps.resume(5_000)
    last = [stamps.next_ms(NOW + at) for at in range(900)][-1]
    disk.cells = list(disk.kept)
    after = disk.stamps()
    after.resume(9_000_000)
    assert last < after.next_ms(NOW) <= NOW + 1_001


def test_the_disk_is_asked_once_per_second_of_stamps() -> None:
    """Ten thousand calls within ten seconds: ten or eleven flushes."""
    disk = Disk()
    stamps = disk.stamps()
    for number in range(10_000):
        stamps.next_ms(NOW + number)
    assert disk.flushes == 10


def test_a_mark_that_cannot_be_written_stops_the_call() -> None:
    """Without the mark no stamp is given out, and the next call tries again."""
    cells, broken = [0] * STAMP_CELLS, [True]

    def flush() -> None:
        if broken:
            raise StoreError("no space")

    stamps = Stamps(cells, flush=flush)
    for _ in range(2):
        with pytest.raises(StoreError):
            stamps.next_ms(NOW)
    broken.clear()
    assert stamps.next_ms(NOW) == NOW


def test_a_power_cut_on_a_real_file(tmp_path: Path) -> None:
    """The file as it was at the last flush is put back: every later stamp is new."""
    path, kept = tmp_path / "counts", [b""]

    def opened() -> tuple[CountFile, Stamps]:
        file = CountFile(
            path,
            fresh=[0] * STAMP_CELLS,
            layout="stamps",
            flush=lambda mapped: kept.__setitem__(0, mapped[:]),
        )
        return file, Stamps(file.cells, guard=file, flush=file.flush)

    file, stamps = opened()
    stamps.resume(1_000)
    used = {stamps.next_ms(NOW + at) for at in range(0, 2_500, 7)}
    file.close()
    path.write_bytes(kept[0])
    file, stamps = opened()
    stamps.resume(NOW)
    assert not used & {stamps.next_ms(NOW - 60_000) for _ in range(500)}
    file.close()
