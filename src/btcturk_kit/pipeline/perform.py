"""Perform: what the events of a cycle did to the performance, its days and its round trips.

The totals grow with each event that `booking` books, in the same step. Never add: a figure that the
ledger does not give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from btcturk_kit.domain.attribution import Pair, late_shares, pair_of
from btcturk_kit.domain.cycle import CycleState, Mark
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import EventKind, LedgerEvent
from btcturk_kit.domain.money import exact, within
from btcturk_kit.domain.performance import (
    Change,
    Late,
    Performance,
    mark_equity,
    mark_quiet,
    note_event,
    start_performance,
)
from btcturk_kit.domain.pnl_days import next_day
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.pipeline.draft import Draft

__all__ = [
    "held_marks",
    "last_equity",
    "late_change",
    "mark_performance",
    "mark_unseen",
    "note_performance",
    "pass_quiet",
    "turn_day",
]

# A member named once costs a fraction of one looked up at each use.
_VALUATION = EventKind.VALUATION
_note_event = within(note_event)


def late_change(draft: Draft, asset: Asset, event: LedgerEvent) -> Late:
    """Return what a late event changed in the results of an asset, from its history."""
    shares, restated = late_shares(
        asset, draft.history[asset], event, method=draft.profile.cost_method
    )
    return Late(shares, restated)


def note_performance(draft: Draft, event: LedgerEvent, changes: Sequence[Change]) -> None:
    """Add an event to the totals of the draft, with what it did to the bot's lots."""
    pair = _valued_pair(draft, event) if event.kind is _VALUATION and changes else None
    draft.performance, closed = _note_event(
        draft.performance,
        event,
        changes,
        dust_try=draft.profile.risk.limits.dust_try,
        pair=pair,
    )
    if closed:
        draft.trips += closed


def _valued_pair(draft: Draft, event: LedgerEvent) -> Pair:
    """Return the pair of the trade that a valuation belongs to; it is in the history."""
    key = event.key.removeprefix("valuation:")
    return next(pair_of(one) for one in draft.history[event.legs[0].asset] if one.key == key)


def turn_day(draft: Draft) -> None:
    """End the day that is over, with the last equity before it; an account without one begins.

    To be called before anything of the cycle is booked.
    """
    before, profile = draft.previous, draft.profile
    performance, now_ms = before.performance, draft.observation.now_ms
    if not performance.day.end_ms:
        draft.performance = start_performance(before, now_ms=now_ms, day_end=profile.day_end)
        return
    draft.performance, ended = next_day(performance, before, now_ms=now_ms, day_end=profile.day_end)
    draft.days.append(ended)


def mark_performance(draft: Draft) -> None:
    """Mark equity as the draft has it, with the market it was counted at."""
    marks = held_marks(draft.positions, draft.observation.marks, draft.profile.quote)
    draft.performance = mark_equity(draft.performance, draft.equity_try, marks)


def last_equity(state: CycleState) -> Decimal | None:
    """Return the equity a state was left with: the last before the instant to be decided on."""
    performance = state.performance
    return performance.equity_try if performance.day.end_ms else None


def pass_quiet(
    state: CycleState, equities: Sequence[int], places: int, *, risk: RiskMemory, cycles: int
) -> CycleState:
    """Return the state with quiet instants counted, and what was seen in them.

    Args:
        state: The state so far.
        equities: Equity at each of the instants, in integer units.
        places: A unit is 10**-places of the quote.
        risk: The risk memory after them.
        cycles: How many cycles they were.
    """
    performance = mark_quiet(state.performance, equities, places)
    if performance is state.performance and risk is state.risk and not cycles:
        return state
    account, cycle, ledger, positions, capital, _, *rest, _ = state
    after = (account, cycle + cycles, ledger, positions, capital, risk, *rest, performance)
    return tuple.__new__(CycleState, after)


@exact
def mark_unseen(draft: Draft, before: Performance) -> None:
    """Mark equity where no market is seen: it moves by what an operator moved, by nothing else.

    Args:
        draft: The draft, its operations carried out.
        before: The performance before them.
    """
    flows = draft.performance.flows_try - before.flows_try
    draft.equity_try = before.equity_try + flows
    draft.performance = mark_equity(draft.performance, draft.equity_try, before.marks)


def held_marks(
    positions: Mapping[Asset, Position], marks: Mapping[Symbol, Mark], quote: Asset
) -> tuple[tuple[Asset, Decimal], ...]:
    """Return the price in the quote of each coin that is held and has a market."""
    found = []
    for asset, position in positions.items():
        if position.quantity:
            mark = marks.get(Symbol(f"{asset}{quote}"))
            if mark is not None:
                found.append((asset, mark.price))
    return tuple(found)
