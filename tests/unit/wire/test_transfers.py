"""Transfers: the kind carries the sign, and a contradiction is damage."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.transfers import Transfer, TransferKind
from btcturk_kit.errors import InvariantViolation, ProtocolError
from btcturk_kit.wire.pacing import Endpoint, endpoint_of
from btcturk_kit.wire.transfers import transfers, transfers_request

CRYPTO, FIAT = Endpoint.CRYPTO_HISTORY, Endpoint.FIAT_HISTORY
ROW: dict[str, Any] = {
    "balanceType": "withdrawal",
    "currencySymbol": "XLM",
    "address": "GAHK",
    "tag": "109",
    "txHash": "91fd",
    "confirmationCount": 3,
    "isConfirmed": True,
    "id": 7,
    "timestamp": 5,
    "amount": "-146.7576",
    "fee": "-0.02",
    "tax": "0",
}


def read(*rows: dict[str, Any]) -> tuple[Transfer, ...]:
    """Read rows of the history of coins."""
    return transfers(json.dumps({"data": rows, "success": True}).encode(), where=CRYPTO)


def test_a_withdrawal() -> None:
    """Every documented field; amount and costs without their signs."""
    assert read(ROW) == (
        Transfer(
            transfer_id=7,
            kind=TransferKind.WITHDRAWAL,
            asset=Asset("XLM"),
            amount=Decimal("146.7576"),
            fee=Decimal("0.02"),
            tax=Decimal(0),
            event_time_ms=5,
            is_confirmed=True,
            confirmations=3,
            address="GAHK",
            tag="109",
            tx_hash="91fd",
        ),
    )


def test_transfers_come_oldest_first() -> None:
    """By time, and within one instant by number; a deposit of nothing is possible."""
    deposit = {**ROW, "balanceType": "Deposit", "amount": "0", "fee": "0"}
    found = read({**deposit, "id": 9}, {**deposit, "id": 8}, {**ROW, "id": 10, "timestamp": 1})
    assert [one.transfer_id for one in found] == [10, 8, 9]


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "146.7576"},
        {"balanceType": "deposit"},
        {"balanceType": "airdrop"},
        {"fee": "0.02"},
        {"tax": "0.02"},
        {"amount": "NaN"},
        {"amount": None},
    ],
)
def test_contradictions_are_refused(changed: dict[str, object]) -> None:
    """A direction, a sign or a number that cannot be is never guessed at."""
    with pytest.raises(ProtocolError, match="transactions/crypto"):
        read({**ROW, **changed})


def test_requests() -> None:
    """Both kinds are asked for, of all assets or of some; the end is left open for now."""
    now = transfers_request(FIAT, assets=(), start_ms=1, end_ms=None)
    some = transfers_request(CRYPTO, assets=[Asset("XLM"), Asset("BTC")], start_ms=1, end_ms=2)
    kinds = "type=deposit&type=withdrawal"
    assert now.target == f"/api/v1/users/transactions/fiat?{kinds}&startDate=1"
    path = "/api/v1/users/transactions/crypto"
    assert some.target == f"{path}?{kinds}&symbol=XLM&symbol=BTC&startDate=1&endDate=2"
    for wire in (now, some):
        assert endpoint_of(wire.method, wire.target.partition("?")[0]) is wire.endpoint
        assert wire.is_signed


@pytest.mark.parametrize("asset", ["", "BTC&x=1", "A" * 21, "Ç"])
def test_assets_that_would_change_the_request_are_refused(asset: str) -> None:
    """An asset is letters and digits."""
    with pytest.raises(InvariantViolation, match="asset"):
        transfers_request(CRYPTO, assets=[Asset(asset)], start_ms=1, end_ms=None)
