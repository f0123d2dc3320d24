"""Stamps increase whatever happens to threads, processes, clocks and the power."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.adapters.count_file import CountFile
from btcturk_kit.adapters.stamps import STAMP_CELLS, StampAhead, Stamps
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


def test_a_stamp_of_a_wrong_clock_locks_nobody_out() -> None:
    """Three hours ahead and refused: once the time is known, the sequence goes on from it."""
    disk = Disk()
    good = disk.stamps().next_ms(NOW, error_ms=10)
    disk.stamps().next_ms(NOW + 3 * 3_600_000)
    assert disk.stamps().next_ms(NOW + 100, error_ms=10) == NOW + 100
    assert good < NOW + 100


def test_after_a_wrong_clock_no_good_stamp_comes_again() -> None:
    """What was made by the right time is never made again, also when time seems to step back."""
    stamps = Stamps()
    used = [stamps.next_ms(NOW, error_ms=10) for _ in range(500)]
    stamps.next_ms(NOW + 3 * 3_600_000)
    assert stamps.next_ms(NOW, error_ms=10) == used[-1] + 1


def test_a_stamp_that_may_have_been_accepted_is_gone_on_from() -> None:
    """Up to five seconds and the uncertainty ahead nothing is certain."""
    stamps = Stamps()
    stamps.next_ms(NOW + 5_009)
    assert stamps.next_ms(NOW, error_ms=10) == NOW + 5_010
    assert stamps.next_ms(NOW + 100, error_ms=10) == NOW + 5_011
    assert stamps.next_ms(NOW + 6_000, error_ms=10) == NOW + 6_000


def test_a_stamp_out_of_bounds_is_not_used_up() -> None:
    """Whoever asks for one near the time gets none, and the sequence stays where it was."""
    stamps = Stamps()
    stamps.next_ms(NOW + 60_000)
    with pytest.raises(StampAhead) as caught:
        stamps.next_ms(NOW, ahead_ms_max=4_000)
    assert caught.value.ahead_ms == 60_001
    assert stamps.next_ms(NOW) == NOW + 60_001


def test_while_the_time_is_known_the_disk_is_not_asked() -> None:
    """After a power cut the exchange's time is beyond every stamp: nothing has to be kept."""
    disk = Disk()
    stamps = disk.stamps()
    used = [stamps.next_ms(NOW + at, error_ms=10) for at in range(0, 60_000, 7)]
    assert disk.flushes == 0
    disk.cells = list(disk.kept)
    # A machine is back after ten seconds at the soonest, with its wall clock anywhere.
    after = disk.stamps()
    after.resume(12_345)
    assert after.next_ms(NOW + 70_000, error_ms=10) > used[-1]


def test_a_cancel_asks_neither_the_disk_nor_a_broken_one() -> None:
    """Without the time a read needs the mark, a cancel does not wait for it."""

    def flush() -> None:
        raise StoreError("no space")

    stamps = Stamps(flush=flush)
    assert stamps.next_ms(NOW, is_urgent=True) == NOW


def test_without_its_cells_a_cancel_goes_on_from_what_it_knows() -> None:
    """The lock cannot be had: more than its own last stamp, unless that is one of a wrong clock."""

    class Held:
        def __init__(self) -> None:
            self.is_held = False

        def __enter__(self) -> None:
            if self.is_held:
                raise StoreError("held")

        def __exit__(self, *_: object) -> None:
            pass

    held = Held()
    stamps = Stamps(guard=held)
    stamps.next_ms(NOW + 30_000)
    held.is_held = True
    assert stamps.next_ms(NOW, is_urgent=True) == NOW + 30_001
    assert stamps.next_ms(NOW, error_ms=5, is_urgent=True) == NOW
    assert stamps.next_ms(NOW, error_ms=5, is_urgent=True) == NOW + 1
