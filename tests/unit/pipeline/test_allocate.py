"""From a wish to an exact order: the budget, the caps, the rules, the mode, the frozen pair."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.cycle import CycleState, Decision, Verdict
from btcturk_kit.domain.ledger_events import treasury_event
from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.allocate import budget_of
from btcturk_kit.pipeline.draft import Draft

from .desk import (
    BTC,
    BTCTRY,
    ETH,
    ETHTRY,
    NOW_MS,
    OPENED_MS,
    RULES,
    TRY,
    balances,
    booked,
    buy,
    decide_on,
    intent_to_buy,
    intent_to_sell,
    kit_of,
    mark,
    observe,
    opened,
    order,
    profile_of,
    suspended,
    with_orders,
)


def requests(decision: Decision) -> list[OrderRequest]:
    """Return what was to be sent."""
    return [one.request for one in decision.submits]


def denials(decision: Decision) -> list[str]:
    """Return the rules that denied."""
    return [one.guard for _, one in decision.reviews if one.verdict is Verdict.DENY]


def holding(coins: str = "0.05", price: str = "1000000") -> CycleState:
    """Return an account of 100000 that bought these coins."""
    return booked(opened(), buy(1, coins, price))


def test_a_limit_buy_fits_into_its_amount_with_charges() -> None:
    """The quantity is the most whose price and charges, at the taker rate, stay in the amount."""
    (request,) = requests(decide_on(opened(), None, intent_to_buy("1000")))
    assert request == LimitOrder(BTCTRY, Side.BUY, Decimal("0.00099760"), Decimal(1_000_000))
    unit = Decimal("0.00000001")
    assert request.quantity * 1_002_400 <= 1000 < (request.quantity + unit) * 1_002_400


def test_a_limit_buy_by_quantity() -> None:
    """A wish in coins gives that quantity when the budget allows it."""
    (request,) = requests(decide_on(opened(), None, intent_to_buy(None, quantity="0.0123456789")))
    assert request == LimitOrder(BTCTRY, Side.BUY, Decimal("0.01234567"), Decimal(1_000_000))


def test_a_market_buy_is_an_amount_of_quote() -> None:
    """Its amount, rounded down to the cent, is what it may spend in all."""
    (request,) = requests(decide_on(opened(), None, intent_to_buy("1000.019", price=None)))
    assert request == MarketBuy(BTCTRY, Decimal("1000.01"))


def test_a_limit_price_is_rounded_for_the_trader() -> None:
    """Buys down, sells up, to the pair's decimals; without a price the touch is taken."""
    (request,) = requests(decide_on(opened(), None, intent_to_buy(price="999999.999")))
    assert isinstance(request, LimitOrder)
    assert request.price == Decimal("999999.99")
    (request,) = requests(decide_on(holding(), None, intent_to_sell("0.01", price="1000000.001")))
    assert isinstance(request, LimitOrder)
    assert request.price == Decimal("1000000.01")
    wide = observe(marks={BTCTRY: mark("1000000", bid="999990", ask="1000010")})
    touch = intent_to_buy()._replace(price=None)
    (request,) = requests(decide_on(opened(), wide, touch))
    assert isinstance(request, LimitOrder)
    assert request.price == 1_000_010


@pytest.mark.parametrize("price", ["1000000", None])
def test_one_order_is_at_most_a_fifth_of_the_capital(price: str | None) -> None:
    """Of 100000, one buy is at most 20000, charges inside, however much was wished for."""
    (sent,) = decide_on(opened(), None, intent_to_buy("90000", price=price)).state.orders.values()
    assert sent.reserved <= 20_000
    assert sent.reserved > 19_999


def test_orders_of_one_cycle_share_the_budget() -> None:
    """The cash of the first is gone for the second: together they spend what there is."""
    kit = kit_of(profile=profile_of(reserve_try=Decimal(70_000)))
    decision = decide_on(
        opened(),
        None,
        intent_to_buy("20000"),
        intent_to_buy("20000", symbol=ETHTRY, price="100000"),
        kit=kit,
    )
    reserved = [one.reserved for one in decision.state.orders.values()]
    assert len(reserved) == 2
    assert 29_990 < sum(reserved) <= 30_000


