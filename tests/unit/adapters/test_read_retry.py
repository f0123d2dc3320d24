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


def test_attempts_and_ceilings() -> None:
    """Four attempts together; the ceiling of the wait doubles up to its maximum."""
    ceilings: list[float] = []
    calls: list[int] = []

    def no_wait(ceiling_s: float) -> float:
        ceilings.append(ceiling_s)
        return 0.0

    async def call() -> str:
        calls.append(1)
        raise FAULT

    retry = ReadRetry(attempts=4, wait_initial_s=0.5, wait_s_max=1.5, jitter=no_wait)
    with pytest.raises(VenueError, match="late"):
        asyncio.run(retry.repeat(call, after=TransportError("first")))
    assert len(calls) == 3
    assert ceilings[:3] == [0.5, 1.0, 1.5]


def test_the_first_success_ends_it() -> None:
    """What the repeated call returns is returned."""
    left = [FAULT, TransportError("again")]

    async def call() -> str:
        if left:
            raise left.pop()
        return "answer"

    retry = ReadRetry(jitter=lambda _: 0.0)
    assert asyncio.run(retry.repeat(call, after=FAULT)) == "answer"


def test_another_error_ends_it_too() -> None:
    """A refusal that comes after a fault is not repeated."""

    async def call() -> str:
        raise VenueError(status=400, reason="NO")

    with pytest.raises(VenueError, match="NO"):
        asyncio.run(ReadRetry(jitter=lambda _: 0.0).repeat(call, after=FAULT))


def test_the_jitter_is_full() -> None:
    """Waits lie anywhere between nothing and the ceiling."""
    waits = [ReadRetry().jitter(2.0) for _ in range(200)]
    assert all(0 <= wait <= 2 for wait in waits)
    assert min(waits) < 0.5
    assert max(waits) > 1.5
