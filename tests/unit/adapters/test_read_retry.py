"""Reads are repeated where that can help, a few times, with bounded and jittered waits."""

from __future__ import annotations

import asyncio

import pytest

from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.errors import (
    AuthenticationError,
    BtcturkKitError,
    MaintenanceError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    TransportError,
    VenueError,
)

FAULT = VenueError(status=503, reason="late")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError("down"), True),
        (OutcomeUnknown("cut"), True),
        (FAULT, True),
        (MaintenanceError(status=400, reason="SYSTEM_UNDER_MAINTENANCE"), True),
        (VenueError(status=400, reason="BALANCE_NOT_ENOUGH"), False),
        (AuthenticationError(status=401, reason=""), False),
        (RateLimited(status=429, reason="", retry_after_s=1), False),
        (ProtocolError("html"), False),
    ],
)
def test_what_is_repeated(error: BtcturkKitError, *, expected: bool) -> None:
    """The network, server faults and maintenance; a refusal stays a refusal."""
    assert ReadRetry().can_help(error) is expected
    assert ReadRetry(attempts=1).can_help(error) is False


class Waits:
    """Remembers ceilings and waits; nothing is really waited for."""

    def __init__(self, *, share: float = 1.0) -> None:
        self.share = share
        self.ceilings: list[float] = []
        self.slept: list[float] = []

    def jitter(self, ceiling_s: float) -> float:
        """Draw always the same share of the ceiling."""
        self.ceilings.append(ceiling_s)
        return ceiling_s * self.share

    async def sleep(self, wait_s: float) -> None:
        """Note the wait."""
        self.slept.append(wait_s)


def play(retry: ReadRetry, *steps: BtcturkKitError | str, left_s: float = 100.0) -> tuple[str, int]:
    """Play these answers; return the last one and how many attempts there were."""
    left = list(steps)

    async def once() -> str:
        step = left.pop(0)
        if isinstance(step, str):
            return step
        raise step

    value = asyncio.run(retry.call(once, left_s=lambda: left_s))
    return value, len(steps) - len(left)


def test_attempts_and_ceilings() -> None:
    """Four attempts together; the ceiling of the wait doubles up to its maximum."""
    waits = Waits(share=0.5)
    retry = ReadRetry(
        attempts=5, wait_initial_s=0.5, wait_s_max=1.5, jitter=waits.jitter, sleep=waits.sleep
    )
    with pytest.raises(VenueError, match="late"):
        play(retry, TransportError("first"), FAULT, FAULT, FAULT, FAULT)
    assert waits.ceilings == [0.5, 1.0, 1.5, 1.5]
    assert waits.slept == [0.25, 0.5, 0.75, 0.75]


def test_a_healthy_read_waits_for_nothing() -> None:
    """The first answer is returned; neither jitter nor sleep is asked."""
    waits = Waits()
    assert play(ReadRetry(jitter=waits.jitter, sleep=waits.sleep), "answer") == ("answer", 1)
    assert waits.ceilings == waits.slept == []


def test_the_first_success_ends_it() -> None:
    """What the repeated call returns is returned."""
    waits = Waits()
    retry = ReadRetry(jitter=waits.jitter, sleep=waits.sleep)
    assert play(retry, FAULT, TransportError("again"), "answer", FAULT) == ("answer", 3)


def test_another_error_ends_it_too() -> None:
    """A refusal that comes after a fault is not repeated."""
    waits = Waits()
    refusal = VenueError(status=400, reason="NO")
    with pytest.raises(VenueError, match="NO"):
        play(ReadRetry(jitter=waits.jitter, sleep=waits.sleep), FAULT, refusal, "answer")


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    """The last error is raised instead, at once; a wait that just fits is made."""
    waits = Waits()
    retry = ReadRetry(wait_initial_s=0.5, jitter=waits.jitter, sleep=waits.sleep)
    with pytest.raises(VenueError, match="late"):
        play(retry, FAULT, "answer", left_s=0.499)
    assert waits.slept == []
    assert play(retry, FAULT, "answer", left_s=0.5) == ("answer", 2)


def test_any_number_of_attempts_is_possible() -> None:
    """The ceiling is computed without an overflow after thousands of failures."""
    waits = Waits(share=0.0)
    retry = ReadRetry(attempts=3_000, jitter=waits.jitter, sleep=waits.sleep)
    with pytest.raises(VenueError, match="late"):
        play(retry, *[FAULT] * 3_000)
    assert max(waits.ceilings) == 2.0


def test_the_default_sleep_is_real() -> None:
    """Without injection the loop's own sleep is used."""
    assert play(ReadRetry(jitter=lambda _: 0.0), FAULT, "answer") == ("answer", 2)


def test_the_jitter_is_full() -> None:
    """Waits lie anywhere between nothing and the ceiling."""
    waits = [ReadRetry().jitter(2.0) for _ in range(200)]
    assert all(0 <= wait <= 2 for wait in waits)
    assert min(waits) < 0.5
    assert max(waits) > 1.5
