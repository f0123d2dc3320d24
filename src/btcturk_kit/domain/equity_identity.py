"""The equity identity of a whole run, to the last digit: what was earned is what is there.

Over any span,

    change of equity = realized net + change of unrealized net + flows
                     = realized gross + change of unrealized gross - fees - tax + flows.

What is unrealized is what is left of equity, so this alone holds the books to themselves: a wrong
price, a trade that was reported twice or not at all would not be seen. So a run is told once more
from its trades and prices alone, at every instant. Never add: a tolerance.
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.money import EXACT, ZERO, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.performance import unrealized
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.domain.valued_fills import TRY
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


@exact
def check_equity_identity(run: SimulatedRun) -> None:
    """Hold a run to the identity, and its curve and its books to its trades and its prices.

    Args:
        run: One that began with cash alone, into and out of which nothing was moved.

    Raises:
        InvariantViolation: A figure of the run does not follow from its books or its trades.
    """
    require_identity(Standing(run.opening_try), standing_of(run.state))
    last = run.equity.amount(-1)
    told = run.state.performance.equity_try
    require(last == told, f"the curve ends at {last}, the books at {told}")
    retold = _Retold(run)
    for fill in sorted(run.fills, key=_instant):
        retold.go_to(bisect_left(run.equity.times_ms, fill.event_time_ms, retold.at))
        retold.take(fill)
    retold.go_to(len(run.equity.units))
    retold.compare_books()


def _instant(fill: Fill) -> int:
    return fill.event_time_ms


class _Retold:
    """A run told from its trades and prices alone, up to one of its instants.

    A trade at the very time of an instant was found there, as on bars, or came of what was decided
    there, as in a recorded book: the curve has to be right before it or behind it.

    Attributes:
        at: The first instant that is not compared yet.
    """

    def __init__(self, run: SimulatedRun) -> None:
        self.at = 0
        self._run = run
        self._columns = {one.symbol: one for one in run.prices}
        self._cash = run.opening_try
        self._coins: dict[Symbol, tuple[Asset, Decimal]] = {}
        # What there was before trades of the very instant `at`: the curve may show it there.
        self._earlier: list[tuple[Decimal, dict[Symbol, tuple[Asset, Decimal]]]] = []

    def take(self, fill: Fill) -> None:
        """Take over one trade."""
        symbol, base, charge = fill.symbol, fill.base, fill.fee + fill.tax
        is_plain = fill.quote == TRY and fill.charge_asset is None and symbol in self._columns
        require(is_plain, f"trade {fill.trade_id} in {symbol} is not of a pair that was played")
        if fill.event_time_ms in self._run.equity.times_ms[self.at : self.at + 1]:
            self._earlier.append((self._cash, dict(self._coins)))
        held = self._coins.get(symbol, (base, ZERO))[1]
        if fill.side is Side.BUY:
            self._cash = self._cash - fill.notional - charge
            held = held + fill.quantity
        else:
            self._cash = self._cash + fill.notional - charge
            held = held - fill.quantity
        require(held >= ZERO, f"trade {fill.trade_id} sells more {base} than there was")
        self._coins[symbol] = base, held

    def go_to(self, end: int) -> None:
        """Compare the curve from where it is up to an instant."""
        start = self.at
        if start == end:
            return
        self.at = end
        times, units, places = self._run.equity
        expected = self._worth(self._cash, self._coins, start, end)
        if expected[0] != units[start] and any(
            self._worth(cash, coins, start, start + 1) == [units[start]]
            for cash, coins in self._earlier
        ):
            expected[0] = units[start]
        self._earlier.clear()
        if expected == units[start:end]:
            return
        for place, one in enumerate(expected, start):
            require(
                one == units[place],
                f"equity at {times[place]} ms is {self._run.equity.amount(place)}, "
                f"trades and prices make {Decimal(one).scaleb(-places)}",
            )

    def _worth(
        self, cash: Decimal, coins: dict[Symbol, tuple[Asset, Decimal]], start: int, end: int
    ) -> list[int]:
        """Return cash and coins at the closes of some instants, in the curve's units."""
        places = self._run.equity.places
        base = _whole(cash, places)
        worth: list[int] = []
        for symbol, (_, held) in coins.items():
            if held:
                _, scale, close = self._columns[symbol]
                each = _whole(held, places - scale)
                if worth:
                    parts = zip(worth, close[start:end], strict=True)
                    worth = [so_far + each * one for so_far, one in parts]
                else:
                    worth = [base + each * one for one in close[start:end]]
        return worth or [base] * (end - start)

    def compare_books(self) -> None:
        """Compare cash and coins with what the books hold."""
        ledger, positions = self._run.state.ledger, self._run.state.positions
        cash = ledger.balance(Account.BOT, TRY) + ledger.balance(Account.TREASURY, TRY)
        require(cash == self._cash, f"the books hold {cash} TRY, trades make {self._cash}")
        held = {base: quantity for base, quantity in self._coins.values() if quantity}
        booked = {base: one.quantity for base, one in positions.items() if one.quantity}
        require(held == booked, f"the books hold {booked}, trades make {held}")


def _whole(amount: Decimal, places: int) -> int:
    """Return an amount in units of 10**-places; a remainder is an error of the context."""
    return int(EXACT.to_integral_exact(amount.scaleb(places)))
