"""Phase 1 reads evidence when it is wanted: transfers, and the history that operations need."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.pipeline import desk
from tests.unit.runtime.test_observe import ScriptedVenue, look

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.domain.cycle import Decision, StateCommit
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.operations import BookLots, Operation, RearmPeak, ValueCharge
from btcturk_kit.domain.operator_events import LotEvidence
from btcturk_kit.domain.transfers import Transfer, TransferKind
from btcturk_kit.errors import LedgerConflict

D = Decimal
DAY_MS = 86_400_000


class PayingVenue(ScriptedVenue):
    """An exchange that lists deposits."""

    def __init__(self, *transfers: Transfer) -> None:
        super().__init__()
        self.listed = transfers

    async def transfers(self, *, since_ms: int) -> tuple[Transfer, ...]:
        """Return what it lists."""
        self.asked.append("transfers")
        self.since.append(since_ms)
        return self.listed


def deposit(number: int, *, asset: Asset = desk.TRY, amount: str = "5", at: int = 5) -> Transfer:
    """Return a confirmed deposit some milliseconds after the opening."""
    when = desk.OPENED_MS + at
    return Transfer(number, TransferKind.DEPOSIT, asset, D(amount), D(0), D(0), when, True)  # noqa: FBT003 - its fields have names


def stored(decision: Decision, *, coins: str = "1") -> MemoryStateStore:
    """Return a store that holds an account and what was decided for it."""
    store = MemoryStateStore(account="main")
    store.begin_epoch()
    store.open_account(desk.opening_of(coins=coins))
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
    return store


def test_transfers_are_read_when_they_are_wanted() -> None:
    """Back a few days, since one can be confirmed late, but not to before the opening."""
    venue = PayingVenue(deposit(1))
    assert look(desk.opened(), venue).transfers == ()
    assert "transfers" not in venue.asked
    seen = look(desk.opened(), venue, with_transfers=True)
    assert (seen.transfers, venue.asked[-2:]) == ((deposit(1),), ["transfers", "balances"])
    assert venue.since[-1] == desk.OPENED_MS
    later = desk.opened(cursor_ms=desk.OPENED_MS + 30 * DAY_MS)
    look(later, venue, with_transfers=True)
    assert venue.since[-1] == desk.OPENED_MS + 23 * DAY_MS
    assert look(desk.opened(), PayingVenue(), with_transfers=True).transfers == ()


def test_a_booked_transfer_is_not_told_again() -> None:
    """By the store's own books, however long ago; with another content it is a conflict."""
    state = desk.opened(coins="1")
    seen = desk.observe(transfers=(deposit(1),), balances=desk.balances("100005", "1"))
    decision = desk.decide_on(state, seen, observe_only=True)
    store = stored(decision)
    assert look(decision.state, PayingVenue(deposit(1)), store, with_transfers=True).transfers == ()
    with pytest.raises(LedgerConflict):
        look(decision.state, PayingVenue(deposit(1, amount="6")), store, with_transfers=True)


def test_coins_that_came_before_the_last_trade_bring_their_history() -> None:
    """The owner's coins are folded anew then."""
    sale = desk.sell(1, "0.5", "1000000", name=None)
    decision = desk.decide_on(desk.opened(coins="1"), desk.observe(fills=(sale,)))
    venue = PayingVenue(deposit(1, asset=desk.BTC))
    seen = look(decision.state, venue, stored(decision), with_transfers=True)
    ((asset, events),) = seen.history
    assert (asset, [one.key for one in events]) == (desk.BTC, ["opening", "fill:1"])


def test_operations_bring_the_history_they_need() -> None:
    """Evidence that of its coin, a valuation that of every coin of its trade, risk none."""
    bnb = Asset("BNB")
    charged = desk.buy(1, "0.01", "1000000")._replace(fee=D(1), charge_asset=bnb)
    decision = desk.decide_on(desk.opened(coins="1"), desk.observe(fills=(charged,)))
    lots = BookLots(asset=desk.BTC, lots=(LotEvidence(D(1), D(1), 1),), evidence="e")
    for request, assets in (
        (lots, [desk.BTC]),
        (ValueCharge(event_key="fill:1", rate_try=D(1)), [bnb, desk.BTC]),
        (ValueCharge(event_key="fill:2", rate_try=D(1)), []),
        (RearmPeak(), []),
    ):
        asked = (Operation(1, 1, "so", request),)
        seen = look(decision.state, PayingVenue(), stored(decision), operations=asked)
        assert seen.operations == asked
        assert [asset for asset, _ in seen.history] == assets


def test_coins_that_came_before_a_trade_of_the_same_look_bring_their_history_too() -> None:
    """Trades are booked before transfers: what is older comes late, though nothing is booked."""
    state = desk.opened(coins="1")
    venue = PayingVenue(deposit(1, asset=desk.BTC, amount="2"))
    venue.trades = [desk.sell(1, "0.5", "1000000", name=None, order_id=7)]
    store = MemoryStateStore(account="main")
    store.begin_epoch()
    store.open_account(desk.opening_of(coins="1"))
    seen = look(state, venue, store, with_transfers=True)
    assert [asset for asset, _ in seen.history] == [desk.BTC]
    seen = seen._replace(balances=desk.balances("600000", "2.5"))
    decision = desk.decide_on(state, seen)
    assert [one.key for one in decision.events] == ["fill:1", "flow:deposit:1"]
    assert decision.state.external[desk.BTC].quantity == D("2.5")


def test_what_the_store_has_booked_is_not_new_whatever_the_window_remembers() -> None:
    """A longer overlap reads trades again that the state has forgotten; they are booked for good.

    The exchange does not say again whose order it was. Told differently it goes on, to be refused.
    """
    old, charged = desk.buy(1, "0.01", "1000000"), desk.buy(2, "0.01", "1000000")
    charged = charged._replace(fee=D(1), charge_asset=Asset("BNB"))
    decision = desk.decide_on(desk.opened(coins="1"), desk.observe(fills=(old, charged)))
    state, store, venue = decision.state._replace(seen=()), stored(decision), PayingVenue()
    new = desk.buy(3, "0.01", "1000000")
    venue.trades = [old, charged, new]
    assert look(state, venue, store).fills == (new,)
    for other in (old._replace(fee=D(1)), old._replace(event_time_ms=old.event_time_ms + 1)):
        venue.trades = [other, charged]
        assert look(state, venue, store).fills == (other,)
