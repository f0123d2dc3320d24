"""Limiter and stamps of one client, in one object: alone, or shared with the whole machine.

Never add: counting, sending.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from btcturk_kit.adapters.addresses import checked_base_url, is_loopback
from btcturk_kit.adapters.clocks import SystemClock
from btcturk_kit.adapters.count_file import CountFile, damaged, flush_head, state_folder
from btcturk_kit.adapters.file_lock import account_digest
from btcturk_kit.adapters.rate_limiter import TRAVEL_MARGIN_MS, RateLimiter
from btcturk_kit.adapters.shared_counts import SharedWindows
from btcturk_kit.adapters.stamps import STAMP_CELLS, Stamps
from btcturk_kit.ports.clock import Clock
from btcturk_kit.wire.client_windows import ClientWindows, fresh_counts
from btcturk_kit.wire.pacing import RULES, WindowRule

__all__ = ["Pacing"]

_NS_PER_MS: Final = 1_000_000
_STAMPS_LAYOUT: Final = "last, promised, on disk, boot, last by the exchange's time"


class Pacing:
    """When the next request may go, and its stamp. Make one with `alone` or `shared`.

    Attributes:
        limiter: Waits for room in the windows.
        stamps: The sequence of signed calls.
        measures_clock: Whether stamps are to be corrected by the exchange's time.

    Example:
        >>> from btcturk_kit.adapters.clocks import SimulatedClock
        >>> Pacing.alone(SimulatedClock(1_000)).stamps.next_ms(1_000)
        1000
    """

    __slots__ = ("_files", "limiter", "measures_clock", "stamps")

    def __init__(
        self,
        limiter: RateLimiter,
        stamps: Stamps,
        *,
        files: tuple[CountFile, ...] = (),
        measures_clock: bool = False,
    ) -> None:
        self.limiter = limiter
        self.stamps = stamps
        self.measures_clock = measures_clock
        self._files = files

    @classmethod
    def alone(cls, clock: Clock, *, margin_ms: int = TRAVEL_MARGIN_MS) -> Self:
        """Count in memory: nobody else uses the account or the address."""
        windows = ClientWindows(margin_ms=margin_ms)
        return cls(RateLimiter(clock, windows=windows), Stamps())

    @classmethod
    def usual(
        cls, clock: Clock, *, base_url: str, api_key: str = "", folder: Path | None = None
    ) -> Self:
        """Count as suits an address and a clock.

        On the machine's clock the real exchange's counts are shared. A local exchange is counted
        alone: its windows end with it, and its port comes once. On any other clock time is the
        local exchange's own, which no other process shares and nobody has to measure.

        Args:
            clock: The source of time.
            base_url: The exchange.
            api_key: The account; empty for public calls only.
            folder: Where shared counts are kept; by default the user's state directory.

        Raises:
            StoreError: As `shared`.
        """
        if not isinstance(clock, SystemClock):
            return cls.alone(clock)
        if is_loopback(base_url):
            alone = cls.alone(clock)
            alone.measures_clock = True
            return alone
        return cls.shared(clock, base_url=base_url, api_key=api_key, folder=folder)

    @classmethod
    def shared(
        cls,
        clock: Clock,
        *,
        base_url: str,
        api_key: str = "",
        folder: Path | None = None,
        egress: str = "",
        margin_ms: int = TRAVEL_MARGIN_MS,
        rules: Iterable[WindowRule] = RULES,
        flush: Callable[[mmap.mmap], None] = flush_head,
    ) -> Self:
        """Count together with every process of this machine, and go on after a restart.

        Args:
            clock: The machine's; all who share must read the same monotonic time.
            base_url: The exchange. Each address has counts of its own.
            api_key: The account; empty for public calls only. Each key has counts of its own.
            folder: Where the counts are kept; by default the user's state directory.
            egress: Name of the way out, if this client leaves the machine by another address than
                the others (a proxy): the exchange counts that address apart, the account not.
            margin_ms: How far the travel times of two requests may differ.
            rules: The table of windows.
            flush: Brings the stamps to the disk; for those who count how often.

        Raises:
            ConfigurationError: An address that cannot be one. No file was made.
            StoreCorrupt: A file there is damaged.
            StoreError: The folder cannot be written, or is full.
        """
        checked_base_url(base_url)
        table = tuple(rules)
        where = state_folder(folder)
        place = account_digest(api_key=f"egress:{egress}", base_url=base_url)
        # Another table is another file: a new release neither refuses nor misreads the old counts.
        kind = sha256(repr(table).encode()).hexdigest()[:8]
        address = CountFile(
            where / f"address-{place}-{kind}.counts",
            fresh=fresh_counts(policy="ip", rules=table),
            layout=repr(table),
        )
        files = [address]
        stamps = Stamps()
        account: CountFile | None = None
        try:
            if api_key:
                name = account_digest(api_key=api_key, base_url=base_url)
                account = CountFile(
                    where / f"account-{name}-{kind}.counts",
                    fresh=fresh_counts(policy="account", rules=table),
                    layout=repr(table),
                )
                files.append(account)
                sequence = CountFile(
                    where / f"stamps-{name}.counts",
                    fresh=[0] * STAMP_CELLS,
                    layout=_STAMPS_LAYOUT,
                    flush=flush,
                )
                files.append(sequence)
                stamps = Stamps(
                    sequence.cells, guard=sequence, hasty_guard=sequence.hasty, flush=sequence.flush
                )
                _require_sound(stamps, sequence)
                stamps.resume(clock.now_ms() - clock.monotonic_ns() // _NS_PER_MS)
            windows = SharedWindows(
                address,
                account,
                margin_ms=margin_ms,
                now_ms=lambda: clock.monotonic_ns() // _NS_PER_MS,
                rules=table,
            )
        except BaseException:  # cleans up and raises again, whatever it was
            for file in files:
                file.close()
            raise
        return cls(
            RateLimiter(clock, windows=windows), stamps, files=tuple(files), measures_clock=True
        )

    def close(self) -> None:
        """Give the files back; what was counted stays counted. Closing again does nothing."""
        with ExitStack() as stack:
            for file in self._files:
                stack.callback(file.close)


def _require_sound(stamps: Stamps, file: CountFile) -> None:
    if not stamps.is_sound():
        raise damaged(file.path)
