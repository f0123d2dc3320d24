"""Which pairs a run works with after the exchange's list, or the settings, have changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.pipeline.desk import (
    BTC,
    BTCTRY,
    ETHTRY,
    NOW_MS,
    RULES,
    TRY,
    balances,
    booked,
    buy,
    decide_on,
    intent_to_sell,
    kit_of,
    observe,
    opened,
    order,
    profile_of,
    with_orders,
)

from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.runtime.pairs import WorkingPairs, working_pairs

D = Decimal
BOTH = (BTCTRY, ETHTRY)


def pairs(
    state: CycleState | None, listed: tuple[str, ...] = BOTH, wanted: tuple[str, ...] = BOTH
) -> WorkingPairs:
    """Return the pairs of a run with ten TRY of dust."""
    return working_pairs(wanted, listed, state, quote=TRY, dust=D(10))  # type: ignore[arg-type] # texts


def test_usually_all_of_them() -> None:
    """With or without books, and a name nobody lists is left for the exchange to refuse."""
    held = booked(opened("100000"), buy(1, "0.01", "1000000"))
    assert pairs(held) == pairs(None) == (BOTH, ())
    assert pairs(held, wanted=(BTCTRY, "OOPSTRY")).symbols == (BTCTRY, "OOPSTRY")


def test_a_pair_that_is_gone_is_told_and_left_out() -> None:
    """The books go on: its coins count at their cost, its order is not asked for by pair."""
    held = booked(opened("100000"), buy(1, "0.01", "1000000"))
    state = with_orders(held, order(side=Side.SELL, reserved=D("0.005"), quantity=D("0.005")))
    found = pairs(state, listed=(ETHTRY,))
    assert found.symbols == (ETHTRY,)
    (told,) = found.anomalies
    assert (told.code, told.mode) == ("pair_gone", RiskMode.REDUCE_RISK_ONLY)
    assert "BTCTRY is not listed any more: the books hold 0.01 for 10000" in told.detail
    kit = kit_of(profile=profile_of(symbols=(ETHTRY,)), rules={ETHTRY: RULES[ETHTRY]})
    seen = observe(
        NOW_MS + 1,
        marks={ETHTRY: observe().marks[ETHTRY]},
        balances=balances("90000", "0.01"),
        anomalies=found.anomalies,
    )
    decision = decide_on(state, seen, kit=kit)
    assert decision.equity_try == 100_000
    assert decision.state.positions[BTC].quantity == D("0.01")
    assert decision.state.mode.mode is RiskMode.REDUCE_RISK_ONLY


def test_an_order_alone_is_told_too_and_dust_is_not() -> None:
    """What is worth nothing needs no words."""
    state = with_orders(opened("100000"), order())
    assert "the books hold no coins" in pairs(state, listed=(ETHTRY,)).anomalies[0].detail
    dust = booked(opened("100000"), buy(1, "0.000001", "1000000"))
    assert pairs(dust, listed=(ETHTRY,)) == ((ETHTRY,), ())


def test_a_pair_missing_from_the_settings_only_is_refused() -> None:
    """Nothing is left behind by a slip of the pen."""
    held = booked(opened("100000"), buy(1, "0.01", "1000000"))
    with pytest.raises(ConfigurationError, match=r"hold 0\.01 BTC, whose pair is not configured"):
        pairs(held, wanted=(ETHTRY,))
    with pytest.raises(ConfigurationError, match="works in BTCTRY"):
        pairs(with_orders(opened("100000"), order()), wanted=(ETHTRY,))
    with pytest.raises(ConfigurationError, match="does not list BTCTRY any more"):
        pairs(held, listed=(ETHTRY,), wanted=(BTCTRY,))


def test_a_coarser_scale_leaves_dust_and_equal_books() -> None:
    """Open lots are finer than what can be ordered now: they stay, to the last digit."""
    held = booked(opened("100000"), buy(1, "0.01234567", "1000000"))
    coarse = replace(RULES[BTCTRY], quantity_scale=3, price_scale=0)
    kit = kit_of(rules={**RULES, BTCTRY: coarse})
    seen = observe(NOW_MS + 1, balances=balances("87654.33", "0.01234567"))
    decision = decide_on(held, seen, intent_to_sell(), kit=kit)
    assert decision.submits[0].request.quantity == D("0.012")  # type: ignore[union-attr] # a market sell
    assert decision.state.positions[BTC].quantity == D("0.01234567")
    assert decision.anomalies == ()
