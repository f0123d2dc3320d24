"""Laws of decisions: batching, arrival order, and budgets, through the whole pipeline."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pipeline import desk

from btcturk_kit.domain.capital import (
    CapitalState,
    Granularity,
    ProfitBasis,
    SelfFinancing,
    SplitBasis,
)
from btcturk_kit.domain.cycle import CycleState, Intent
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.orders import MarketBuy, OrderType, Side
from btcturk_kit.domain.positions import CostMethod, fold_fills
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.pipeline.decide import Kit

from .facts import BTC, ETH, TRY, fills, fractions


def kit_with(
    basis: SplitBasis, profit: ProfitBasis, method: CostMethod, granularity: Granularity
) -> Kit:
    """Return a kit with this policy."""
    financing = SelfFinancing(basis=basis, profit_basis=profit, granularity=granularity)
    return desk.kit_of(
        profile=desk.profile_of(risk=RiskBudgetPolicy(financing=financing), cost_method=method)
    )


def kits(*granularities: Granularity) -> st.SearchStrategy[Kit]:
    """Draw kits of every policy."""
    return st.builds(
        kit_with,
        st.sampled_from(SplitBasis),
        st.sampled_from(ProfitBasis),
        st.sampled_from(CostMethod),
        st.sampled_from(granularities),
    )


def book(state: CycleState, batches: list[list[Fill]], kit: Kit) -> CycleState:
    """Book trades in cycles; what is late comes with its history, as the store gives it."""
    booked: list[Fill] = []
    for number, batch in enumerate(batches):
        history = tuple(
            (asset, tuple(fill_event(one, is_own=True) for one in booked if one.base == asset))
            for asset in (BTC, ETH)
            if any(one.base == asset for one in booked)
        )
        seen = desk.observe(desk.NOW_MS + number, fills=tuple(batch), history=history)
        state = desk.decide_on(state, seen, kit=kit, observe_only=True).state
        booked += batch
    return state


def _batched(draw: st.DrawFn, history: list[Fill]) -> list[list[Fill]]:
    batches: list[list[Fill]] = []
    left = list(history)
    while left:
        size = draw(st.integers(1, len(left)))
        batches.append(left[:size])
        left = left[size:]
    return batches


batched = st.composite(_batched)
histories = fills(at_most=8, bases=(BTC, ETH))


@given(kits(Granularity.EVENT), histories, st.data())
def test_any_batching_gives_the_same_capital(
    kit: Kit, history: list[Fill], data: st.DataObject
) -> None:
    """One split per event: however trades are spread over cycles, books and capital are equal."""
    state = desk.opened()
    at_once = book(state, [history] if history else [], kit)
    spread = book(state, data.draw(batched(history)), kit)
    assert spread.capital == at_once.capital
    assert spread.ledger == at_once.ledger
    assert spread.positions == at_once.positions


@given(kits(*Granularity), histories, st.data())
def test_arrival_order_does_not_change_lots_or_result(
    kit: Kit, history: list[Fill], data: st.DataObject
) -> None:
    """Trades that become known in any order leave the lots of a replay, and capital has it all."""
    arrivals = data.draw(st.permutations(history))
    end = book(desk.opened(), data.draw(batched(list(arrivals))), kit)
    for asset, position in end.positions.items():
        own = [one for one in history if one.base == asset]
        assert position == fold_fills(asset, own, method=kit.profile.cost_method)
    realized = sum((Fraction(x.realized_net) for x in end.positions.values()), Fraction())
    capital = end.capital
    assert Fraction(capital.last_realized_pnl_total_try) == realized
    both = Fraction(capital.trading_capital_try) + Fraction(capital.treasury_try)
    assert both == Fraction(100_000) + realized
    assert end.ledger.imbalance() == {}
    assert end.ledger.balance(Account.TREASURY, TRY) == capital.treasury_try


@given(kits(*Granularity), histories)
def test_a_second_look_at_the_same_trades_books_nothing(kit: Kit, history: list[Fill]) -> None:
    """Without new trades a cycle leaves ledger and capital as they are."""
    state = book(desk.opened(), [history] if history else [], kit)
    after = desk.decide_on(state, desk.observe(desk.NOW_MS + 1), kit=kit, observe_only=True).state
    assert after.ledger == state.ledger
    assert after.capital is state.capital


wishes = st.builds(
    lambda symbol, spend, price, is_market, plugin: Intent(
        plugin,
        symbol,
        Side.BUY,
        OrderType.MARKET if is_market else OrderType.LIMIT,
        quote_amount=spend,
        price=None if is_market else price,
    ),
    st.sampled_from([desk.BTCTRY, desk.ETHTRY]),
    fractions(8, 1, 200_000),
    fractions(4, 900_000, 1_040_000),
    st.booleans(),
    st.sampled_from(["a", "b", "c"]),
)


def fenced_state(
    unassigned: Decimal, treasury: Decimal, suspense: Decimal, *, multiplier: bool
) -> CycleState:
    """Return an account of 100000 of which parts may not be spent."""
    state = desk.opened(capital=str(Decimal(100_000) - unassigned))
    balances = dict(state.ledger.balances)
    bot = balances[Account.BOT, TRY]
    balances[Account.BOT, TRY] = bot - treasury
    balances[Account.TREASURY, TRY] = treasury
    balances[Account.SUSPENSE, TRY] = suspense
    balances[Account.DIFFERENCE, TRY] = -suspense
    risk = state.risk._replace(loss_streak=3 if multiplier else 0)
    return state._replace(ledger=state.ledger._replace(balances=balances), risk=risk)


@given(
    found=st.lists(wishes, max_size=6),
    unassigned=fractions(2, 0, 40_000),
    treasury=fractions(8, 0, 40_000),
    suspense=fractions(2, -5_000, 5_000),
    reserve=fractions(2, 0, 30_000),
    multiplier=st.booleans(),
)
def test_orders_never_spend_more_than_was_allowed(
    *,
    found: list[Intent],
    unassigned: Decimal,
    treasury: Decimal,
    suspense: Decimal,
    reserve: Decimal,
    multiplier: bool,
) -> None:
    """All reservations of a cycle together fit into the bot's cash less every fence.

    Each order alone fits into its wish and into the cap; a market buy is never more than its wish.
    """
    state = fenced_state(unassigned, treasury, suspense, multiplier=multiplier)
    profile = desk.profile_of(reserve_try=reserve)
    marks = {desk.BTCTRY: desk.mark("1000000"), desk.ETHTRY: desk.mark("1000000")}
    decision = desk.decide_on(
        state, desk.observe(marks=marks), *found, kit=desk.kit_of(profile=profile)
    )
    scale = Fraction(1, 2) if multiplier else Fraction(1)
    capital = Fraction(state.capital.trading_capital_try)
    spent = sum((Fraction(one.reserved) for one in decision.orders), Fraction())
    bot = Fraction(state.ledger.balance(Account.BOT, TRY))
    held_back = Fraction(reserve)
    assert spent <= max(Fraction(0), bot + min(Fraction(0), Fraction(suspense)) - held_back)
    allowed = [wish for wish, review in decision.reviews if review.verdict == "allow"]
    for wish, sent in zip(allowed, decision.orders, strict=True):
        assert wish.quote_amount is not None
        assert 0 < Fraction(sent.reserved) <= Fraction(wish.quote_amount) * scale
        assert Fraction(sent.reserved) <= capital / 5 * scale
    for command in decision.submits:
        if isinstance(command.request, MarketBuy):
            assert command.request.quote_amount == round(command.request.quote_amount, 2)


@given(fractions(8, 0, 3), st.lists(fractions(8, 0, 2), max_size=4))
def test_sells_never_sell_what_is_not_held(held: Decimal, wanted: list[Decimal]) -> None:
    """All sells of a cycle together are at most the bot's coins, however many are wished for."""
    state = desk.opened("10000000", coins="50")
    if held:
        state = desk.booked(state, desk.buy(1, str(held), "1000000"))
    sells = [desk.intent_to_sell(str(one), strategy=f"s{at}") for at, one in enumerate(wanted)]
    decision = desk.decide_on(state, None, *sells)
    sold = sum((Fraction(one.reserved) for one in decision.orders), Fraction())
    assert sold <= Fraction(held)


@pytest.mark.parametrize("granularity", list(Granularity))
def test_a_capital_state_is_that_of_its_ledger(granularity: Granularity) -> None:
    """After every booked cycle the capital stands at the ledger's last fact."""
    kit = kit_with(SplitBasis.NET, ProfitBasis.CHECKPOINT, CostMethod.FIFO, granularity)
    trades = [desk.buy(1, "1", "100"), desk.sell(2, "1", "200")]
    state = book(desk.opened(), [trades], kit)
    capital: CapitalState = state.capital
    assert capital.last_event_count == state.ledger.event_count == 3
    assert capital.content_hash == state.ledger.content_hash
    assert capital.treasury_try == 40
