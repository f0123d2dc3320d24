"""One of several programs that ask a local exchange for everything, as fast as they are let.

    python hammer.py '{"rest": ..., "api_key": ..., "api_secret": ..., "folder": ..., ...}'

All share one account, one address and one folder of counts. Tasks give up at random and ask again.
Prints one JSON object: per endpoint how many requests were answered, zero if none was, and how many
with 429.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from btcturk_kit.adapters.clocks import SystemClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.adapters.rest_session import RestSession
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.money import decimal_of
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.errors import RateLimited, VenueError
from btcturk_kit.wire import requests
from btcturk_kit.wire.requests import WireRequest
from btcturk_kit.wire.signing import Credentials

__all__ = ["main"]

PAIR = Symbol("BTCTRY")
# Far more than the account has: refused for its balance, and counted like any other.
ORDER = LimitOrder(PAIR, Side.BUY, quantity=decimal_of("1000"), price=decimal_of("1000000"))
WIRES = (
    requests.submit(ORDER, client_order_id=ClientOrderId("hammer")),
    requests.cancel(OrderId(1)),
    requests.order(OrderId(1)),
    requests.open_orders(PAIR),
    requests.balances(),
    requests.ticker(),
    requests.order_book(PAIR, limit=5),
)
TASKS = 3


class Hammer:
    """One program."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.answered = Counter[str]({wire.endpoint: 0 for wire in WIRES})
        self.refused: Counter[str] = Counter()
        self.draw = random.Random(options["seed"])  # noqa: S311 - spreads load, guards nothing

    async def run(self) -> None:
        """Ask until the end."""
        transport = Httpx2Transport(None)
        pacing = Pacing.shared(
            SystemClock(),
            base_url=self.options["rest"],
            api_key=self.options["api_key"],
            folder=Path(self.options["folder"]),
            margin_ms=self.options["margin_ms"],
        )
        session = self._session(transport, pacing)
        await asyncio.sleep(max(0.0, self.options["start_s"] - time.time()))
        try:
            async with asyncio.timeout_at(
                asyncio.get_running_loop().time() + self.options["end_s"] - time.time()
            ):
                await asyncio.gather(*[self._ask(session, wire) for wire in WIRES * TASKS])
        except TimeoutError:
            pass
        finally:
            pacing.close()
            await transport.aclose()

    def _session(self, transport: Httpx2Transport, pacing: Pacing) -> RestSession:
        return RestSession(
            base_url=self.options["rest"],
            credentials=Credentials(self.options["api_key"], self.options["api_secret"]),
            transport=transport,
            clock=SystemClock(),
            limiter=pacing.limiter,
            timeout_s=30,
            patience_s=300,
            read_retry=ReadRetry(attempts=1),
            stamps=pacing.stamps,
            measures_clock=True,
        )

    async def _ask(self, session: RestSession, wire: WireRequest) -> None:
        while True:
            try:
                # Some wait patiently and some not at all; who gives up has asked for nothing.
                patience_s = self.draw.choice([0.0, 0.5, 200.0])
                await session.send(wire, deadline_ns=session.deadline_ns(patience_s))
            except RateLimited as error:
                if error.reason.startswith("not sent"):
                    await asyncio.sleep(self.draw.uniform(0.0, 0.05))
                    continue
                self.refused[wire.endpoint] += 1
            except VenueError:
                pass
            self.answered[wire.endpoint] += 1


def main() -> None:
    """Run one program to its end."""
    hammer = Hammer(json.loads(sys.argv[1]))
    asyncio.run(hammer.run())
    sys.stdout.write(json.dumps({"answered": hammer.answered, "refused": hammer.refused}))


if __name__ == "__main__":
    main()
