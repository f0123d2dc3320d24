"""The rate limiter alone: how the documented windows space requests out, on a simulated clock.

    python examples/05_rate_limiter_alone.py

Sleeping on that clock is a jump, so minutes pass at once. On `SystemClock` it would really wait.
"""

from __future__ import annotations

import asyncio

from btcturk_kit import RateLimiter, SimulatedClock
from btcturk_kit.errors import RateLimited
from btcturk_kit.wire.pacing import Endpoint


async def main() -> None:
    """Send more than a window holds, run into a deadline, and obey a refusal."""
    clock = SimulatedClock(0)
    limiter = RateLimiter(clock)

    print("25 new orders as fast as they may go:")
    sent_s = []
    for _ in range(25):
        await limiter.acquire(Endpoint.SUBMIT)
        sent_s.append(clock.now_ms() / 1_000)
    for second in sorted(set(sent_s)):
        print(f"  {sent_s.count(second):>3} at {second:6.2f} s")

    print("A request that cannot go before its deadline does not wait at all:")
    try:
        while True:
            await limiter.acquire(Endpoint.SUBMIT, deadline_ms=clock.now_ms() + 500)
    except RateLimited as error:
        print(f"  {error.reason}; room again in {error.retry_after_s} s")

    print("The exchange said 429 with Retry-After: 60 to a cancel:")
    limiter.penalize(Endpoint.CANCEL, 60)
    before_ms = clock.now_ms()
    await limiter.acquire(Endpoint.SUBMIT)
    print(f"  the next order goes after {(clock.now_ms() - before_ms) / 1_000} s")
    await limiter.acquire(Endpoint.CANCEL)
    print(f"  the next cancel goes after {(clock.now_ms() - before_ms) / 1_000} s")


if __name__ == "__main__":
    asyncio.run(main())
