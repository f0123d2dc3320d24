"""Stage 7 on the prices of an exchange: a pair that goes off the list in the middle of a run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.reporting.published import adapter

from btcturk_kit.adapters.journal_file import read_journal
from btcturk_kit.compose.stage7 import Stage7
from btcturk_kit.compose.stage7_live import stage7_live
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.ports.transport import HttpRequest, HttpResponse, HttpTransport
from btcturk_kit.runtime.run_report import RunReport
from btcturk_kit.sandbox import LocalExchange
from btcturk_kit.settings import FixedSettings, Settings

COIN, GONE = Asset("BTC"), "BTCTRY"


class Delisting:
    """An exchange that lists ETHTRY no more from when it is told so."""

    def __init__(self, inner: HttpTransport, is_gone: Callable[[], bool]) -> None:
        self._inner = inner
        self._is_gone = is_gone

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Answer as the exchange does, without the pair."""
        answer = await self._inner.send(request, timeout_s=timeout_s)
        path = request.target.partition("?")[0]
        if not path.endswith(("/exchangeinfo", "/ticker")) or not self._is_gone():
            return answer
        told: dict[str, Any] = json.loads(answer.body)
        if path.endswith("/ticker"):
            told["data"] = [one for one in told["data"] if one["pair"] != GONE]
        else:
            pairs = told["data"]["symbols"]
            told["data"]["symbols"] = [one for one in pairs if one["name"] != GONE]
        return answer._replace(body=json.dumps(told).encode())

    async def aclose(self) -> None:
        """Leave the exchange to its owner."""


def settings(tmp_path: Path, local: LocalExchange) -> Settings:
    """Return settings of a quick trend bot at a local exchange."""
    address = local.address
    return FixedSettings(
        rest_url=address.rest,
        control_url=address.control,
        control_token=address.control_token,
        state_dir=tmp_path,
        db=tmp_path / "s7.sqlite3",
        cycle_seconds=120,
        symbols=("BTCTRY",),
        parameters={"trend": {"fast_bars": 2, "slow_bars": 8, "entry_offset_ratio": "0.0001"}},
    )


async def ran(
    tmp_path: Path, local: LocalExchange, cycles: int, *, is_gone: Callable[[Stage7], bool]
) -> RunReport:
    """Run on all pairs of the exchange, one of which goes off the list."""
    made: list[Stage7] = []
    transport = Delisting(local.transport(), lambda: bool(made) and is_gone(made[0]))
    async with stage7_live(
        settings(tmp_path, local),
        is_dynamic=True,
        journal=tmp_path / "s7.jsonl",
        failures_max=None,
        transport=transport,
    ) as bot:
        made.append(bot)
        return await bot.runner.run(max_cycles=cycles)


def holds(bot: Stage7) -> bool:
    """Whether the books hold coins of the pair."""
    stored = bot.store.load()
    position = None if stored is None else stored.state.positions.get(COIN)
    return position is not None and position.quantity > 0


def test_a_run_goes_on_without_a_held_pair_that_is_listed_no_more(tmp_path: Path) -> None:
    """It says so once, reduces risk for a while, counts the coins at cost and trades the others."""

    async def main() -> RunReport:
        has_gone = False

        def is_gone(bot: Stage7) -> bool:
            nonlocal has_gone
            has_gone = has_gone or holds(bot)
            return has_gone

        pairs = ("BTCTRY", "ETHTRY")
        async with LocalExchange(seed=1, pairs=pairs) as local:
            return await ran(tmp_path, local, 40, is_gone=is_gone)

    report = asyncio.run(main())
    assert report.cycles == 40
    documents = list(read_journal(tmp_path / "s7.jsonl"))
    for one in documents:
        adapter().validate_python(one)
    told = [one for one in documents if any(a["code"] == "pair_gone" for a in one["anomalies"])]
    assert len(told) == 1
    assert told[0]["mode"]["final"] == "REDUCE_RISK_ONLY"
    assert {"rule": "vote", "mode": "REDUCE_RISK_ONLY"}.items() <= (
        told[0]["mode"]["reasons"][-1].items()
    )
    holding = next(row for row in told[0]["exposure"]["holdings"] if row["asset"] == COIN)
    assert holding["value_try"] == holding["cost_try"]
    assert documents[-1]["mode"]["final"] == "NORMAL"
    assert report.state.positions[COIN].quantity > 0
    after = documents[documents.index(told[0]) :]
    assert {row["symbol"] for one in after for row in one["submits"]} == {"ETHTRY"}
    gone = {row["symbol"]: row["code"] for row in after[-1]["universe"]["excluded"]}
    assert gone[GONE] == "no_data"
