"""What a run did, told when it is over. Never add: behaviour."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.market import Balance

__all__ = ["RunReport"]


class RunReport(NamedTuple):
    """What a run did.

    Attributes:
        cycles: Cycles of this run, quiet ones included.
        state: The state it ended in.
        equity_try: Equity at the last instant: cash, marks and treasury.
        balances: What the exchange said it holds, read last.
    """

    cycles: int
    state: CycleState
    equity_try: Decimal
    balances: tuple[Balance, ...]
