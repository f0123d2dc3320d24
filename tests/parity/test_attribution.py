"""A simulated session against the local exchange: the difference falls apart into its causes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from btcturk_kit.reporting.difference import Cause, attribute, orders_of
from btcturk_kit.simulation.venue_models import Queue, VenueModels

from .modes import AS_THE_EXCHANGE, World, backtest, in_process

REAL = World(bot="rester", lead_ms=9_996, fee_level=2, cycles=200)
"""A session on an exchange: the book changes four milliseconds after each decision."""

CAUSES = (Cause.PUBLICATION, Cause.LATENCY, Cause.QUEUE, Cause.FEES)


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
    )
    return asyncio.run(backtest(world)).equity_try


def test_the_difference_to_the_local_exchange_is_explained_to_the_last_digit() -> None:
    """Publication, latency, queue and fees make all of it: nothing is left for the rest."""
    real_try = asyncio.run(in_process(REAL)).equity_try
    found = attribute(simulated, real_try=real_try, causes=CAUSES)
    assert found.difference_try == real_try - simulated(frozenset())
    assert sum(one.difference_try for one in found.shares) == found.difference_try
    assert found.of(Cause.REST) == 0
    assert found.of(Cause.PUBLICATION) != 0
    assert found.of(Cause.LATENCY) != 0
    assert found.of(Cause.FEES) > 0  # the real session paid the lower rates of its level


def test_another_order_of_the_ladder_moves_shares_and_not_the_sum() -> None:
    """What fees make depends on how many trades there were when they are switched."""
    real_try = asyncio.run(in_process(REAL)).equity_try
    one, other = orders_of(simulated, real_try=real_try, orders=[CAUSES, CAUSES[::-1]])
    assert one.difference_try == other.difference_try
    assert one.of(Cause.FEES) != other.of(Cause.FEES)
    assert one.of(Cause.REST) == other.of(Cause.REST) == 0
