"""The store port: what must survive. Synchronous and coarse: a whole transaction per call."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from btcturk_kit.domain.cycle import CycleRecord, CycleState, StateCommit
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import LedgerEvent

__all__ = ["StateStore", "StoreTotals", "StoredState"]


class StoredState(NamedTuple):
    """What a run continues from."""

    state: CycleState
    strategy_states: tuple[tuple[str, str], ...]


class StoreTotals(NamedTuple):
    """Counts over the whole life of the store, each kept as it grows, never counted anew."""

    cycles: int
    orders_submitted: int
    orders_canceled: int
    fills: int
    buys: int
    sells: int
    ledger_events: int


class StateStore(Protocol):
    """Durable state of one account: a ledger, orders, capital journal, memory.

    One writer. Every commit is one transaction and is durable when the call returns; a commit of an
    instance that was taken over raises `Fenced`.

    Adapters: `SqliteStateStore`, `MemoryStateStore`.
    """

    def begin_epoch(self) -> int:
        """Become the writer: raise the fencing epoch by one, durably, and return it."""
        ...

    def load(self) -> StoredState | None:
        """Return what the last run left, None for a new store.

        The cost does not grow with the age of the account.
        """
        ...

    def open_account(self, commit: StateCommit) -> None:
        """Write the opening of a new account; the store must be empty."""
        ...

    def commit(self, commit: StateCommit) -> None:
        """Write one transaction: all of it or nothing.

        Raises:
            Fenced: A newer instance took over.
            CapitalPolicyError: The store's ledger does not stand at `commit.previous_count`.
            StoreError: It could not be written; nothing was.
        """
        ...

    def require_writer(self) -> None:
        """Make sure that no newer instance took over: asked before each order is sent.

        Raises:
            Fenced: One did.
        """
        ...

    def events_with(self, asset: Asset) -> tuple[LedgerEvent, ...]:
        """Return every event that moved lots of one asset, in sequence; for a late fact."""
        ...

    def records(self, *, limit: int) -> tuple[CycleRecord, ...]:
        """Return the newest records, newest first."""
        ...

    def totals(self) -> StoreTotals:
        """Return the counts."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...
