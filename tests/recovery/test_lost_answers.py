"""Answers that never come and requests that never leave: the run goes on, and so do the books."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from tests.cli.commands import KEY, QUICK_TREND, SECRET, exchange, stage4, truth_of
from tests.recovery.evidence import Books, books_of, contradictions

from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.compose.live import stage4 as assembled
from btcturk_kit.errors import OutcomeUnknown, TransportError
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.sandbox import SandboxAddress
from btcturk_kit.settings import FixedSettings

pytestmark = pytest.mark.long

CYCLES = 60
ORDER = "/api/v1/order"


class LossyTransport:
    """A real transport on a bad line: some orders do not leave, of others the answer is lost."""

    def __init__(self, seed: int, *, reads: bool) -> None:
        self._inner = Httpx2Transport()
        self._draw = Random(seed)  # noqa: S311 - chooses failures, keeps no secret
        self._reads = reads
        self.lost: Counter[str] = Counter()

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send a request, or fail before, or fail after it was carried out."""
        path = request.target.partition("?")[0]
        is_write = request.method != "GET" and path == ORDER
        is_read = request.method == "GET" and path.startswith("/api/")
        if not is_write and not (is_read and self._reads):
            return await self._inner.send(request, timeout_s=timeout_s)
        chance = self._draw.random()
        edge = 0.2 if is_write else 0.01
        if chance < edge:
            self.lost[f"{request.method} before"] += 1
            raise TransportError("not sent")
        response = await self._inner.send(request, timeout_s=timeout_s)
        if chance < 2 * edge:
            self.lost[f"{request.method} after"] += 1
            raise OutcomeUnknown("no answer")
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def run(address: SandboxAddress, db: Path, transport: LossyTransport) -> None:
    """Run a bot over such a line."""
    settings = FixedSettings(
        api_key=KEY,
        api_secret=SECRET,
        rest_url=address.rest,
        control_url=address.control,
        control_token=address.control_token,
        cycle_seconds=3600,
        db=db,
        order_ttl_seconds=3600,
        parameters=json.loads(QUICK_TREND["BTCTURK_KIT_PARAMETERS"]),
    )
    async with assembled(settings, transport=transport, failures_max=3) as bot:
        await bot.runner.run(max_cycles=CYCLES)
    await transport.aclose()


@pytest.mark.parametrize(("seed", "reads"), [(4, False), (5, False), (4, True)])
def test_a_bad_line_costs_time_and_no_money(tmp_path: Path, seed: int, reads: bool) -> None:  # noqa: FBT001 - parametrized
    """No order is sent twice, no trade is lost, and nothing stays unknown in the end."""
    db = tmp_path / "state.db"
    transport = LossyTransport(seed, reads=reads)
    with exchange(seed) as address:
        asyncio.run(run(address, db, transport))
        assert transport.lost["POST before"] > 0
        assert transport.lost["POST after"] > 0
        found = stage4(tmp_path, address, db, 4, **QUICK_TREND)
        truth = truth_of(address)
    books: Books = books_of(db)
    assert contradictions(books, truth) == []
    assert set(found["exchange_difference"].values()) == {"0"}
    assert "order_unknown" in books.anomalies
    assert len(truth["trades"]) > 5
    # What never left was refused here, and is known as such.
    refused = sum(status == "rejected" for status, *_ in books.orders.values())
    assert refused == transport.lost["POST before"]
