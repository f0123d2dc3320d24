"""Trades into the books: once each, in their order, with lots, split, order progress and trips."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.capital import Granularity, ProfitBasis, SelfFinancing
from btcturk_kit.domain.cycle import CycleState, Decision
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.orders import OrderStatus, OrderType, Side
from btcturk_kit.domain.positions import CostMethod, fold_fills
from btcturk_kit.domain.risk import RiskBudgetPolicy, RiskMode
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.finance import finance_cycle, finance_event

from .desk import (
    BTC,
    BTCTRY,
    ETH,
    NOW_MS,
    OPENED_MS,
    RULES,
    TRY,
    booked,
    buy,
    decide_on,
    kit_of,
    mark,
    observe,
    opened,
    order,
    profile_of,
    sell,
    with_orders,
)

NAME = ClientOrderId("bk1-a")


def financed(**choice: Any) -> Kit:
    """Return a kit whose split is chosen."""
    policy = RiskBudgetPolicy(financing=SelfFinancing(**choice))
    return kit_of(profile=profile_of(risk=policy))


def ingested(state: CycleState, *fills: Fill, kit: Kit | None = None) -> Decision:
    """Return the decision that books these trades."""
    return decide_on(state, observe(fills=tuple(fills)), kit=kit)


def assert_law(state: CycleState) -> None:
    """Hold the law of capital: trading + treasury + unassigned = TRY cash + cost of lots."""
    ledger, capital = state.ledger, state.capital
    owned = [
        ledger.balance(one, TRY) for one in (Account.BOT, Account.TREASURY, Account.UNASSIGNED)
    ]
    cost = sum(one.cost for one in state.positions.values())
    held = capital.trading_capital_try + capital.treasury_try
    assert held + ledger.balance(Account.UNASSIGNED, TRY) == sum(owned) + cost
    assert ledger.balance(Account.TREASURY, TRY) == capital.treasury_try
    assert ledger.imbalance() == {}
    assert (capital.last_event_count, capital.content_hash) == (
        ledger.event_count,
        ledger.content_hash,
    )


def test_a_buy_becomes_a_lot() -> None:
    """Cash into coins at cost, charges inside; capital does not move."""
    decision = ingested(opened(), buy(1, "0.01", "1000000", fee="10", tax="2"))
    state = decision.state
    assert state.positions[BTC].cost == 10_012
    assert state.ledger.balance(Account.BOT, TRY) == 89_988
    assert state.ledger.balance(Account.BOT, BTC) == Decimal("0.01")
    assert state.capital.trading_capital_try == 100_000
    assert [event.key for event in decision.events] == ["fill:1"]
    assert decision.positions == (state.positions[BTC],)
    assert decision.fills[0].trade_id == 1
    assert_law(state)


def test_a_gain_is_split_and_set_aside_at_once() -> None:
    """The sell, its split and the transfer to treasury are one decision."""
    decision = ingested(
        opened(), buy(1, "0.01", "1000000"), sell(2, "0.01", "1010000", fee="5", tax="1")
    )
    assert [event.kind for event in decision.events] == [
        EventKind.FILL,
        EventKind.FILL,
        EventKind.TREASURY,
    ]
    assert decision.events[2].key == "split:fill:2"
    assert decision.state.capital.treasury_try == Decimal("37.6")
    assert decision.state.capital.trading_capital_try == Decimal("100056.4")
    assert [row.last_event_key for row in decision.capital_rows] == ["fill:1", "fill:2"]
    assert_law(decision.state)


def test_a_loss_reduces_trading_capital_and_the_bot_goes_on() -> None:
    """Nothing comes from treasury, and the mode is not touched by a small loss."""
    state = ingested(opened(), buy(1, "0.01", "1000000"), sell(2, "0.01", "990000")).state
    assert state.capital.trading_capital_try == 99_900
    assert state.capital.treasury_try == 0
    assert state.mode.mode is RiskMode.NORMAL
    assert_law(state)


def test_each_gain_is_split_by_itself_or_all_at_once() -> None:
    """Per event: +100 and -50 set 40 aside. Per cycle, the literal rule: +50 sets 20 aside."""
    fills = (
        buy(1, "0.01", "1000000"),
        sell(2, "0.01", "1010000"),
        buy(3, "0.01", "1000000"),
        sell(4, "0.01", "995000"),
    )
    per_event = ingested(opened(), *fills, kit=financed())
    assert per_event.state.capital.treasury_try == 40
    assert len(per_event.capital_rows) == 4
    per_cycle = ingested(opened(), *fills, kit=financed(granularity=Granularity.CHECKPOINT))
    assert per_cycle.state.capital.treasury_try == 20
    assert len(per_cycle.capital_rows) == 1
    for decision in (per_event, per_cycle):
        assert decision.state.capital.trading_capital_try == 100_050 - (
            decision.state.capital.treasury_try
        )
        assert_law(decision.state)


def test_above_the_peak_only() -> None:
    """+100, -100, +150 as trades: 60 aside under the high-water mark, 100 without."""
    fills = []
    for number, result in enumerate(("1010000", "990000", "1015000")):
        fills += [buy(2 * number + 1, "0.01", "1000000"), sell(2 * number + 2, "0.01", result)]
    peak = financed(profit_basis=ProfitBasis.HIGH_WATER_MARK)
    assert ingested(opened(), *fills, kit=peak).state.capital.treasury_try == 60
    assert ingested(opened(), *fills).state.capital.treasury_try == 100


def test_at_average_cost_when_the_account_was_opened_so() -> None:
    """The cost method of the profile is the one the books use."""
    kit = kit_of(profile=profile_of(cost_method=CostMethod.AVERAGE))
    fills = (buy(1, "0.01", "1000000"), buy(2, "0.01", "2000000"), sell(3, "0.01", "2000000"))
    assert ingested(opened(), *fills, kit=kit).state.positions[BTC].realized_net == 5_000
    assert ingested(opened(), *fills).state.positions[BTC].realized_net == 10_000


@pytest.mark.parametrize("granularity", list(Granularity))
def test_a_ledger_that_did_not_grow_is_no_checkpoint(granularity: Granularity) -> None:
    """The same ledger again gives no second split and no row."""
    state = ingested(opened(), buy(1, "0.01", "1000000"), sell(2, "0.01", "1010000")).state
    draft = Draft(state, observe(), financed(granularity=granularity).profile, RULES)
    draft.realized_net = draft.realized_gross = Decimal(100)
    finance_event(draft, state.ledger, ())
    finance_cycle(draft)
    assert draft.capital is state.capital
    assert draft.capital_rows == []
    assert draft.events == []


def test_two_assets_share_one_capital() -> None:
    """The realized totals of all assets are one number for the split."""
    state = ingested(
        opened(),
        buy(1, "0.01", "1000000"),
        buy(2, "0.1", "100000", base=ETH),
        sell(3, "0.01", "1010000"),
        sell(4, "0.1", "99000", base=ETH),
    ).state
    assert state.capital.treasury_try == 40
    assert state.capital.trading_capital_try == 99_960
    assert state.capital.last_realized_pnl_total_try == 0
    assert_law(state)


def test_trades_are_booked_in_their_order_however_they_are_told() -> None:
    """By event time, then number; the batch may be in any order."""
    fills = (buy(1, "0.01", "1000000"), buy(2, "0.01", "1200000"), sell(3, "0.01", "1300000"))
    told = ingested(opened(), *reversed(fills))
    assert told.state == ingested(opened(), *fills).state
    assert [one.trade_id for one in told.fills] == [1, 2, 3]


def test_a_late_trade_is_put_in_its_place() -> None:
    """An older buy that appears later changes which lot was sold; capital takes the restatement.

    Known so far: bought at 1200000, sold at 1300000. Then the cheaper, older buy is told.
    """
    late, second, third = (
        buy(1, "0.01", "1000000"),
        buy(2, "0.01", "1200000"),
        sell(3, "0.01", "1300000"),
    )
    state = ingested(opened(), second, third).state
    assert state.capital.treasury_try == 400
    seen = observe(NOW_MS + 1, fills=(late,), history=((BTC, events_of(second, third)),))
    after = decide_on(state, seen).state
    assert after.positions[BTC] == fold_fills(BTC, [late, second, third])
    assert after.positions[BTC].realized_net == 3_000
    assert after.capital.treasury_try == 1_200  # 0.4 of 1000, then 0.4 of the 2000 that came out
    assert after.capital.trading_capital_try == 101_800
    assert_law(after)


def test_a_restatement_downward_is_a_loss() -> None:
    """When the late trade shows that less was earned, trading capital bears it, not treasury."""
    late, second, third = (
        buy(1, "0.01", "1250000"),
        buy(2, "0.01", "1000000"),
        sell(3, "0.01", "1300000"),
    )
    state = ingested(opened(), second, third).state
    assert state.capital.treasury_try == 1_200
    seen = observe(NOW_MS + 1, fills=(late,), history=((BTC, events_of(second, third)),))
    after = decide_on(state, seen).state
    assert after.positions[BTC].realized_net == 500
    assert after.capital.treasury_try == 1_200
    assert after.capital.trading_capital_try == 99_300
    assert_law(after)


def test_a_late_trade_beside_one_of_somebody_else() -> None:
    """The fold of the bot's lots takes the bot's trades only, also of the same look."""
    late, second, third = (
        buy(1, "0.01", "1000000"),
        buy(4, "0.01", "1200000"),
        sell(5, "0.01", "1300000"),
    )
    theirs = buy(2, "3", "900000", name="theirs")
    state = ingested(opened(capital="50000"), second, third).state
    seen = observe(
        NOW_MS + 1,
        fills=(late, buy(3, "0.01", "1100000"), theirs),
        history=((BTC, events_of(second, third)),),
    )
    after = decide_on(state, seen).state
    expected = fold_fills(BTC, [late, second, third, buy(3, "0.01", "1100000")])
    assert after.positions[BTC] == expected
    assert after.ledger.balance(Account.BOT, BTC) == after.positions[BTC].quantity
    assert_law(after)


def test_a_late_trade_without_the_history_is_a_fault() -> None:
    """Without the trades booked before, the lots cannot be folded: nothing is guessed."""
    state = ingested(opened(), buy(2, "0.01", "1200000")).state
    with pytest.raises(InvariantViolation, match="history"):
        ingested(state, buy(1, "0.01", "1000000"))


def test_a_sell_known_before_its_buy() -> None:
    """It waits as a short lot; the law holds meanwhile, and the result comes with the buy."""
    state = ingested(opened(), sell(2, "0.01", "1300000")).state
    assert state.positions[BTC].quantity == Decimal("-0.01")
    assert state.capital.last_realized_pnl_total_try == 0
    assert_law(state)
    after = ingested(state, buy(3, "0.01", "1000000")).state
    assert after.positions[BTC].lots == ()
    assert after.capital.last_realized_pnl_total_try == 3_000
    assert_law(after)


def test_a_nameless_trade_beside_working_orders_is_not_theirs() -> None:
    """Another number than any of ours: not booked to an order, not booked to the bot."""
    state = with_orders(opened(coins="5", capital="60000"), order())
    after = ingested(state, sell(1, "1", "30000", name=None, order_id=999)).state
    assert after.orders[NAME] == order()
    assert after.positions == {}


@pytest.mark.parametrize("name", [None, "theirs"])
def test_a_trade_of_somebody_else_is_the_owners(name: str | None) -> None:
    """It moves the owner's money, tightens the mode, and is neither lot nor result of the bot."""
    decision = ingested(opened(coins="5", capital="60000"), sell(1, "1", "30000", name=name))
    state = decision.state
    assert state.positions == {}
    assert state.capital.trading_capital_try == 60_000
    assert state.ledger.balance(Account.UNASSIGNED, TRY) == 70_000
    assert state.ledger.balance(Account.EXTERNAL, BTC) == 4
    assert state.mode.mode is RiskMode.REDUCE_RISK_ONLY
    assert [one.code for one in decision.anomalies] == ["foreign_trade"]
    assert state.capital.last_event_count == state.ledger.event_count


