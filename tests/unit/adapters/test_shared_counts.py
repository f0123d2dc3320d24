"""Counts in files: whole, private, exact between real processes, and never reset in silence."""

from __future__ import annotations

import asyncio
import signal
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.count_file import CountFile
from btcturk_kit.adapters.shared_counts import SharedWindows
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.errors import RateLimited, StorageFull, StoreCorrupt, StoreError
from btcturk_kit.wire.client_windows import fresh_counts
from btcturk_kit.wire.pacing import RULES, Endpoint, WindowRule

SCRIPT = Path(__file__).with_name("counters.py")
URL = "http://127.0.0.1:1"
LIMIT, PERIOD_MS = 1_500, 30_000
"""Of the windows in `counters.py`, which has a table of its own."""
NOW = 10**6


def child(
    folder: Path, what: str, number: int = 10_000, *, now_ms: int = NOW
) -> subprocess.Popen[str]:
    """Start a process that counts in this folder."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), what, str(number), str(now_ms)],
        stdout=subprocess.PIPE,
        text=True,
    )


def together(folder: Path, what: str, *, now_ms: int) -> int:
    """Return how much four processes are let do at one instant."""
    children = [child(folder, what, now_ms=now_ms) for _ in range(4)]
    return sum(len(lines(one)) for one in children)


def lines(process: subprocess.Popen[str]) -> list[int]:
    """Return what a process printed until it ended; a line that was cut by a kill is left out."""
    with process:
        assert process.stdout
        printed = process.stdout.read()
    return [int(line) for line in printed.splitlines(keepends=True) if line.endswith("\n")]


def pacing(folder: Path, now_ms: int = NOW, **options: object) -> Pacing:
    """Open the shared counts of one account in this process."""
    return Pacing.shared(
        SimulatedClock(now_ms), base_url=URL, api_key="key", folder=folder, **options
    )


@contextmanager
def opened(folder: Path) -> Iterator[CountFile]:
    """Yield a small file of counts."""
    file = CountFile(folder / "counts", fresh=[0, 0, 0], layout="three")
    yield file
    file.close()


# ---- between processes


@pytest.mark.parametrize("what", ["SUBMIT", "TICKER"])
def test_four_processes_together_fill_a_window_and_no_more(what: str, tmp_path: Path) -> None:
    """Asking without a pause and with leases; only leases that a process leaves are lost."""
    assert LIMIT * 95 <= together(tmp_path, what, now_ms=NOW) * 100 <= LIMIT * 100
    # Until the period is over there is room for nobody, after a restart neither; then for all.
    assert together(tmp_path, what, now_ms=NOW + PERIOD_MS - 1) == 0
    after = together(tmp_path, what, now_ms=NOW + PERIOD_MS + 10)
    assert LIMIT * 95 <= after * 100 <= LIMIT * 100


def test_killed_processes_block_nobody_and_give_nothing_away(tmp_path: Path) -> None:
    """`kill -9` at any moment: the others go on, and what was counted stays counted."""
    done, kills = 0, 0
    for after in (1, 2, 40, 90):
        victims = [child(tmp_path, "SUBMIT") for _ in range(2)]
        for victim in victims:
            assert victim.stdout
            done += sum(bool(victim.stdout.readline()) for _ in range(after))
            victim.kill()
            kills += 1
        done += sum(len(lines(victim)) for victim in victims)
    done += len(lines(child(tmp_path, "SUBMIT")))
    # Each of the killed may have counted a lease that it did not live to use.
    assert LIMIT - kills * 32 <= done <= LIMIT
    assert lines(child(tmp_path, "SUBMIT")) == []


def test_a_lock_that_died_with_its_holder_is_free(tmp_path: Path) -> None:
    """A process is killed while it holds the lock: the next one does not even wait."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from btcturk_kit.adapters.count_file import CountFile\n"
        "file = CountFile(pathlib.Path(sys.argv[1]), fresh=[0, 0, 0], layout='three')\n"
        "with file:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "counts")], timeout=30, check=False
    )
    assert run.returncode == -signal.SIGKILL
    with opened(tmp_path) as file, file:
        assert list(file.cells) == [0, 0, 0]


HOLDER = (
    "import pathlib, sys\n"
    "from btcturk_kit.adapters.count_file import CountFile\n"
    "file = CountFile(pathlib.Path(sys.argv[1]), fresh=[0, 0, 0], layout='three')\n"
    "with file:\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.readline()\n"
    "    file.cells[0] = 5\n"
)


