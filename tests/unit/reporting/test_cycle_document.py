"""Cycle documents: complete, exact, traced, and as the published schema says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.reporting.published import FILE, adapter, schema_text
from tests.unit.runtime.floor import BTCTRY, Floor, floor, kit_for, run_to_end, walk

from btcturk_kit.domain.cycle import (
    ALLOW,
    Anomaly,
    CancelIntent,
    Decision,
    Intent,
    Review,
    Verdict,
)
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.mode_memory import ModeOverride
from btcturk_kit.domain.orders import (
    CancelOrder,
    LimitOrder,
    MarketBuy,
    MarketSell,
    Order,
    OrderStatus,
    OrderType,
    Side,
    SubmitOrder,
)
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.risk_rules import RiskReason, Touch
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.reporting.cycle_document import (
    CycleDocuments,
    cycle_document,
    fill_counts,
    run_metrics,
)

LIMITS = RiskLimits()


class Seen:
    """A run of the trend strategy on a seeded walk, with every decision it took."""

    def __init__(self, bars: int = 400, **options: Any) -> None:
        self.decisions: list[tuple[Decision, int]] = []
        self.place: Floor = floor(
            walk(bars, seed=5),
            kit=kit_for(parameters={"trend": {"fast_bars": 4, "slow_bars": 12}}),
            on_decision=lambda decision, now_ms: self.decisions.append((decision, now_ms)),
            **options,
        )
        self.report = run_to_end(self.place)

    def documents(self) -> list[dict[str, Any]]:
        """Return the documents of the run."""
        made = CycleDocuments(LIMITS)
        return [made(decision, now_ms) for decision, now_ms in self.decisions]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Return one run for the tests that only read it."""
    return Seen()


def test_the_published_schema_is_that_of_the_code() -> None:
    """The packaged file is what the shape gives; the helper beside this test writes it anew."""
    assert FILE.read_text("utf-8") == schema_text()


def test_documents_of_a_real_run_are_valid(seen: Seen) -> None:
    """Every document of a run has the published shape, to the last field and pattern."""
    check, documents = adapter(), seen.documents()
    assert len(documents) > 30
    for one in documents:
        check.validate_python(one)
    assert any(one["fills"] for one in documents)
    assert any(one["reviews"] for one in documents)


def test_a_document_with_a_field_too_many_or_a_padded_amount_is_not_valid(seen: Seen) -> None:
    """The check that all others rely on refuses what the schema does not hold."""
    check = adapter()
    document = seen.documents()[0]
    for wrong in (
        {**document, "more": 1},
        {**document, "metrics": {**document["metrics"], "net_try": "1.50"}},
        {**document, "now_ms": "1"},
    ):
        with pytest.raises(ValueError, match="validation error"):
            check.validate_python(wrong)


def test_net_is_gross_less_fees_and_tax_in_every_cycle(seen: Seen) -> None:
    """Realized and unrealized together, and equity moves by the net and by flows alone."""
    opening = Decimal(100_000)
    for one in seen.documents():
        figures = {name: Decimal(text) for name, text in one["metrics"].items() if text}
        charges = figures["fees_try"] + figures["tax_try"]
        assert figures["net_try"] == figures["gross_try"] - charges
        assert figures["net_try"] == figures["realized_net_try"] + figures["unrealized_net_try"]
        assert figures["equity_try"] == opening + figures["net_try"] + figures["flows_try"]
    assert Decimal(seen.documents()[-1]["metrics"]["fees_try"]) > 0


def test_money_is_conserved_in_every_document(seen: Seen) -> None:
    """Cash, treasury and coins are equity; the legs of every event sum to zero in every asset."""
    for one in seen.documents():
        exposure = one["exposure"]
        coins = sum(Decimal(held["value_try"]) for held in exposure["holdings"])
        whole = Decimal(exposure["cash_try"]) + Decimal(exposure["treasury_try"]) + coins
        assert whole == Decimal(one["metrics"]["equity_try"])
        gross = coins + Decimal(exposure["resting_buys_try"])
        assert gross == Decimal(exposure["gross_try"]) == Decimal(one["metrics"]["exposure_try"])
        for event in one["events"]:
            sums: dict[str, Decimal] = {}
            for leg in event["legs"]:
                sums[leg["asset"]] = sums.get(leg["asset"], Decimal(0)) + Decimal(leg["amount"])
            assert not any(sums.values())


