"""Deposits and withdrawals of the account, both directions. Never add: starting one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.transfers import Transfer, TransferKind
from btcturk_kit.errors import ProtocolError, require
from btcturk_kit.wire.models import Envelope, TransferModel
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.reading import EnvelopeReader, exact_amount
from btcturk_kit.wire.requests import WireRequest
from btcturk_kit.wire.tally import Tally

__all__ = ["TransferEndpoint", "transfers", "transfers_request"]

TransferEndpoint = Literal[Endpoint.CRYPTO_HISTORY, Endpoint.FIAT_HISTORY]
"""Coins and state money have a history each."""

_readers: Final = {
    where: EnvelopeReader(where, Envelope[tuple[TransferModel, ...]])
    for where in (Endpoint.CRYPTO_HISTORY, Endpoint.FIAT_HISTORY)
}
_KINDS: Final = {kind.value: kind for kind in TransferKind}
_ASSET_LENGTH_MAX: Final = 20


def transfers_request(
    where: TransferEndpoint, *, assets: Sequence[Asset], start_ms: int, end_ms: int | None
) -> WireRequest:
    """Ask for the transfers of a span.

    Args:
        where: Which history.
        assets: Only these; none for every asset.
        start_ms: Earliest time.
        end_ms: Latest time, None for now.
    """
    target = f"{where.partition(' ')[2]}?type=deposit&type=withdrawal"
    for asset in assets:
        is_plain = 0 < len(asset) <= _ASSET_LENGTH_MAX and asset.isascii() and asset.isalnum()
        require(is_plain, f"{asset!r} cannot be sent as an asset")
        target += f"&symbol={asset}"
    target += f"&startDate={start_ms}"
    if end_ms is not None:
        target += f"&endDate={end_ms}"
    return WireRequest(where, "GET", target, is_signed=True)


def transfers(
    body: bytes, *, where: TransferEndpoint, tally: Tally | None = None
) -> tuple[Transfer, ...]:
    """Return the transfers, oldest first, amounts and costs positive."""
    rows = _readers[where].data(body, tally)
    return tuple(sorted((_transfer(row, where) for row in rows), key=_by_time))


def _by_time(transfer: Transfer) -> tuple[int, int]:
    return transfer.event_time_ms, transfer.transfer_id


def _transfer(row: TransferModel, where: Endpoint) -> Transfer:
    kind = _KINDS.get(row.balanceType.lower())
    if kind is None:
        # A direction cannot be guessed.
        raise ProtocolError(f"{where}: {row.balanceType!r} is neither deposit nor withdrawal")
    amount = exact_amount(row.amount, where)
    fee, tax = exact_amount(row.fee, where), exact_amount(row.tax, where)
    if (amount > 0) is (kind is TransferKind.WITHDRAWAL) and amount:
        raise ProtocolError(f"{where}: {kind} {row.id} has the amount {amount}")
    if fee > 0 or tax > 0:
        raise ProtocolError(f"{where}: {kind} {row.id} has a positive `fee` or `tax`")
    return Transfer(
        transfer_id=row.id,
        kind=kind,
        asset=Asset(row.currencySymbol.upper()),
        amount=amount.copy_abs(),
        fee=fee.copy_abs(),
        tax=tax.copy_abs(),
        event_time_ms=row.timestamp,
        is_confirmed=row.isConfirmed,
        confirmations=row.confirmationCount,
        address=row.address,
        tag=row.tag,
        tx_hash=row.txHash,
    )
