"""Every guard before an order, at its limit and one step beyond; what a denial says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.cycle import ALLOW, Mark, Review, Verdict
from btcturk_kit.domain.guard_memory import GuardMemory, Latch, SentOrder
from btcturk_kit.domain.guards import GuardInputs, deny, review_order, size_of
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    Order,
    OrderStatus,
    OrderType,
    Side,
)

from .guarded import BTCTRY, NOW_MS, buying, market_buying, selling, with_limits

OLD = Mark(Decimal(1_000_000), Decimal(999_000), Decimal(1_001_000), NOW_MS - 30_001)
LATCHED = GuardMemory(latches=(Latch(BTCTRY, 5, "too many"),))


def working(**changes: object) -> Order:
    """Return an order of the same strategy that works: a limit buy of 0.01 at a million."""
    fields: dict[str, object] = {
        "client_order_id": ClientOrderId("bk1-w"),
        "symbol": BTCTRY,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "strategy": "trend",
        "status": OrderStatus.OPEN,
        "sent_ms": 0,
        "updated_ms": 0,
        "price": Decimal(1_000_000),
        "quantity": Decimal("0.01"),
    }
    return Order(**(fields | changes))  # type: ignore[arg-type]  # the fields have their types


def sent(age_ms: int, **changes: object) -> SentOrder:
    """Return the same buy as it was sent some time ago."""
    order = SentOrder(
        NOW_MS - age_ms, "trend", BTCTRY, Side.BUY, Decimal(1_000_000), Decimal("0.01")
    )
    return order._replace(**changes)  # type: ignore[arg-type]  # the fields have their types


def remembering(*orders: SentOrder) -> GuardMemory:
    """Return a memory of these orders."""
    return GuardMemory(sent=orders)


def told(seen: GuardInputs) -> tuple[str, str, Decimal | None, Decimal | None]:
    """Return who denied, the code, what was measured, and what would have passed."""
    answer = review_order(seen)
    assert answer.verdict is Verdict.DENY
    assert answer.reason
    return answer.guard, answer.code, answer.value, answer.limit


def test_an_order_inside_every_limit_passes_without_an_object() -> None:
    """The shared answer comes back, for a buy, a market buy and a sell."""
    for seen in (buying(), market_buying(), selling(), selling("999000")):
        assert review_order(seen) is ALLOW


@pytest.mark.parametrize(
    ("inside", "beyond", "said"),
    [
        (
            buying(mark=OLD._replace(event_time_ms=NOW_MS - 30_000)),
            buying(mark=OLD),
            ("collar", "stale_reference", 30_001, 30_000),
        ),
        (
            buying("1051050"),
            buying("1051050.01"),
            ("collar", "collar", Decimal("1051050.01"), 1_051_050),
        ),
        (
            selling("949050"),
            selling("949049.99"),
            ("collar", "collar", Decimal("949049.99"), 949_050),
        ),
        (
            buying(spendable=Decimal(10_000)),
            buying(spendable=Decimal("9999.99")),
            ("treasury_fence", "treasury_fence", 10_000, Decimal("9999.99")),
        ),
        (
            selling(spendable=Decimal("0.01")),
            selling(spendable=Decimal("0.00999999")),
            ("inventory", "inventory", Decimal("0.01"), Decimal("0.00999999")),
        ),
        (
            buying(order_try_max=Decimal(10_000)),
            buying(order_try_max=Decimal("9999.99")),
            ("order_cap", "order_cap", 10_000, Decimal("9999.99")),
        ),
        (
            with_limits(buying(), order_notional_try_max=Decimal(10_000)),
            with_limits(buying(), order_notional_try_max=Decimal("9999.99")),
            ("order_notional", "order_notional", 10_000, Decimal("9999.99")),
        ),
        (
            with_limits(buying(), order_quantity_max=Decimal("0.01")),
            with_limits(buying(), order_quantity_max=Decimal("0.00999")),
            ("order_quantity", "order_quantity", Decimal("0.01"), Decimal("0.00999")),
        ),
        (
            with_limits(buying(orders=[working(strategy="a")]), open_orders_max=2),
            with_limits(buying(orders=[working(strategy="a")]), open_orders_max=1),
            ("open_orders", "open_orders", 2, 1),
        ),
        (
            with_limits(buying(memory=remembering(sent(59_999))), orders_per_minute_max=2),
            with_limits(buying(memory=remembering(sent(59_999))), orders_per_minute_max=1),
            ("order_rate", "order_rate", 2, 1),
        ),
        (
            buying(memory=remembering(sent(5_000))),
            buying(memory=remembering(sent(4_999))),
            ("look_alike", "look_alike_sent", 4_999, 5_000),
        ),
        (
            buying(orders=[working(quantity=Decimal("0.02"))]),
            buying(orders=[working()]),
            ("look_alike", "look_alike_open", None, None),
        ),
        (
            buying(memory=GuardMemory(latches=(Latch(Symbol("ETHTRY"), 5, "too many"),))),
            buying(memory=LATCHED),
            ("repeated_execution", "repeated_execution", None, None),
        ),
    ],
    ids=lambda one: one[1] if isinstance(one, tuple) and isinstance(one[0], str) else "",
)
def test_a_guard_denies_beyond_its_limit_and_not_at_it(
    inside: GuardInputs, beyond: GuardInputs, said: tuple[object, ...]
) -> None:
    """At the limit the order passes; one step beyond it names what would have passed."""
    assert review_order(inside) is ALLOW
    assert told(beyond) == said


def test_a_minute_is_sixty_seconds() -> None:
    """What was sent a whole minute ago does not count any more."""
    seen = with_limits(buying(memory=remembering(sent(60_000))), orders_per_minute_max=1)
    assert review_order(seen) is ALLOW


def test_a_stale_market_is_no_reference_for_any_order() -> None:
    """At the market and for a sell that reduces risk as well."""
    for seen in (market_buying(mark=OLD), selling(mark=OLD), selling("999000", mark=OLD)):
        assert told(seen)[1] == "stale_reference"


def test_a_sell_that_reduces_risk_is_spared_everything_else() -> None:
    """Caps, rates, look-alikes, counts and latches are for orders that add risk."""
    memory = GuardMemory(
        (sent(1, side=Side.SELL, price=None),) * 50, latches=(Latch(BTCTRY, 5, "too many"),)
    )
    alike = working(side=Side.SELL, price=None, order_type=OrderType.MARKET)
    seen = selling(memory=memory, orders=[alike] * 30, order_try_max=Decimal(0))
    seen = with_limits(
        seen, order_notional_try_max=Decimal("0.01"), order_quantity_max=Decimal("0.00000001")
    )
    assert review_order(seen) is ALLOW


@pytest.mark.parametrize(
    "other",
    [
        {"side": Side.SELL},
        {"symbol": Symbol("ETHTRY")},
        {"price": Decimal("1000000.01")},
        {"strategy": "other"},
    ],
    ids=str,
)
def test_only_the_same_order_is_a_look_alike(other: dict[str, object]) -> None:
    """Another side, pair, price or strategy makes it another order."""
    assert review_order(buying(orders=[working(**other)])) is ALLOW
    assert review_order(buying(memory=remembering(sent(1, **other)))) is ALLOW


def test_without_a_window_an_order_may_follow_one_like_it() -> None:
    """A window of nothing remembers no look-alike, however young."""
    young = buying(memory=remembering(sent(0)))
    assert told(young)[1] == "look_alike_sent"
    assert review_order(with_limits(young, look_alike_ms=0)) is ALLOW


def test_market_buys_are_alike_by_their_amount() -> None:
    """Their size is what they spend."""
    same = working(
        order_type=OrderType.MARKET, price=None, quantity=None, quote_amount=Decimal(1_000)
    )
    assert told(market_buying(orders=[same]))[1] == "look_alike_open"
    assert review_order(market_buying("1000.01", orders=[same])) is ALLOW


def test_a_latched_pair_says_since_when_and_why() -> None:
    """And that only an operator ends it."""
    answer = review_order(buying(memory=LATCHED))
    assert "too many" in answer.reason
    assert "operator" in answer.reason


def test_the_first_guard_of_the_list_answers() -> None:
    """A stale market is told before a wrong price, a wrong price before a missing coin."""
    seen = buying("9000000", mark=OLD, spendable=Decimal(0))
    assert told(seen)[1] == "stale_reference"
    assert told(seen._replace(mark=OLD._replace(event_time_ms=NOW_MS)))[1] == "collar"


def test_the_collar_follows_the_pairs_step() -> None:
    """The price it names can be sent as it stands."""
    seen = buying("2000000", mark=Mark(Decimal(3), Decimal(3), Decimal("3.33"), NOW_MS))
    assert told(seen)[3] == Decimal("3.49")
    seen = selling("1", mark=Mark(Decimal(3), Decimal("3.33"), Decimal("3.33"), NOW_MS))
    assert told(seen)[3] == Decimal("3.17")


def test_a_denial_is_a_review() -> None:
    """Its code is the guard's name unless it has one of its own."""
    assert deny("x", "y") == Review(Verdict.DENY, "x", "y", None, "x")
    assert deny("x", "y", code="z").code == "z"


def test_the_size_of_an_order_is_what_it_asks_for() -> None:
    """Quote for a market buy, base for the others."""
    limit = LimitOrder(BTCTRY, Side.BUY, Decimal(2), Decimal(3))
    assert size_of(limit) == (3, 2)
    assert size_of(MarketBuy(BTCTRY, Decimal(5))) == (None, 5)
    assert size_of(MarketSell(BTCTRY, Decimal(7))) == (None, 7)


def test_no_denial_names_nothing_as_what_would_pass() -> None:
    """With no room at all there is no number to name: an order of nothing is no order."""
    nothing = Decimal(0)
    assert told(buying(spendable=nothing))[3] is None
    assert told(selling(spendable=nothing))[3] is None
    assert told(buying(order_try_max=nothing))[1::2] == ("order_cap", None)
