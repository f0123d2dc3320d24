"""The listing: everything the exchange publishes about its pairs and currencies at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules

__all__ = ["Currency", "CurrencyKind", "LengthRange", "Listing", "PairDetails", "TagRules"]


class CurrencyKind(StrEnum):
    """State money or a coin."""

    FIAT = "fiat"
    CRYPTO = "crypto"


class LengthRange(NamedTuple):
    """How many characters something has; None where the exchange sets no limit."""

    minimum: int | None = None
    maximum: int | None = None


class TagRules(NamedTuple):
    """Whether transfers of a coin carry a tag, and what it is called (`Memo`, `Destination`)."""

    is_used: bool = False
    name: str | None = None
    length: LengthRange = LengthRange()


class Currency(NamedTuple):
    """One currency.

    Attributes:
        currency_id: The number that the private stream calls it by.
        name: As shown to people, Turkish for the lira.
        kind: None where the exchange's word for it is not known to us.
        precision: Decimals of an amount.
        min_deposit: Smallest deposit, in units of the currency.
        min_withdrawal: Smallest withdrawal, in units of the currency.
        address: Length of an address.
        tag: Rules of the tag.
        is_address_renewable: Whether a new deposit address can be asked for.
        is_auto_address_disabled: Whether a first address is *not* made by itself.
        has_partial_withdrawal: Whether a withdrawal may be paid in parts.
        is_new: Whether the exchange shows it as new.
    """

    currency_id: int
    asset: Asset
    name: str
    kind: CurrencyKind | None
    precision: int
    min_deposit: Decimal
    min_withdrawal: Decimal
    address: LengthRange = LengthRange()
    tag: TagRules = TagRules()
    is_address_renewable: bool = False
    is_auto_address_disabled: bool = False
    has_partial_withdrawal: bool = False
    is_new: bool = False


class PairDetails(NamedTuple):
    """What is published about a pair beside its rules: numbers, display, idle limits.

    Attributes:
        pair_id: The number that the private stream calls it by.
        name: `BTC_TRY`.
        status: The exchange's word; `TRADING` is the only one seen.
        display_order: Place in the exchange's own lists.
        display_format: How the exchange shows its prices.
        is_new: Whether the exchange shows it as new.
        has_base_commission: Whether commission is taken in base; never seen true.
        has_price_rounding: Never seen true, and not documented further.
        price_warning_ratio: Distance at which the exchange's pages warn of a price.
        max_order_quantity: None everywhere seen.
        filter_min_price: Of the price filter; the limits that bind are in the rules.
        filter_max_price: As above.
        filter_min_quantity: Of the price filter; None everywhere seen.
        filter_max_quantity: As above.
    """

    pair_id: int | None
    name: str
    status: str
    display_order: int = 0
    display_format: str = ""
    is_new: bool = False
    has_base_commission: bool = False
    has_price_rounding: bool = False
    price_warning_ratio: Decimal | None = None
    max_order_quantity: Decimal | None = None
    filter_min_price: Decimal | None = None
    filter_max_price: Decimal | None = None
    filter_min_quantity: Decimal | None = None
    filter_max_quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The exchange's description of itself.

    Attributes:
        time_ms: The exchange's clock when it was written.
        time_zone: `UTC`.
        pairs: The trading rules by pair.
        details: What else is published, by pair.
        currencies: Every currency by its name.
        blocked_deposits: Currencies that cannot be paid in at present.
        blocked_withdrawals: Currencies that cannot be paid out at present.
    """

    time_ms: int
    time_zone: str
    pairs: Mapping[Symbol, PairRules]
    details: Mapping[Symbol, PairDetails]
    currencies: Mapping[Asset, Currency]
    blocked_deposits: frozenset[Asset]
    blocked_withdrawals: frozenset[Asset]
