"""A session beside its simulation: what its journal says, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.compose.attribution import Facts, attribute_session, session_of
from btcturk_kit.compose.simulation_data import dataset_of
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.difference import Cause
from btcturk_kit.simulation.latency import Latency

HOUR_MS = 3_600_000


def document(*, at: int = 300, flows: str = "0", **intent: str | None) -> dict[str, Any]:
    """Return what is read of the document of one cycle."""
    return {
        "now_ms": at * HOUR_MS,
        "metrics": {"equity_try": "99950.5", "net_try": "-49.5", "flows_try": flows},
        "intents": [{"strategy": "take-profit", "symbol": "BTCTRY", **intent}],
    }


def explained(*journal: dict[str, Any], facts: Facts = Facts(publication_ms=900)) -> Any:  # noqa: B008 - a value
    """Attribute a session over 400 hours in which the price rises."""
    data = dataset_of(
        "BTCTRY",
        times_ms=range(0, 400 * HOUR_MS, HOUR_MS),
        close=[1_000 + at for at in range(400)],
    )
    return attribute_session(session_of(journal, name="j"), data, ["take-profit"], facts)


def test_the_journal_gives_the_opening_and_the_end() -> None:
    """What was earned is taken off equity; a cancel names no pair."""
    session = session_of([document(at=7), document(symbol=None)], name="j")
    assert (session.opening_try, session.equity_try) == (100_000, Decimal("99950.5"))
    assert session.until_ms == 300 * HOUR_MS
    assert (session.strategies, session.symbols) == ({"take-profit"}, {"BTCTRY"})


def test_the_simulation_ends_with_the_session() -> None:
    """At the last instant that is not after its last decision; the rest makes up for all else."""
    later = document()
    later["now_ms"] += 5
    for last in (document(), later):
        found = explained(last)
        assert found.ends_ms == 300 * HOUR_MS
        assert found.attribution.real_try == Decimal("99950.5")
        assert found.attribution.simulated_try > 100_000
        shares = found.attribution.shares
        assert [one.cause for one in shares] == [Cause.PUBLICATION, Cause.REST]
        assert sum(one.difference_try for one in shares) == found.attribution.difference_try


def test_facts_make_rungs_in_the_order_of_the_ladder() -> None:
    """A fact of zero is a fact; what is not known makes no rung."""
    assert Facts().causes == ()
    assert Facts(latency=Latency(), publication_ms=0).causes == (Cause.PUBLICATION, Cause.LATENCY)


@pytest.mark.parametrize(
    ("journal", "told"),
    [
        ([], "no decision"),
        ([{"now_ms": 1}], "no journal of decisions"),
        ([document() | {"metrics": {}}], "no journal of decisions"),
        ([document(flows="-5")], "-5 TRY came or went"),
        ([document(strategy="trend")], "other strategies: trend"),
        ([document(symbol="ETHTRY")], "other pairs: ETHTRY"),
    ],
)
def test_what_cannot_be_compared_is_refused(journal: list[dict[str, Any]], told: str) -> None:
    """No share is told of a session that the simulation does not stand for."""
    with pytest.raises(ConfigurationError, match=told):
        explained(*journal)