def test_exposure_is_capped_at_a_fifth_above_the_capital() -> None:
    """Marks and resting buys leave the rest of 120 %: coins that rose leave less."""
    state = holding("0.05")
    dear = {BTCTRY: mark("2300000"), ETHTRY: mark("100000")}
    # 115000 of 120000 is taken by the coins, so 5000 is left although cash is 50000.
    decision = decide_on(
        state, observe(marks=dear), intent_to_buy("20000", symbol=ETHTRY, price="100000")
    )
    (sent,) = decision.state.orders.values()
    assert 4_990 < sent.reserved <= 5_000


def test_what_resting_buys_reserve_is_exposure_too() -> None:
    """An open buy of another pair leaves less room."""
    dear = {BTCTRY: mark("2300000"), ETHTRY: mark("100000")}
    resting = order(symbol=ETHTRY, price=Decimal(90_000), reserved=Decimal(4_500))
    state = with_orders(holding("0.05"), resting)
    decision = decide_on(state, observe(marks=dear), intent_to_buy("20000", price="2300000"))
    sent = [one for one in decision.state.orders.values() if one.symbol == BTCTRY]
    assert all(one.reserved <= 500 for one in sent)
    assert sent


def test_nothing_to_spend_is_a_denial() -> None:
    """Without investable cash there is no order, and the reason has the numbers."""
    kit = kit_of(profile=profile_of(reserve_try=Decimal(100_000)))
    decision = decide_on(opened(), None, intent_to_buy(), kit=kit)
    assert requests(decision) == []
    assert denials(decision) == ["budget"]
    assert "cash 0" in decision.reviews[0][1].reason


def test_treasury_is_out_of_reach() -> None:
    """What was set aside is not spent, even when the exchange shows it as free cash."""
    start = opened("10000")
    ledger = start.ledger.post(treasury_event("x", Decimal(9_500), quote=TRY, now_ms=OPENED_MS))
    state = start._replace(ledger=ledger)
    seen = observe(balances=balances("10000"))
    (sent,) = decide_on(state, seen, intent_to_buy("2000")).state.orders.values()
    assert sent.reserved <= 500


def test_unassigned_cash_is_out_of_reach() -> None:
    """What the operator did not give to the bot stays where it is."""
    state = opened("100000", capital="1000")
    decision = decide_on(state, observe(balances=balances("100000")), intent_to_buy("900"))
    (sent,) = decision.state.orders.values()
    assert sent.reserved <= 200


def test_cash_in_suspense_is_not_spent() -> None:
    """Cash that nobody can explain may not be ours: it is left alone until it is explained."""
    state = suspended(opened("10000"), "10500")
    limits = RiskLimits(dust_try=Decimal(500))  # as much in suspense leaves the mode as it is
    kit = kit_of(profile=profile_of(reserve_try=Decimal(9_600), limits=limits))
    seen = observe(balances=balances("10500"))
    (sent,) = decide_on(state, seen, intent_to_buy("2000"), kit=kit).state.orders.values()
    assert 399 < sent.reserved <= 400


@pytest.mark.parametrize("mode", [RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY])
@pytest.mark.parametrize("price", ["1000000", None])
def test_a_stricter_mode_buys_nothing(mode: RiskMode, price: str | None) -> None:
    """No order that increases risk outside the normal mode."""
    state = opened(mode=ModeMemory(mode, OPENED_MS + 60_000, 0))
    decision = decide_on(state, None, intent_to_buy(price=price))
    assert requests(decision) == []
    assert denials(decision) == ["mode"]


def test_reducing_still_sells_and_observing_does_not() -> None:
    """A sell of what is held passes in `REDUCE_RISK_ONLY`; `OBSERVE_ONLY` places nothing."""
    state = holding()
    reduce_ = state._replace(mode=ModeMemory(RiskMode.REDUCE_RISK_ONLY, OPENED_MS + 60_000, 0))
    assert requests(decide_on(reduce_, None, intent_to_sell("0.01"))) == [
        MarketSell(BTCTRY, Decimal("0.01"))
    ]
    watch = state._replace(mode=ModeMemory(RiskMode.OBSERVE_ONLY, OPENED_MS + 60_000, 0))
    decision = decide_on(watch, None, intent_to_sell("0.01"))
    assert (requests(decision), denials(decision)) == ([], ["mode"])


