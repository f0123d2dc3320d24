"""A simulated session against the local exchange: the difference falls apart into its causes."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.dataset_files import write_dataset
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.cli.app import app
from btcturk_kit.compose.live import stage4
from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.reporting.difference import CAUSES, Cause, attribute, orders_of
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.market.dataset_tape import DatasetTape
from btcturk_kit.sandbox.venue.fee_levels import fees_of_level
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.settings import Settings
from btcturk_kit.simulation.venue_models import Queue, VenueModels

from .market import BTCTRY, CYCLE_MS, RULES, TRY, market
from .modes import AS_THE_EXCHANGE, FEES, World, backtest, in_process

REAL = World(
    bot="rester",
    lead_ms=9_996,
    fee_level=2,
    cycles=200,
    rules=replace(RULES, quantity_scale=5),
)
"""A session on an exchange: the book changes four milliseconds after each decision.

The exchange has taken three decimals from amounts, which the simulation does not know.
"""

AWAY = frozenset(range(60, 75))
"""The cycles whose books the simulation does not have: its recorder was away."""


@cache
def real() -> Decimal:
    """Return what the session earned on the local exchange."""
    return asyncio.run(in_process(REAL)).equity_try


@cache
def simulated(known: frozenset[Cause]) -> Decimal:
    """Simulate the session with what is known of it, and with assumptions for the rest."""
    models = VenueModels(
        latency=(AS_THE_EXCHANGE if Cause.LATENCY in known else VenueModels()).latency,
        queue=AS_THE_EXCHANGE.queue if Cause.QUEUE in known else Queue(model="pessimistic"),
        sampled_book=AS_THE_EXCHANGE.sampled_book,
    )
    world = replace(
        REAL,
        models=models,
        fee_level=REAL.fee_level if Cause.FEES in known else 1,
        publication_ms=None if Cause.PUBLICATION in known else REAL.lead_ms + 1,
        missed=frozenset() if Cause.MISSED_DATA in known else AWAY,
        rules=REAL.rules if Cause.ROUNDING in known else RULES,
    )
    return asyncio.run(backtest(world)).equity_try


def test_the_difference_to_the_local_exchange_is_explained_to_the_last_digit() -> None:
    """Every rung has its share, and they make all of it: nothing is left for the rest."""
    real_try = real()
    found = attribute(simulated, real_try=real_try)
    assert found.difference_try == real_try - simulated(frozenset())
    assert sum(one.difference_try for one in found.shares) == found.difference_try
    assert found.of(Cause.REST) == 0
    for cause in (Cause.MISSED_DATA, Cause.PUBLICATION, Cause.LATENCY, Cause.ROUNDING):
        assert found.of(cause) != 0, cause
    assert found.of(Cause.FEES) > 0  # the real session paid the lower rates of its level


def test_another_order_of_the_ladder_moves_shares_and_not_the_sum() -> None:
    """What fees make depends on how many trades there were when they are switched."""
    real_try = real()
    one, other = orders_of(simulated, real_try=real_try, orders=[CAUSES, CAUSES[::-1]])
    assert one.difference_try == other.difference_try
    assert one.of(Cause.FEES) != other.of(Cause.FEES)
    assert one.of(Cause.REST) == other.of(Cause.REST) == 0


WAITING = World(bot="joiner", cycles=120, warm_up=0, trade_after_ms=3_000, still=8)
"""A session that rests at the touch of a book whose amounts come and go, where others trade."""


@pytest.mark.parametrize("assumed", ["pessimistic", "proportional"])
def test_what_stood_before_our_orders_has_its_share(
    assumed: Literal["pessimistic", "proportional"],
) -> None:
    """All of the difference is the queue's: with the facts of it the simulation is the session."""

    def simulate(known: frozenset[Cause]) -> Decimal:
        queue = AS_THE_EXCHANGE.queue if Cause.QUEUE in known else Queue(model=assumed)
        models = replace(AS_THE_EXCHANGE, queue=queue)
        return asyncio.run(backtest(replace(WAITING, models=models))).equity_try

    real = asyncio.run(in_process(WAITING))
    found = attribute(simulate, real_try=real.equity_try, causes=[Cause.QUEUE])
    assert len(real.fills) > 20
    assert found.of(Cause.QUEUE) == found.difference_try != 0
    assert found.of(Cause.REST) == 0


TREND = {
    "fast_bars": 2,
    "slow_bars": 5,
    "band_ratio": "0.000001",
    "entry_offset_ratio": "0.00001",
}
LEVEL = 3


async def armed_session(folder: Path) -> Decimal:
    """Trade on a local exchange at another fee level, recorded; leave its books as a dataset."""
    books = market(seed=7, cycles=100, lead_ms=800)
    async with LocalExchange(
        listings=[Listing(RULES, DatasetTape(books.depth, prints_middle=True))],
        seed=7,
        api_key="explained",
        api_secret="ZXhwbGFpbmVk",
        rate_windows=False,
    ) as local:
        local.exchange.set_fee_level("explained", LEVEL)
        address, transport = local.address, local.transport()
        clock = await SandboxClock.connect(
            transport=transport,
            control_url=address.control,
            control_token=address.control_token,
        )
        await clock.sleep_ms(books.lead_ms)
        settings = Settings(
            _env_file=None,
            api_key=address.api_key,
            api_secret=SecretStr(address.api_secret),
            rest_url=address.rest,
            control_url=address.control,
            control_token=SecretStr(address.control_token),
            db=folder / "session.db",
            state_dir=folder,
            cycle_seconds=CYCLE_MS // 1_000,
            parameters={"trend": TREND},
        )
        with closing(FlightRecorder(folder / "flight.jsonl")) as recorder:
            async with stage4(settings, transport=transport, recorder=recorder) as bot:
                report = await bot.runner.run(max_cycles=90)
    pair = PairData(rules=RULES, fees=FEES, depth=books.depth)
    write_dataset(Dataset(name="books", pairs={BTCTRY: pair}), folder / "books")
    return report.equity_try


def test_a_recorded_session_is_explained_by_the_commands(tmp_path: Path) -> None:
    """From its recording alone comes the journal; with its rates stated nothing is left over."""
    real_try = asyncio.run(armed_session(tmp_path))
    journal = tmp_path / "session.jsonl"
    told = CliRunner().invoke(
        app, ["replay", str(tmp_path / "flight.jsonl"), "--write-journal", str(journal)]
    )
    assert told.exit_code == 0, told.output
    rates = fees_of_level(LEVEL, TRY)
    facts = ["publication=800", "latency=2-8:40-399", "queue=as_exchange"]
    words = ["attribute", str(tmp_path / "books"), str(journal), "--strategy", "trend"]
    words += ["--interval-seconds", str(CYCLE_MS // 1_000), "--json"]
    for name, value in TREND.items():
        words += ["--set", f"{name}={value}"]
    for fact in facts:
        words += ["--fact", fact]
    paid = f"fees={rates.maker_rate}:{rates.taker_rate}:{rates.vat_rate}"
    shares = {}
    for known, more in (("some", []), ("all", ["--fact", paid])):
        run = CliRunner().invoke(app, [*words, *more])
        assert run.exit_code == 0, run.output
        document = json.loads(run.stdout)
        assert Decimal(document["real_try"]) == real_try
        shares[known] = {one["cause"]: Decimal(one["difference_try"]) for one in document["shares"]}
    assert shares["all"]["fees"] == shares["some"]["rest"] > 0
    assert shares["all"]["rest"] == 0
