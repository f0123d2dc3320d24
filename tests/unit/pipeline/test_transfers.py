"""Deposits and withdrawals: booked once from the exchange's evidence, for the owner."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.cycle import CycleState, Decision
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.transfers import Transfer, TransferKind
from btcturk_kit.errors import LedgerConflict
from btcturk_kit.pipeline.transfers import fresh_transfers, transfer_events, transfer_key

from .desk import BTC, NOW_MS, OPENED_MS, TRY, balances, decide_on, observe, opened

D = Decimal
IN, OUT = TransferKind.DEPOSIT, TransferKind.WITHDRAWAL


def transfer(
    number: int = 1,
    kind: TransferKind = IN,
    amount: str = "50",
    *,
    asset: Asset = TRY,
    fee: str = "0",
    is_confirmed: bool = False,
    at: int = OPENED_MS + 5,
) -> Transfer:
    """Return a transfer; one of state money is not called confirmed."""
    return Transfer(number, kind, asset, D(amount), D(fee), D(0), at, is_confirmed)


def told(
    state: CycleState, cash: str, coins: str, *transfers: Transfer, now_ms: int = NOW_MS
) -> Decision:
    """Decide at a look that has these balances and transfers."""
    seen = observe(now_ms, balances=balances(cash, coins), transfers=transfers)
    return decide_on(state, seen, observe_only=True)


def test_what_explains_the_difference_is_booked() -> None:
    """State money that nobody calls confirmed: the balance says that it is there."""
    state = opened("1000", coins="2", capital="600")
    decision = told(
        state, "1020", "1.5", transfer(1), transfer(2, OUT, "30"),
        transfer(3, OUT, "0.5", asset=BTC, is_confirmed=True),
    )  # fmt: skip
    after = decision.state
    assert after.ledger.balance(Account.UNASSIGNED, TRY) == 420
    assert after.external[BTC].quantity == D("1.5")
    assert (after.differences, decision.anomalies) == ((), ())
    assert after.capital.trading_capital_try == 600
    assert after.risk == state.risk
    assert sorted(event.key for event in decision.events) == [
        "flow:deposit:1",
        "flow:withdrawal:2",
        "flow:withdrawal:3",
    ]


def test_what_explains_nothing_waits_until_it_is_confirmed() -> None:
    """A deposit that has not arrived is no money; a confirmed one is booked whatever is seen."""
    state = opened("1000", capital="600")
    assert told(state, "1000", "0", transfer()).is_quiet
    found = told(state, "1000", "0", transfer(is_confirmed=True))
    assert found.state.ledger.balance(Account.UNASSIGNED, TRY) == 450
    # Its balance may follow: what was booked in this look is under way, not different.
    assert (found.state.differences, found.anomalies) == ((), ())


def test_of_many_the_ones_that_fit_are_chosen() -> None:
    """One of two has arrived; with too many to try, only confirmed ones are booked."""
    state = opened("1000", capital="600")
    one = told(state, "1070", "0", transfer(1), transfer(2, amount="70"))
    assert [event.key for event in one.events] == ["flow:deposit:2"]
    many = [transfer(number, amount=str(number)) for number in range(1, 12)]
    none = told(state, "1011", "0", *many)
    assert none.events == ()
    assert none.state.differences == ((TRY, D(11)),)


def test_two_that_would_cancel_out_are_not_booked_for_nothing() -> None:
    """A deposit and a withdrawal of one amount, neither confirmed, explain no difference of 0."""
    state = opened("1000", capital="600")
    pair = (transfer(1), transfer(2, OUT))
    assert told(state, "1000", "0", *pair).is_quiet
    one = told(state, "1050", "0", *pair)
    assert [event.key for event in one.events] == ["flow:deposit:1"]


@pytest.mark.parametrize(
    ("kind", "seen", "net"),
    [(OUT, "949.5", "-50.5"), (OUT, "950", "-50"), (IN, "1049.5", "49.5"), (IN, "1050", "50")],
)
def test_the_balance_says_whether_an_amount_contains_its_charge(
    kind: TransferKind, seen: str, net: str
) -> None:
    """Nobody documents it: both readings are tried, the charge is a charge in both."""
    state = opened("1000", capital="600")
    after = told(state, seen, "0", transfer(kind=kind, fee="0.5", is_confirmed=True)).state
    assert after.ledger.balance(Account.UNASSIGNED, TRY) == 400 + D(net)
    assert after.ledger.balance(Account.FEE, TRY) == D("0.5")
    assert after.differences == ()


def test_evidence_that_comes_after_suspense_empties_it() -> None:
    """Booked late, the books have it twice; the opposite difference takes it out of suspense."""
    state = opened("1000", capital="600")
    for at in (1, 2):
        state = told(state, "1050", "0", now_ms=NOW_MS + at).state
    assert state.ledger.balance(Account.SUSPENSE, TRY) == 50
    assert state.mode.mode is RiskMode.REDUCE_RISK_ONLY
    state = told(state, "1050", "0", transfer(), now_ms=NOW_MS + 3).state
    assert state.ledger.balance(Account.UNASSIGNED, TRY) == 450
    for at in (4, 5):
        decision = told(state, "1050", "0", now_ms=NOW_MS + at)
        state = decision.state
    assert [one.code for one in decision.anomalies] == ["difference_gone"]
    assert state.ledger.balance(Account.SUSPENSE, TRY) == 0
    assert state.differences == ()


def test_without_balances_nothing_is_booked() -> None:
    """What cannot be held against the exchange waits."""
    state = opened("1000", capital="600")
    assert decide_on(state, observe(transfers=(transfer(is_confirmed=True),))).events == ()


def test_booked_ones_are_left_out_and_changed_ones_are_a_conflict() -> None:
    """The same number with the same content is known; with another it stops the cycle."""
    one = transfer(fee="0.5")
    for event in transfer_events(one, known_ms=9):
        assert event.key == transfer_key(one)
        assert fresh_transfers([one], [event], opened_ms=OPENED_MS) == ()
        for other in (one._replace(amount=D(51)), one._replace(event_time_ms=OPENED_MS + 6)):
            with pytest.raises(LedgerConflict, match="deposit 1 is booked as"):
                fresh_transfers([other], [event], opened_ms=OPENED_MS)


def test_what_is_inside_the_opening_is_left_out() -> None:
    """And so is a transfer of nothing."""
    rows = [transfer(1, at=OPENED_MS), transfer(2), transfer(3, amount="0")]
    assert fresh_transfers(rows, (), opened_ms=OPENED_MS) == (rows[1],)


def test_of_one_instant_the_coins_are_booked_in_the_order_of_their_lots() -> None:
    """Facts without a number have an order of their own; in another one they would be late."""
    state = opened("1000", coins="2", capital="600")
    found = [transfer(number, asset=BTC, amount="1", is_confirmed=True) for number in range(1, 9)]
    after = told(state, "1000", "10", *found).state
    assert [lot.quantity for lot in after.external[BTC].lots] == [2] + [1] * 8