def test_a_lock_that_is_held_is_waited_for_and_not_forever(tmp_path: Path) -> None:
    """A program that was stopped in the middle is named as the cause; once it goes on, so do we."""
    path = tmp_path / "counts"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "held\n"
        hasty = CountFile(path, fresh=[0, 0, 0], layout="three", lock_wait_s_max=0.0)
        with pytest.raises(StoreError) as caught, hasty:
            pass
        assert "stopped in the middle" in caught.value.hint
        hasty.close()
        with opened(tmp_path) as patient:
            threading.Timer(
                0.01, lambda: holder.stdin.write("on\n") and holder.stdin.flush()
            ).start()
            with patient:
                assert patient.cells[0] == 5


def test_stamps_of_several_processes_and_of_their_successors_differ(tmp_path: Path) -> None:
    """Four at once, then two more: all stamps differ, and each process's increase."""
    runs = [child(tmp_path, "stamp", 500) for _ in range(4)]
    first = [lines(run) for run in runs]
    later = [lines(child(tmp_path, "stamp", 500)) for _ in range(2)]
    every = [*first, *later]
    assert all(before < after for stamps in every for before, after in pairwise(stamps))
    assert len({stamp for stamps in every for stamp in stamps}) == 3_000
    assert max(max(stamps) for stamps in first) < min(later[0])


def test_a_refusal_is_obeyed_by_every_process(tmp_path: Path) -> None:
    """One process was told to wait; another one that starts later waits too."""
    now_ms = 10**9
    one, other = pacing(tmp_path, now_ms), pacing(tmp_path, now_ms)
    one.limiter.penalize(Endpoint.CANCEL, 30)
    with pytest.raises(RateLimited):
        asyncio.run(other.limiter.acquire(Endpoint.CANCEL, deadline_ms=now_ms + 29_999))
    for each in (one, other):
        each.close()


def test_a_child_of_a_fork_takes_locks_of_its_own(tmp_path: Path) -> None:
    """Parent and child of a fork exclude each other: no stamp comes twice."""
    code = (
        "import os, pathlib, sys\n"
        "from btcturk_kit.adapters.clocks import SimulatedClock\n"
        "from btcturk_kit.adapters.shared_pacing import Pacing\n"
        "pacing = Pacing.shared(SimulatedClock(5), base_url='http://127.0.0.1:1',\n"
        "                       api_key='key', folder=pathlib.Path(sys.argv[1]))\n"
        "pacing.stamps.next_ms(5)\n"
        "child = os.fork()\n"
        "for _ in range(3000):\n"
        "    os.write(1, b'%d\\n' % pacing.stamps.next_ms(5))\n"
        "if child:\n"
        "    os.waitpid(child, 0)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    stamps = run.stdout.split()
    assert len(stamps) == len(set(stamps)) == 6_000


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    """Two threads of one process add to a cell a thousand times each."""
    with opened(tmp_path) as file:

        def add() -> None:
            for _ in range(1_000):
                with file:
                    file.cells[0] += 1

        threads = [threading.Thread(target=add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert file.cells[0] == 2_000


# ---- files


def test_counts_survive_and_are_private(tmp_path: Path) -> None:
    """A second opening sees what the first wrote; folder 0700, file 0600, no draft left behind."""
    folder = tmp_path / "state"
    with opened(folder) as file, file:
        file.cells[1] = -7
    with opened(folder) as file:
        assert list(file.cells) == [0, -7, 0]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "counts").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["counts"]


def test_names_tell_neither_key_nor_address(tmp_path: Path) -> None:
    """Counts of the address and of the account, and stamps; without a key only the first."""
    pacing(tmp_path).close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name.partition("-")[0] for name in names] == ["account", "address", "stamps"]
    assert not any("key" in name or "127" in name for name in names)
    public = Pacing.shared(SimulatedClock(0), base_url=URL, folder=tmp_path / "public")
    assert [path.name[:8] for path in (tmp_path / "public").iterdir()] == ["address-"]
    asyncio.run(public.limiter.acquire(Endpoint.SUBMIT))
    public.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-8],
        lambda content: content + b"\0" * 8,
        lambda _: b"",
        lambda content: b"\0" * len(content),
        lambda content: content[:20] + b"x" + content[21:],
    ],
)
def test_a_damaged_file_is_refused_and_left_as_it_is(damage: object, tmp_path: Path) -> None:
    """Cut, longer, empty, zeroed or with another head: an error with a hint, nothing written."""
    with opened(tmp_path):
        pass
    path = tmp_path / "counts"
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()
    with pytest.raises(StoreCorrupt) as caught, opened(tmp_path):
        pass
    assert "delete" in caught.value.hint
    assert path.read_bytes() == content


