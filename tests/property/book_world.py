"""One account that lives through facts: the real pipeline and both stores, beside naive books.

Every commit is compared with the naive books and held to the laws; at the end the whole life is
looked at again, as of every commit and in other batches. Never add: a result of the code under test
on the naive side.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.unit.pipeline.desk import kit_of, mark, profile_of

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.capital import ProfitBasis, SelfFinancing
from btcturk_kit.domain.cycle import CycleState, Decision, Observation, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.ledger import HELD, Account, EventKind, Ledger, LedgerEvent
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import exact
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.positions import Position, fold_moves
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.errors import BtcturkKitError
from btcturk_kit.pipeline.assess import assess
from btcturk_kit.pipeline.booking import book, late_assets
from btcturk_kit.pipeline.decide import (
    _freeze as frozen,  # an event that no observation brings yet ends as a decision all the same
)
from btcturk_kit.pipeline.decide import decide
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.finance import finance_cycle
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.ports.store import StateStore
from btcturk_kit.runtime.observe import observe_venue

from .naive_books import Fact, NaiveBooks, Trade

__all__ = ["CASH", "COINS", "OPENED_MS", "TRY", "World", "exactly"]

T = TypeVar("T")
TRY = Asset("TRY")
COINS = (Asset("BTC"), Asset("BNB"), Asset("USDT"))
OPENED_MS = 1_700_000_000_000
CASH, BOT_CASH = Decimal("100000.5"), Decimal(90_000)
STEP_MS = 60_000
Books = dict[Asset, Position]


def exactly(number: Decimal) -> Fraction:
    """Return the same number as a fraction."""
    return Fraction(number)


class Exchange:
    """What the account's exchange tells: every trade each time it is asked, and balances."""

    def __init__(self) -> None:
        self.told: list[Fill] = []
        self.totals: tuple[Balance, ...] = ()

    async def balances(self) -> tuple[Balance, ...]:
        """Return what it holds."""
        return self.totals

    async def open_orders(self, _symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return no order."""
        return ()

    async def order(self, _number: OrderId, _symbol: Symbol) -> None:
        """Return that it knows no such order."""

    async def find_order(self, _name: ClientOrderId, _symbol: Symbol, *, since_ms: int) -> None:
        """Return that it knows no such order."""

    async def fills(self, _symbols: Sequence[Symbol], *, since_ms: int) -> tuple[Fill, ...]:
        """Return every trade since then."""
        return tuple(one for one in self.told if one.event_time_ms >= since_ms)

    def health(self) -> None:
        """Return that nobody measures the connection."""


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what never has to wait."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits")


class World:
    """The account, its stores, its exchange, and the naive books.

    Args:
        folder: Where the state file is.
        ratio: The treasury's.
        above_peak: Whether only gains above the highest total are split.
        coins: What the owner holds at the opening.
    """

    def __init__(
        self, folder: Path, *, ratio: Decimal, above_peak: bool, coins: dict[Asset, Decimal]
    ) -> None:
        basis = ProfitBasis.HIGH_WATER_MARK if above_peak else ProfitBasis.CHECKPOINT
        financing = SelfFinancing(trading_ratio=1 - ratio, treasury_ratio=ratio, profit_basis=basis)
        self.profile = profile_of(overlap_ms=10**10, risk=RiskBudgetPolicy(financing=financing))
        self.kit = kit_of(profile=self.profile)
        self.path, self.exchange = folder / "state.db", Exchange()
        self.now_ms = OPENED_MS + STEP_MS + 7
        self.disk = SqliteStateStore.open(self.path, account="main")
        self.memory = MemoryStateStore(account="main")
        totals = {TRY: CASH, **coins}
        opening = open_account(
            "main",
            tuple(Balance(asset, total, Decimal(0)) for asset, total in totals.items()),
            quote=TRY,
            now_ms=OPENED_MS,
            day_end=self.profile.day_end,
            trading_capital_try=BOT_CASH,
        )
        for store in (self.disk, self.memory):
            store.begin_epoch()
            store.open_account(opening)
        self.opening = opening
        self.naive = NaiveBooks(
            exactly(CASH), exactly(BOT_CASH), ratio=exactly(ratio), above_peak=above_peak
        )
        for asset, quantity in coins.items():
            self.naive.hold(asset, exactly(quantity), OPENED_MS)
        self.state = opening.state
        self.trades: dict[int, Trade] = {}
        self.drift: dict[Asset, Decimal] = {}
        self.script: list[Fill | LedgerEvent] = []
        self.snapshots = [(OPENED_MS, opening.state)]
        self.taken: set[int] = set()

    # --- what happens -------------------------------------------------------------------------

    def free_ms(self, at_ms: int) -> int:
        """Return an instant near this one that nothing else has; never that of a trade."""
        while at_ms % 10 == 0 or at_ms in self.taken:
            at_ms += 1
        self.taken.add(at_ms)
        return at_ms

    def tick(self) -> int:
        """Go on to the next cycle and return its instant."""
        self.now_ms += STEP_MS
        self.taken.add(self.now_ms)
        return self.now_ms

    def cycle(self, fills: Iterable[tuple[Fill, Trade]] = ()) -> Decision:
        """Run one cycle in which these trades are told for the first time, and all others again."""
        new = dict(fills)
        self.exchange.told += list(new)
        decision = self.decided()
        ordered = sorted(new, key=lambda one: (one.event_time_ms, one.trade_id))
        assert list(decision.fills) == ordered
        for fill in ordered:
            trade = self.trades[fill.trade_id] = new[fill]
            self.naive.book(f"fill:{fill.trade_id}", trade.fact())
            self.script.append(fill)
        for event in decision.events:
            if event.kind is EventKind.DIFFERENCE:
                self._explain_later(event)
        self.commit(decision)
        return decision

    def decided(self) -> Decision:
        """Observe and decide at the next instant, without keeping anything."""
        self.exchange.totals = tuple(
            Balance(Asset(asset), _decimal(total), Decimal(0))
            for asset, total in self.naive.outside.items()
        )
        return _decision(self, self.state, self.disk, self.tick(), venue=self.exchange)

    def operate(self, key: str, event: LedgerEvent, fact: Fact) -> None:
        """Book what an operator or the exchange's evidence says."""
        decision = self.booked(event)
        self.naive.book(key, fact)
        self.script.append(event)
        self.commit(decision)

    def booked(self, event: LedgerEvent) -> Decision:
        """Return what booking an event makes, without keeping anything."""
        return _booked(self, self.state, self.disk, event)

    def keep_again(self, event: LedgerEvent) -> None:
        """Try to book an event that is booked already; each store must refuse it."""
        decision = self.booked(event)
        commit = _commit_of(self.state, decision, event.known_ms)
        with pytest.raises(BtcturkKitError):
            self.memory.commit(commit)
        try:
            self.disk.commit(commit)
        finally:
            self.restart()

    def _explain_later(self, event: LedgerEvent) -> None:
        changes = {
            (str(leg.account), str(leg.asset)): exactly(leg.amount)
            for leg in event.legs
            if leg.account is Account.SUSPENSE
        }
        for _, asset in changes:
            assert changes["suspense", asset] == exactly(self.drift.pop(Asset(asset)))
        self.naive.book(event.key, Fact(changes))
        self.script.append(event)

    def drift_by(self, asset: Asset, amount: Decimal) -> None:
        """Let the exchange hold something that nobody can explain."""
        known = self.naive.outside.get(asset, Fraction())
        self.naive.outside[asset] = known + exactly(amount)
        self.drift[asset] = self.drift.get(asset, Decimal(0)) + amount
        if not self.drift[asset]:
            del self.drift[asset]
        for _ in range(4):
            self.cycle()
        assert not self.drift

    def restart(self) -> None:
        """Close both stores, open them again, and go on from what they hold."""
        self.disk.close()
        self.disk = SqliteStateStore.open(self.path, account="main")
        self.memory = self.memory.reopen()
        for store in (self.disk, self.memory):
            store.begin_epoch()
            loaded = store.load()
            assert loaded is not None
            assert loaded.state == self.state
            self.state = loaded.state

    def close(self) -> None:
        """Release the file."""
        self.disk.close()

    # --- what must hold -----------------------------------------------------------------------

    def commit(self, decision: Decision) -> None:
        """Keep a decision in both stores and hold the books to everything that is said of them."""
        before, self.state = self.state, decision.state
        commit = _commit_of(before, decision, self.now_ms)
        for store in (self.disk, self.memory):
            store.commit(commit)
        self.snapshots.append((self.now_ms, self.state))
        for event in decision.events:
            assert not any(_sums(event).values()), event
        self._check_ledger()
        self._check_lots()
        self._check_capital(before)
        self._check_stores()

    def _check_ledger(self) -> None:
        sums: dict[Asset, Fraction] = {}
        held: dict[tuple[str, str], Fraction] = {}
        for (account, asset), amount in self.state.ledger.balances.items():
            sums[asset] = sums.get(asset, Fraction()) + exactly(amount)
            if account in HELD:
                held[str(account), str(asset)] = exactly(amount)
        assert not any(sums.values())
        assert _nonzero(held) == _nonzero(self.naive.accounts)
        for asset, total in self.naive.outside.items():
            drift = exactly(self.drift.get(Asset(asset), Decimal(0)))
            assert exactly(self.state.ledger.held(Asset(asset))) == total - drift

    def _check_lots(self) -> None:
        for owner, positions in (("bot", self.state.positions), ("external", self.state.external)):
            assert set(positions) == self.naive.coins(owner)
            for asset, position in positions.items():
                held = self.naive.held(owner, asset)
                lots = [
                    (
                        one.event_time_ms,
                        exactly(one.quantity),
                        exactly(one.cost),
                        exactly(one.gross_cost),
                        one.has_cost,
                    )
                    for one in position.lots
                ]
                assert lots == [
                    (one.acquired_ms, one.quantity, one.cost, one.gross, one.is_known)
                    for one in held.lots
                ]
                assert exactly(position.realized_net) == held.net
                assert exactly(position.realized_gross) == held.gross
                assert exactly(position.unpriced_quantity) == held.unpriced
                assert exactly(position.quantity) == sum((one.quantity for one in held.lots), 0)
                assert exactly(position.cost) == sum((one.cost for one in held.lots), 0)

    def _check_capital(self, before: CycleState) -> None:
        capital, naive = self.state.capital, self.naive.capital
        trading, treasury = exactly(capital.trading_capital_try), exactly(capital.treasury_try)
        assert (trading, treasury) == (naive.trading, naive.treasury)
        assert exactly(capital.last_realized_pnl_total_try) == naive.realized
        assert exactly(capital.peak_realized_try) == naive.peak
        assert exactly(capital.deferred_try) == naive.deferred
        assert set(self.state.unvalued) == {
            fact.pending for fact in self.naive.facts.values() if fact.pending
        }
        cost = sum((exactly(one.cost) for one in self.state.positions.values()), Fraction())
        unassigned = self.naive.accounts["unassigned", "TRY"]
        suspense = self.naive.accounts.get(("suspense", "TRY"), Fraction())
        drift = exactly(self.drift.get(TRY, Decimal(0)))
        cash = self.naive.outside["TRY"] - drift - suspense
        assert trading + treasury + unassigned == cash + cost
        new = list(self.naive.facts.values())[self._facts :]
        self._facts = len(self.naive.facts)
        old = before.capital
        moved = sum((fact.trading + fact.treasury for fact in new), Fraction())
        gained = naive.realized - exactly(old.last_realized_pnl_total_try)
        was = exactly(old.trading_capital_try) + exactly(old.treasury_try)
        assert trading + treasury - was == gained + moved
        aside = treasury - exactly(old.treasury_try) - sum((fact.treasury for fact in new), 0)
        assert aside >= 0

    _facts = 0

    def _check_stores(self) -> None:
        with SqliteStateStore.inspect(self.path) as reader:
            stored = reader.load()
            events = reader.ledger_events(limit=10_000)
        kept = self.memory.load()
        assert stored is not None
        assert kept is not None
        assert stored.state == kept.state == self.state
        _require_books(events, self.state)

    def check_life(self) -> None:
        """Look at the whole life again: as of every commit, and in other batches."""
        events = self.disk.ledger_events(limit=10_000)
        for asset in COINS:
            assert self.disk.events_with(asset) == self.memory.events_with(asset)
        for known_ms, state in self.snapshots:
            _require_books([one for one in events if one.known_ms <= known_ms], state)
        rows = self.disk.capital_history()
        assert rows[-1] == self.state.capital
        for batches in (_one_by_one(self.script), _in_long_runs(self.script)):
            other = self._replayed(batches)
            assert other.capital == self.state.capital
            assert other.ledger == self.state.ledger
            assert other.positions == self.state.positions
            assert other.external == self.state.external
            assert other.unvalued == self.state.unvalued

    def _replayed(self, batches: list[tuple[Fill, ...] | LedgerEvent]) -> CycleState:
        """Return the state after the same facts in the same sequence, cut into other cycles."""
        store, now_ms = MemoryStateStore(account="main"), OPENED_MS
        store.begin_epoch()
        store.open_account(self.opening)
        state = self.opening.state
        for batch in batches:
            now_ms += STEP_MS
            if isinstance(batch, LedgerEvent):
                decision = _booked(self, state, store, batch)
            else:
                decision = _decision(self, state, store, now_ms, fills=batch)
            store.commit(_commit_of(state, decision, now_ms))
            state = decision.state
        return state


def _decision(
    world: World,
    state: CycleState,
    store: StateStore,
    now_ms: int,
    *,
    venue: Exchange | None = None,
    fills: tuple[Fill, ...] = (),
) -> Decision:
    if venue is None:
        venue = Exchange()
        venue.told = list(fills)
    marks = {Symbol(f"{asset}TRY"): mark("100", at=now_ms) for asset in COINS}
    observation = at_once(
        observe_venue(state, venue, store, world.profile, now_ms=now_ms, marks=marks)  # type: ignore[arg-type]  # reads only
    )
    if not venue.totals:
        observation = observation._replace(balances=None)
    return decide(
        state,
        observation,
        world.kit,
        intents=None,
        assessment=None,
        previous_equity=lambda: None,
        observe_only=True,
    )


@exact
def _booked(world: World, state: CycleState, store: StateStore, event: LedgerEvent) -> Decision:
    late = late_assets(state, [event])
    history = tuple((asset, store.events_with(asset)) for asset in late)
    observation = Observation(event.known_ms, {}, history=history)
    draft = Draft(state, observation, world.profile, world.kit.rules)
    book(draft, event)
    finance_cycle(draft)
    assess(draft, previous_equity=lambda: None)
    return frozen(draft)


def _commit_of(before: CycleState, decision: Decision, now_ms: int) -> StateCommit:
    return StateCommit(
        state=decision.state,
        previous_count=before.ledger.event_count,
        now_ms=now_ms,
        fills=decision.fills,
        events=decision.events,
        capital_rows=decision.capital_rows,
        positions=decision.positions,
        orders=decision.orders,
        anomalies=decision.anomalies,
    )


def _require_books(events: Sequence[LedgerEvent], state: CycleState) -> None:
    """Make sure that these events, folded from nothing, are the books of a state."""
    ledger = Ledger().post(*events)
    assert ledger == state.ledger
    moves = [move for event in events for move in lot_moves(event)]
    for owner, positions in ((Book.BOT, state.positions), (Book.EXTERNAL, state.external)):
        for asset, position in positions.items():
            assert fold_moves(owner, asset, moves) == position
        assert {move.asset for move in moves if move.book is owner} == set(positions)


def _one_by_one(script: list[Fill | LedgerEvent]) -> list[tuple[Fill, ...] | LedgerEvent]:
    return [(one,) if isinstance(one, Fill) else one for one in script]


def _in_long_runs(script: list[Fill | LedgerEvent]) -> list[tuple[Fill, ...] | LedgerEvent]:
    """Put as many trades into a cycle as it would book in the same sequence."""
    found: list[tuple[Fill, ...] | LedgerEvent] = []
    for one in script:
        last = found[-1] if found else ()
        if not isinstance(one, Fill):
            found.append(one)
        elif last and not isinstance(last, LedgerEvent) and last[-1].order_key < one.order_key:
            found[-1] = (*last, one)
        else:
            found.append((one,))
    return found


def _sums(event: LedgerEvent) -> dict[Asset, Fraction]:
    sums: dict[Asset, Fraction] = {}
    for leg in event.legs:
        sums[leg.asset] = sums.get(leg.asset, Fraction()) + exactly(leg.amount)
    return sums


def _nonzero(accounts: dict[tuple[str, str], Fraction]) -> dict[tuple[str, str], Fraction]:
    return {slot: amount for slot, amount in accounts.items() if amount}


def _decimal(number: Fraction) -> Decimal:
    """Return a fraction that has a finite decimal form as that."""
    places = 0
    while number.denominator != 1 and places < 80:
        number, places = number * 10, places + 1
    assert number.denominator == 1
    digits = tuple(int(one) for one in str(abs(number.numerator)))
    return Decimal((int(number < 0), digits, -places))
