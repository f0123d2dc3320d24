"""Pairs and their trading rules, and the one place that quantizes prices and quantities."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.money import ceil_places, floor_places, mul
from btcturk_kit.domain.orders import OrderType, Side

__all__ = ["PairRules", "RuleBreach"]


class RuleBreach(NamedTuple):
    """Why the exchange would refuse an order: a stable code, what is wrong, and what would pass.

    Attributes:
        value: What the order has; None where there is no number.
        limit: What it would need; None if no number would help.
    """

    code: str
    detail: str
    value: Decimal | None = None
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRules:
    """The trading rules of one pair, as the exchange published them.

    The price step is one unit of the last decimal the pair allows (`price_places`), not the
    published tick size, which the live book contradicts (BTCTRY publishes 10 and quotes 3712281).

    Attributes:
        symbol: `BTCTRY`.
        base: The asset bought and sold.
        quote: The asset it is priced in.
        price_scale: Decimals of a price (`denominatorScale`).
        quantity_scale: Decimals of a base quantity (`numeratorScale`).
        quote_scale: Decimals of a quote amount in a market buy.
        has_fraction: False where only whole prices pass, whatever the scale says.
        min_notional: Smallest price x quantity, in quote.
        min_price: Smallest limit price; moves with the market.
        max_price: Largest limit price; moves with the market.
        tick_size: Published tick, kept for display only.
        order_types: Order types the pair accepts.
        is_trading: Whether the pair is open.
    """

    symbol: Symbol
    base: Asset
    quote: Asset
    price_scale: int
    quantity_scale: int
    quote_scale: int = 2
    has_fraction: bool = True
    min_notional: Decimal = Decimal(0)
    min_price: Decimal = Decimal(0)
    max_price: Decimal | None = None
    tick_size: Decimal = Decimal(0)
    order_types: tuple[OrderType, ...] = (OrderType.LIMIT, OrderType.MARKET)
    is_trading: bool = True

    @property
    def price_places(self) -> int:
        """Decimals a price may have."""
        return self.price_scale if self.has_fraction else 0

    def quantize_price(self, price: Decimal, *, side: Side) -> Decimal:
        """Round a limit price to the pair's step, never against the trader: buys down, sells up."""
        if side is Side.BUY:
            return floor_places(price, self.price_places)
        return ceil_places(price, self.price_places)

    def quantize_quantity(self, quantity: Decimal) -> Decimal:
        """Round a base quantity down to the pair's step."""
        return floor_places(quantity, self.quantity_scale)

    def quantize_quote(self, amount: Decimal) -> Decimal:
        """Round the amount of a market buy down to the quote's step."""
        return floor_places(amount, min(self.quote_scale, 2))

    def problem_with(self, *, price: Decimal, quantity: Decimal) -> str:
        """Say why the exchange would refuse this limit order, or return an empty string."""
        breach = self.breach_of(price=price, quantity=quantity)
        return "" if breach is None else breach.detail

    def breach_of(self, *, price: Decimal, quantity: Decimal) -> RuleBreach | None:
        """Return why the exchange would refuse this limit order, None if it would not."""
        if not self.is_trading:
            return RuleBreach("closed_pair", f"{self.symbol} is not open for trading")
        if quantity <= 0:
            # What is rounded away entirely would need at least one unit of the last decimal.
            least = Decimal(1).scaleb(-self.quantity_scale)
            return RuleBreach("quantity", f"quantity {quantity} is not positive", quantity, least)
        places = self.price_scale if self.has_fraction else 0
        if price <= 0:
            step = Decimal(1).scaleb(-places)
            return RuleBreach("price", f"price {price} is not positive", price, step)
        whole = floor_places(price, places)
        if whole != price:
            detail = f"price {price} has more than {places} decimals"
            return RuleBreach("price_step", detail, price, whole)
        whole = floor_places(quantity, self.quantity_scale)
        if whole != quantity:
            detail = f"quantity {quantity} has more than {self.quantity_scale} decimals"
            return RuleBreach("quantity_step", detail, quantity, whole)
        return self._range_breach(price, mul(price, quantity))

    def _range_breach(self, price: Decimal, notional: Decimal) -> RuleBreach | None:
        if notional < self.min_notional:
            detail = f"notional {notional} is below the minimum {self.min_notional}"
            return RuleBreach("min_notional", detail, notional, self.min_notional)
        if price < self.min_price:
            detail = f"price {price} is below the minimum {self.min_price}"
            return RuleBreach("min_price", detail, price, self.min_price)
        if self.max_price is not None and price > self.max_price:
            detail = f"price {price} is above the maximum {self.max_price}"
            return RuleBreach("max_price", detail, price, self.max_price)
        return None
