"""Every rule of the list by itself, at its limit and one step beyond, with what its reason says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.mode_memory import ModeOverride
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits, StreakUnit
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.risk_rules import RiskInputs, RiskReason, Touch
from btcturk_kit.errors import ConfigurationError

NORMAL, REDUCE, OBSERVE = RiskMode.NORMAL, RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY
BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")
NOW_MS = 10_000_000

CALM = RiskInputs(
    equity_try=Decimal(10_000),
    exposure_try=Decimal(0),
    capital=CapitalState(account="main", trading_capital_try=Decimal(10_000)),
    memory=RiskMemory(Decimal(10_000), Decimal(0), 10**9, Decimal(10_000), Decimal(10_000)),
    data_age_ms=0,
    now_ms=NOW_MS,
)


def reasons(limits: RiskLimits | None = None, **changes: Any) -> tuple[RiskReason, ...]:
    """Return the reasons of a calm day with these changes."""
    policy = RiskBudgetPolicy(limits=limits or RiskLimits())
    return policy.assess(CALM._replace(**changes)).reasons


def remembering(**changes: Any) -> RiskMemory:
    """Return the calm memory, changed."""
    return CALM.memory._replace(**changes)


def day(low: str, high: str, *, volume: str = "1", symbol: Symbol = BTCTRY) -> Ticker:
    """Return 24 hours of a pair."""
    top, bottom = Decimal(high), Decimal(low)
    return Ticker(symbol, top, top, top, top, bottom, bottom, Decimal(volume), 0)


BOTH_SIDES: list[tuple[str, RiskMode, dict[str, Any], dict[str, Any], str, str]] = [
    (
        "capital_exhausted",
        OBSERVE,
        {"capital": CapitalState("main", Decimal(0))},
        {"capital": CapitalState("main", Decimal("-0.01"))},
        "-0.01",
        "0",
    ),
    (
        "daily_loss",
        OBSERVE,
        {"equity_try": Decimal(9_500)},
        {"equity_try": Decimal("9499.99")},
        "500.01",
        "500",
    ),
    (
        "drawdown",
        OBSERVE,
        {
            "memory": remembering(peak_equity_try=Decimal(11_700), day_start_equity_try=Decimal(0)),
            "equity_try": Decimal(9_945),
        },
        {
            "memory": remembering(peak_equity_try=Decimal(11_700), day_start_equity_try=Decimal(0)),
            "equity_try": Decimal("9944.99"),
        },
        "1755.01",
        "1755",
    ),
    ("stale_data", OBSERVE, {"data_age_ms": 30_000}, {"data_age_ms": 30_001}, "30001", "30000"),
    (
        "gross_exposure",
        REDUCE,
        {"exposure_try": Decimal(12_000)},
        {"exposure_try": Decimal("12000.01")},
        "12000.01",
        "12000",
    ),
    (
        "largest_position",
        REDUCE,
        {"position_try": Decimal(12_000)},
        {"position_try": Decimal("12000.01")},
        "12000.01",
        "12000",
    ),
    (
        "fee_burn",
        REDUCE,
        {"memory": remembering(day_charges_try=Decimal(200))},
        {"memory": remembering(day_charges_try=Decimal("200.01"))},
        "200.01",
        "200",
    ),
    (
        "spread",
        REDUCE,
        {"touches": (Touch(BTCTRY, Decimal(98), Decimal(100)),)},
        {"touches": (Touch(BTCTRY, Decimal("97.99"), Decimal(100)),)},
        "2.01",
        "2",
    ),
    ("unknown_orders", REDUCE, {"unknown_orders": 1}, {"unknown_orders": 2}, "2", "1"),
    (
        "ledger_difference",
        REDUCE,
        {"suspense_try": Decimal(10)},
        {"suspense_try": Decimal("10.01")},
        "10.01",
        "10",
    ),
    (
        "reject_rate",
        REDUCE,
        {"memory": remembering(submits=((NOW_MS, True),) * 5 + ((NOW_MS, False),) * 5)},
        {"memory": remembering(submits=((NOW_MS, True),) * 6 + ((NOW_MS, False),) * 4)},
        "6",
        "5",
    ),
    (
        "clock_offset",
        REDUCE,
        {"health": VenueHealth(-2_000)},
        {"health": VenueHealth(-2_001)},
        "2001",
        "2000",
    ),
    (
        "api_latency",
        REDUCE,
        {"health": VenueHealth(None, 2_000)},
        {"health": VenueHealth(None, 2_001)},
        "2001",
        "2000",
    ),
    (
        "loss_streak",
        NORMAL,
        {"memory": remembering(loss_streak=2)},
        {"memory": remembering(loss_streak=3)},
        "3",
        "3",
    ),
    (
        "volatility",
        NORMAL,
        {"conditions": (day("100", "125"),)},
        {"conditions": (day("100", "125.01"),)},
        "25.01",
        "25",
    ),
]


@pytest.mark.parametrize(
    ("rule", "mode", "inside", "beyond", "measured", "limit"),
    BOTH_SIDES,
    ids=[one[0] for one in BOTH_SIDES],
)
def test_a_rule_speaks_beyond_its_limit_and_not_at_it(  # noqa: PLR0917 - one row of the table
    rule: str,
    mode: RiskMode,
    inside: dict[str, Any],
    beyond: dict[str, Any],
    measured: str,
    limit: str,
) -> None:
    """At the limit silence; one step beyond, the mode, what was measured, and the limit."""
    assert reasons(**inside) == ()
    (reason,) = reasons(**beyond)
    assert (reason.rule, reason.mode) == (rule, mode)
    assert (reason.measured, reason.limit) == (Decimal(measured), Decimal(limit))
    assert reason.detail
    assert "\n" not in reason.detail


def test_volume_is_asked_for_only_when_a_limit_is_set() -> None:
    """By default none is; a limit counts base units at the day's lowest price."""
    thin = (day("100", "110", volume="9.99"),)
    assert reasons(conditions=thin) == ()
    limits = RiskLimits(volume_try_min=Decimal(1_000))
    (reason,) = reasons(limits, conditions=thin)
    assert (reason.rule, reason.mode) == ("volume", REDUCE)
    assert (reason.measured, reason.limit) == (Decimal(999), 1_000)
    assert reasons(limits, conditions=(day("100", "110", volume="10"),)) == ()