def test_a_sell_is_at_most_what_is_held_and_free() -> None:
    """More than is held is cut to what is held; what other sells reserve is not free."""
    assert requests(decide_on(holding("0.05"), None, intent_to_sell("7"))) == [
        MarketSell(BTCTRY, Decimal("0.05"))
    ]
    assert requests(decide_on(holding("0.05"), None, intent_to_sell(None))) == [
        MarketSell(BTCTRY, Decimal("0.05"))
    ]
    resting = order(side=Side.SELL, reserved=Decimal("0.04"), reduces_risk=True)
    state = with_orders(holding("0.05"), resting)
    assert requests(decide_on(state, None, intent_to_sell("0.05"))) == [
        MarketSell(BTCTRY, Decimal("0.01"))
    ]


@pytest.mark.parametrize("quantity", [None, "0.01", "-1", "0"])
def test_what_is_not_held_is_not_sold(quantity: str | None) -> None:
    """No coins, or coins of the owner's only: no sell."""
    state = opened(coins="3")
    decision = decide_on(state, None, intent_to_sell(quantity))
    assert (requests(decision), denials(decision)) == ([], ["inventory"])


def test_sells_are_exempt_from_the_order_cap() -> None:
    """Half the capital in one sell passes: getting out is not held up by a cap."""
    state = holding("0.05")
    assert requests(decide_on(state, None, intent_to_sell("0.05", price="1000000"))) == [
        LimitOrder(BTCTRY, Side.SELL, Decimal("0.05"), Decimal(1_000_000))
    ]


def test_an_order_the_exchange_would_refuse_is_denied() -> None:
    """Below the least notional there is no order, limit or market, buy or sell."""
    for wish in (intent_to_buy("99"), intent_to_buy("99", price=None)):
        decision = decide_on(opened(), None, wish)
        assert (requests(decision), denials(decision)) == ([], ["rules"])
    for price in (None, "1000000"):
        decision = decide_on(holding(), None, intent_to_sell("0.00009", price=price))
        assert (requests(decision), denials(decision)) == ([], ["rules"])


@pytest.mark.parametrize("price", ["1000000", None])
def test_a_closed_pair_takes_no_order(price: str | None) -> None:
    """A pair that is not open for trading is left alone."""
    rules = RULES | {BTCTRY: replace(RULES[BTCTRY], is_trading=False)}
    kit = kit_of(rules=rules)
    decision = decide_on(opened(), None, intent_to_buy(price=price), kit=kit)
    assert (requests(decision), denials(decision)) == ([], ["rules"])


def test_a_wish_of_nothing_or_less_is_denied() -> None:
    """An amount or a quantity that is not positive makes no order."""
    for wish in (
        intent_to_buy("0"),
        intent_to_buy("-5"),
        intent_to_buy(None),
        intent_to_buy(None, quantity="-1"),
        intent_to_buy("0.004", price=None),
    ):
        decision = decide_on(opened(), None, wish)
        assert requests(decision) == []
        assert len(decision.reviews) == 1


def test_a_pair_without_rules_or_market_is_denied() -> None:
    """Nothing is sent for a pair of which nothing is known."""
    unknown = intent_to_buy(symbol="XRPTRY")
    assert denials(decide_on(opened(), None, unknown)) == ["pair"]
    dark = observe(marks={ETHTRY: mark("100000")})
    assert denials(decide_on(opened(), dark, intent_to_buy())) == ["pair"]


def test_an_order_type_that_cannot_be_sent_is_denied() -> None:
    """A stop needs a trigger that a wish does not have; a pair may not take market orders."""
    stop = intent_to_buy(order_type=OrderType.STOP_LIMIT)
    assert denials(decide_on(opened(), None, stop)) == ["order_type"]
    limit_only = replace(RULES[BTCTRY], order_types=(OrderType.LIMIT,))
    kit = kit_of(rules=RULES | {BTCTRY: limit_only})
    assert denials(decide_on(opened(), None, intent_to_buy(price=None), kit=kit)) == ["order_type"]
    assert requests(decide_on(opened(), None, intent_to_buy(), kit=kit))


def test_without_an_assessment_there_is_no_budget() -> None:
    """Before the rules have run nothing may be spent."""
    draft = Draft(opened(), observe(), profile_of(), RULES)
    budget = budget_of(draft)
    assert (budget.cash, budget.exposure, budget.order_max) == (0, 0, 0)