def test_fees_and_fills_of_all_cycles_add_up_to_the_metrics(seen: Seen) -> None:
    """Charges, turnover and counts of the cycles are the totals of the last one."""
    documents = seen.documents()
    charges = {"fee": Decimal(0), "tax": Decimal(0)}
    for one in documents:
        for charge in one["charges"]:
            charges[charge["kind"]] += Decimal(charge["amount"])
    fills = [fill for one in documents for fill in one["fills"]]
    last = documents[-1]["metrics"]
    assert charges["fee"] == Decimal(last["fees_try"])
    assert charges["tax"] == Decimal(last["tax_try"])
    assert sum(Decimal(fill["notional"]) for fill in fills) == Decimal(last["turnover_try"])
    assert len(fills) == last["fills"]


def test_every_order_traces_to_an_intent_and_every_intent_to_an_outcome(seen: Seen) -> None:
    """Orders and refusals are told once, under the place of their intent."""
    for one in seen.documents():
        assert [row["intent"] for row in one["trace"]] == list(range(len(one["intents"])))
        ordered = {row["client_order_id"]: row["intent"] for row in one["trace"]}
        for submit in one["submits"]:
            assert ordered[submit["client_order_id"]] == submit["intent"]
        assert sum(row["outcome"] == "order" for row in one["trace"]) == len(one["submits"])


def test_every_rule_with_a_number_tells_it(seen: Seen) -> None:
    """Rules that were silent stand in the document too, with what they measured."""
    risk = seen.documents()[-1]["risk"]
    told = {row["rule"]: row for row in risk["rules"]}
    assert {"drawdown", "daily_loss", "stale_data", "loss_streak", "fee_burn"} <= set(told)
    assert not any(row["is_crossed"] for row in risk["rules"])


def test_trades_of_one_order_are_counted_through_cycles_and_restarts() -> None:
    """The second trade of an order has ordinal 1, in the next cycle and in the next run."""
    seen = Seen()
    decision, now_ms = next(one for one in seen.decisions if one[0].fills)
    fill = decision.fills[0]
    made = CycleDocuments(LIMITS)
    half = decision._replace(
        orders=tuple([one._replace(status=OrderStatus.OPEN) for one in decision.orders])
    )
    first, second = made(half, now_ms), made(half, now_ms)
    assert [one["fills"][0]["ordinal"] for one in (first, second)] == [0, 1]
    again = CycleDocuments(LIMITS, fills_before=fill_counts([first, second]))
    assert again(half, now_ms)["fills"][0]["ordinal"] == 2
    twice = decision._replace(fills=(fill, fill))
    rows = cycle_document(twice, now_ms, limits=LIMITS)["fills"]
    assert [row["ordinal"] for row in rows] == [0, 1]


def test_an_ended_order_is_forgotten_once_it_is_filled() -> None:
    """What is counted does not grow with the age of a run."""
    seen = Seen()
    made = CycleDocuments(LIMITS)
    for decision, now_ms in seen.decisions:
        made(decision, now_ms)
    assert len(made._counts) <= len(seen.report.state.orders)


def a_decision(seen: Seen, **changes: Any) -> Decision:
    """Return the last decision of the run, emptied, with these changes."""
    names = ("fills", "events", "orders", "intents", "reviews", "submits", "cancels")
    empty: dict[str, Any] = dict.fromkeys(names, ())
    return seen.decisions[-1][0]._replace(**{**empty, **changes})


BUY = Intent("trend", BTCTRY, Side.BUY, OrderType.MARKET, quote_amount=Decimal(500))
SELL = Intent("trend", BTCTRY, Side.SELL, OrderType.MARKET, quantity=Decimal("0.01"))
REST = Intent("trend", BTCTRY, Side.BUY, OrderType.LIMIT, Decimal("0.01"), price=Decimal(900_000))
NAME = ClientOrderId("bk1-a")


def order_of(intent: Intent, name: ClientOrderId = NAME, **changes: Any) -> Order:
    """Return the pending order of an intent."""
    made = Order(
        name,
        intent.symbol,
        intent.side,
        intent.order_type,
        intent.strategy,
        OrderStatus.PENDING,
        0,
        0,
    )
    return made._replace(**changes)


def test_each_kind_of_order_is_told_with_its_own_size(seen: Seen) -> None:
    """A market buy has an amount, a market sell a quantity, a limit order price and quantity."""
    requests = (
        MarketBuy(BTCTRY, Decimal(500)),
        MarketSell(BTCTRY, Decimal("0.01")),
        LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), Decimal(900_000)),
    )
    intents = (BUY, SELL, REST)
    names = [ClientOrderId(f"bk1-{at}") for at in range(3)]
    decision = a_decision(
        seen,
        intents=intents,
        reviews=tuple([(one, ALLOW) for one in intents]),
        submits=tuple(map(SubmitOrder, names, requests)),
        orders=tuple(map(order_of, intents, names)),
    )
    rows = cycle_document(decision, 1, limits=LIMITS)["submits"]
    assert [(row["quantity"], row["quote_amount"], row["price"]) for row in rows] == [
        (None, "500", None),
        ("0.01", None, None),
        ("0.01", None, "900000"),
    ]


