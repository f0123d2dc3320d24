"""What the exchange says of our orders and balances, held against our books."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.balances import balance_differences
from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.orders import OrderStatus, Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.account import locked_differences

from .desk import (
    BTC,
    BTCTRY,
    NOW_MS,
    OPENED_MS,
    TRY,
    balances,
    booked,
    buy,
    decide_on,
    listed,
    observe,
    opened,
    order,
    with_orders,
)

S = OrderStatus
NAME = ClientOrderId("bk1-a")


def lost(**changes: object) -> CycleState:
    """Return an account with one order whose submit had no answer."""
    one = order(status=S.UNKNOWN, order_id=None, sent_ms=OPENED_MS + 30_000)
    return with_orders(opened(), one._replace(**changes))  # type: ignore[arg-type] # several types


# --- orders


def test_an_unknown_order_that_is_found_is_open_under_its_number() -> None:
    """The exchange's evidence settles it: it was accepted."""
    seen = observe(lookups=((NAME, listed(order(), S.OPEN, left="0.01", order_id=99)),))
    after = decide_on(lost(), seen).state.orders[NAME]
    assert (after.status, after.order_id) == (S.OPEN, OrderId(99))


def test_an_order_found_filled_waits_for_its_trades() -> None:
    """Terminal only when the booked trades add up to what the exchange says was filled."""
    found = ((NAME, listed(order(), S.FILLED, left="0")),)
    after = decide_on(lost(), observe(lookups=found)).state
    assert after.orders[NAME].status is S.OPEN
    filled = decide_on(lost(), observe(lookups=found, fills=(buy(1, "0.01", "1000000"),))).state
    assert NAME not in filled.orders
    assert filled.positions[BTC].quantity == Decimal("0.01")


@pytest.mark.parametrize("status", [S.PENDING, S.UNKNOWN])
@pytest.mark.parametrize(("age_ms", "after"), [(59_999, S.UNKNOWN), (60_000, S.ABANDONED)])
def test_an_order_not_found_is_given_up_only_after_the_horizon(
    status: OrderStatus, age_ms: int, after: OrderStatus
) -> None:
    """Listings lag: not being listed is evidence only when an order would have to be there."""
    first_ms = OPENED_MS + 31_000
    first = decide_on(lost(status=status), observe(first_ms, lookups=((NAME, None),)))
    assert first.state.orders[NAME].status is S.UNKNOWN
    assert first.state.orders[NAME].looked_up_ms == first_ms
    decision = decide_on(first.state, observe(first_ms + age_ms, lookups=((NAME, None),)))
    if after is S.ABANDONED:
        (changed,) = decision.orders
        assert changed.status is S.ABANDONED
        assert decision.state.orders == {}
        assert changed.reserved == 0
        assert [one.code for one in decision.anomalies] == ["order_abandoned"]
    else:
        assert decision.state.orders[NAME].status is S.UNKNOWN
        assert decision.state.orders[NAME].reserved == 10_024
        assert decision.anomalies == ()


@pytest.mark.parametrize(("age_ms", "goes"), [(59_999, False), (60_000, True)])
def test_a_numbered_order_that_vanished_counts_as_canceled(age_ms: int, *, goes: bool) -> None:
    """Neither listed nor known by number for the whole horizon: ended, and the mode tightens."""
    state = with_orders(opened(), order())
    first = decide_on(state, observe(lookups=((NAME, None),)))
    assert first.state.orders[NAME].status is S.OPEN
    decision = decide_on(first.state, observe(NOW_MS + age_ms, lookups=((NAME, None),)))
    assert (NAME in decision.state.orders) is not goes
    if goes:
        assert decision.orders[0].status is S.CANCELED
        assert decision.state.mode.mode is RiskMode.REDUCE_RISK_ONLY
        assert [one.code for one in decision.anomalies] == ["order_missing"]


def test_an_order_seen_again_was_never_missing() -> None:
    """A look that finds it starts the wait anew."""
    state = decide_on(with_orders(opened(), order()), observe(lookups=((NAME, None),))).state
    there = (listed(order(), S.OPEN, left="0.01"),)
    found = decide_on(state, observe(NOW_MS + 1, venue_orders=there)).state
    gone = decide_on(found, observe(NOW_MS + 70_000, lookups=((NAME, None),))).state
    assert gone.orders[NAME].status is S.OPEN


def test_an_order_not_looked_up_stays_unknown() -> None:
    """Without evidence nothing changes, however much time passes."""
    decision = decide_on(lost(), observe(OPENED_MS + 3_600_000))
    assert decision.state.orders[NAME].status is S.UNKNOWN


