"""Fills: executed trades of ours, as the exchange's history tells them."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.money import mul
from btcturk_kit.domain.orders import Side

__all__ = ["Fill"]


class Fill(NamedTuple):
    """One trade of ours. All amounts are positive and exact; the side carries the direction.

    Attributes:
        quantity: Base quantity at full precision (`preciseAmount`).
        price: Quote per base.
        fee: Commission without tax, in quote unless `charge_asset` says otherwise.
        tax: Tax on the commission, in the same asset.
        event_time_ms: The exchange's time of the trade.
        client_order_id: Our order, or None when the exchange did not say.
        charge_asset: The asset of fee and tax; None for the quote.
        charge_rate: TRY per unit of a charge that is in neither base nor quote, at the time of the
            trade; None when it is not known.
        quote_rate: TRY per unit of a quote that is not TRY, at the time of the trade.
    """

    trade_id: TradeId
    order_id: OrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    base: Asset
    quote: Asset
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    tax: Decimal
    event_time_ms: int
    charge_asset: Asset | None = None
    charge_rate: Decimal | None = None
    quote_rate: Decimal | None = None

    @property
    def notional(self) -> Decimal:
        """Price x quantity, in quote, exact."""
        return mul(self.price, self.quantity)

    @property
    def content(self) -> str:
        """The trade in canonical text, without the exchange's numbers for it."""
        return self.content_of(self.facts)

    def content_of(self, facts: str) -> str:
        """Return `content` for who has `facts` already."""
        text = f"{self.client_order_id}|{facts}"
        if self.charge_asset is None and self.quote_rate is None:  # most of them
            return text
        rates = [self.charge_rate, self.quote_rate]
        written = ["-" if rate is None else canonical_decimal(rate) for rate in rates]
        return f"{text}|{self.charge_asset or '-'}|{'|'.join(written)}"

    @property
    def facts(self) -> str:
        """What the exchange tells of this trade each time it is asked, in canonical text.

        Two readings of one trade agree in it; whose order it was, the history does not always say.
        """
        _, _, _, symbol, _, _, side, quantity, price, fee, tax, _, _, _, _ = self
        return (
            f"{symbol}|{side._value_}|{canonical_decimal(quantity)}|{canonical_decimal(price)}"
            f"|{canonical_decimal(fee)}|{canonical_decimal(tax)}"
        )

    @property
    def order_key(self) -> tuple[int, int]:
        """The order in which fills consume lots: event time, then the numeric trade id."""
        return (self.event_time_ms, self.trade_id)
