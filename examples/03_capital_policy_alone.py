"""The capital policy alone: gain, loss, a repeated checkpoint, a refused one, two profit bases.

A pure function from state and checkpoint to state. No network, no clock, no store.

    python examples/03_capital_policy_alone.py
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit import CapitalState, LedgerCheckpoint, RiskBudgetPolicy, SelfFinancing
from btcturk_kit.domain.capital import ProfitBasis
from btcturk_kit.errors import CapitalPolicyError


def checkpoint(state: CapitalState, realized_total: int, *, content: str) -> LedgerCheckpoint:
    """Say that one more fact is in the ledger, and what is realized in total since the opening."""
    return LedgerCheckpoint(
        account=state.account,
        event_count=state.last_event_count + 1,
        last_event_key=f"fill:{state.last_event_count + 1}",
        content_hash=content,
        previous_count=state.last_event_count,
        previous_hash=state.content_hash,
        realized_net_total=Decimal(realized_total),
        realized_gross_total=Decimal(realized_total),
    )


def show(what: str, state: CapitalState) -> None:
    """Print one line of the story."""
    print(f"{what:<34}{state.trading_capital_try:>12.2f}{state.treasury_try:>12.2f}")


policy = RiskBudgetPolicy(
    financing=SelfFinancing(trading_ratio=Decimal("0.60"), treasury_ratio=Decimal("0.40"))
)
state = CapitalState(account="main", trading_capital_try=Decimal(1_000))
print(f"{'TRY':<34}{'trading':>12}{'treasury':>12}")
show("opening", state)

gain = checkpoint(state, 100, content="a")
state = policy.apply_self_financing(state, gain)
show("gain of 100: split 60 to 40", state)

loss = checkpoint(state, 70, content="b")
state = policy.apply_self_financing(state, loss)
show("loss of 30: trading capital only", state)

again = policy.apply_self_financing(state, loss)
show("the same checkpoint once more", again)
print(f"  it is the same object: {again is state}")

print("Checkpoints that cannot be right are refused, and nothing changes:")
for reason, bad in (
    ("older", gain),
    ("other history", loss._replace(content_hash="x")),
    ("wrong root", checkpoint(state, 90, content="c")._replace(previous_hash="x")),
):
    try:
        policy.apply_self_financing(state, bad)
    except CapitalPolicyError as error:
        print(f"  {reason:<14}{error}")

disaster = policy.apply_self_financing(state, checkpoint(state, -2_000, content="d"))
show("loss of 2070", disaster)
print(f"  exhausted: {disaster.is_exhausted}; the treasury was not touched")

print("A bot that gains 100, loses 100 and gains 150:")
for basis in ProfitBasis:
    rule = RiskBudgetPolicy(financing=SelfFinancing(profit_basis=basis))
    state = CapitalState(account="main", trading_capital_try=Decimal(1_000))
    for total in (100, 0, 150):
        state = rule.apply_self_financing(state, checkpoint(state, total, content=f"{total}"))
    show(f"  {basis}", state)