def test_each_pair_that_crosses_a_limit_is_named() -> None:
    """Two wide spreads are two reasons, and so are two thin or wild markets."""
    wide = tuple(Touch(one, Decimal(90), Decimal(100)) for one in (BTCTRY, ETHTRY))
    assert [one.detail[:6] for one in reasons(touches=wide)] == ["BTCTRY", "ETHTRY"]
    wild = tuple(day("100", "200", volume="0", symbol=one) for one in (BTCTRY, ETHTRY))
    assert [one.rule for one in reasons(conditions=wild)] == ["volatility", "volatility"]
    limits = RiskLimits(volume_try_min=Decimal(1))
    assert [one.rule for one in reasons(limits, conditions=wild)][:2] == ["volume", "volume"]


def test_a_stressed_market_quarters_the_size_and_the_smallest_multiplier_counts() -> None:
    """0.50 for a losing streak, 0.25 in stress; together 0.25, not an eighth."""
    wild = (day("100", "200"),)
    policy = RiskBudgetPolicy()
    assert policy.assess(CALM._replace(conditions=wild)).multiplier == Decimal("0.25")
    losing = remembering(loss_streak=3)
    both = policy.assess(CALM._replace(conditions=wild, memory=losing))
    assert both.multiplier == Decimal("0.25")
    assert both.wanted is NORMAL


def test_a_streak_can_count_days() -> None:
    """With that setting trips do not matter, days do."""
    limits = RiskLimits(streak_unit=StreakUnit.DAYS)
    assert reasons(limits, memory=remembering(loss_streak=9)) == ()
    (reason,) = reasons(limits, memory=remembering(loss_days=3))
    assert reason.rule == "loss_streak"
    assert "days" in reason.detail


def test_refusals_are_forgotten_with_time() -> None:
    """Nothing is sent under the rule, so it has to end without a new answer."""
    limits = RiskLimits(reject_age_ms_max=1_000)
    old = remembering(submits=((NOW_MS - 1_000, True),) * 6)
    assert [one.rule for one in reasons(limits, memory=old)] == ["reject_rate"]
    older = remembering(submits=((NOW_MS - 1_001, True),) * 6)
    assert reasons(limits, memory=older) == ()


