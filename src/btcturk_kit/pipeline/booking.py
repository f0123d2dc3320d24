"""Booking: one ledger event into books, lots, totals and capital, whatever its kind.

Everything that changes the books of a draft goes through `book`. An event that is older than the
last one of its asset makes that asset fold again from its history. Never add: what makes an event.
"""

from __future__ import annotations

from collections.abc import Iterable

from btcturk_kit.domain.capital import Granularity
from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger, LedgerEvent
from btcturk_kit.domain.lots import Book, LotMove, lot_moves, unvalued_after
from btcturk_kit.domain.money import exact, within
from btcturk_kit.domain.performance import Change
from btcturk_kit.domain.positions import Position, apply_move, fold_moves
from btcturk_kit.errors import require
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.finance import finance_event
from btcturk_kit.pipeline.perform import late_change, note_performance

__all__ = ["book", "late_assets"]

# A member named once costs a fraction of one looked up at each use.
_BOT = Book.BOT
_EVENT = Granularity.EVENT
_apply_move = within(apply_move)
_finance_event = within(finance_event)
_lot_moves = within(lot_moves)
_post = within(Ledger.post)


def late_assets(state: CycleState, events: Iterable[LedgerEvent]) -> tuple[Asset, ...]:
    """Return the assets that have to be folded again if these events are booked now.

    Args:
        state: What is booked already.
        events: In the order in which they would be booked: one that comes after a younger one of
            the same look is late too. In another order more assets are named than need be.
    """
    late: set[Asset] = set()
    newest: dict[tuple[Book, Asset], tuple[int, int]] = {}
    for event in events:
        for move in lot_moves(event):
            place = (move.book, move.asset)
            last_key = newest.get(place)
            if last_key is None:
                positions = state.positions if move.book is _BOT else state.external
                position = positions.get(move.asset)
                last_key = move.order_key if position is None else position.last_key
            if _is_late(move, last_key):
                late.add(move.asset)
            newest[place] = max(last_key, move.order_key)
    return tuple(sorted(late))


@exact
def book(draft: Draft, event: LedgerEvent) -> None:
    """Post an event, move its lots, and give the capital policy what it realized.

    Raises:
        LedgerImbalance: Its legs do not sum to zero.
        InvariantViolation: It is late and its asset comes without the history.
    """
    before = draft.ledger
    draft.ledger = _post(before, event)
    draft.events.append(event)
    moves = _lot_moves(event)
    for asset in draft.history:
        if any(move.asset == asset for move in moves):
            draft.history[asset].append(event)
    done: set[tuple[Book, Asset]] = set()
    changes: list[Change] = []
    for move in moves:
        if done and (move.book, move.asset) in done:
            continue
        if _move(draft, move, event, changes):
            done.add((move.book, move.asset))
    draft.unvalued = unvalued_after(draft.unvalued, event)
    note_performance(draft, event, changes)
    if draft.profile.risk.financing.granularity is _EVENT:
        _finance_event(draft, before, (event,))


def _move(draft: Draft, move: LotMove, event: LedgerEvent, changes: list[Change]) -> bool:
    """Apply one move; return whether its asset was folded anew, all moves of the event inside."""
    is_bot = move.book is _BOT
    positions = draft.positions if is_bot else draft.external
    old = positions.get(move.asset)
    if old is None:
        old = Position(move.asset, book=move.book)
    method = draft.profile.cost_method
    is_late = _is_late(move, old.last_key)
    if is_late:
        asset = move.asset
        require(asset in draft.history, f"a late fact of {asset} comes without the history")
        known = [one for event in draft.history[asset] for one in lot_moves(event)]
        new = fold_moves(move.book, asset, known, method=method)
    else:
        new = _apply_move(old, move, method=method)
    draft.set_position(new)
    if is_bot:
        draft.realized_net = draft.realized_net + new.realized_net - old.realized_net
        draft.realized_gross = draft.realized_gross + new.realized_gross - old.realized_gross
        late = late_change(draft, move.asset, event) if is_late else None
        changes.append(Change(move, old, new, late))
    return is_late


def _is_late(move: LotMove, last_key: tuple[int, int]) -> bool:
    return not move.quantity or (move.event_time_ms, move.ordinal) < last_key
