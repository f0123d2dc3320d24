"""What a signal does to a command that runs an event loop."""

from __future__ import annotations

import asyncio
import signal

import pytest

from btcturk_kit.cli.stopping import until_stopped

SIGNALS = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@SIGNALS
def test_a_signal_cancels_the_run_which_ends_cleaned_up(number: signal.Signals, code: int) -> None:
    """The code says which signal it was; what the run opened is closed while signals are ours."""
    closed: list[str] = []

    async def run() -> str:
        try:
            signal.raise_signal(number)
            await asyncio.Event().wait()
            return "never"
        finally:
            await asyncio.sleep(0)
            signal.raise_signal(signal.SIGURG)  # nobody's: it changes nothing
            closed.append("closed")

    assert asyncio.run(until_stopped(run)) == (code, None)
    assert closed == ["closed"]


@SIGNALS
def test_signals_are_given_back(number: signal.Signals, code: int) -> None:
    """After the run, however it ended, the loop has no handler left to take away."""

    async def whole() -> list[object]:
        async def stopped() -> None:
            signal.raise_signal(number)
            await asyncio.Event().wait()

        async def fine() -> int:
            return 7

        async def broken() -> None:
            raise LookupError

        found: list[object] = [await until_stopped(fine)]
        loop = asyncio.get_running_loop()
        found.append(loop.remove_signal_handler(number))
        with pytest.raises(LookupError):
            await until_stopped(broken)
        found.append(loop.remove_signal_handler(number))
        found.append(await until_stopped(stopped))
        found.append(loop.remove_signal_handler(number))
        return found

    assert asyncio.run(whole()) == [(0, 7), False, False, (code, None), False]


def test_a_cancellation_that_is_no_signal_goes_on() -> None:
    """Who canceled the run from outside hears of it."""

    async def whole() -> bool:
        begun = asyncio.Event()

        async def run() -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(until_stopped(run))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(whole())