def test_a_trade_proves_an_order_that_the_listing_does_not_show() -> None:
    """A lagging listing must not talk an order away whose trade is in the history."""
    state = decide_on(lost(), observe(OPENED_MS + 31_000, lookups=((NAME, None),))).state
    seen = observe(
        OPENED_MS + 200_000, lookups=((NAME, None),), fills=(buy(1, "0.004", "1000000"),)
    )
    decision = decide_on(state, seen)
    after = decision.state.orders[NAME]
    assert after.status is S.PARTIALLY_FILLED
    assert after.filled_quantity == Decimal("0.004")


def test_a_lookup_of_an_order_we_do_not_have_is_nothing() -> None:
    """An answer about an order that has ended meanwhile changes nothing."""
    decision = decide_on(opened(), observe(lookups=((NAME, None),)))
    assert decision.orders == ()
    assert decision.is_quiet


@pytest.mark.parametrize("status", [S.CANCELED, S.FILLED])
@pytest.mark.parametrize("booked_quantity", ["0", "0.004"])
def test_an_end_is_believed_when_the_trades_add_up(
    status: OrderStatus, booked_quantity: str
) -> None:
    """Filled or canceled at the exchange with trades we have not seen yet: not ended for us."""
    one = order(filled_quantity=Decimal(booked_quantity))
    state = with_orders(opened(), one)
    missing = decide_on(state, observe(venue_orders=(listed(one, status, left="0.001"),)))
    assert missing.state.orders[NAME].status is S.OPEN
    left = str(Decimal("0.01") - Decimal(booked_quantity))
    ended = decide_on(state, observe(venue_orders=(listed(one, status, left=left),)))
    assert ended.state.orders == {}
    assert ended.orders[0].status is status
    assert ended.orders[0].reserved == 0


def test_a_cancel_with_its_last_trade_in_one_look() -> None:
    """The trade is booked first, then the sums agree and the order ends in the same cycle."""
    state = with_orders(opened(), order(status=S.PENDING_CANCEL))
    seen = observe(
        venue_orders=(listed(order(), S.CANCELED, left="0.006"),),
        fills=(buy(1, "0.004", "1000000"),),
    )
    decision = decide_on(state, seen)
    assert decision.state.orders == {}
    assert decision.orders[-1].status is S.CANCELED
    assert decision.orders[-1].filled_quantity == Decimal("0.004")


def test_a_market_buy_ends_when_the_exchange_says_so() -> None:
    """Its quantity is not known beforehand: filled means filled as much as was booked."""
    one = order(price=None, quantity=None, quote_amount=Decimal(1000), reserved=Decimal(1000))
    state = with_orders(opened(), one)
    done = listed(one._replace(quantity=Decimal("0.0009")), S.FILLED, left="0")
    seen = observe(venue_orders=(done,), fills=(buy(1, "0.0009", "1000000"),))
    assert decide_on(state, seen).state.orders == {}


def test_an_order_still_open_there_changes_nothing() -> None:
    """A look at an order that rests as before is no event."""
    state = with_orders(opened(), order())
    seen = observe(venue_orders=(listed(order(), S.OPEN, left="0.01"),))
    assert decide_on(state, seen).is_quiet


def test_orders_of_others_are_none_of_our_business() -> None:
    """Neither an order without our name nor one we do not know is taken over."""
    theirs = listed(order(), S.OPEN, left="0.01")
    seen = observe(venue_orders=(theirs._replace(client_order_id=None), theirs))
    assert decide_on(opened(), seen).is_quiet


# --- balances


def test_balances_that_agree_are_no_event() -> None:
    """The books are what the exchange has, free and locked together."""
    state = with_orders(opened(coins="2"), order())
    decision = decide_on(state, observe(balances=balances("89976", "2", locked="10024")))
    assert decision.is_quiet
    assert decision.state.differences == ()


def test_a_difference_must_show_twice() -> None:
    """The first look only remembers it, an equal second one puts it into suspense."""
    first = decide_on(opened(), observe(balances=balances("99999")))
    assert first.events == ()
    assert first.state.differences == ((TRY, Decimal(-1)),)
    second = decide_on(first.state, observe(NOW_MS + 1, balances=balances("99999")))
    (event,) = second.events
    assert second.state.ledger.balance(Account.SUSPENSE, TRY) == -1
    assert second.state.ledger.held(TRY) == 99_999
    assert second.state.ledger.imbalance() == {}
    assert second.state.differences == ()
    assert event.kind == "difference"
    assert [one.code for one in second.anomalies] == ["exchange_difference"]
    assert "-1 TRY" in second.anomalies[0].detail


