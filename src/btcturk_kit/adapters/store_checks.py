"""What must hold between the state a store has, a commit, and the state it leads to.

A commit carries the new state and, apart, the rows that changed. A row that was forgotten would be
lost with the process; here it stops the cycle instead, before anything is written. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from btcturk_kit.domain.cycle import CycleState, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import EventKind, Ledger, LedgerEvent
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.positions import Position
from btcturk_kit.errors import InvariantViolation, LedgerConflict, require

__all__ = ["fill_key", "repeated", "require_opening", "require_successor"]


def fill_key(fill: Fill) -> str:
    """Return the key of the ledger event that books a fill."""
    return f"fill:{fill.trade_id}"


def repeated(event: LedgerEvent, told: tuple[int, str]) -> InvariantViolation:
    """Return the error of booking a key twice.

    Args:
        event: What is told now.
        told: Event time and content of what is booked under its key.
    """
    if told == (event.event_time_ms, event.content):
        return InvariantViolation(f"{event.key} is booked already, with the same content")
    return LedgerConflict(
        f"{event.key} is booked as {_told_text(*told)}, now it is told as "
        f"{_told_text(event.event_time_ms, event.content)}"
    )


def _told_text(event_time_ms: int, content: str) -> str:
    return f"{content!r} at {event_time_ms}"


def _posted(
    ledger: Ledger, events: tuple[LedgerEvent, ...], cuts: Sequence[int]
) -> tuple[Ledger, tuple[Ledger, ...]]:
    """Return the ledger after all events, and the ledgers after so many of them."""
    found: list[Ledger] = []
    done = 0
    for cut in cuts:
        ledger = ledger.post(*events[done:cut])
        found.append(ledger)
        done = cut
    return ledger.post(*events[done:]), tuple(found)


def require_opening(commit: StateCommit, *, cuts: Sequence[int] = ()) -> tuple[Ledger, ...]:
    """Refuse an opening that does not start from nothing.

    Returns:
        The ledger after each of the first `cuts` events.

    Raises:
        InvariantViolation: Named in the message.
    """
    state = commit.state
    require(commit.previous_count == 0, "an opening starts from an empty ledger")
    ledger, ledgers = _posted(Ledger(), commit.events, cuts)
    require(ledger == state.ledger, "the opening's events do not add up to its ledger")
    _require_fills_booked(commit)
    require(
        _by_book(commit.positions) == _held(state),
        "the opening's positions are not those of its state",
    )
    orders = {one.client_order_id: one for one in commit.orders if not one.is_terminal}
    require(orders == dict(state.orders), "the opening's orders are not those of its state")
    require(
        not commit.capital_rows or commit.capital_rows[-1] == state.capital,
        "the opening's capital rows do not end in its capital",
    )
    return ledgers


def require_successor(
    before: CycleState, commit: StateCommit, *, cuts: Sequence[int] = ()
) -> tuple[Ledger, ...]:
    """Refuse a commit whose rows do not lead from `before` to its state.

    Returns:
        The ledger after each of the first `cuts` events of the commit.

    Raises:
        InvariantViolation: Named in the message.
        LedgerImbalance: The legs of an event do not sum to zero.
    """
    state = commit.state
    require(
        state.opened_ms == before.opened_ms
        and state.cycle >= before.cycle
        and state.cursor_ms >= before.cursor_ms,
        f"cycle {state.cycle} is not a later state than the stored cycle {before.cycle}",
    )
    ledger, ledgers = _posted(before.ledger, commit.events, cuts)
    require(ledger == state.ledger, "the commit's events do not lead to its ledger")
    _require_fills_booked(commit)
    positions = {**_held(before), **_by_book(commit.positions)}
    require(positions == _held(state), "a changed position is not in the commit")
    orders = {**before.orders, **{one.client_order_id: one for one in commit.orders}}
    left = {name: one for name, one in orders.items() if not one.is_terminal}
    require(left == dict(state.orders), "a changed order is not in the commit")
    last = commit.capital_rows[-1] if commit.capital_rows else before.capital
    require(last == state.capital, "the commit's capital rows do not end in its capital")
    return ledgers


def _by_book(positions: Iterable[Position]) -> dict[tuple[Book, Asset], Position]:
    return {(one.book, one.asset): one for one in positions}


def _held(state: CycleState) -> dict[tuple[Book, Asset], Position]:
    return _by_book([*state.positions.values(), *state.external.values()])


def _require_fills_booked(commit: StateCommit) -> None:
    fills: AbstractSet[str] = {fill_key(fill) for fill in commit.fills}
    events = {event.key for event in commit.events if event.kind is EventKind.FILL}
    require(fills == events, "each fill is one ledger event, and each such event one fill")