def test_a_trade_under_our_prefix_is_ours_after_its_order_ended() -> None:
    """A late part of an order that is terminal already is still the bot's."""
    state = ingested(opened(), buy(1, "0.01", "1000000", name="bk1-old")).state
    assert state.positions[BTC].quantity == Decimal("0.01")


def test_a_trade_without_our_name_is_known_by_the_order_number() -> None:
    """The exchange may leave our name out; its own number of our order is as good."""
    state = with_orders(opened(), order())
    after = ingested(state, buy(1, "0.004", "1000000", name=None)).state
    assert after.orders[NAME].filled_quantity == Decimal("0.004")
    assert after.positions[BTC].quantity == Decimal("0.004")


# --- order progress


def test_a_part_of_a_limit_buy() -> None:
    """Filled so far, reservation for the rest at its price and the taker rate."""
    state = with_orders(opened(), order())
    after = ingested(state, buy(1, "0.004", "999000", fee="3")).state.orders[NAME]
    assert after.status is OrderStatus.PARTIALLY_FILLED
    assert after.filled_quantity == Decimal("0.004")
    assert after.reserved == Decimal("0.006") * 1_002_400
    assert after.updated_ms == OPENED_MS + 10_000


def test_the_last_part_ends_the_order() -> None:
    """Filled when the trades reach the quantity; it leaves the working orders."""
    state = with_orders(opened(), order())
    decision = ingested(state, buy(1, "0.004", "1000000"), buy(2, "0.006", "1000000"))
    assert decision.state.orders == {}
    (changed,) = decision.orders
    assert changed.status is OrderStatus.FILLED
    assert (changed.filled_quantity, changed.reserved) == (Decimal("0.01"), 0)


