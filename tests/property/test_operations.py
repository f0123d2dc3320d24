"""Whatever operators ask for, between whatever trades: the books balance and the laws hold."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.pipeline.desk import BTC, NOW_MS, TRY, buy, sell
from tests.unit.pipeline.test_operate import Desk

from btcturk_kit.domain.ledger import HELD, Account
from btcturk_kit.domain.operations import (
    AssignCoins,
    BookFlow,
    BookLevy,
    BookLots,
    CapitalPocket,
    Explanation,
    FlowKind,
    LevyKind,
    OperationRequest,
    ResolveSuspense,
    TransferCapital,
)
from btcturk_kit.domain.operator_events import LotEvidence

AMOUNTS = st.integers(1, 90_000_000).map(lambda one: Decimal(one).scaleb(-4))
COINS = st.integers(1, 20_000).map(lambda one: Decimal(one).scaleb(-4))
POCKETS = st.sampled_from(list(CapitalPocket))
TRANSFERS = (
    st.tuples(POCKETS, POCKETS, AMOUNTS)
    .filter(lambda one: one[0] is not one[1])
    .map(lambda one: TransferCapital(source=one[0], target=one[1], amount=one[2]))
)
REQUESTS: st.SearchStrategy[OperationRequest] = st.one_of(
    TRANSFERS,
    st.builds(AssignCoins, asset=st.just(BTC), quantity=COINS, to_bot=st.booleans()),
    st.builds(
        AssignCoins,
        asset=st.just(BTC),
        quantity=COINS,
        to_bot=st.just(True),  # noqa: FBT003 - a value
        cost_try=AMOUNTS,
        acquired_ms=st.integers(1, NOW_MS),
        evidence=st.just("e"),
    ),
    st.builds(
        BookFlow,
        asset=st.sampled_from([TRY, BTC]),
        amount=COINS,
        flow=st.sampled_from(list(FlowKind)),
        event_time_ms=st.integers(NOW_MS - 59_000, NOW_MS),
        evidence=st.just("e"),
    ),
    st.builds(
        BookLevy,
        levy=st.sampled_from(list(LevyKind)),
        amount=COINS,
        payer=st.sampled_from([CapitalPocket.TRADING, CapitalPocket.UNASSIGNED]),
    ),
    st.builds(
        BookLots,
        asset=st.just(BTC),
        lots=st.lists(st.builds(LotEvidence, COINS, AMOUNTS, st.integers(1, 9)), min_size=1,
                      max_size=2).map(tuple),
        evidence=st.text("ab", min_size=1, max_size=1),
    ),
    st.builds(
        ResolveSuspense,
        asset=st.sampled_from([TRY, BTC]),
        to=st.sampled_from(list(Explanation)),
        amount=st.none() | COINS,
    ),
)  # fmt: skip
TRADES = st.tuples(st.booleans(), st.booleans(), COINS, st.integers(1, 99), st.integers(-50, 9))


@settings(max_examples=60)
@given(st.lists(REQUESTS | TRADES, max_size=8))
def test_the_laws_hold_between_operations_and_trades(
    steps: list[OperationRequest | tuple[bool, bool, Decimal, int, int]],
) -> None:
    """Every asset balances, capital is cash and cost of lots, and the treasury falls by hand only.

    The last is by the explicit transfer out of it to the digit; the desk checks that a refusal
    leaves nothing behind.
    """
    desk = Desk("9000", coins="1", capital="6000")
    for number, step in enumerate(steps, 1):
        before = desk.state
        out = Decimal(0)
        if isinstance(step, tuple):
            is_buy, is_own, quantity, price, seconds = step
            trade = (buy if is_buy else sell)(
                number, str(quantity), str(price), fee="0.01", tax="0.002",
                name="bk1-a" if is_own else None, at=NOW_MS + seconds * 1000,
            )  # fmt: skip
            desk.trade(trade)
        elif not desk.ask(step) and isinstance(step, TransferCapital):
            out = step.amount if step.source is CapitalPocket.TREASURY else out
        after = desk.state
        assert after.ledger.imbalance() == {}
        assert after.capital.treasury_try >= before.capital.treasury_try - out
        assert after.capital.treasury_try == after.ledger.balance(Account.TREASURY, TRY)
        cost = sum((one.cost for one in after.positions.values()), Decimal(0))
        own = after.ledger.balance(Account.BOT, TRY) + cost
        assert after.capital.trading_capital_try == own
        for asset, book in ((BTC, after.external),):
            held = book[asset].quantity if asset in book else Decimal(0)
            assert held == after.ledger.balance(Account.EXTERNAL, asset)
        rest = sum((after.ledger.balance(account, TRY) for account in HELD), Decimal(0))
        assert rest == after.ledger.held(TRY)
