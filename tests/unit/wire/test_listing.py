"""The listing: every published rule, and words we do not know are counted."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.listing import CurrencyKind, LengthRange, TagRules
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire import listing
from btcturk_kit.wire.tally import Tally

PAIR: dict[str, Any] = {
    "id": 18,
    "name": "USDTTRY",
    "nameNormalized": "USDT_TRY",
    "status": "TRADING",
    "numerator": "USDT",
    "denominator": "TRY",
    "numeratorScale": 2,
    "denominatorScale": 3,
    "filters": [{"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxAmount": "5"}],
    "orderMethods": ["LIMIT", "STOP_LIMIT"],
    "marketPriceWarningThresholdPercentage": 0.25,
    "maximumOrderAmount": None,
}
COIN: dict[str, Any] = {
    "id": 7,
    "symbol": "XRP",
    "minWithdrawal": 20.5,
    "minDeposit": 0.000001,
    "precision": 6,
    "address": {"minLen": 25, "maxLen": 34},
    "currencyType": "CRYPTO",
    "tag": {"enable": True, "name": "Destination", "minLen": 1, "maxLen": 10},
    "name": "Ripple",
    "isNew": True,
}
BLOCKS = [
    {"currencySymbol": "Xrp", "withdrawalDisabled": True, "depositDisabled": False},
    {"currencySymbol": "Btc", "withdrawalDisabled": False, "depositDisabled": True},
]


def body_of(**data: object) -> bytes:
    """Return exchange info with this data."""
    return json.dumps({"data": {"symbols": [], **data}, "success": True}).encode()


def test_pairs_have_rules_and_details() -> None:
    """What is needed to trade is in the rules, the rest beside them."""
    found = listing.listing(body_of(symbols=[PAIR], serverTime=5, timeZone="UTC"))
    rules, details = found.pairs[Symbol("USDTTRY")], found.details[Symbol("USDTTRY")]
    assert (found.time_ms, found.time_zone) == (5, "UTC")
    assert (rules.price_scale, rules.quantity_scale, rules.max_price) == (3, 2, None)
    assert (details.pair_id, details.name, details.status) == (18, "USDT_TRY", "TRADING")
    assert (details.filter_min_price, details.filter_max_quantity) == (Decimal("0.1"), 5)
    assert (details.max_order_quantity, details.price_warning_ratio) == (None, Decimal("0.25"))


def test_a_pair_without_filters_or_a_second_name() -> None:
    """The other name follows from the currencies."""
    bare = {key: PAIR[key] for key in PAIR if key not in {"filters", "nameNormalized", "id"}}
    details = listing.listing(body_of(symbols=[bare])).details[Symbol("USDTTRY")]
    assert (details.pair_id, details.name, details.filter_min_price) == (None, "USDT_TRY", None)


def test_currencies() -> None:
    """Limits stay exact, lengths and tags are kept, blocks are read whatever their case."""
    found = listing.listing(body_of(currencies=[COIN], currencyOperationBlocks=BLOCKS))
    coin = found.currencies[Asset("XRP")]
    assert (coin.currency_id, coin.kind, coin.precision) == (7, CurrencyKind.CRYPTO, 6)
    assert (coin.min_deposit, coin.min_withdrawal) == (Decimal("0.000001"), Decimal("20.5"))
    assert coin.address == LengthRange(25, 34)
    assert coin.tag == TagRules(is_used=True, name="Destination", length=LengthRange(1, 10))
    assert (found.blocked_withdrawals, found.blocked_deposits) == ({"XRP"}, {"BTC"})


def test_a_currency_without_address_and_tag() -> None:
    """State money has neither, and an unknown kind of currency is counted."""
    tally = Tally()
    plain = {**COIN, "address": None, "tag": None, "currencyType": "Metal"}
    coin = listing.listing(body_of(currencies=[plain]), tally=tally).currencies[Asset("XRP")]
    assert (coin.kind, coin.address, coin.tag) == (None, LengthRange(), TagRules())
    assert tally.counts == {"currencyType:Metal": 1}


def test_a_damaged_limit_is_refused() -> None:
    """A minimum that is no number is not a minimum of nothing."""
    with pytest.raises(ProtocolError, match="exchangeinfo"):
        listing.listing(body_of(currencies=[{**COIN, "minDeposit": "NaN"}]))