def test_sells_of_other_coins_do_not_reserve_this_one() -> None:
    """Each coin has its own free quantity."""
    state = booked(holding("0.05"), buy(2, "1", "1000", base=ETH))
    resting = order(
        symbol=ETHTRY, side=Side.SELL, reserved=Decimal(1), quantity=Decimal(1), reduces_risk=True
    )
    decision = decide_on(with_orders(state, resting), None, intent_to_sell(None))
    assert requests(decision) == [MarketSell(BTCTRY, Decimal("0.05"))]


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.UNKNOWN])
def test_a_pair_is_frozen_while_an_order_in_it_is_unknown(status: OrderStatus) -> None:
    """Nobody knows what that order did: neither buy nor sell until it is resolved."""
    state = with_orders(holding(), order("bk1-z", status=status, order_id=None))
    for wish in (intent_to_buy(), intent_to_sell("0.01")):
        decision = decide_on(state, None, wish)
        assert (requests(decision), denials(decision)) == ([], ["frozen"])
    other = intent_to_buy(symbol=ETHTRY, price="100000")
    assert len(requests(decide_on(state, None, other))) == 1


def test_a_restart_at_the_same_instant_finds_the_pair_frozen() -> None:
    """An order of the run before, sent at this very instant, is as unknown as an older one."""
    wish = intent_to_buy()
    sent = decide_on(opened(), None, wish).state
    again = decide_on(sent, observe(NOW_MS), wish)
    assert (requests(again), denials(again)) == ([], ["frozen"])


def test_two_wishes_of_one_cycle_do_not_freeze_each_other() -> None:
    """Orders of this cycle are not sent yet, so the second one passes, under its own id."""
    decision = decide_on(opened(), None, intent_to_buy(strategy="a"), intent_to_buy(strategy="b"))
    assert len({one.client_order_id for one in decision.submits}) == 2


def test_what_unknown_orders_may_take_is_held_back() -> None:
    """The reservation of an unknown buy is not spent a second time on another pair."""
    lost = order("bk1-z", status=OrderStatus.UNKNOWN, order_id=None, reserved=Decimal(9_000))
    state = with_orders(opened("10000"), lost)
    seen = observe(balances=balances("10000"))
    wish = intent_to_buy("2000", symbol=ETHTRY, price="100000")
    sent = [one for one in decide_on(state, seen, wish).state.orders.values() if one is not lost]
    assert sent
    assert all(one.reserved <= 1_000 for one in sent if one.client_order_id != "bk1-z")


def test_a_losing_streak_halves_the_size() -> None:
    """After three losing trips a buy is half of what was wished for, and the cap half as high."""
    state = opened()
    state = state._replace(risk=state.risk._replace(loss_streak=3))
    (sent,) = decide_on(state, None, intent_to_buy("1000")).state.orders.values()
    assert 499 < sent.reserved <= 500
    (sent,) = decide_on(state, None, intent_to_buy("90000")).state.orders.values()
    assert 9_999 < sent.reserved <= 10_000


def test_an_order_is_in_the_books_before_it_is_sent() -> None:
    """The command has a pending order beside it, under an id that follows from the decision."""
    wish = intent_to_buy("1000", reason="breakout")
    decision = decide_on(opened(), None, wish)
    (command,), (sent,) = decision.submits, decision.orders
    assert sent.client_order_id == command.client_order_id
    assert sent.status is OrderStatus.PENDING
    assert (sent.strategy, sent.reason, sent.sent_ms) == ("trend", "breakout", OPENED_MS + 60_000)
    assert isinstance(command.request, LimitOrder)
    assert sent.reserved == command.request.quantity * 1_002_400
    assert decision.state.orders == {sent.client_order_id: sent}
    assert decide_on(opened(), None, wish).submits == decision.submits
    assert not decision.is_quiet


def test_a_market_order_in_the_books() -> None:
    """A market buy has an amount and neither price nor quantity, a market sell no price."""
    (sent,) = decide_on(opened(), None, intent_to_buy("1000", price=None)).orders
    assert (sent.price, sent.quantity, sent.quote_amount) == (None, None, 1000)
    assert (sent.reserved, sent.reduces_risk) == (1000, False)
    (sent,) = decide_on(holding(), None, intent_to_sell("0.01")).orders
    assert (sent.price, sent.quantity, sent.quote_amount) == (None, Decimal("0.01"), None)
    assert (sent.reserved, sent.reduces_risk) == (Decimal("0.01"), True)


