"""The exchange's clock, estimated from what it answered and how long that took.

Never add: a clock, asking, waiting.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "SKEW_MS_MAX",
    "ClockReading",
    "Offset",
    "ServerClock",
    "is_beyond",
    "is_plausible",
]

SKEW_MS_MAX: Final = 4_000
"""How far off a clock may be before we refuse to sign: the exchange draws the line at 5 s (FAQ)."""

# 2015 and 2100, UTC. What is beyond is no time of an exchange, and must not move stamps.
_EARLIEST_MS: Final = 1_420_070_400_000
_LATEST_MS: Final = 4_102_444_800_000

_AGE_MS_MAX: Final = 600_000
_LAST_AGE_MS_MAX: Final = 1_200_000
_STEP_MS_MAX: Final = 500
_SAMPLES: Final = 8
# The exchange's clock counts whole milliseconds, and so does ours.
_RESOLUTION_MS: Final = 2
# A quartz that is off by 50 in a million, which is a bad one.
_DRIFT_PER_MS: Final = 20_000


class ClockReading(NamedTuple):
    """Both clocks of this machine at one instant."""

    wall_ms: int
    monotonic_ms: int


class Offset(NamedTuple):
    """How far the exchange's clock is ahead of ours.

    Attributes:
        offset_ms: Exchange minus us.
        uncertainty_ms: By how much that may be wrong, either way.
        age_ms: Since it was measured.
    """

    offset_ms: int
    uncertainty_ms: int
    age_ms: int


class _Sample(NamedTuple):
    offset_ms: int
    round_trip_ms: int
    at: ClockReading

    def uncertainty_ms(self, now: ClockReading) -> int:
        age_ms = now.monotonic_ms - self.at.monotonic_ms
        return (self.round_trip_ms + 1) // 2 + _RESOLUTION_MS + age_ms // _DRIFT_PER_MS


class ServerClock:
    """What is known about the exchange's clock; of the last samples the most certain one counts.

    The answer was read off somewhere between sending and receiving, so half of the round trip is
    the uncertainty: a slow answer says little, and never displaces a quick one that is still good.

    Example:
        >>> clock = ServerClock()
        >>> base_ms = 1_700_000_000_000
        >>> clock.observe(
        ...     sent=ClockReading(base_ms, 50),
        ...     server_ms=base_ms + 2_520,
        ...     received=ClockReading(base_ms + 40, 90),
        ... )
        >>> clock.offset(ClockReading(base_ms + 40, 90))
        Offset(offset_ms=2500, uncertainty_ms=22, age_ms=0)
    """

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: list[_Sample] = []

    def observe(self, *, sent: ClockReading, server_ms: int, received: ClockReading) -> None:
        """Learn from one answer.

        One during which the wall clock was set teaches nothing, one that is no time neither.

        Args:
            sent: Just before the question left.
            server_ms: What the exchange said.
            received: Just after the answer came.
        """
        if _has_stepped(sent, received) or not is_plausible(server_ms):
            return
        round_trip_ms = received.monotonic_ms - sent.monotonic_ms
        offset_ms = server_ms - sent.wall_ms - round_trip_ms // 2
        self._samples.append(_Sample(offset_ms, round_trip_ms, received))
        del self._samples[:-_SAMPLES]

    def forget(self) -> None:
        """Drop every sample: the exchange has shown that they are wrong."""
        self._samples.clear()

    def is_due(self, now: ClockReading, *, is_urgent: bool = False, is_write: bool = False) -> bool:
        """Whether to ask again: never asked, a clock was set since, or ten minutes ago.

        Args:
            now: Our clocks.
            is_urgent: The call that waits for it would rather go with an old estimate.
            is_write: The call would rather go with an estimate of up to twenty minutes: reads,
                which can wait, keep it fresh.
        """
        if not self._samples:
            return True
        last = self._samples[-1].at
        if _has_stepped(last, now):
            return True
        age_ms_max = _LAST_AGE_MS_MAX if is_write else _AGE_MS_MAX
        return not is_urgent and now.monotonic_ms - last.monotonic_ms >= age_ms_max

    def offset(self, now: ClockReading) -> Offset | None:
        """Return the best estimate, None if there is none since our clock was last set."""
        good = [sample for sample in self._samples if not _has_stepped(sample.at, now)]
        if not good:
            return None
        best = min(good, key=lambda sample: sample.uncertainty_ms(now))
        age_ms = now.monotonic_ms - best.at.monotonic_ms
        return Offset(best.offset_ms, best.uncertainty_ms(now), age_ms)


def is_plausible(server_ms: int) -> bool:
    """Whether this can be the time of an exchange: of the years 2015 to 2099.

    Example:
        >>> is_plausible(1_700_000_000_000), is_plausible(1_000), is_plausible(10**40)
        (True, False, False)
    """
    return _EARLIEST_MS <= server_ms < _LATEST_MS


def is_beyond(offset: Offset) -> bool:
    """Whether a clock is certainly too far off to sign anything with.

    Example:
        >>> is_beyond(Offset(4_010, 20, 0)), is_beyond(Offset(-4_030, 20, 0))
        (False, True)
    """
    return abs(offset.offset_ms) - offset.uncertainty_ms > SKEW_MS_MAX


def _has_stepped(before: ClockReading, after: ClockReading) -> bool:
    wall_ms = after.wall_ms - before.wall_ms
    return abs(wall_ms - (after.monotonic_ms - before.monotonic_ms)) > _STEP_MS_MAX
