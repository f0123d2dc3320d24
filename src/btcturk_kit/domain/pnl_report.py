"""The report of profit and loss: where an account stands, from heads alone.

What was realized comes from the running totals, what is unrealized from the open lots and the marks
that are given. Never add: a read of history, a mark that nobody gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol

from btcturk_kit.domain.attribution import Totals
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.performance import Performance
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.domain.valued_fills import TRY

__all__ = ["HoldingPnl", "PnlReport", "PnlState", "pnl_report"]


class PnlState(Protocol):
    """What a report needs of an account; `CycleState` has it."""

    @property
    def account(self) -> str:
        """Name of the account."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Double-entry balances."""
        ...

    @property
    def positions(self) -> Mapping[Asset, Position]:
        """The bot's lots by asset."""
        ...

    @property
    def capital(self) -> CapitalState:
        """Trading capital and treasury."""
        ...

    @property
    def risk(self) -> RiskMemory:
        """The highest equity so far."""
        ...

    @property
    def performance(self) -> Performance:
        """The running totals."""
        ...


class HoldingPnl(NamedTuple):
    """One coin the bot holds. Amounts in TRY.

    Attributes:
        quantity: In units of the asset.
        cost_try: What its lots cost, charges inside.
        gross_cost_try: The same without charges.
        mark_try: TRY per unit; None where no market was given.
        value_try: At the mark, or at cost without one.
        unrealized_net: Value above cost.
        unrealized_gross: Value above cost without charges.
    """

    asset: Asset
    quantity: Decimal
    cost_try: Decimal
    gross_cost_try: Decimal
    mark_try: Decimal | None
    value_try: Decimal
    unrealized_net: Decimal
    unrealized_gross: Decimal


class PnlReport(NamedTuple):
    """Where an account stands. Amounts in TRY.

    Attributes:
        symbols: Totals per traded pair, by name.
        total: Their sum.
        holdings: The coins held, by name.
        unmarked: Those of them that count at their cost, because no market was given.
        opening_try: The bot's equity when its totals began.
        flows_try: Moved in and out since: transfers, assignments, levies, adjustments.
        cash_try: The bot's cash.
        exposure_try: Coins at their marks.
        treasury_try: Set aside.
        trading_capital_try: Cash and the cost of the lots.
        equity_try: Cash, treasury, and coins at their marks.
        unrealized_net: Of all coins, charges of the open lots inside.
        unrealized_gross: The same before charges.
        peak_equity_try: The highest equity, flows moved out of the way.
        drawdown_try: How far equity is below it.
        restated_net: The part of the realized net by which late facts changed older results.
    """

    account: str
    symbols: tuple[tuple[Symbol, Totals], ...]
    total: Totals
    holdings: tuple[HoldingPnl, ...]
    unmarked: tuple[Asset, ...]
    opening_try: Decimal
    flows_try: Decimal
    cash_try: Decimal
    exposure_try: Decimal
    treasury_try: Decimal
    trading_capital_try: Decimal
    equity_try: Decimal
    unrealized_net: Decimal
    unrealized_gross: Decimal
    peak_equity_try: Decimal
    drawdown_try: Decimal
    restated_net: Decimal


@exact
def pnl_report(state: PnlState, marks: Mapping[Asset, Decimal]) -> PnlReport:
    """Return the report of an account at these marks.

    equity = opening + realized net + unrealized net + flows
           = opening + realized gross + unrealized gross - fees - tax + flows, exactly.

    Args:
        state: The account, such as the state a store has loaded.
        marks: TRY per unit of each coin. A coin that is quoted in another asset is marked at its
            price times that asset's price in TRY. A coin without a mark counts at its cost.

    Example:
        >>> from btcturk_kit.domain.market import Balance
        >>> from btcturk_kit.pipeline.opening import open_account
        >>> opened = open_account(
        ...     "main", (Balance(TRY, Decimal(1000), Decimal(0)),), quote=TRY, now_ms=0,
        ...     day_end=lambda now_ms: now_ms + 86_400_000)
        >>> report = pnl_report(opened.state, {Asset("BTC"): Decimal(4_000_000)})
        >>> report.equity_try, report.total.realized_net, report.unmarked
        (Decimal('1000'), Decimal('0'), ())
    """
    ledger, performance = state.ledger, state.performance
    cash = ledger.balance(Account.BOT, TRY)
    treasury = ledger.balance(Account.TREASURY, TRY)
    exposure = net = gross = ZERO
    holdings: list[HoldingPnl] = []
    for asset, position in sorted(state.positions.items()):
        if not position.lots:
            continue
        mark = marks.get(asset)
        cost, gross_cost = position.cost, position.gross_cost
        value = cost if mark is None else position.quantity * mark
        holding = HoldingPnl(
            asset,
            position.quantity,
            cost,
            gross_cost,
            mark,
            value,
            value - cost,
            value - gross_cost,
        )
        holdings.append(holding)
        exposure = exposure + value
        net, gross = net + holding.unrealized_net, gross + holding.unrealized_gross
    total, flows = performance.total, performance.flows_try
    equity = cash + treasury + exposure
    peak = max(equity, state.risk.peak_equity_try)
    return PnlReport(
        state.account,
        tuple(sorted(performance.symbols.items())),
        total,
        tuple(holdings),
        tuple([one.asset for one in holdings if one.mark_try is None]),
        equity - total.realized_net - net - flows,
        flows,
        cash,
        exposure,
        treasury,
        state.capital.trading_capital_try,
        equity,
        net,
        gross,
        peak,
        peak - equity,
        performance.restated_net,
    )