def test_a_file_for_other_cells_is_refused(tmp_path: Path) -> None:
    """The same number of cells that mean something else is another file."""
    with opened(tmp_path):
        pass
    with pytest.raises(StoreCorrupt):
        CountFile(tmp_path / "counts", fresh=[0, 0, 0], layout="other three")


def test_cells_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """A head that is right above counts that nobody wrote: damage too."""
    pacing(tmp_path).close()
    (path,) = tmp_path.glob("address-*")
    content = bytearray(path.read_bytes())
    content[400:] = b"\x11" * (len(content) - 400)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        pacing(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file stands where the folder should be: one line and a hint."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as caught:
        pacing(tmp_path / "file")
    assert "check the folder" in caught.value.hint


def test_a_disk_that_is_full_says_so(tmp_path: Path) -> None:
    """No space for the mark of the stamps: the call ends with that error."""

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    shared = pacing(tmp_path, flush=full)
    with pytest.raises(StorageFull):
        shared.stamps.next_ms(5)
    shared.close()


def test_after_a_restart_of_the_machine_counts_hold_for_a_period(tmp_path: Path) -> None:
    """The monotonic clock begins anew: what was sent just before the restart still counts."""
    before = pacing(tmp_path, 10**9)
    for _ in range(10):
        asyncio.run(before.limiter.acquire(Endpoint.SUBMIT))
    before.close()
    clock = SimulatedClock(30_000)
    after = Pacing.shared(clock, base_url=URL, api_key="key", folder=tmp_path)
    asyncio.run(after.limiter.acquire(Endpoint.SUBMIT))
    assert clock.now_ms() == 31_250
    after.close()


def test_who_opens_late_takes_nobody_back(tmp_path: Path) -> None:
    """The clock is read under the lock: what others count meanwhile is not of the future."""
    early = pacing(tmp_path)
    fresh = fresh_counts(policy="ip")
    (path,) = tmp_path.glob("address-*")
    late = CountFile(path, fresh=fresh, layout=repr(RULES))
    before = list(late.cells)

    def now_ms() -> int:
        # Nobody else gets here while the lock is held; this one has waited for it until now.
        return NOW + 5_000

    early.limiter._clock.set_ms(NOW + 4_000)
    asyncio.run(early.limiter.acquire(Endpoint.ALL_ORDERS))
    counted = list(late.cells)
    assert counted != before
    SharedWindows(late, None, margin_ms=0, now_ms=now_ms)
    assert list(late.cells) == counted
    late.close()
    early.close()


def test_egress_addresses_share_the_account_only(tmp_path: Path) -> None:
    """Another way out counts its own address; the account is the same."""
    here, there = pacing(tmp_path), pacing(tmp_path, egress="proxy")
    for _ in range(10):
        asyncio.run(here.limiter.acquire(Endpoint.SUBMIT))
    asyncio.run(there.limiter.acquire(Endpoint.TICKER, deadline_ms=NOW))
    with pytest.raises(RateLimited):
        asyncio.run(there.limiter.acquire(Endpoint.SUBMIT, deadline_ms=NOW))
    for each in (here, there):
        each.close()


@pytest.mark.parametrize("endpoint", [Endpoint.SUBMIT, Endpoint.ALL_ORDERS])
def test_a_late_answer_corrects_the_counts_of_everybody(endpoint: Endpoint, tmp_path: Path) -> None:
    """What travelled for long counts later for the other programs too."""
    rules = (
        WindowRule(Endpoint.SUBMIT, 1, 1_000, ("account", "ip")),
        WindowRule(Endpoint.ALL_ORDERS, 1, 1_000, ("ip",)),
    )
    here, there = (pacing(tmp_path, rules=rules) for _ in range(2))
    counted_ms = asyncio.run(here.limiter.acquire(endpoint))
    here.limiter._clock.set_ms(NOW + 700)
    here.limiter.arrived(endpoint, counted_ms)
    there.limiter._clock.set_ms(NOW + 700)
    asyncio.run(there.limiter.acquire(endpoint))
    assert there.limiter._clock.now_ms() == NOW + 1_701
    for each in (here, there):
        each.close()


def test_windows_without_an_account_count_the_address(tmp_path: Path) -> None:
    """Rules of the account are not counted where there is none."""
    rules = (WindowRule(Endpoint.SUBMIT, 2, 1_000, ("account",)),)
    file = CountFile(tmp_path / "a", fresh=fresh_counts(policy="ip", rules=rules), layout="")
    windows = SharedWindows(file, None, margin_ms=0, now_ms=lambda: 0, rules=rules)
    assert [windows.take(Endpoint.SUBMIT, 0) for _ in range(5)] == [1] * 5
    assert windows.wait_ms(Endpoint.SUBMIT, 0) == 0
    file.close()


# ---- closing


def test_closing_twice_closes_no_one_else_s_file(tmp_path: Path) -> None:
    """The number of a closed file may belong to somebody else by then: it is left alone."""
    shared = pacing(tmp_path)
    shared.close()
    others = [(tmp_path / f"other{number}").open("w") for number in range(6)]
    shared.close()
    for other in others:
        other.write("still open")
        other.close()


def test_what_is_closed_says_so(tmp_path: Path) -> None:
    """Room, a cancel's room, a stamp, a refusal: one error of the kit for each, in one line."""
    shared = pacing(tmp_path)
    (path,) = tmp_path.glob("stamps-*")
    shared.close()
    for use in (
        lambda: asyncio.run(shared.limiter.acquire(Endpoint.SUBMIT)),
        lambda: asyncio.run(shared.limiter.acquire(Endpoint.CANCEL)),
        lambda: shared.stamps.next_ms(5),
        lambda: shared.limiter.penalize(Endpoint.CANCEL, 1),
        lambda: shared.limiter._windows.wait_ms(Endpoint.SUBMIT, 5),
    ):
        with pytest.raises(StoreError, match="closed"):
            use()
    assert path.exists()
    # A cancel of a client that is used after it was closed ends at the counts, not at a stamp.
    assert shared.stamps.next_ms(7, is_urgent=True) == 7


def test_who_closes_does_not_wait_forever_for_a_thread(tmp_path: Path) -> None:
    """A thread that holds the lock all the time: another one gives up, and closing goes through."""
    file = CountFile(tmp_path / "counts", fresh=[0], layout="one", lock_wait_s_max=0.01)
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with file:
            is_held.set()
            is_over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait(30)
    with pytest.raises(StoreError, match="holds"), file:
        pass
    file.close()
    is_over.set()
    thread.join()
    with pytest.raises(StoreError, match="closed"), file:
        pass


# ---- a peer that was stopped


@contextmanager
def stopped_holder(*paths: Path) -> Iterator[None]:
    """A program that holds the locks of these files and does nothing."""
    code = (
        "import fcntl, os, sys\n"
        "files = [os.open(path, os.O_RDWR) for path in sys.argv[1:]]\n"
        "for file in files:\n"
        "    fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("on\n")


def test_a_stopped_program_holds_up_no_cancel(tmp_path: Path) -> None:
    """Everything else ends with an error; a cancel is counted and stamped all the same."""
    shared = pacing(tmp_path, 10**6)
    last_ms = shared.stamps.next_ms(10**6)
    with stopped_holder(*tmp_path.iterdir()):
        with pytest.raises(StoreError):
            asyncio.run(shared.limiter.acquire(Endpoint.SUBMIT))
        with pytest.raises(StoreError):
            shared.stamps.next_ms(10**6)
        for _ in range(10):
            asyncio.run(shared.limiter.acquire(Endpoint.CANCEL))
        with pytest.raises(RateLimited):
            asyncio.run(shared.limiter.acquire(Endpoint.CANCEL, deadline_ms=10**6))
        assert shared.stamps.next_ms(10**6, is_urgent=True) == last_ms + 1
        assert shared.stamps.next_ms(10**6, is_urgent=True) == last_ms + 2
        shared.limiter.penalize(Endpoint.CANCEL, 30)
    with pytest.raises(RateLimited):
        asyncio.run(shared.limiter.acquire(Endpoint.CANCEL, deadline_ms=10**6 + 29_000))
    shared.close()


def test_a_lock_is_given_back_whatever_interrupts_the_wait(tmp_path: Path) -> None:
    """Ctrl-C while waiting for another program: the next use waits again, and is not stuck."""
    with opened(tmp_path) as file:
        with stopped_holder(tmp_path / "counts"):
            threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
            with pytest.raises(KeyboardInterrupt):
                file.lock(30.0)
        with file:
            file.cells[0] = 1


# ---- blocks


def test_a_block_reaches_all_who_share_a_count(tmp_path: Path) -> None:
    """The same account by another way out, and the other endpoint of a common window."""
    here, there = pacing(tmp_path), pacing(tmp_path, egress="proxy")
    here.limiter.penalize(Endpoint.CANCEL, 30)
    here.limiter.penalize(Endpoint.KLINES, 30)
    with pytest.raises(RateLimited):
        asyncio.run(there.limiter.acquire(Endpoint.CANCEL, deadline_ms=NOW + 29_000))
    with pytest.raises(RateLimited):
        asyncio.run(here.limiter.acquire(Endpoint.OHLCS, deadline_ms=NOW + 29_000))
    asyncio.run(there.limiter.acquire(Endpoint.OHLCS, deadline_ms=NOW))
    for each in (here, there):
        each.close()


@pytest.mark.parametrize("value", [10**15, -1, 1 << 62])
def test_a_block_that_cannot_be_is_refused(value: int, tmp_path: Path) -> None:
    """Until a thousand years from now, or the end before the beginning: damage."""
    pacing(tmp_path).close()
    (path,) = tmp_path.glob("address-*")
    content = bytearray(path.read_bytes())
    at = 8 * 6
    content[at : at + 16] = struct.pack("=2q", 0, value)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        pacing(tmp_path)


def test_a_last_stamp_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """Beyond every clock: damage, not a sequence to go on with."""
    pacing(tmp_path).close()
    (path,) = tmp_path.glob("stamps-*")
    content = bytearray(path.read_bytes())
    content[-40:-32] = struct.pack("=q", (1 << 63) - 1)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        pacing(tmp_path)


def test_another_table_of_windows_is_another_file(tmp_path: Path) -> None:
    """A release with other windows starts counts of its own, and keeps the stamps."""
    first = pacing(tmp_path)
    last_ms = first.stamps.next_ms(10**12)
    first.close()
    second = pacing(tmp_path, rules=RULES[:-1])
    assert second.stamps.next_ms(5) == last_ms + 1
    second.close()


# ---- requests under way


def test_a_place_is_not_given_away_while_its_request_is_under_way(tmp_path: Path) -> None:
    """Ten cancels travel for three seconds; another program has to wait for their answers too."""

    async def use() -> None:
        here, there = pacing(tmp_path), pacing(tmp_path)
        flights = [
            here.limiter.departed(
                Endpoint.CANCEL, await here.limiter.acquire(Endpoint.CANCEL, deadline_ms=NOW)
            )
            for _ in range(10)
        ]
        for passed_ms in range(0, 3_000, 400):
            for one in (here, there):
                one.limiter._clock.set_ms(NOW + passed_ms)
            # What the timer does; it needs no request of this program.
            here.limiter._renew_all()
            for one in (here, there):
                with pytest.raises(RateLimited):
                    await one.limiter.acquire(Endpoint.CANCEL, deadline_ms=NOW + passed_ms)
        for flight in flights:
            here.limiter.landed(flight)
        await there.limiter.acquire(Endpoint.CANCEL)
        assert there.limiter._clock.now_ms() == NOW + 2_800 + 1_001
        for one in (here, there):
            one.close()

    asyncio.run(use())


def test_the_timer_renews_and_ends(tmp_path: Path) -> None:
    """It runs while something is under way and no longer; closed counts do not disturb it."""

    async def use() -> None:
        one = pacing(tmp_path)
        limiter = one.limiter
        flight = limiter.departed(Endpoint.CANCEL, await limiter.acquire(Endpoint.CANCEL))
        limiter._clock.set_ms(NOW + 2_000)
        limiter._renew_all()
        assert flight.counted_ms == NOW + 1_751
        assert limiter._renewing is asyncio.get_running_loop()
        limiter.landed(flight)
        limiter._renew_all()
        assert limiter._renewing is None
        late = limiter.departed(Endpoint.CANCEL, await limiter.acquire(Endpoint.CANCEL))
        one.close()
        limiter._clock.set_ms(NOW + 9_000)
        limiter._renew_all()
        with pytest.raises(StoreError, match="closed"):
            limiter.landed(late)

    asyncio.run(use())