def test_a_sell_releases_what_was_sold() -> None:
    """A sell reserves coins: each part frees its own."""
    one = order(side=Side.SELL, reserved=Decimal("0.01"))
    state = with_orders(booked(opened(), buy(1, "0.01", "1000000")), one)
    after = ingested(state, sell(2, "0.004", "1000000")).state.orders[NAME]
    assert after.reserved == Decimal("0.006")


def test_a_market_buy_releases_what_was_spent() -> None:
    """Its reservation is quote: each part takes price, fee and tax out of it, never below zero."""
    one = order(
        order_type=OrderType.MARKET,
        price=None,
        quantity=None,
        quote_amount=Decimal(1000),
        reserved=Decimal(1000),
    )
    state = with_orders(opened(), one)
    after = ingested(state, buy(1, "0.0004", "1000000", fee="1", tax="0.2")).state
    assert after.orders[NAME].reserved == Decimal("598.8")
    assert after.orders[NAME].status is OrderStatus.PARTIALLY_FILLED
    spent = ingested(after, buy(2, "0.0006", "1000000", fee="1", tax="0.2")).state
    assert spent.orders[NAME].reserved == 0
    assert spent.orders[NAME].status is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.UNKNOWN])
def test_a_trade_proves_that_an_order_was_taken(status: OrderStatus) -> None:
    """A trade of an unknown order gives it its number; it is unknown no more."""
    state = with_orders(opened(), order(status=status, order_id=None))
    after = ingested(state, buy(1, "0.004", "1000000", order_id=88)).state.orders[NAME]
    assert after.status is OrderStatus.PARTIALLY_FILLED
    assert after.order_id == OrderId(88)


