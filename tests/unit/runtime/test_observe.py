"""Phase 1: what the exchange is asked, in which order, and what becomes an observation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.unit.pipeline import desk

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.domain.cycle import Anomaly, CycleState, Observation, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import Balance, MarketFrame
from btcturk_kit.domain.order_events import CancelOutcome, SubmitOutcome, VenueOrder
from btcturk_kit.domain.orders import CancelOrder, Order, OrderStatus, SubmitOrder
from btcturk_kit.domain.risk import RiskMode
from btcturk_kit.runtime.observe import observe_venue

S = OrderStatus
NAME = ClientOrderId("bk1-a")


class ScriptedVenue:
    """An exchange that answers what it was given and remembers the questions."""

    def __init__(
        self,
        *,
        working: Sequence[VenueOrder] = (),
        ended: Sequence[VenueOrder] = (),
        trades: Sequence[Fill] = (),
    ) -> None:
        self.working = list(working)
        self.ended = list(ended)
        self.trades = list(trades)
        self.asked: list[str] = []
        self.since: list[int] = []

    def advance(self, frame: MarketFrame, index: int) -> bool:
        """Say that there may be news."""
        return bool(frame) and index >= 0

    def wires(self) -> Mapping[Symbol, tuple[int, int]] | None:
        """Return nothing."""
        return None

    async def balances(self) -> tuple[Balance, ...]:
        """Return the balances."""
        self.asked.append("balances")
        return desk.balances("5")

    async def open_orders(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the working orders of one pair."""
        self.asked.append(f"open {symbol}")
        return tuple(one for one in self.working if one.symbol == symbol)

    async def order(self, order_id: OrderId, symbol: Symbol) -> VenueOrder | None:
        """Return one order by number."""
        self.asked.append(f"order {order_id} {symbol}")
        both = [*self.working, *self.ended]
        return next((one for one in both if one.order_id == order_id), None)

    async def find_order(
        self, client_order_id: ClientOrderId, symbol: Symbol, *, since_ms: int
    ) -> VenueOrder | None:
        """Look for an order by name."""
        self.asked.append(f"find {client_order_id} {symbol}")
        self.since.append(since_ms)
        both = [*self.working, *self.ended]
        return next((one for one in both if one.client_order_id == client_order_id), None)

    async def fills(self, symbols: Sequence[Symbol], *, since_ms: int) -> tuple[Fill, ...]:
        """Return all trades."""
        self.asked.append(f"fills {','.join(symbols)}")
        self.since.append(since_ms)
        return tuple(self.trades)

    async def submit(self, command: SubmitOrder) -> SubmitOutcome:
        """Refuse: phase 1 only reads."""
        raise AssertionError(command)

    async def cancel(self, command: CancelOrder) -> CancelOutcome:
        """Refuse: phase 1 only reads."""
        raise AssertionError(command)


def look(state: CycleState, venue: ScriptedVenue, store: Any = None, **rest: Any) -> Observation:
    """Observe once."""
    found: Observation = asyncio.run(
        observe_venue(
            state,
            venue,
            store or MemoryStateStore(account="main"),
            desk.profile_of(overlap_ms=1_000),
            now_ms=desk.NOW_MS,
            marks={desk.BTCTRY: desk.mark("1")},
            **rest,
        )
    )
    return found


def working(*orders: Order) -> CycleState:
    """Return an account with these orders."""
    return desk.with_orders(desk.opened(), *orders)


def test_orders_are_read_before_trades_and_trades_before_balances() -> None:
    """An order seen as ended has its trades in the history that is read after it."""
    venue = ScriptedVenue(working=[desk.listed(desk.order(), S.OPEN, left="0.01")])
    odd = (Anomaly("odd", RiskMode.NORMAL, "x"),)
    seen = look(working(desk.order()), venue, anomalies=odd)
    assert venue.asked == ["open BTCTRY", "fills BTCTRY,ETHTRY", "balances"]
    assert seen.now_ms == desk.NOW_MS
    assert seen.balances == desk.balances("5")
    assert [one.client_order_id for one in seen.venue_orders] == [NAME]
    assert seen.anomalies == odd
    assert seen.lookups == ()


def test_without_orders_none_are_asked_for() -> None:
    """An account at rest costs two reads."""
    venue = ScriptedVenue()
    look(desk.opened(), venue)
    assert venue.asked == ["fills BTCTRY,ETHTRY", "balances"]


def test_an_order_that_rests_no_more_is_asked_for_by_number() -> None:
    """Its end is in the single-order query, which also works where the name is missing."""
    ended = desk.listed(desk.order(), S.CANCELED, left="0.01")
    venue = ScriptedVenue(ended=[ended._replace(client_order_id=None)])
    seen = look(working(desk.order()), venue)
    assert "order 70 BTCTRY" in venue.asked
    assert seen.venue_orders == (ended,)


def test_an_order_without_a_number_is_looked_up_by_name() -> None:
    """From the instant it was sent; what is found and what is not are both told."""
    lost = desk.order(status=S.UNKNOWN, order_id=None)
    never = desk.order("bk1-b", status=S.PENDING, order_id=None)
    found = desk.listed(lost, S.FILLED, left="0")
    venue = ScriptedVenue(ended=[found])
    seen = look(working(lost, never), venue)
    assert seen.lookups == ((NAME, found), (never.client_order_id, None))
    assert set(venue.since[:2]) == {lost.sent_ms}


