"""What left the account: the oldest lot first, and nothing that is not known becomes a number."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, Leg
from btcturk_kit.domain.ledger_events import flow_event
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.money import exactly
from btcturk_kit.domain.operator_events import (
    LotEvidence,
    adjustment_event,
    assignment_event,
    lots_event,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import fold_moves
from btcturk_kit.reporting.disposals import Disposal, disposals

from .ledgers import BTC, DAY_MS, START_MS, TRY, day_of, fill, opening, random_ledger, sold

BUY, SELL = Side.BUY, Side.SELL
USDT, BNB = Asset("USDT"), Asset("BNB")
DAY_0 = day_of(START_MS)


def amounts(one: Disposal) -> tuple[str | None, ...]:
    """Return quantity, cost, proceeds, fee, tax on it and gain as texts."""
    found = (one.quantity, one.cost, one.proceeds, one.fee, one.fee_tax, one.gain)
    return tuple(None if value is None else f"{value.normalize():f}" for value in found)


def test_a_sale_takes_the_oldest_lots_of_the_whole_account() -> None:
    """The owner's older purchase goes first, though it was the bot that sold."""
    events = [
        opening(TRY="10000"),
        sold(fill(1, BUY, "1", "100", day=1, fee="1"), is_own=False),
        sold(fill(2, BUY, "1", "200", day=2, fee="2", tax="0.4")),
        sold(fill(3, SELL, "1.5", "300", day=3, fee="4", tax="0.5")),
    ]
    first, second = disposals(events, day_of=day_of)
    assert (first.acquired, second.acquired) == (DAY_0 + timedelta(1), DAY_0 + timedelta(2))
    assert amounts(first) == ("1", "101", "300", "2.66666667", "0.33333333", "196")
    assert amounts(second) == ("0.5", "101.2", "150", "1.33333333", "0.16666667", "47.3")
    assert second.gross_cost == 100
    assert {one.day for one in (first, second)} == {DAY_0 + timedelta(3)}


@pytest.mark.parametrize("seed", [4, 7, pytest.param(range(30, 200), marks=pytest.mark.long)])
def test_gains_add_up_to_what_one_fold_of_the_account_realizes(seed: int | range) -> None:
    """No digit is lost between the parts of a sale, whatever else happened."""
    for one in [seed] if isinstance(seed, int) else seed:
        events = [event for event in random_ledger(one) if event.kind is not EventKind.ASSIGNMENT]
        found = disposals(events, day_of=day_of)
        moves = [move._replace(book=Book.EXTERNAL) for e in events for move in lot_moves(e)]
        with exactly():
            for asset in (BTC, USDT, BNB):
                gains = [
                    line.gain for line in found if line.asset == asset and line.gain is not None
                ]
                position = fold_moves(Book.EXTERNAL, asset, moves)
                assert sum(gains, Decimal(0)) == position.realized_net
                for line in found:
                    if line.gain is not None:
                        assert line.proceeds is not None
                        assert line.cost is not None
                        charges = (line.fee or 0) + (line.fee_tax or 0)
                        assert line.gain == line.proceeds - charges - line.cost


def test_unknown_cost_is_unknown() -> None:
    """Coins from before the books have no date, no cost and no gain; the rest of a sale has."""
    events = [
        opening(TRY="10000", BTC="1"),
        sold(fill(1, BUY, "1", "100", day=1)),
        sold(fill(2, SELL, "1.5", "200", day=2, fee="3", tax="0.6")),
    ]
    owned, bought = disposals(events, day_of=day_of)
    assert amounts(owned) == ("1", None, "200", "2", "0.4", None)
    assert owned.acquired is None
    assert amounts(bought) == ("0.5", "50", "100", "1", "0.2", "48.8")