def test_sells_come_first_then_pairs_then_plugins() -> None:
    """The order of the wishes does not decide who gets the budget."""
    wishes = [
        intent_to_buy(symbol=ETHTRY, price="100000", strategy="b"),
        intent_to_buy(strategy="z"),
        intent_to_sell("0.01"),
        intent_to_buy(symbol=ETHTRY, price="100000", strategy="a"),
    ]
    one = decide_on(holding(), None, *wishes)
    other = decide_on(holding(), None, *reversed(wishes))
    assert [sent.strategy for sent in one.orders] == ["trend", "z", "a", "b"]
    assert one.submits == other.submits
    assert one.reviews[0][0].side is Side.SELL


def test_coins_of_the_owner_are_not_the_bots() -> None:
    """What the account held before is neither exposure nor inventory."""
    decision = decide_on(opened(coins="50"), observe(balances=balances("100000", "50")))
    assert decision.equity_try == 100_000
    assert decision.state.positions.get(BTC) is None


# --- codes and numbers


def test_every_denial_has_a_code_and_the_number_that_would_pass() -> None:
    """Each cause has a stable name; where a number decides, both numbers are there."""
    none_open = {BTCTRY: replace(RULES[BTCTRY], is_trading=False)}
    cases: list[tuple[Any, Any, dict[str, Any], str, Any, Any]] = [
        (opened(), intent_to_buy(symbol="XXXTRY"), {}, "unknown_pair", None, None),
        (opened(), intent_to_buy(order_type=OrderType.STOP_LIMIT), {}, "order_type", None, None),
        (opened(mode=ModeMemory(RiskMode.REDUCE_RISK_ONLY, NOW_MS)), intent_to_buy(), {},
         "mode", 1, 0),
        (opened(mode=ModeMemory(RiskMode.OBSERVE_ONLY, NOW_MS)), intent_to_buy(), {},
         "mode", 2, 0),
        (opened(mode=ModeMemory(RiskMode.OBSERVE_ONLY, NOW_MS)), intent_to_sell(), {},
         "mode", 2, 1),
        (opened(), intent_to_sell("0.5"), {}, "inventory", Decimal("0.5"), None),
        (opened(), intent_to_buy("99.99"), {}, "min_notional", Decimal("99.75"), 100),
        (opened(), intent_to_buy("99.99", price=None), {}, "min_notional", Decimal("99.99"), 100),
        (opened(), intent_to_buy("0.000001"), {}, "quantity", 0, Decimal("0.00000001")),
        (opened(), intent_to_buy(), {"rules": none_open}, "closed_pair", None, None),
        (opened(), intent_to_buy(price=None), {"rules": none_open}, "closed_pair", None, None),
    ]  # fmt: skip
    for state, wish, kit, code, value, limit in cases:
        ((_, answer),) = decide_on(state, None, wish, kit=kit_of(**kit)).reviews
        assert (answer.code, answer.value, answer.limit) == (code, value, limit)


def test_a_pair_without_a_market_and_one_without_rules_are_told_apart() -> None:
    """The first may come back, the second was never configured."""
    blind = observe(marks={BTCTRY: mark("1000000")})
    wish = intent_to_buy(symbol=ETHTRY, price="100000")
    ((_, answer),) = decide_on(opened(), blind, wish).reviews
    assert (answer.guard, answer.code) == ("pair", "no_market")


def test_a_budget_that_is_spent_names_what_is_left() -> None:
    """Neither cash nor exposure; no amount would pass, so there is no limit to name."""
    kit = kit_of(profile=profile_of(reserve_try=Decimal(100_000)))
    ((_, answer),) = decide_on(opened(), None, intent_to_buy("1000"), kit=kit).reviews
    assert (answer.code, answer.value, answer.limit) == ("budget", 1_000, None)


def test_an_amount_at_the_least_notional_passes() -> None:
    """The number a denial names is one that can be sent."""
    assert decide_on(opened(), None, intent_to_buy("100", price=None)).submits
