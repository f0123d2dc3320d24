"""Transfers: money and coins that came in or went out. Never add: starting one."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset

__all__ = ["Transfer", "TransferKind"]


class TransferKind(StrEnum):
    """Which way it went."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


class Transfer(NamedTuple):
    """One deposit or withdrawal. Amounts are positive; the kind carries the sign.

    Attributes:
        transfer_id: The exchange's number of it.
        amount: What moved, in units of the asset.
        fee: What it cost, in units of the asset; never negative.
        tax: The tax on the fee; never negative.
        is_confirmed: Whether the exchange calls it done.
        confirmations: Blocks behind it; None for fiat money.
        address: Where it came to or went; None for fiat money.
        tag: Memo or destination tag, if the coin has one.
        tx_hash: Its number on the chain, once there is one.
    """

    transfer_id: int
    kind: TransferKind
    asset: Asset
    amount: Decimal
    fee: Decimal
    tax: Decimal
    event_time_ms: int
    is_confirmed: bool
    confirmations: int | None = None
    address: str | None = None
    tag: str | None = None
    tx_hash: str | None = None


ListedTransfers = tuple[Transfer, ...]  # as a field of other values; it has no page of its own
