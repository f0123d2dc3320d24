"""The risk budget alone: one checkpoint of a ledger applied to the capital a store keeps.

What a cycle does after its facts are known, for programs that bring a store and a ledger and no
pipeline. Never add: a look at an exchange, a second way to split.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from btcturk_kit.domain.capital import CapitalState, LedgerCheckpoint
from btcturk_kit.domain.cycle import CycleState, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.ledger_events import treasury_event
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.money import exact
from btcturk_kit.domain.positions import Position, apply_move
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import CapitalPolicyError, ConfigurationError
from btcturk_kit.ports.store import StateStore

__all__ = ["RiskBudgetService"]


# The name is that of the design this kit follows: people look for it.
class RiskBudgetService:
    """Applies checkpoints of a ledger to the trading capital and treasury of a store.

    Args:
        store: Of the account, with an epoch begun.
        policy: How gains are split.
    """

    def __init__(self, store: StateStore, policy: RiskBudgetPolicy) -> None:
        self._store = store
        self._policy = policy

    @exact
    def apply_self_financing_checkpoint(
        self,
        checkpoint: LedgerCheckpoint,
        *,
        events: Sequence[LedgerEvent] = (),
        fills: Sequence[Fill] = (),
        now_ms: int,
    ) -> CapitalState:
        """Write facts and what they do to the capital in one transaction, or write nothing.

        The store compares: if its ledger does not stand where it was read, nothing is written. A
        checkpoint that was applied already is no work at all.

        Args:
            checkpoint: Of the ledger with `events` posted; see `checkpoint_after`.
            events: Facts the store does not have yet, in sequence; none if it has them all.
            fills: The trades of those events that are trades.
            now_ms: The present instant.

        Returns:
            The capital as the store now has it.

        Raises:
            CapitalPolicyError: Another account, a lower count, the same count with another content,
                or a ledger the store's does not lead to.
            ConfigurationError: The store has no account yet.
            StoreError: It could not be written; nothing was.
        """
        stored = self._store.load()
        if stored is None:
            raise ConfigurationError("the store holds no account", hint="open one first")
        state = stored.state
        capital = self._policy.apply_self_financing(state.capital, checkpoint)
        if capital is state.capital:
            return capital
        ledger = state.ledger.post(*events)
        if (ledger.event_count, ledger.content_hash) != (
            checkpoint.event_count,
            checkpoint.content_hash,
        ):
            raise CapitalPolicyError(
                f"checkpoint {checkpoint.event_count} ({checkpoint.content_hash[:12]}) is not of "
                f"the stored ledger, which comes to {ledger.event_count} "
                f"({ledger.content_hash[:12]})"
            )
        booked = list(events)
        share = self._share(state, capital, checkpoint)
        if share:
            split = treasury_event(ledger.last_event_key, share, quote=TRY, now_ms=now_ms)
            ledger = ledger.post(split)
            booked.append(split)
        positions = _moved(state, events)
        after = state._replace(
            ledger=ledger,
            capital=capital,
            positions={**state.positions, **_of(Book.BOT, positions)},
            external={**state.external, **_of(Book.EXTERNAL, positions)},
        )
        self._store.commit(
            StateCommit(
                after,
                state.ledger.event_count,
                now_ms,
                fills=tuple(fills),
                events=tuple(booked),
                capital_rows=(capital,),
                positions=tuple(positions.values()),
            )
        )
        return capital

    @staticmethod
    def _share(state: CycleState, capital: CapitalState, checkpoint: LedgerCheckpoint) -> Decimal:
        kept = capital.treasury_try - state.capital.treasury_try
        return kept - checkpoint.treasury_transfer_try


def _moved(state: CycleState, events: Sequence[LedgerEvent]) -> dict[tuple[Book, Asset], Position]:
    """Return the positions the facts change; a late one is refused by `apply_move`."""
    found: dict[tuple[Book, Asset], Position] = {}
    for event in events:
        for move in lot_moves(event):
            slot = move.book, move.asset
            held = state.positions if move.book is Book.BOT else state.external
            old = found.get(slot) or held.get(move.asset) or Position(move.asset, book=move.book)
            found[slot] = apply_move(old, move)
    return found


def _of(book: Book, positions: dict[tuple[Book, Asset], Position]) -> dict[Asset, Position]:
    return {asset: one for (whose, asset), one in positions.items() if whose is book}