def test_a_trade_while_the_cancel_is_under_way() -> None:
    """The order keeps waiting for its cancel, with the trade booked."""
    state = with_orders(opened(), order(status=OrderStatus.PENDING_CANCEL))
    after = ingested(state, buy(1, "0.004", "1000000")).state.orders[NAME]
    assert after.status is OrderStatus.PENDING_CANCEL
    assert after.filled_quantity == Decimal("0.004")


# --- cursor, overlap, trips


def test_the_cursor_follows_the_newest_trade() -> None:
    """Keys inside the overlap window are remembered, older ones are forgotten."""
    kit = kit_of(profile=profile_of(overlap_ms=15_000))
    state = ingested(opened(), buy(1, "0.01", "1000000"), buy(2, "0.01", "1000000"), kit=kit).state
    assert state.cursor_ms == OPENED_MS + 20_000
    assert [one[:2] for one in state.seen] == [(OPENED_MS + 10_000, 1), (OPENED_MS + 20_000, 2)]
    later = ingested(state, buy(3, "0.01", "1000000"), kit=kit).state
    assert {one[:2] for one in later.seen} >= {(OPENED_MS + 20_000, 2), (OPENED_MS + 30_000, 3)}
    late = decide_on(
        later,
        observe(
            NOW_MS + 1,
            fills=(buy(4, "0.01", "1000000", at=OPENED_MS + 25_000),),
            history=((BTC, events_of(*later_history())),),
        ),
        kit=kit,
    ).state
    assert late.cursor_ms == OPENED_MS + 30_000
    assert (OPENED_MS + 25_000, 4) in {one[:2] for one in late.seen}