def test_two_equal_intents_each_have_their_own_answer(seen: Seen) -> None:
    """The first becomes an order, the second is refused: both are told, in order."""
    refused = Review(Verdict.DENY, "look_alike", code="look_alike")
    shrunk = Review(Verdict.SHRINK, "g", ratio=Decimal("0.5"))
    decision = a_decision(
        seen,
        intents=(BUY, BUY),
        reviews=((BUY, shrunk), (BUY, ALLOW), (BUY, refused)),
        submits=(SubmitOrder(NAME, MarketBuy(BTCTRY, Decimal(500))),),
        orders=(order_of(BUY),),
    )
    document = cycle_document(decision, 1, limits=LIMITS)
    assert [(row["outcome"], row["code"]) for row in document["trace"]] == [
        ("order", ""),
        ("refused", "look_alike"),
    ]
    assert [(row["intent"], row["verdict"]) for row in document["reviews"]] == [
        (0, "shrink"),
        (0, "allow"),
        (1, "deny"),
    ]


def test_cancels_are_told_with_their_cause(seen: Seen) -> None:
    """One that a strategy asked for traces to its intent, one for its age to nobody."""
    other = ClientOrderId("bk1-b")
    decision = a_decision(
        seen,
        intents=(CancelIntent("trend", NAME), CancelIntent("trend", ClientOrderId("bk1-gone"))),
        cancels=(
            CancelOrder(NAME, OrderId(1), BTCTRY),
            CancelOrder(other, OrderId(2), BTCTRY),
        ),
    )
    document = cycle_document(decision, 1, limits=LIMITS)
    assert [row["cause"] for row in document["cancels"]] == ["strategy", "kit"]
    assert [row["outcome"] for row in document["trace"]] == ["cancel", "none"]
    assert document["intents"][0]["kind"] == "cancel"
    adapter().validate_python(document)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reviews": ((BUY, ALLOW),)}, "nobody proposed"),
        ({"intents": (BUY,)}, "has no answer"),
        ({"intents": (BUY,), "reviews": ((BUY, ALLOW),)}, "became no order"),
        (
            {"submits": (SubmitOrder(NAME, MarketBuy(BTCTRY, Decimal(1))),)},
            "comes from no intent",
        ),
        (
            {
                "intents": (BUY,),
                "reviews": ((BUY, ALLOW),),
                "submits": (SubmitOrder(NAME, MarketBuy(BTCTRY, Decimal(1))),),
            },
            "stands in no book",
        ),
        (
            {
                "intents": (BUY,),
                "reviews": ((BUY, ALLOW),),
                "submits": (SubmitOrder(NAME, MarketBuy(BTCTRY, Decimal(1))),),
                "orders": (order_of(BUY, strategy="another"),),
            },
            "not the one",
        ),
        (
            {
                "intents": (BUY,),
                "reviews": ((BUY, ALLOW),),
                "submits": (SubmitOrder(NAME, MarketSell(BTCTRY, Decimal(1))),),
                "orders": (order_of(BUY),),
            },
            "not the one",
        ),
    ],
)
def test_what_does_not_match_raises(seen: Seen, changes: dict[str, Any], words: str) -> None:
    """A trace with a gap is a fault of the program, not a document."""
    with pytest.raises(InvariantViolation, match=words):
        cycle_document(a_decision(seen, **changes), 1, limits=LIMITS)


def test_a_stricter_mode_is_told_with_its_reasons_and_its_end(seen: Seen) -> None:
    """Cool-down, override and anomalies stand in the document."""
    decision = a_decision(seen)
    given = ModeOverride(RiskMode.OBSERVE_ONLY, "look", 5, 9)
    memory = decision.state.mode._replace(
        mode=RiskMode.OBSERVE_ONLY, triggered_ms=7, override=given
    )
    told = cycle_document(
        decision._replace(
            state=decision.state._replace(mode=memory),
            anomalies=(Anomaly("odd", RiskMode.NORMAL, "x"),),
            assessment=None,
        ),
        8,
        limits=LIMITS,
        pre_cycle="0" * 64,
    )
    adapter().validate_python(told)
    assert told["mode"]["final"] == told["mode"]["wanted"] == "OBSERVE_ONLY"
    assert told["mode"]["cooldown_until_ms"] == 7 + LIMITS.cooldown_ms
    assert told["mode"]["override"]["until_ms"] == 9
    assert told["anomalies"][0]["code"] == "odd"
    assert (told["risk"], told["pre_cycle"]) == (None, "0" * 64)