def test_a_difference_tightens_the_mode_and_is_not_absorbed() -> None:
    """What nobody can explain never becomes the bot's, and selling is all that is left."""
    first = decide_on(opened(), observe(balances=balances("100500", "0.3")))
    after = decide_on(first.state, observe(NOW_MS + 1, balances=balances("100500", "0.3"))).state
    assert after.mode.mode is RiskMode.REDUCE_RISK_ONLY
    assert after.ledger.balance(Account.SUSPENSE, TRY) == 500
    assert after.ledger.balance(Account.SUSPENSE, BTC) == Decimal("0.3")
    assert after.ledger.balance(Account.BOT, TRY) == 100_000
    assert after.capital.trading_capital_try == 100_000
    third = decide_on(after, observe(NOW_MS + 2, balances=balances("100500", "0.3")))
    assert third.events == ()


def test_a_difference_that_changes_is_looked_at_again() -> None:
    """Two looks that disagree prove nothing; the newer one is remembered."""
    first = decide_on(opened(), observe(balances=balances("99999")))
    second = decide_on(first.state, observe(NOW_MS + 1, balances=balances("99998")))
    assert second.events == ()
    assert second.state.differences == ((TRY, Decimal(-2)),)
    third = decide_on(second.state, observe(NOW_MS + 2, balances=balances("100000")))
    assert third.state.differences == ()
    assert third.events == ()


@pytest.mark.parametrize("status", [S.PENDING, S.UNKNOWN])
def test_while_something_is_under_way_nothing_is_concluded(status: OrderStatus) -> None:
    """An unknown order may be the explanation: no suspense before it is resolved."""
    state = with_orders(opened(), order(status=status, order_id=None))
    for at in range(4):
        decision = decide_on(state, observe(NOW_MS + at, balances=balances("99999")))
        assert decision.events == ()
        state = decision.state


def test_a_cycle_with_trades_concludes_nothing() -> None:
    """Balances are read after trades: a trade of the same instant may be in them already."""
    state = decide_on(opened(), observe(balances=balances("99999"))).state
    seen = observe(
        NOW_MS + 1, fills=(buy(1, "0.01", "1000000"),), balances=balances("89999", "0.01")
    )
    decision = decide_on(state, seen)
    assert [event.kind for event in decision.events] == ["fill"]


@pytest.mark.parametrize("filled", ["0.004", "0"])
def test_trades_that_are_missing_explain_a_difference(filled: str) -> None:
    """While the exchange has filled more of an order than is booked, nothing is concluded."""
    one = order(filled_quantity=Decimal(0))
    state = with_orders(opened(), one)
    left = str(Decimal("0.01") - Decimal(filled))
    seen = (listed(one, S.OPEN, left=left),)
    for at in range(4):
        look = observe(NOW_MS + at, venue_orders=seen, balances=balances("95000", "0.004"))
        decision = decide_on(state, look)
        state = decision.state
    booked_it = state.ledger.balance(Account.SUSPENSE, TRY) != 0
    assert booked_it is (filled == "0")


def test_an_asset_nobody_booked_is_a_difference_too() -> None:
    """A coin that appears out of nowhere is noticed."""
    found = balance_differences(opened().ledger, balances("100000", "0.5"))
    assert found == {BTC: Decimal("0.5"), TRY: 0}


def test_an_asset_the_exchange_does_not_list_counts_as_none() -> None:
    """What the books hold and the exchange does not mention is missing."""
    state = booked(opened(), buy(1, "0.05", "1000000"))
    found = balance_differences(state.ledger, balances("50000")[:1])
    assert found == {BTC: Decimal("-0.05"), TRY: 0}


def test_what_is_locked_is_what_our_orders_reserve() -> None:
    """Locked at the exchange less our reservations, per asset: zero when all orders are ours."""
    orders = (
        order(reserved=Decimal(5_000)),
        order("bk1-b", side=Side.SELL, reserved=Decimal("0.2")),
    )
    bases = {BTCTRY: BTC}
    seen = balances("0", locked="5000")[:1]
    assert locked_differences(orders, bases, TRY, seen) == {TRY: 0, BTC: Decimal("-0.2")}
    other = Asset("USDT")
    assert locked_differences((), bases, other, seen) == {TRY: 5_000}