def events_of(*fills: Fill) -> tuple[LedgerEvent, ...]:
    """Return what a store would give back of these trades of the bot."""
    return tuple(fill_event(fill, is_own=True) for fill in fills)


def later_history() -> tuple[Fill, ...]:
    """Return the three buys of the test above."""
    return tuple(buy(trade, "0.01", "1000000") for trade in (1, 2, 3))


def test_losing_round_trips_are_counted_down_to_dust() -> None:
    """A rest that is worth less than the least order is flat: the trip has ended."""
    state = opened()
    for number in range(3):
        state = ingested(
            state,
            buy(2 * number + 1, "0.01", "1000000"),
            sell(2 * number + 2, "0.00999", "990000"),
        ).state
        assert state.risk.loss_streak == number + 1
        assert not state.risk.in_trip
    won = ingested(state, buy(7, "0.01", "1000000"), sell(8, "0.01", "1200000")).state
    assert won.risk.loss_streak == 0


def test_a_trip_is_over_when_the_bot_holds_nothing() -> None:
    """With two coins held, selling one is not the end of the trip."""
    state = ingested(opened(), buy(1, "0.01", "1000000"), buy(2, "0.1", "100000", base=ETH)).state
    half = ingested(state, sell(3, "0.01", "990000")).state
    assert (half.risk.in_trip, half.risk.loss_streak) == (True, 0)
    done = ingested(half, sell(4, "0.1", "110000", base=ETH)).state
    assert (done.risk.in_trip, done.risk.loss_streak) == (False, 0)


def test_the_equity_identity_over_a_cycle_of_trades() -> None:
    """Change of equity = realized net + change of unrealized net, to the last digit."""
    first = decide_on(opened())
    prices = observe(
        NOW_MS,
        marks={BTCTRY: mark("1013337.77")},
        fills=(
            buy(1, "0.0123456789012345", "1000000.01", fee="12.34567891", tax="2.46913578"),
            sell(2, "0.0023456789012345", "1010101.01", fee="1.11111111", tax="0.22222222"),
        ),
    )
    second = decide_on(first.state, prices)
    position = second.state.positions[BTC]
    worth = position.quantity * Decimal("1013337.77")
    assert second.equity_try - first.equity_try == position.realized_net + worth - position.cost
    charges = Decimal("16.14814802")
    gross = position.realized_gross + worth - position.gross_cost
    assert second.equity_try - first.equity_try == gross - charges
