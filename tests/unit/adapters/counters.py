"""A process of its own for the tests of shared counts: `counters.py FOLDER WHAT NUMBER NOW_MS`.

Time stands still in it, so that what it is let do does not depend on the machine's load. It writes
one line per thing it was let do, at once, so that a reader knows of it whatever happens.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.errors import RateLimited
from btcturk_kit.wire.pacing import Endpoint, WindowRule

__all__ = ["LIMIT", "PERIOD_MS", "RULES", "URL"]

URL = "http://127.0.0.1:1"
LIMIT = 1_500
PERIOD_MS = 30_000
RULES = (
    WindowRule(Endpoint.SUBMIT, LIMIT, PERIOD_MS, ("account", "ip")),
    WindowRule(Endpoint.TICKER, LIMIT, PERIOD_MS, ("ip",)),
)


def tell(number: int) -> None:
    """Write one line that is seen at once, and long: a reader that waits stops the writer soon."""
    sys.stdout.write(f"{number:<4000}\n")
    sys.stdout.flush()


async def acquire(pacing: Pacing, endpoint: Endpoint, number: int, now_ms: int) -> None:
    """Ask for room until there is none."""
    for one in range(number):
        try:
            await pacing.limiter.acquire(endpoint, deadline_ms=now_ms)
        except RateLimited:
            return
        tell(one)


def main() -> None:
    """Do what the arguments say."""
    folder, what, number, now_ms = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    pacing = Pacing.shared(
        SimulatedClock(int(now_ms)),
        base_url=URL,
        api_key="key",
        folder=folder,
        margin_ms=0,
        rules=RULES,
    )
    if what == "stamp":
        for _ in range(number):
            tell(pacing.stamps.next_ms(time.time_ns() // 1_000_000))
    else:
        asyncio.run(acquire(pacing, Endpoint[what], number, int(now_ms)))
    pacing.close()


if __name__ == "__main__":
    main()
