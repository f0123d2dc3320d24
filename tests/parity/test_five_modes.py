"""Five modes, one bot: the same market and the same draws give the same decisions in all of them.

Each thing that has to be the same for that is changed alone, and the decisions are others.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from btcturk_kit.sandbox.rest.faults import RestFault, RestFaultKind
from btcturk_kit.simulation.venue_models import Throttle, VenueModels
from btcturk_kit.wire.pacing import Endpoint

from .bots import BOTS
from .market import RULES, TRY
from .modes import (
    AS_THE_EXCHANGE,
    Told,
    World,
    backtest,
    dry_run,
    in_process,
    recorded,
    replayed,
    streamed,
)


async def all_modes(world: World, folder: Path, *, with_stream: bool = True) -> dict[str, Told]:
    """Run the bot in all modes."""
    path = folder / "flight.jsonl.gz"
    told = {
        "in process": await in_process(world),
        "over the wire": await recorded(world, path),
        "replay": await replayed(world, path),
        "dry run": await dry_run(world),
        "backtest": await backtest(world),
    }
    if with_stream:
        told["over the wire with the stream"] = await streamed(world)
    return told


def check_equal(told: dict[str, Told], *, fills_min: int) -> None:
    """Hold every mode against the first, decision by decision."""
    first = told["in process"]
    for mode, other in told.items():
        assert other.digests == first.digests, mode
        assert other.digest == first.digest, mode
        assert [one.content for one in other.fills] == [one.content for one in first.fills], mode
        assert other.equity_try == first.equity_try, mode
    assert len(first.fills) >= fills_min


@pytest.mark.parametrize("bot", BOTS)
def test_five_modes_decide_alike(bot: str, tmp_path: Path) -> None:
    """Backtest, replay, dry run and the local exchange with and without sockets agree."""
    world = World(bot=bot, cycles=60)
    check_equal(asyncio.run(all_modes(world, tmp_path)), fills_min=5)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("bot", BOTS)
def test_five_modes_decide_alike_for_long(bot: str, seed: int, tmp_path: Path) -> None:
    """The same over two thousand cycles, with two seeds of market and draws.

    The stream takes part with the first of them: it costs as much as three other modes.
    """
    world = World(bot=bot, cycles=2_000, tape_seed=seed, draws_seed=seed)
    told = asyncio.run(all_modes(world, tmp_path, with_stream=seed == 1))
    check_equal(told, fills_min=250)


RACING = World(bot="taker", lead_ms=9_996)
"""The book changes four milliseconds after each decision: a submit is there before it or not."""


def test_races_end_alike_because_they_are_drawn_alike() -> None:
    """Where a few milliseconds decide, a backtest and the local exchange agree on each order."""
    one, other = asyncio.run(in_process(RACING)), asyncio.run(backtest(RACING))
    assert one.digest == other.digest
    assert len(one.fills) >= 10


BASE = World(bot="rester")
OTHER: dict[str, tuple[World, dict[str, Any]]] = {
    "tape": (BASE, {"tape_seed": 8}),
    "publication view": (BASE, {"publication_ms": BASE.lead_ms + 1}),
    "latencies per client order id": (RACING, {"draws_seed": 12}),
    "latency model": (RACING, {"models": replace(AS_THE_EXCHANGE, latency=VenueModels().latency)}),
    "fee level": (BASE, {"fee_level": 2}),
    "pair rules": (BASE, {"rules": replace(RULES, quantity_scale=5)}),
    "opening balances": (BASE, {"opening": ((TRY, Decimal(90_000)),)}),
    "warm-up": (BASE, {"warm_up": 40}),
    "throttling": (
        BASE,
        {"models": replace(AS_THE_EXCHANGE, throttle=Throttle(windows=((1, 60_000),)))},
    ),
}


@pytest.mark.parametrize("held", OTHER)
def test_each_thing_held_equal_matters(held: str) -> None:
    """Changed alone, it makes other decisions: so equal digests prove that it was equal."""
    world, changes = OTHER[held]
    one = asyncio.run(backtest(world))
    assert one.digest == asyncio.run(backtest(world)).digest
    assert one.digest != asyncio.run(backtest(replace(world, **changes))).digest


SLOW = {
    "decision instants": {"late_ms": 1},
    "visibility of fills": {
        "faults": (
            RestFault(
                kind=RestFaultKind.LATE_HISTORY, endpoints=(Endpoint.TRADE_HISTORY,), ms=12_000
            ),
        )
    },
    "visibility of balances": {
        "opening": ((TRY, Decimal(2_000)),),
        "faults": (RestFault(kind=RestFaultKind.STALE_BALANCES, ms=60_000),),
    },
    "requests refused": {
        "faults": (RestFault(kind=RestFaultKind.TOO_MANY, endpoints=(Endpoint.SUBMIT,), ms=1_000),)
    },
    "own quantity in the book": {"subtracts_own": False},
}


@pytest.mark.parametrize("held", SLOW)
def test_each_thing_held_equal_at_the_exchange_matters(held: str) -> None:
    """What only an exchange can change, changed alone, makes other decisions than the backtest."""
    world = BASE
    changes: dict[str, Any] = dict(SLOW[held])
    if "opening" in changes:  # so little cash that a buy waits for the proceeds of a sale
        world = replace(world, bot="taker", opening=changes.pop("opening"))
    one = asyncio.run(backtest(world))
    assert one.digest != asyncio.run(in_process(replace(world, **changes))).digest
