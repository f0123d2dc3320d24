"""What must hold between the state a store has, a commit, and the state it leads to.

A commit carries the new state and, apart, the rows that changed. A row that was forgotten would be
lost with the process; here it stops the cycle instead, before anything is written. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from btcturk_kit.domain.cycle import CycleState, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, Ledger, LedgerEvent
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.positions import Position
from btcturk_kit.errors import require

__all__ = ["fill_key", "is_own_event", "require_opening", "require_successor"]


def fill_key(fill: Fill) -> str:
    """Return the key of the ledger event that books a fill."""
    return f"fill:{fill.trade_id}"


def is_own_event(event: LedgerEvent) -> bool:
    """Whether an event was booked for the bot: a foreign trade moves other accounts."""
    return any(leg.account is Account.BOT for leg in event.legs)


def require_opening(commit: StateCommit) -> None:
    """Refuse an opening that does not start from nothing.

    Raises:
        InvariantViolation: Named in the message.
    """
    state = commit.state
    require(commit.previous_count == 0, "an opening starts from an empty ledger")
    require(
        Ledger().post(*commit.events) == state.ledger,
        "the opening's events do not add up to its ledger",
    )
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


def require_successor(before: CycleState, commit: StateCommit) -> None:
    """Refuse a commit whose rows do not lead from `before` to its state.

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
    require(
        before.ledger.post(*commit.events) == state.ledger,
        "the commit's events do not lead to its ledger",
    )
    _require_fills_booked(commit)
    positions = {**_held(before), **_by_book(commit.positions)}
    require(positions == _held(state), "a changed position is not in the commit")
    orders = {**before.orders, **{one.client_order_id: one for one in commit.orders}}
    left = {name: one for name, one in orders.items() if not one.is_terminal}
    require(left == dict(state.orders), "a changed order is not in the commit")
    last = commit.capital_rows[-1] if commit.capital_rows else before.capital
    require(last == state.capital, "the commit's capital rows do not end in its capital")


def _by_book(positions: Iterable[Position]) -> dict[tuple[Book, Asset], Position]:
    return {(one.book, one.asset): one for one in positions}


def _held(state: CycleState) -> dict[tuple[Book, Asset], Position]:
    return _by_book([*state.positions.values(), *state.external.values()])


def _require_fills_booked(commit: StateCommit) -> None:
    fills: AbstractSet[str] = {fill_key(fill) for fill in commit.fills}
    events = {event.key for event in commit.events if event.kind is EventKind.FILL}
    require(fills == events, "each fill is one ledger event, and each such event one fill")
