"""Laws of lots: the order in which fills became known does not matter, and no cost is lost."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod, Position, apply_fill, fold_fills

from .facts import BTC, fills

METHODS = pytest.mark.parametrize("method", list(CostMethod))


def _arrive(arrivals: list[Fill], method: CostMethod) -> Position:
    """Take fills in as they become known: in order one by one, a late one by folding again."""
    position, booked = Position(BTC), list[Fill]()
    for fill in arrivals:
        booked.append(fill)
        if fill.order_key >= position.last_key:
            position = apply_fill(position, fill, method=method)
        else:
            position = fold_fills(BTC, booked, method=method)
    return position


@METHODS
@given(data=st.data(), history=fills())
def test_any_arrival_order_gives_the_same_lots(
    data: st.DataObject, history: list[Fill], method: CostMethod
) -> None:
    """Lots, costs and realized results equal a full replay, whatever order fills arrive in."""
    arrivals = data.draw(st.permutations(history))
    assert _arrive(list(arrivals), method) == fold_fills(BTC, history, method=method)


@METHODS
@given(history=fills(), repeated=st.integers(0, 3))
def test_a_fill_given_again_counts_once(
    history: list[Fill], repeated: int, method: CostMethod
) -> None:
    """Folding a history of which a part was read twice changes nothing."""
    again = [*history, *history[:repeated]]
    assert fold_fills(BTC, again, method=method) == fold_fills(BTC, history, method=method)


@METHODS
@given(history=fills())
def test_costs_and_results_are_the_cash_flows(history: list[Fill], method: CostMethod) -> None:
    """Cost of open lots minus realized net is what was paid minus what was received, exactly.

    Gross likewise without the charges, and the difference of both is all fee and tax.
    """
    with localcontext(Context(prec=6)):
        position = fold_fills(BTC, history, method=method)
    net = gross = charges = quantity = Fraction()
    for fill in history:
        sign = 1 if fill.side is Side.BUY else -1
        notional = Fraction(fill.price) * Fraction(fill.quantity)
        paid = Fraction(fill.fee) + Fraction(fill.tax)
        quantity += sign * Fraction(fill.quantity)
        gross += sign * notional
        net += sign * notional + paid
        charges += paid
    assert Fraction(position.quantity) == quantity
    assert Fraction(position.cost) - Fraction(position.realized_net) == net
    assert Fraction(position.gross_cost) - Fraction(position.realized_gross) == gross
    assert net - gross == charges


@METHODS
@given(history=fills())
def test_totals_are_the_sums_of_the_lots(history: list[Fill], method: CostMethod) -> None:
    """A position's totals are those of its lots, which all lie on one side."""
    position = fold_fills(BTC, history, method=method)
    assert Fraction(position.quantity) == sum((Fraction(x.quantity) for x in position.lots), 0)
    assert Fraction(position.cost) == sum((Fraction(x.cost) for x in position.lots), 0)
    assert Fraction(position.gross_cost) == sum((Fraction(x.gross_cost) for x in position.lots), 0)
    assert all(lot.quantity for lot in position.lots)
    assert len({lot.quantity > 0 for lot in position.lots}) <= 1
    assert position.fill_count == len(history)
    assert position.last_key == (history[-1].order_key if history else (0, 0))
    if method is CostMethod.AVERAGE:
        assert len(position.lots) <= 1


@METHODS
@given(history=fills())
def test_flat_means_nothing_left_but_the_result(history: list[Fill], method: CostMethod) -> None:
    """After selling all that is held no lot, no quantity and no cost is left."""
    position = fold_fills(BTC, history, method=method)
    if not position.quantity:
        assert position.lots == ()
        assert not position.cost
        assert not position.gross_cost


@given(history=fills())
def test_oldest_lots_go_first(history: list[Fill]) -> None:
    """Under FIFO the open lots are the newest fills: only the oldest of them may be a part."""
    position = fold_fills(BTC, history, method=CostMethod.FIFO)
    by_id = {fill.trade_id: fill for fill in history}
    keys = [(lot.event_time_ms, lot.trade_id) for lot in position.lots]
    assert keys == sorted(keys)
    for lot in position.lots[1:]:
        fill = by_id[lot.trade_id]
        assert abs(Fraction(lot.quantity)) == Fraction(fill.quantity)
        assert Fraction(lot.gross_cost) == Fraction(lot.quantity) * Fraction(fill.price)


@given(history=fills(at_most=6))
def test_the_callers_decimal_context_does_not_matter(history: list[Fill]) -> None:
    """A fold in a context of five digits equals one in a context of fifty."""
    with localcontext(Context(prec=5)):
        narrow = fold_fills(BTC, history)
    with localcontext(Context(prec=50)):
        wide = fold_fills(BTC, history)
    assert narrow == wide
    assert all(isinstance(lot.cost, Decimal) for lot in narrow.lots)
