"""Exchange info: the listing of pairs and currencies. Never add: what to do with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.listing import (
    Currency,
    CurrencyKind,
    LengthRange,
    Listing,
    PairDetails,
    TagRules,
)
from btcturk_kit.domain.money import ZERO
from btcturk_kit.wire.models import (
    CurrencyModel,
    Envelope,
    FilterModel,
    ListingModel,
    SymbolModel,
)
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.reading import EnvelopeReader, exact_amount
from btcturk_kit.wire.tally import Tally
from btcturk_kit.wire.words import count, order_types_of

__all__ = ["listing", "pairs"]

_WHERE: Final = Endpoint.EXCHANGE_INFO
_reader: Final = EnvelopeReader(_WHERE, Envelope[ListingModel])
_KINDS: Final = {kind.value: kind for kind in CurrencyKind}


def listing(body: bytes, *, tally: Tally | None = None) -> Listing:
    """Return everything exchange info says; words we do not know are counted."""
    read = _reader.data(body, tally)
    blocks = [(Asset(row.currencySymbol.upper()), row) for row in read.currencyOperationBlocks]
    return Listing(
        time_ms=read.serverTime,
        time_zone=read.timeZone or "",
        pairs=_rules(read.symbols, tally),
        details=MappingProxyType({Symbol(row.name): _details_of(row) for row in read.symbols}),
        currencies=MappingProxyType(
            {Asset(row.symbol): _currency_of(row, tally) for row in read.currencies}
        ),
        blocked_deposits=frozenset(asset for asset, row in blocks if row.depositDisabled),
        blocked_withdrawals=frozenset(asset for asset, row in blocks if row.withdrawalDisabled),
    )


def pairs(body: bytes, *, tally: Tally | None = None) -> Mapping[Symbol, PairRules]:
    """Return the rules of every listed pair alone."""
    return _rules(_reader.data(body, tally).symbols, tally)


def _rules(rows: Iterable[SymbolModel], tally: Tally | None) -> Mapping[Symbol, PairRules]:
    return MappingProxyType({Symbol(row.name): _rules_of(row, tally) for row in rows})


def _rules_of(row: SymbolModel, tally: Tally | None) -> PairRules:
    published = row.filters[0] if row.filters else FilterModel()
    is_trading = row.status.upper() == "TRADING"
    if not is_trading:
        count(tally, f"pair status:{row.status}")
    return PairRules(
        symbol=Symbol(row.name),
        base=Asset(row.numerator),
        quote=Asset(row.denominator),
        price_scale=row.denominatorScale,
        quantity_scale=row.numeratorScale,
        quote_scale=row.denominatorScale,
        has_fraction=row.hasFraction,
        min_notional=exact_amount(published.minExchangeValue or ZERO, _WHERE),
        min_price=exact_amount(row.minimumLimitOrderPrice or ZERO, _WHERE),
        max_price=_maybe(row.maximumLimitOrderPrice),
        tick_size=exact_amount(published.tickSize or ZERO, _WHERE),
        order_types=order_types_of(row.orderMethods, tally),
        is_trading=is_trading,
    )


def _details_of(row: SymbolModel) -> PairDetails:
    published = row.filters[0] if row.filters else FilterModel()
    return PairDetails(
        pair_id=row.id,
        name=row.nameNormalized or f"{row.numerator}_{row.denominator}",
        status=row.status,
        display_order=row.order,
        display_format=row.displayFormat or "",
        is_new=row.isNew,
        has_base_commission=row.commissionFromNumerator,
        has_price_rounding=row.priceRounding,
        price_warning_ratio=_maybe(row.marketPriceWarningThresholdPercentage),
        max_order_quantity=_maybe(row.maximumOrderAmount),
        filter_min_price=_maybe(published.minPrice),
        filter_max_price=_maybe(published.maxPrice),
        filter_min_quantity=_maybe(published.minAmount),
        filter_max_quantity=_maybe(published.maxAmount),
    )


def _currency_of(row: CurrencyModel, tally: Tally | None) -> Currency:
    kind = _KINDS.get(row.currencyType.lower())
    if kind is None:
        count(tally, f"currencyType:{row.currencyType}")
    address, tag = row.address, row.tag
    return Currency(
        currency_id=row.id,
        asset=Asset(row.symbol),
        name=row.name,
        kind=kind,
        precision=row.precision,
        min_deposit=exact_amount(row.minDeposit, _WHERE),
        min_withdrawal=exact_amount(row.minWithdrawal, _WHERE),
        address=LengthRange() if address is None else LengthRange(address.minLen, address.maxLen),
        tag=(
            TagRules()
            if tag is None
            else TagRules(tag.enable, tag.name, LengthRange(tag.minLen, tag.maxLen))
        ),
        is_address_renewable=row.isAddressRenewable,
        is_auto_address_disabled=row.getAutoAddressDisabled,
        has_partial_withdrawal=row.isPartialWithdrawalEnabled,
        is_new=row.isNew,
    )


def _maybe(value: Decimal | None) -> Decimal | None:
    return None if value is None else exact_amount(value, _WHERE)