def test_evidence_gives_date_and_cost() -> None:
    """Lots told later, for coins of the opening, are there for every sale since."""
    papers = lots_event(
        BTC, [LotEvidence(Decimal("0.4"), Decimal(4), START_MS - 5 * DAY_MS)],
        event_time_ms=START_MS + 1, known_ms=START_MS + 9 * DAY_MS, evidence="papers",
    )  # fmt: skip
    sale = sold(fill(1, SELL, "0.5", "100", day=2), is_own=False)
    found = disposals([opening(BTC="1", TRY="1"), sale, papers], day_of=day_of)
    assert [(one.acquired, one.cost, one.gain) for one in found] == [
        (DAY_0 - timedelta(5), Decimal(4), Decimal(36)),
        (None, None, None),
    ]


def test_coins_that_change_books_are_not_disposed_of() -> None:
    """An assignment to the bot is no sale; where nothing was known it tells date and cost."""
    given = assignment_event(
        "assignment:1", BTC, Decimal("0.5"), cost_try=Decimal(10), acquired_ms=START_MS - DAY_MS,
        to_bot=True, now_ms=START_MS + DAY_MS, evidence="papers",
    )  # fmt: skip
    back = assignment_event(
        "assignment:2", BTC, Decimal("0.2"), cost_try=Decimal(4), acquired_ms=START_MS - DAY_MS,
        to_bot=False, now_ms=START_MS + 2 * DAY_MS, evidence="papers",
    )  # fmt: skip
    sale = sold(fill(1, SELL, "0.3", "100", day=3))
    (found,) = disposals([opening(BTC="1", TRY="1"), given, back, sale], day_of=day_of)
    assert (found.acquired, found.cost, found.gain) == (DAY_0 - timedelta(1), 6, 24)


def test_an_assignment_of_known_coins_tells_nothing_new() -> None:
    """Coins the owner bought through the exchange keep the cost they had."""
    given = assignment_event(
        "assignment:1", BTC, Decimal(1), cost_try=Decimal(999), acquired_ms=START_MS,
        to_bot=True, now_ms=START_MS + 2 * DAY_MS, evidence="guess",
    )  # fmt: skip
    events = [
        opening(TRY="1000"),
        sold(fill(1, BUY, "1", "100", day=1), is_own=False),
        given,
        sold(fill(2, SELL, "1", "150", day=3)),
    ]
    (found,) = disposals(events, day_of=day_of)
    assert (found.acquired, found.cost, found.gain) == (DAY_0 + timedelta(1), 100, 50)


def test_evidence_for_coins_that_are_gone_changes_nothing() -> None:
    """The account sold its unknown coins before the bot was given some: they stay unknown."""
    given = assignment_event(
        "assignment:1", BTC, Decimal(1), cost_try=Decimal(10), acquired_ms=START_MS - DAY_MS,
        to_bot=True, now_ms=START_MS + 3 * DAY_MS, evidence="papers",
    )  # fmt: skip
    events = [
        opening(TRY="1000", BTC="1"),
        sold(fill(1, BUY, "1", "50", day=1)),
        sold(fill(2, SELL, "1", "70", day=2)),
        given,
        sold(fill(3, SELL, "1", "80", day=4)),
    ]
    unknown, known = disposals(events, day_of=day_of)
    assert (unknown.gain, known.gain) == (None, 30)


def test_a_withdrawal_is_no_sale() -> None:
    """Coins that left for elsewhere have a cost and no proceeds."""
    out = flow_event(
        "crypto:9", BTC, Decimal("-0.4"), quote=TRY, event_time_ms=START_MS + 2 * DAY_MS, known_ms=0
    )
    bought = sold(fill(1, BUY, "1", "100", day=1), is_own=False)
    (found,) = disposals([opening(TRY="1000"), bought, out], day_of=day_of)
    assert (found.kind, found.is_sale) == ("withdrawal", False)
    assert amounts(found) == ("0.4", "40", None, "0", "0", None)


def test_coins_that_paid_a_commission_are_disposed_of_at_their_value() -> None:
    """A charge in a third coin is a sale of that coin; without a rate its proceeds are unknown."""
    paid = {"charge_asset": BNB, "charge_rate": Decimal(60)}
    events = [
        opening(TRY="10000"),
        sold(fill(1, BUY, "1", "50", day=1, base=BNB)),
        sold(fill(2, BUY, "1", "100", day=2, fee="0.1", **paid)),
        sold(fill(3, BUY, "1", "100", day=3, fee="0.1", charge_asset=BNB)),
    ]
    valued, pending = disposals(events, day_of=day_of)
    assert (valued.kind, valued.asset) == ("charge", BNB)
    assert amounts(valued) == ("0.1", "5", "6", "0", "0", "1")
    assert amounts(pending)[:3] == ("0.1", "5", None)
    assert pending.gain is None