def test_only_the_last_orders_count() -> None:
    """Six refusals before ten accepted orders are history."""
    submits = ((NOW_MS, True),) * 6 + ((NOW_MS, False),) * 10
    assert reasons(memory=remembering(submits=submits)) == ()


def test_what_is_not_known_crosses_no_limit() -> None:
    """No connection, no measurement, no tickers: the rules say nothing."""
    assert reasons(health=None) == ()
    assert reasons(health=VenueHealth()) == ()
    assert reasons(touches=(), conditions=()) == ()


def test_a_difference_without_a_price_is_never_dust() -> None:
    """What nobody can value may be anything."""
    (reason,) = reasons(suspense_try=None)
    assert (reason.rule, reason.mode, reason.measured) == ("ledger_difference", REDUCE, None)


def test_a_pending_valuation_only_reduces() -> None:
    """A charge without a rate: no split of that trade, and no new risk meanwhile."""
    (reason,) = reasons(is_valuation_pending=True)
    assert (reason.rule, reason.mode) == ("valuation_pending", REDUCE)


def test_an_operators_override_is_a_reason_of_the_list() -> None:
    """It asks for its mode in the operator's words; one to NORMAL asks for nothing."""
    (reason,) = reasons(override=ModeOverride(REDUCE, "news at noon", 0))
    assert reason[:3] == ("operator", REDUCE, "news at noon")
    assert reasons(override=ModeOverride(NORMAL, "x", 0, 9, is_loosening=True, rules=())) == ()


def test_a_silenced_rule_is_told_and_asks_for_nothing() -> None:
    """The others still count."""
    override = ModeOverride(NORMAL, "x", 0, 10**9, is_loosening=True, rules=("daily_loss",))
    policy = RiskBudgetPolicy()
    losing = CALM._replace(equity_try=Decimal(9_000), override=override)
    found = policy.assess(losing)
    assert found.wanted is NORMAL
    assert [(one.rule, one.is_silent) for one in found.reasons] == [("daily_loss", True)]
    assert policy.assess(losing._replace(data_age_ms=30_001)).wanted is OBSERVE


def test_the_order_of_the_list_is_the_order_of_the_reasons() -> None:
    """Everything at once: every rule but the two that are set off, in the documented order."""
    memory = RiskMemory(
        Decimal(50_000),
        Decimal(0),
        10**9,
        Decimal(50_000),
        Decimal(10_000),
        9,
        day_charges_try=Decimal(5_000),
        submits=((NOW_MS, True),) * 10,
    )
    found = reasons(
        RiskLimits(volume_try_min=Decimal(10**9)),
        capital=CapitalState("main", Decimal(-1)),
        memory=memory,
        exposure_try=Decimal(1),
        position_try=Decimal(1),
        data_age_ms=10**6,
        anomalies=(("foreign_trade", REDUCE),),
        touches=(Touch(BTCTRY, Decimal(1), Decimal(2)),),
        conditions=(day("1", "9"),),
        health=VenueHealth(9_999, 9_999),
        unknown_orders=9,
        suspense_try=Decimal(99),
        is_valuation_pending=True,
        override=ModeOverride(REDUCE, "x", 0),
    )
    assert [one.rule for one in found] == [
        "operator",
        "capital_exhausted",
        "daily_loss",
        "drawdown",
        "stale_data",
        "gross_exposure",
        "largest_position",
        "fee_burn",
        "spread",
        "volume",
        "unknown_orders",
        "ledger_difference",
        "valuation_pending",
        "reject_rate",
        "clock_offset",
        "api_latency",
        "foreign_trade",
        "loss_streak",
        "volatility",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"position_ratio": Decimal(0)},
        {"fee_burn_ratio": Decimal(-1)},
        {"spread_ratio_max": Decimal(0)},
        {"volatility_ratio_max": Decimal(0)},
        {"reject_ratio_max": Decimal(0)},
        {"streak_multiplier": Decimal("1.01")},
        {"stress_multiplier": Decimal("-0.01")},
        {"reject_window": 0},
        {"reject_window": 51},
    ],
    ids=str,
)
def test_a_limit_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    """The message names it."""
    with pytest.raises(ConfigurationError, match=next(iter(changes))):
        RiskLimits(**changes)
