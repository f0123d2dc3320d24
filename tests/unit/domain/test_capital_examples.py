"""The examples of the specification to the digit, and the laws that any policy must keep."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pipeline.desk import NOW_MS, OPENED_MS, buy, decide_on, observe, opening_of, sell

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.capital import (
    CapitalCause,
    CapitalState,
    LedgerCheckpoint,
    ProfitBasis,
    SelfFinancing,
    SplitBasis,
    apply_self_financing,
)
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.errors import CapitalPolicyError
from btcturk_kit.ports.store import StateStore

START = CapitalState(
    account="main",
    trading_capital_try=Decimal(1000),
    treasury_try=Decimal(200),
    last_event_count=7,
    last_event_key="fill:7",
    content_hash="h7",
)
SIXTY_FORTY = SelfFinancing()


def checkpoint(
    state: CapitalState,
    net: str,
    *,
    gross: str | None = None,
    deferred: bool = False,
    trading: str = "0",
    treasury: str = "0",
) -> LedgerCheckpoint:
    """Return the checkpoint one fact after a state, with these totals added to it."""
    count = state.last_event_count + 1
    return LedgerCheckpoint(
        "main",
        count,
        f"fill:{count}",
        f"h{count}",
        state.last_event_count,
        state.content_hash,
        state.last_realized_pnl_total_try + Decimal(net),
        state.last_realized_gross_total_try + Decimal(gross or net),
        Decimal(trading),
        Decimal(treasury),
        deferred,
    )


def after(state: CapitalState, net: str, policy: SelfFinancing = SIXTY_FORTY) -> CapitalState:
    """Return the state after one more realized difference."""
    return apply_self_financing(state, checkpoint(state, net), policy)


@pytest.mark.parametrize(
    ("net", "trading", "treasury"), [("100", 1060, 240), ("-80", 920, 200), ("0", 1000, 200)]
)
def test_the_reference(net: str, trading: int, treasury: int) -> None:
    """1000/200 with +100 is 1060/240, with -80 it is 920/200, with nothing it stays."""
    found = after(START, net)
    assert (found.trading_capital_try, found.treasury_try) == (trading, treasury)


def test_the_same_checkpoint_again_is_the_same_object() -> None:
    """Nothing is applied twice, in whatever total it comes."""
    step = checkpoint(START, "100")
    once = apply_self_financing(START, step, SIXTY_FORTY)
    assert apply_self_financing(once, step, SIXTY_FORTY) is once
    assert (once.trading_capital_try, once.treasury_try) == (1060, 240)


@pytest.mark.parametrize(
    "changes",
    [
        {"event_count": 6, "previous_count": 5},
        {"event_count": 7, "content_hash": "another", "previous_count": 6},
        {"event_count": 0, "content_hash": "", "previous_count": 0},
        {"previous_hash": "another"},
        {"previous_count": 6},
        {"account": "another"},
    ],
)
def test_a_checkpoint_that_does_not_extend_is_an_error(changes: dict[str, object]) -> None:
    """A lower count, the same count with another content, a prefix with another hash."""
    step = checkpoint(START, "100")._replace(**changes)  # type: ignore[arg-type]  # of a table
    with pytest.raises(CapitalPolicyError):
        apply_self_financing(START, step, SIXTY_FORTY)


def test_rounding_by_our_rule() -> None:
    """Ratios 0.33333333/0.66666667 and 0.010000005 on 1/2: the treasury's share alone is rounded.

    0.66666667 of it is 0.00666667003333335, half-even 0.00666667; trading takes the other
    0.003333335. The previous system rounded both and came to 1.00333334 and 2.00666667: more than
    there was.
    """
    policy = SelfFinancing(
        trading_ratio=Decimal("0.33333333"), treasury_ratio=Decimal("0.66666667")
    )
    start = START._replace(trading_capital_try=Decimal(1), treasury_try=Decimal(2))
    found = after(start, "0.010000005", policy)
    assert found.treasury_try == Decimal("2.00666667")
    assert found.trading_capital_try == Decimal("1.003333335")
    assert found.trading_capital_try + found.treasury_try == Decimal("3.010000005")


@pytest.mark.parametrize(
    ("profit_basis", "treasury"),
    [(ProfitBasis.CHECKPOINT, 100), (ProfitBasis.HIGH_WATER_MARK, 60)],
)
def test_a_recovered_loss(profit_basis: ProfitBasis, treasury: int) -> None:
    """+100, -100, +150: every gain is split, or only what exceeds the highest total so far."""
    policy = SelfFinancing(profit_basis=profit_basis)
    state = START._replace(treasury_try=Decimal(0))
    for net in ("100", "-100", "150"):
        state = after(state, net, policy)
    assert state.treasury_try == treasury
    assert state.trading_capital_try + state.treasury_try == 1150
    assert state.peak_realized_try == 150


@pytest.fixture(params=["disk", "memory"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StateStore]:
    """Return what opens one more handle on the same books."""
    shared = MemoryStateStore(account="main")
    if request.param == "memory":
        return shared.reopen
    return lambda: SqliteStateStore.open(tmp_path / "state.db", account="main")


def test_a_ledger_that_went_back_is_refused_and_nothing_is_written(
    opener: Callable[[], StateStore],
) -> None:
    """A decision that grew from fewer facts, or from as many others, changes no store."""
    store, opening = opener(), opening_of()
    store.begin_epoch()
    store.open_account(opening)
    state = opening.state
    first = decide_on(state, observe(fills=(buy(1, "0.01", "1000000"),)), observe_only=True)
    second = decide_on(
        first.state,
        observe(NOW_MS + 1, fills=(sell(2, "0.01", "1100000"),)),
        observe_only=True,
    )
    for before, decision in ((state, first), (first.state, second)):
        store.commit(_commit(before.ledger.event_count, decision))
    kept, totals = store.load(), store.totals()
    assert kept is not None
    assert kept.state.capital.treasury_try == 400
    other = decide_on(state, observe(fills=(buy(9, "0.02", "1000000"),)), observe_only=True)
    with pytest.raises(CapitalPolicyError):
        store.commit(_commit(state.ledger.event_count, other))
    store.close()
    again = opener()
    assert again.load() == kept
    assert again.totals() == totals
    again.close()


def _commit(previous_count: int, decision: object) -> StateCommit:
    names = ("state", "fills", "events", "capital_rows", "positions", "orders", "anomalies")
    rows = {name: getattr(decision, name) for name in names}
    return StateCommit(previous_count=previous_count, now_ms=OPENED_MS + 1, **rows)


amounts = st.decimals(-100_000, 100_000, places=12)
gains = st.decimals(0, 100_000, places=12)
policies = st.builds(
    lambda ratio, basis, profit: SelfFinancing(
        trading_ratio=1 - ratio, treasury_ratio=ratio, basis=basis, profit_basis=profit
    ),
    st.decimals(0, 1, places=4),
    st.sampled_from(SplitBasis),
    st.sampled_from(ProfitBasis),
)
facts = st.lists(st.tuples(amounts, gains, st.booleans()), max_size=12)


def walk(policy: SelfFinancing, found: list[tuple[Decimal, Decimal, bool]]) -> list[CapitalState]:
    """Return the states after each fact: a net result, its charges, whether a value is missing."""
    states = [START]
    for net, charges, deferred in found:
        gross = Decimal(net + charges)
        step = checkpoint(states[-1], str(net), gross=str(gross), deferred=deferred)
        states.append(apply_self_financing(states[-1], step, policy))
    return states


@given(policies, facts)
def test_any_policy_conserves(
    policy: SelfFinancing, found: list[tuple[Decimal, Decimal, bool]]
) -> None:
    """Trading capital and treasury gain together what was realized, to the last digit."""
    states = walk(policy, found)
    for before, now in pairwise(states):
        gained = Fraction(now.trading_capital_try) - Fraction(before.trading_capital_try)
        gained += Fraction(now.treasury_try) - Fraction(before.treasury_try)
        realized = Fraction(now.last_realized_pnl_total_try)
        assert gained == realized - Fraction(before.last_realized_pnl_total_try)


@given(policies, facts)
def test_no_trading_takes_from_the_treasury(
    policy: SelfFinancing, found: list[tuple[Decimal, Decimal, bool]]
) -> None:
    """It never falls; and with a loss, or while a value is missing, it stays where it is."""
    states = walk(policy, found)
    for before, now, (net, charges, deferred) in zip(states, states[1:], found, strict=False):
        assert now.treasury_try >= before.treasury_try
        if deferred or (net + charges <= 0 and before.deferred_try <= 0 and net <= 0):
            assert now.treasury_try == before.treasury_try


@given(policies, facts)
def test_any_policy_applies_a_checkpoint_once(
    policy: SelfFinancing, found: list[tuple[Decimal, Decimal, bool]]
) -> None:
    """A second application is the same object, and an older one is refused."""
    state, old = START, checkpoint(START, "1")
    for net, _, deferred in found:
        step = checkpoint(state, str(net), deferred=deferred)
        state = apply_self_financing(state, step, policy)
        assert apply_self_financing(state, step, policy) is state
        if step.event_count > old.event_count:
            with pytest.raises(CapitalPolicyError):
                apply_self_financing(state, old, policy)
        old = step


@given(policies, facts, gains, gains)
def test_a_greater_gain_gives_neither_side_less(
    policy: SelfFinancing,
    found: list[tuple[Decimal, Decimal, bool]],
    low: Decimal,
    more: Decimal,
) -> None:
    """From any state, more realized means as much treasury or more, and as much trading or more.

    The treasury's share is rounded, so trading capital may be off by one in the last place of it.
    """
    state = walk(policy, found)[-1]
    less = apply_self_financing(state, checkpoint(state, str(low)), policy)
    greater = apply_self_financing(state, checkpoint(state, str(low + more)), policy)
    assert greater.treasury_try >= less.treasury_try
    assert greater.trading_capital_try >= less.trading_capital_try - Decimal("0.00000001")


@given(st.lists(amounts, min_size=1, max_size=8), st.sampled_from(ProfitBasis))
def test_what_waited_for_a_value_is_split_once(nets: list[Decimal], basis: ProfitBasis) -> None:
    """Gains while a value is missing are split as one when it becomes known, and never again."""
    policy = SelfFinancing(profit_basis=basis)
    waiting = walk(policy, [(net, Decimal(0), True) for net in nets])[-1]
    assert waiting.treasury_try == START.treasury_try
    known = after(waiting, "0", policy)
    gain = sum((Fraction(net) for net in nets), Fraction())
    share = Fraction(round(gain * Fraction(2, 5) * 10**8), 10**8) if gain > 0 else Fraction()
    assert Fraction(known.treasury_try) == Fraction(START.treasury_try) + share
    assert known.deferred_try == 0
    assert known.cause is (CapitalCause.GAIN if share else CapitalCause.NONE)
    assert after(known, "0", policy).treasury_try == known.treasury_try