def test_usdt_that_paid_for_coins_is_sold_at_its_rate() -> None:
    """A purchase in USDT sells USDT for what it was worth then."""
    rated = {"quote": USDT, "quote_rate": Decimal(35)}
    events = [
        opening(TRY="10000"),
        sold(fill(1, BUY, "100", "30", day=1, base=USDT)),
        sold(fill(2, BUY, "1", "50", day=2, fee="1", **rated)),
    ]
    (found,) = disposals(events, day_of=day_of)
    assert (found.kind, found.asset) == ("fill", USDT)
    assert amounts(found) == ("51", "1530", "1785", "0", "0", "255")


def test_a_trade_of_unknown_value_has_unknown_charges() -> None:
    """The owner's trade in USDT without a rate: no figure in TRY is made up."""
    events = [
        opening(TRY="1", USDT="0"),
        sold(fill(1, BUY, "1", "100", day=1), is_own=False),
        sold(fill(2, SELL, "1", "50", day=2, fee="1", quote=USDT), is_own=False),
    ]
    (found,) = disposals(events, day_of=day_of)
    assert amounts(found) == ("1", "100", None, None, None, None)
    assert found.is_sale


def test_what_was_sold_before_it_was_there_waits_for_its_purchase() -> None:
    """The sale keeps its day; what is never covered has no cost."""
    events = [
        opening(TRY="1000"),
        sold(fill(1, SELL, "2", "100", day=1, fee="2", tax="1")),
        sold(fill(2, BUY, "1", "90", day=2, fee="1")),
    ]
    covered, open_part = disposals(events, day_of=day_of)
    assert covered.day == open_part.day == DAY_0 + timedelta(1)
    assert covered.acquired == DAY_0 + timedelta(2)
    assert amounts(covered) == ("1", "91", "100", "1", "0.5", "7.5")
    assert amounts(open_part) == ("1", None, "100", "1", "0.5", None)


def test_a_sale_covered_by_coins_of_unknown_cost_stays_unknown() -> None:
    """A deposit covers it, and says nothing of what the coins had cost."""
    arrived = flow_event(
        "crypto:1", BTC, Decimal(2), quote=TRY, event_time_ms=START_MS + 2 * DAY_MS, known_ms=0
    )
    sale = sold(fill(1, SELL, "1", "100", day=1))
    (found,) = disposals([opening(TRY="1"), sale, arrived], day_of=day_of)
    assert (found.acquired, found.cost, found.gain) == (None, None, None)
    assert found.proceeds == 100


def test_a_sale_of_unknown_value_is_covered_without_a_gain() -> None:
    """Neither side is made up when the sale's own value is not known."""
    events = [
        opening(TRY="1000"),
        sold(fill(1, SELL, "1", "50", day=1, quote=USDT), is_own=False),
        sold(fill(2, BUY, "1", "90", day=2), is_own=False),
    ]
    (found,) = disposals(events, day_of=day_of)
    assert amounts(found) == ("1", None, None, None, None, None)


def test_a_correction_with_a_value_is_a_sale() -> None:
    """Coins taken off at a value bring that value."""
    legs = (
        Leg(Account.EXTERNAL, BTC, Decimal(-1), Decimal(-70)),
        Leg(Account.ADJUSTMENT, BTC, Decimal(1), Decimal(70)),
    )
    taken = adjustment_event(
        "manual:1", legs, event_time_ms=START_MS + 5 * DAY_MS, known_ms=0, reason="sold by hand"
    )
    bought = sold(fill(1, BUY, "1", "50", day=1), is_own=False)
    (found,) = disposals([opening(TRY="100"), bought, taken], day_of=day_of)
    assert (found.kind, found.is_sale, found.gain) == ("adjustment", True, 20)
