"""Every run is told once more from its trades and prices: each way to lie is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.compose.recorded import Chance, hours

from btcturk_kit.compose.backtest import Backtest, require_equal
from btcturk_kit.domain.equity_identity import check_equity_identity
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger_events import difference_event
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.errors import InvariantViolation

BTC = Asset("BTC")


@pytest.fixture(scope="module")
def run() -> SimulatedRun:
    """Return a run that holds a coin at its end."""
    made = Backtest(hours(60, seed=1), lambda symbol: Chance(1, symbol), seed=1).run()
    assert len(made.fills) > 2
    assert made.state.positions[BTC].quantity
    return made


def dearer(run: SimulatedRun) -> SimulatedRun:
    """Return a run whose coins were marked too high at its end, in the books and in the curve."""
    units = [*run.equity.units[:-1], run.equity.units[-1] + 1]
    equity = run.equity._replace(units=units)
    performance = run.state.performance._replace(equity_try=equity.amount(-1))
    state = run.state._replace(performance=performance)
    return replace(run, equity=equity, state=state)


def lower(run: SimulatedRun) -> SimulatedRun:
    """Return a run whose curve is a last digit too low at one quiet instant."""
    units = list(run.equity.units)
    units[1] -= 1
    return replace(run, equity=run.equity._replace(units=units))


def with_first(run: SimulatedRun, change: Callable[[Fill], Fill]) -> SimulatedRun:
    """Return a run with another first trade."""
    return replace(run, fills=(change(run.fills[0]), *run.fills[1:]))


LIES: dict[str, tuple[Callable[[SimulatedRun], SimulatedRun], str]] = {
    "a mark too high": (dearer, "trades and prices make"),
    "a curve too low": (lower, "trades and prices make"),
    "a trade left out": (lambda run: replace(run, fills=run.fills[1:]), "trades and prices make"),
    "the last trade told twice": (
        lambda run: replace(run, fills=(*run.fills, run.fills[-1])),
        "make",
    ),
    "a fee left out": (
        lambda run: with_first(run, lambda one: one._replace(fee=Decimal(0))),
        "trades and prices make",
    ),
    "a tax charged twice": (
        lambda run: with_first(run, lambda one: one._replace(tax=2 * one.tax)),
        "trades and prices make",
    ),
    "slippage counted again": (
        lambda run: with_first(run, lambda one: one._replace(price=one.price + Decimal("0.01"))),
        "trades and prices make",
    ),
    "a trade an hour later": (
        lambda run: with_first(
            run, lambda one: one._replace(event_time_ms=one.event_time_ms + 3_600_000)
        ),
        "trades and prices make",
    ),
    "a trade after the end": (
        lambda run: replace(
            run,
            fills=(
                *run.fills,
                run.fills[0]._replace(event_time_ms=run.equity.times_ms[-1] + 1),
            ),
        ),
        "the books hold [0-9.]+ TRY",
    ),
    "a pair that was not played": (
        lambda run: with_first(run, lambda one: one._replace(symbol=Symbol("ETHTRY"))),
        "not of a pair",
    ),
    "more sold than there was": (
        lambda run: with_first(run, lambda one: one._replace(side=Side.SELL)),
        "than there was",
    ),
    "coins that the books lost": (
        lambda run: replace(run, state=run.state._replace(positions={})),
        "equity changed by",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_run_that_lies_is_refused(run: SimulatedRun, lie: str) -> None:
    """What books, curve, trades and prices do not all say is believed of none of them."""
    change, told = LIES[lie]
    with pytest.raises(InvariantViolation, match=told):
        check_equity_identity(change(run))


def test_any_column_is_held_to_its_trades(run: SimulatedRun) -> None:
    """Whole numbers in a tuple are compared as those in a list."""
    equity = run.equity._replace(units=tuple(run.equity.units))
    check_equity_identity(replace(run, equity=equity))


def test_a_trade_of_the_very_instant_may_come_of_what_was_decided_there(run: SimulatedRun) -> None:
    """Told as a millisecond after an instant or at it, the curve shows it at the next one."""
    first = run.fills[0]
    early = run.equity.times_ms[run.equity.times_ms.index(first.event_time_ms) - 1]
    for at_ms in (early, early + 1):
        moved = first._replace(event_time_ms=at_ms)
        check_equity_identity(replace(run, fills=(moved, *run.fills[1:])))


def test_the_books_are_held_against_the_simulated_exchange(run: SimulatedRun) -> None:
    """A coin too many on either side is seen, and so is one that was put into suspense."""
    ledger = run.state.ledger
    there = tuple(Balance(asset, ledger.held(asset), Decimal(0)) for asset in ledger.assets())
    require_equal(ledger, there)
    more = tuple(one._replace(free=one.free + 1) if one.asset == BTC else one for one in there)
    with pytest.raises(InvariantViolation, match="books and simulated exchange differ"):
        require_equal(ledger, more)
    absorbed = ledger.post(difference_event([(BTC, Decimal(1))], count=0, now_ms=0))
    with pytest.raises(InvariantViolation, match="books and simulated exchange differ"):
        require_equal(absorbed, more)
