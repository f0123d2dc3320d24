"""The equity identity of a whole run, to the last digit: what was earned is what is there.

Over any span,

    change of equity = realized net + change of unrealized net + flows
                     = realized gross + change of unrealized gross - fees - tax + flows.

Never add: a tolerance.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.performance import unrealized
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.errors import require

__all__ = ["Standing", "check_equity_identity", "require_identity", "standing_of"]


class Standing(NamedTuple):
    """Where an account stands at one moment, since its opening. Amounts in TRY.

    Attributes:
        charges_try: Fees and tax of all trades.
        flows_try: What was moved in and out.
    """

    equity_try: Decimal
    realized_net: Decimal = ZERO
    realized_gross: Decimal = ZERO
    unrealized_net: Decimal = ZERO
    unrealized_gross: Decimal = ZERO
    charges_try: Decimal = ZERO
    flows_try: Decimal = ZERO


@exact
def standing_of(state: CycleState) -> Standing:
    """Return where a state stands, at the equity it was marked with last."""
    performance = state.performance
    total, equity = performance.total, performance.equity_try
    net, gross = unrealized(state, equity)
    charges = total.fees_try + total.tax_try
    return Standing(
        equity,
        total.realized_net,
        total.realized_gross,
        net,
        gross,
        charges,
        performance.flows_try,
    )


@exact
def require_identity(before: Standing, after: Standing) -> None:
    """Make sure that equity changed by what was earned, paid and moved, and by nothing else.

    Example:
        >>> before = Standing(Decimal(100))
        >>> require_identity(before, Standing(Decimal(99), Decimal(-1), Decimal(1), charges_try=2))

    Raises:
        InvariantViolation: It did not.
    """
    change = after.equity_try - before.equity_try
    flows = after.flows_try - before.flows_try
    net = after.realized_net - before.realized_net + after.unrealized_net - before.unrealized_net
    require(
        change == net + flows,
        f"equity changed by {change}, net results and flows by {net + flows}",
    )
    gross = after.realized_gross - before.realized_gross
    gross = gross + after.unrealized_gross - before.unrealized_gross
    charges = after.charges_try - before.charges_try
    require(
        change == gross - charges + flows,
        f"equity changed by {change}, gross results, charges and flows by "
        f"{gross - charges + flows}",
    )


def check_equity_identity(run: SimulatedRun) -> None:
    """Hold a run that began with cash alone to the identity, and its curve to its books.

    Raises:
        InvariantViolation: A figure of the run does not follow from its books.
    """
    require_identity(Standing(run.opening_try), standing_of(run.state))
    last = run.equity.amount(-1)
    told = run.state.performance.equity_try
    require(last == told, f"the curve ends at {last}, the books at {told}")
