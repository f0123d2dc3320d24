"""Investable cash, from its formula: every part that may not be spent is taken off."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.ledger_events import flow_event, treasury_event
from btcturk_kit.domain.orders import Order, OrderStatus, Side
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.pipeline.books import (
    history_from_ms,
    investable_cash,
    marked_value,
    require_law,
    reserved_quote,
)

from .desk import (
    BTC,
    BTCTRY,
    ETH,
    NOW_MS,
    TRY,
    balances,
    booked,
    buy,
    mark,
    opened,
    order,
    profile_of,
    sell,
    suspended,
    with_orders,
)


def investable(
    state: CycleState, cash: str | None = None, *, locked: str = "0", reserve: str = "0"
) -> Decimal:
    """Return investable cash, with what the exchange shows as free if that is given."""
    seen = None if cash is None else balances(cash, locked=locked)
    return investable_cash(state, seen, profile_of(reserve_try=Decimal(reserve)))


def pending(amount: int, name: str = "bk1-p", status: OrderStatus = OrderStatus.PENDING) -> Order:
    """Return a buy that is not provably known to the exchange."""
    return order(name, status=status, order_id=None, reserved=Decimal(amount))


def test_all_cash_of_a_new_account() -> None:
    """Nothing is held back: all of it."""
    assert investable(opened("1000")) == 1000
    assert investable(opened("1000"), "1000") == 1000


def test_the_smaller_of_exchange_and_books() -> None:
    """Less free at the exchange than in the books: the exchange's word; more: the books'."""
    assert investable(opened("1000"), "700") == 700
    assert investable(opened("1000"), "1300") == 1000


def test_what_is_unassigned_is_not_the_bots() -> None:
    """Cash outside the bot's book is not investable, whatever is free."""
    assert investable(opened("1000", capital="300"), "1000") == 300
    assert investable(opened("1000", capital="300"), "900") == 200


def test_the_bots_cash_that_the_owner_took_out_is_not_investable() -> None:
    """A withdrawal beyond the unassigned cash comes out of what the bot may use."""
    taken = flow_event("flow:1", TRY, Decimal(-200), quote=TRY, event_time_ms=NOW_MS)
    state = opened("1000")
    state = state._replace(ledger=state.ledger.post(taken))
    assert investable(state, "800") == 800
    assert investable(state) == 800


def test_treasury_is_not_investable() -> None:
    """Set aside is set aside."""
    state = opened("1000")
    ledger = state.ledger.post(treasury_event("x", Decimal(40), quote=TRY, now_ms=0))
    assert investable(state._replace(ledger=ledger), "1000") == 960


def test_the_operators_reserve_is_left_alone() -> None:
    """A reserve of the operator's is cash the bot never touches."""
    assert investable(opened("1000"), "1000", reserve="250") == 750
    assert investable(opened("1000"), reserve="2000") == 0


@pytest.mark.parametrize(("amount", "left"), [("50", "1000"), ("-50", "950")])
def test_suspense(amount: str, left: str) -> None:
    """Unexplained cash is not spent; unexplained missing cash is not there to be spent."""
    shown = str(1000 + Decimal(amount))
    state = suspended(opened("1000"), shown)
    assert state.ledger.balance(Account.SUSPENSE, TRY) == Decimal(amount)
    assert investable(state, shown) == Decimal(left)


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.UNKNOWN])
def test_what_a_doubtful_buy_may_take_is_held_back(status: OrderStatus) -> None:
    """It may or may not be inside the exchange's number: taken off in full."""
    state = with_orders(opened("1000"), pending(400, status=status))
    assert investable(state, "1000") == 600
    assert investable(state) == 600


def test_what_an_open_buy_has_locked_is_not_free() -> None:
    """Known to the exchange: it is locked there already and is not taken off twice."""
    state = with_orders(opened("1000"), order(reserved=Decimal(400)))
    assert investable(state, "600", locked="400") == 600
    assert investable(state) == 600


def test_at_most_capital_less_lots_less_reservations() -> None:
    """Proceeds of sells not settled yet, or cash from elsewhere, cannot be invested."""
    state = booked(opened("100000"), buy(1, "0.03", "1000000"))
    assert investable(state, "100000") == 70_000
    state = with_orders(state, order(reserved=Decimal(20_000)))
    assert investable(state, "100000") == 50_000


def test_losses_bind_the_rest() -> None:
    """Capital that shrank by losses bounds what may be invested, down to nothing."""
    state = booked(opened("1000"), buy(1, "0.001", "900000"), sell(2, "0.001", "400000"))
    assert investable(state, "1000") == 500
    poor = state._replace(capital=state.capital._replace(trading_capital_try=Decimal(-5)))
    assert investable(poor, "1000") == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"trading_capital_try": Decimal("70000.00000001")}, "trading capital"),
        ({"treasury_try": Decimal("0.00000001")}, "treasury"),
    ],
)
def test_books_that_tell_two_stories_are_refused(damage: dict[str, Decimal], words: str) -> None:
    """One digit between ledger, lots and capital stops the cycle: nothing is written."""
    state = booked(opened("70000"), buy(1, "0.03", "1000000"))
    require_law(state, TRY)
    with pytest.raises(InvariantViolation, match=words):
        require_law(state._replace(capital=state.capital._replace(**damage)), TRY)


def test_lots_that_are_not_in_the_ledger_are_refused() -> None:
    """The coins of the lots are the coins of the bot's account."""
    state = booked(opened(), buy(1, "0.03", "1000000"))
    lots = state.positions[BTC]._replace(quantity=Decimal("0.04"))
    with pytest.raises(InvariantViolation, match=r"lots of 0\.04 BTC"):
        require_law(state._replace(positions={BTC: lots}), TRY)


def test_the_history_is_read_back_to_the_oldest_order() -> None:
    """By the overlap from the newest trade, or to before the oldest working order."""
    state = booked(opened(), buy(3, "0.03", "1000000"))
    profile = profile_of(overlap_ms=5_000)
    assert history_from_ms(state, profile) == state.cursor_ms - 5_000
    old, new = order(sent_ms=state.cursor_ms - 100_000), order("bk1-b", sent_ms=state.cursor_ms)
    assert history_from_ms(with_orders(state, old, new), profile) < old.sent_ms


def test_reserved_by_buys_only() -> None:
    """Sells reserve coins, not cash; of doubtful orders alone on request."""
    orders = (
        order(reserved=Decimal(5)),
        pending(7),
        order("bk1-s", side=Side.SELL, reserved=Decimal(11)),
    )
    assert reserved_quote(orders) == 12
    assert reserved_quote(orders, only_unsettled=True) == 7


def test_coins_are_worth_their_mark_or_their_cost() -> None:
    """A coin whose market is not known counts at cost; nothing held is worth nothing."""
    state = booked(opened(), buy(1, "0.01", "1000000"), buy(2, "0.1", "100000", base=ETH, fee="7"))
    marks = {BTCTRY: mark("1200000")}
    assert marked_value(state.positions, marks, TRY) == 12_000 + 10_007
    gone = booked(state, sell(3, "0.01", "1000000", at=NOW_MS))
    assert not gone.positions[BTC].quantity
    assert marked_value(gone.positions, marks, TRY) == 10_007
