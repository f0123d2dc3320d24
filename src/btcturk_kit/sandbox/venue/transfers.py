"""Deposits and withdrawals of one customer, as the histories list them.

Never add: balances.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset

__all__ = ["Transfer", "Transfers"]


class Transfer(NamedTuple):
    """Money that came from outside (amount above zero) or went there (below)."""

    transfer_id: int
    asset: Asset
    amount: Decimal
    event_time_ms: int

    @property
    def address(self) -> str:
        """An address that nobody can take for one of a chain."""
        return f"local-exchange-{self.transaction_hash[:20]}"

    @property
    def transaction_hash(self) -> str:
        """A hash that hangs on the number alone."""
        return sha256(f"transfer|{self.transfer_id}".encode()).hexdigest()


class Transfers:
    """The transfers of one customer, in order of time."""

    def __init__(self) -> None:
        self._rows: list[Transfer] = []

    def add(self, transfer: Transfer) -> None:
        """Keep a transfer that is not older than the one before."""
        self._rows.append(transfer)

    def between(self, *, start_ms: int, end_ms: int) -> list[Transfer]:
        """Return the transfers of a span, both ends inclusive, newest first."""
        first = bisect_left(self._rows, start_ms, key=_instant)
        behind = bisect_right(self._rows, end_ms, key=_instant)
        return self._rows[first:behind][::-1]


def _instant(transfer: Transfer) -> int:
    return transfer.event_time_ms
