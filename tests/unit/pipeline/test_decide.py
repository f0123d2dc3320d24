"""The whole of a decision: quiet or not, its digest, strategies that fail, watching only."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.cycle import ALLOW, CancelIntent, Intent
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, TradeId
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.hooks.strategy import Intents, StrategyContext
from btcturk_kit.pipeline.decide import Kit, decide

from .desk import (
    BTCTRY,
    ETH,
    NOW_MS,
    OPENED_MS,
    balances,
    buy,
    decide_on,
    intent_to_buy,
    intent_to_sell,
    kit_of,
    mark,
    observe,
    opened,
    order,
    sell,
    with_orders,
)


class Scripted:
    """A strategy that proposes what it is given and remembers what it saw."""

    def __init__(self, answer: Any = ()) -> None:
        self.answer = answer
        self.fills: list[Fill] = []
        self.seen: list[tuple[RiskMode, Decimal]] = []

    def propose(self, context: StrategyContext) -> Intents:
        """Give the answer; an exception is raised."""
        self.seen.append((context.mode, context.position(BTCTRY).quantity))
        if isinstance(self.answer, Exception):
            raise self.answer
        answer: Intents = self.answer
        return answer

    def on_fill(self, fill: Fill) -> None:
        """Remember a trade."""
        self.fills.append(fill)

    def dump_state(self) -> str:
        """Return nothing."""
        return ""

    def load_state(self, text: str) -> None:
        """Take up nothing."""


class Deaf(Scripted):
    """A strategy that fails on every trade."""

    def on_fill(self, fill: Fill) -> None:
        """Fail."""
        raise ValueError(fill.trade_id)


def asked(*strategies: Scripted) -> Kit:
    """Return a kit of these strategies, its context at an instant of a market."""
    kit = kit_of(*strategies)
    column = [100_000_000]
    columns = BarColumns(
        symbol=BTCTRY,
        price_scale=2,
        volume_scale=8,
        **dict.fromkeys(("open", "high", "low", "close", "volume", "bid", "ask"), column),
    )
    kit.context.enter(MarketFrame(times_ms=[NOW_MS], bars=(columns,)))
    return kit


def test_nothing_new_is_quiet() -> None:
    """No event, no row, and the digest stays; only the number of the cycle grows."""
    state = opened()
    decision = decide_on(state)
    assert decision.is_quiet
    assert decision.state.digest == state.digest
    assert decision.state.cycle == 1
    assert (decision.events, decision.orders, decision.submits) == ((), (), ())
    assert decision.equity_try == 100_000


def test_what_makes_a_cycle_an_event() -> None:
    """A trade, a wish, an order, an anomaly, a mode, a day: each is one, and moves the digest."""
    state = with_orders(opened(), order())
    old = order(sent_ms=OPENED_MS - 7_200_000)
    events = [
        decide_on(state, observe(fills=(buy(1, "0.004", "1000000"),))),
        decide_on(state, None, intent_to_buy("1")),
        decide_on(state, None, CancelIntent("trend", ClientOrderId("bk1-a"))),
        decide_on(with_orders(opened(), old)),
        decide_on(state, observe(marks={BTCTRY: mark("1000000", at=OPENED_MS)})),
        decide_on(state, observe(OPENED_MS + 86_400_000)),
    ]
    assert not any(one.is_quiet for one in events)
    assert len({one.state.digest for one in events}) == len(events)
    assert all(one.state.digest != state.digest for one in events)


def test_the_digest_is_a_chain_over_what_was_decided() -> None:
    """Equal facts give an equal digest; another amount, instant or history gives another."""
    trade = buy(1, "0.004", "1000000", fee="1")
    first = decide_on(opened(), observe(fills=(trade,)))
    assert decide_on(opened(), observe(fills=(trade,))).state.digest == first.state.digest
    dearer = trade._replace(fee=Decimal(2))
    assert decide_on(opened(), observe(fills=(dearer,))).state.digest != first.state.digest
    later = observe(NOW_MS + 1, fills=(trade,))
    assert decide_on(opened(), later).state.digest != first.state.digest
    other = opened(digest="f" * 64)
    assert decide_on(other, observe(fills=(trade,))).state.digest != first.state.digest


def test_numbers_of_the_exchange_and_padding_are_not_in_the_digest() -> None:
    """Its order and trade numbers, and how a decimal is written, differ between modes."""
    trade = buy(1, "0.004", "1000000", fee="1")
    renamed = trade._replace(
        trade_id=TradeId(999), order_id=OrderId(5), quantity=Decimal("0.00400000")
    )
    digests = {decide_on(opened(), observe(fills=(one,))).state.digest for one in (trade, renamed)}
    assert len(digests) == 1


@pytest.mark.parametrize(
    "wish",
    [
        intent_to_buy("1000"),
        intent_to_buy("1000", price=None),
        intent_to_sell("0.001", price="1000000"),
        intent_to_sell("0.001"),
    ],
    ids=["limit buy", "market buy", "limit sell", "market sell"],
)
def test_every_kind_of_command_is_in_the_digest(wish: Intent) -> None:
    """Two sizes of one kind of order give two digests, and the kinds differ."""
    state = decide_on(opened(), observe(fills=(buy(1, "0.01", "1000000"),))).state
    twice = wish._replace(
        quantity=wish.quantity and wish.quantity * 2,
        quote_amount=wish.quote_amount and wish.quote_amount * 2,
    )
    one, two = decide_on(state, None, wish), decide_on(state, None, twice)
    assert one.submits
    assert two.submits
    assert one.state.digest != two.state.digest


def test_strategies_are_asked_after_the_news_is_booked() -> None:
    """They see the lots, the mode and the trades of this very instant."""
    strategy = Scripted()
    trades = (buy(1, "0.01", "1000000"), buy(2, "1", "10", base=ETH))
    decide_on(opened(), observe(fills=trades), kit=asked(strategy), ask=True)
    assert strategy.seen == [(RiskMode.NORMAL, Decimal("0.01"))]
    assert strategy.fills == [trades[0]]


def test_the_wishes_of_all_strategies_are_taken() -> None:
    """Each strategy is asked once and each wish is reviewed."""
    kit = asked(
        Scripted((intent_to_buy(strategy="a"),)),
        Scripted(),
        Scripted((intent_to_buy(strategy="b"),)),
    )
    decision = decide_on(opened(), kit=kit, ask=True)
    assert [one.strategy for one in decision.orders] == ["a", "b"]
    assert [answer for _, answer in decision.reviews] == [ALLOW, ALLOW]


def test_a_strategy_can_wish_for_cancels_beside_orders() -> None:
    """Both kinds of wish come out of one answer."""
    mine = order(strategy="trend")
    wishes = (CancelIntent("trend", mine.client_order_id), intent_to_buy())
    decision = decide_on(with_orders(opened(), mine), kit=asked(Scripted(wishes)), ask=True)
    assert [one.client_order_id for one in decision.cancels] == [mine.client_order_id]
    assert len(decision.submits) == 1
    assert decision.anomalies == ()


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("broken"),
        None,
        7,
        ("buy",),
        (intent_to_buy()._replace(quote_amount=1000.0),),
        (intent_to_buy()._replace(price=Decimal("NaN")),),
        (intent_to_buy()._replace(price=Decimal(-1)),),
        (intent_to_sell()._replace(quantity=Decimal("Infinity")),),
    ],
    ids=["raises", "none", "number", "text", "float", "NaN", "negative", "infinite"],
)
def test_a_strategy_that_fails_loses_its_wishes_only(answer: object) -> None:
    """It is named in an anomaly; the other strategies and the cycle go on."""
    kit = asked(Scripted(answer), Scripted((intent_to_buy(strategy="good"),)))
    decision = decide_on(opened(), kit=kit, ask=True)
    assert [one.code for one in decision.anomalies] == ["strategy_failed"]
    assert "plugin0:BTCTRY" in decision.anomalies[0].detail
    assert [one.strategy for one in decision.orders] == ["good"]
    assert decision.state.mode.mode is RiskMode.NORMAL


def test_a_strategy_that_fails_on_a_trade_does_not_stop_its_booking() -> None:
    """The trade is booked, the other strategy hears of it, the failure is recorded."""
    healthy = Scripted()
    kit = asked(Deaf(), healthy)
    decision = decide_on(opened(), observe(fills=(buy(1, "0.01", "1000000"),)), kit=kit, ask=True)
    assert len(decision.fills) == 1
    assert healthy.fills == list(decision.fills)
    assert [one.code for one in decision.anomalies] == ["strategy_failed"]


def test_watching_only_books_and_sends_nothing() -> None:
    """The closing cycle of a run takes in what happened, and neither asks nor writes."""
    strategy = Scripted((intent_to_buy(),))
    old = order(sent_ms=OPENED_MS - 7_200_000)
    decision = decide_on(
        with_orders(opened(), old),
        observe(fills=(buy(1, "0.004", "1000000"),)),
        kit=asked(strategy),
        ask=True,
        observe_only=True,
    )
    assert strategy.seen == []
    assert (decision.submits, decision.cancels) == ((), ())
    assert len(decision.fills) == 1


def test_with_the_last_assessment_only_wishes_are_handled() -> None:
    """When nothing happened the rules are not run again, and the answer is the same."""
    assessed = decide_on(opened()).assessment
    assert assessed is not None
    kit = kit_of()

    def again(multiplier: str) -> Any:
        return decide(
            opened(),
            observe(),
            kit,
            intents=(intent_to_buy("1000"),),
            assessment=assessed._replace(multiplier=Decimal(multiplier)),
            previous_equity=lambda: None,
        )

    assert again("1").submits == decide_on(opened(), None, intent_to_buy("1000")).submits
    assert again("1").equity_try == 100_000
    assert again("0.5").orders[0].reserved <= 500


def test_amounts_of_sixteen_places_stay_exact() -> None:
    """Quantities as fine as the exchange gives them, at a price of eight places."""
    fine = replace(kit_of().rules[BTCTRY], price_scale=8, min_notional=Decimal(0))
    kit = kit_of(rules={BTCTRY: fine})
    trades = (
        buy(1, "12345678.1234567890123456", "0.00012345", fee="0.00000001"),
        sell(2, "345678.1234567890123455", "0.00012346", tax="0.00000003"),
    )
    state = decide_on(
        opened(), observe(fills=trades, marks={BTCTRY: mark("0.00012345")}), kit=kit
    ).state
    assert state.ledger.imbalance() == {}
    (position,) = state.positions.values()
    assert position.quantity == Decimal("12000000.0000000000000001")
    paid = trades[0].notional + Decimal("0.00000001")
    got = trades[1].notional - Decimal("0.00000003")
    assert position.cost - position.realized_net == paid - got


def test_balances_of_a_cycle_bound_its_orders() -> None:
    """What the exchange shows as free now is the limit of what is ordered now."""
    seen = observe(balances=balances("100000"))
    less = observe(balances=balances("50", locked="99950"))
    assert decide_on(opened(), seen, intent_to_buy("1000")).submits
    assert not decide_on(opened(), less, intent_to_buy("1000")).submits