def test_a_breach_shows_as_crossed_with_value_and_limit() -> None:
    """A run into a drawdown limit says which rule stopped it, with the numbers it compared."""
    limits = RiskLimits(drawdown_ratio=Decimal("0.002"))
    seen = Seen()
    decision, now_ms = next(one for one in seen.decisions if one[0].assessment)
    assert decision.assessment is not None
    inputs = decision.assessment.inputs
    assert inputs is not None
    policy = seen.place.kit.profile.risk
    strict = type(policy)(limits=limits)
    lower = inputs._replace(equity_try=inputs.equity_try - Decimal(5_000))
    told = cycle_document(decision._replace(assessment=strict.assess(lower)), now_ms, limits=limits)
    row = next(one for one in told["risk"]["rules"] if one["rule"] == "drawdown")
    assert row["is_crossed"]
    assert Decimal(row["measured"]) > Decimal(row["limit"])
    assert told["mode"]["reasons"][0]["rule"] in {"drawdown", "daily_loss"}


def test_an_assessment_without_inputs_has_no_risk_section(seen: Seen) -> None:
    """What nobody measured is not told as if somebody had."""
    decision = a_decision(seen)
    assert decision.assessment is not None
    bare = decision.assessment._replace(inputs=None)
    assert cycle_document(decision._replace(assessment=bare), 1, limits=LIMITS)["risk"] is None


def test_what_is_known_of_pairs_and_connection_is_told_per_pair(seen: Seen) -> None:
    """Spread, volume and volatility have a row for each pair, the connection its two figures."""
    decision = a_decision(seen)
    assert decision.assessment is not None
    inputs = decision.assessment.inputs
    assert inputs is not None
    row = Ticker(BTCTRY, *map(Decimal, (100, 99, 101, 140, 100, 100, 2)), event_time_ms=5)
    full = inputs._replace(
        touches=(Touch(BTCTRY, Decimal(95), Decimal(100)),),
        conditions=(row,),
        health=VenueHealth(-2_500, None),
    )
    limits = RiskLimits(volume_try_min=Decimal(300))
    assessment = type(seen.place.kit.profile.risk)(limits=limits).assess(full)
    told = cycle_document(decision._replace(assessment=assessment), 1, limits=limits)
    adapter().validate_python(told)
    rows = {one["rule"]: one for one in told["risk"]["rules"]}
    assert {name for name, one in rows.items() if one["is_crossed"]} == {
        "spread",
        "volume",
        "volatility",
        "clock_offset",
    }
    assert (rows["volume"]["symbol"], rows["volume"]["measured"]) == ("BTCTRY", "200")
    assert (rows["spread"]["measured"], rows["spread"]["limit"]) == ("5", "2")
    assert rows["api_latency"]["measured"] is None
    health = assessment._replace(inputs=full._replace(health=VenueHealth(None, 7)))
    told = cycle_document(decision._replace(assessment=health), 1, limits=limits)
    rows = {one["rule"]: one for one in told["risk"]["rules"]}
    assert (rows["clock_offset"]["measured"], rows["api_latency"]["measured"]) == (None, "7")


def test_a_rule_without_a_number_stands_at_the_end(seen: Seen) -> None:
    """A charge without a value crosses no limit, and is told all the same."""
    decision = a_decision(seen)
    assert decision.assessment is not None
    assert decision.assessment.inputs is not None
    pending = decision.assessment.inputs._replace(is_valuation_pending=True)
    assessment = seen.place.kit.profile.risk.assess(pending)
    told = cycle_document(decision._replace(assessment=assessment), 1, limits=LIMITS)
    last = told["risk"]["rules"][-1]
    assert (last["rule"], last["measured"], last["limit"]) == ("valuation_pending", None, None)
    voted = assessment._replace(
        reasons=(RiskReason("odd", RiskMode.NORMAL, "", Decimal(1), Decimal(2)),)
    )
    told = cycle_document(decision._replace(assessment=voted), 1, limits=LIMITS)
    assert told["risk"]["rules"][-1]["limit"] == "2"


def test_a_trade_without_charges_has_no_fee_events() -> None:
    """A maker at a zero rate pays nothing, and no row says that it paid zero."""
    seen = Seen(200)
    decision, now_ms = next(one for one in seen.decisions if one[0].fills)
    free = decision.fills[0]._replace(fee=Decimal(0), tax=Decimal(0))
    told = cycle_document(decision._replace(fills=(free,)), now_ms, limits=LIMITS)
    assert told["charges"] == []


def test_the_figures_of_an_account_are_those_of_its_last_document(seen: Seen) -> None:
    """A summary and a document say the same."""
    state = seen.decisions[-1][0].state
    assert run_metrics(state) == seen.documents()[-1]["metrics"]
