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
        fee: Commission without tax, in quote.
        tax: Tax on the commission, in quote.
        event_time_ms: The exchange's time of the trade.
        client_order_id: Our order, or None when the exchange did not say.
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

    @property
    def notional(self) -> Decimal:
        """Price x quantity, in quote, exact."""
        return mul(self.price, self.quantity)

    @property
    def content(self) -> str:
        """The trade in canonical text, without the exchange's numbers for it."""
        return (
            f"{self.client_order_id}|{self.symbol}|{self.side}|{canonical_decimal(self.quantity)}"
            f"|{canonical_decimal(self.price)}|{canonical_decimal(self.fee)}"
            f"|{canonical_decimal(self.tax)}"
        )

    @property
    def order_key(self) -> tuple[int, int]:
        """The order in which fills consume lots: event time, then the numeric trade id."""
        return (self.event_time_ms, self.trade_id)