def test_a_listed_order_without_a_number_needs_no_second_question() -> None:
    """The list of open orders has it under its name already."""
    lost = desk.order(status=S.UNKNOWN, order_id=None)
    there = desk.listed(lost, S.OPEN, left="0.01")
    venue = ScriptedVenue(working=[there])
    seen = look(working(lost), venue)
    assert seen.lookups == ((NAME, there),)
    assert not any(one.startswith("find") for one in venue.asked)


def test_an_order_the_exchange_does_not_know_is_told_as_such() -> None:
    """By number and not there: a look-up that found nothing."""
    seen = look(working(desk.order()), ScriptedVenue())
    assert seen.lookups == ((NAME, None),)
    assert seen.venue_orders == ()


# --- trades


def test_only_trades_not_booked_before_are_new() -> None:
    """The overlap of the history brings old trades again; they are known by time and number."""
    old, new = desk.buy(1, "0.01", "1000000"), desk.buy(2, "0.01", "1000000")
    state = desk.booked(desk.opened(), old)
    venue = ScriptedVenue(trades=[old, new])
    assert look(state, venue).fills == (new,)
    assert max(venue.since) <= old.event_time_ms


def test_a_trade_told_twice_in_one_answer_is_one_trade() -> None:
    """Pages of a history can overlap."""
    new = desk.buy(1, "0.01", "1000000")
    assert look(desk.opened(), ScriptedVenue(trades=[new, new])).fills == (new,)


def test_the_history_is_read_back_to_the_oldest_working_order() -> None:
    """Its trades may be older than the newest booked one of another pair."""
    state = desk.booked(desk.opened(), desk.buy(50, "0.01", "1000000"))
    resting = desk.order(sent_ms=desk.OPENED_MS + 100_000)
    venue = ScriptedVenue()
    look(desk.with_orders(state, resting), venue)
    assert venue.since[-1] <= resting.sent_ms
    assert venue.since[-1] < state.cursor_ms - 1_000


@pytest.mark.parametrize(("name", "is_new"), [("bk1-x", True), ("theirs", False)])
def test_what_was_before_the_opening_is_in_its_balance(name: str, *, is_new: bool) -> None:
    """A trade of the owner's before the opening is not booked again; ours cannot be before it.

    Our clock may be a little ahead of the exchange's, so ours counts whatever its stamp.
    """
    early = desk.buy(1, "0.01", "1000000", at=desk.OPENED_MS - 1, name=name)
    assert (look(desk.opened(), ScriptedVenue(trades=[early])).fills == (early,)) is is_new


def test_a_trade_without_a_name_gets_that_of_its_order() -> None:
    """From our orders, from what was just looked up, or from the exchange, asked once a number."""
    ours = desk.buy(1, "0.001", "1000000", name=None, order_id=70)
    found = desk.buy(2, "0.001", "1000000", name=None, order_id=71)
    ended = desk.buy(3, "0.001", "1000000", name=None, order_id=72)
    again = desk.buy(4, "0.001", "1000000", name=None, order_id=72)
    nobody = desk.buy(5, "0.001", "1000000", name=None, order_id=73)
    lost = desk.order("bk1-lost", status=S.UNKNOWN, order_id=None)
    old = desk.order("bk1-old")
    venue = ScriptedVenue(
        working=[
            desk.listed(desk.order(), S.OPEN, left="0.01"),
            desk.listed(lost, S.OPEN, left="0.01", order_id=71),
        ],
        ended=[desk.listed(old, S.FILLED, left="0", order_id=72)],
        trades=[ours, found, ended, again, nobody],
    )
    seen = look(working(desk.order(), lost), venue)
    names = [one.client_order_id for one in seen.fills]
    assert names == ["bk1-a", "bk1-lost", "bk1-old", "bk1-old", None]
    assert venue.asked.count("order 72 BTCTRY") == 1


def test_a_late_trade_brings_the_history_of_its_asset() -> None:
    """Only then, and only of that asset: the fold needs what was booked before."""
    second = desk.buy(2, "0.01", "1000000")
    store = MemoryStateStore(account="main")
    store.begin_epoch()
    opening = desk.opening_of()
    store.open_account(opening)
    decision = desk.decide_on(opening.state, desk.observe(fills=(second,)))
    store.commit(
        StateCommit(
            decision.state,
            1,
            desk.NOW_MS,
            fills=decision.fills,
            events=decision.events,
            capital_rows=decision.capital_rows,
            positions=decision.positions,
        )
    )
    late, next_one = desk.buy(1, "0.01", "1000000"), desk.buy(3, "0.01", "1000000")
    assert look(decision.state, ScriptedVenue(trades=[next_one]), store).history == ()
    seen = look(decision.state, ScriptedVenue(trades=[late, next_one]), store)
    ((asset, events),) = seen.history
    assert (asset, [event.key for event in events]) == (desk.BTC, [f"fill:{second.trade_id}"])
