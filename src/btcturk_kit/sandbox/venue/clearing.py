"""Clearing: who owns what, and what each trade moves from whom to whom.

Customers have holdings, the house has a signed position, and the commission of trades is kept
too: every asset can be added up at any time and must equal what was paid in.

Never add: matching, market data, time of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import ZERO, add, decimal_of, floor_places, mul, sub, total
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    reservation_of,
)
from btcturk_kit.errors import ConfigurationError, require
from btcturk_kit.sandbox.market.moves import is_house
from btcturk_kit.sandbox.venue.fee_levels import fees_of_level
from btcturk_kit.sandbox.venue.history import is_reserved
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.simulation.fees import Charge, FeeSchedule
from btcturk_kit.simulation.matching import MarketResult, Trade
from btcturk_kit.simulation.order_kinds import side_of

__all__ = ["Clearing"]

_WITHDRAWAL = 0  # the lock of a withdrawal, for the moment of it; no order has this number

# Bounds of an amount that is paid in or out: those of a number in an order.
_AMOUNT_BEHIND = Decimal(10**12)
_AMOUNT_PLACES = 16
_SHOWN_MAX = 40


class Clearing:
    """The money side of an exchange.

    Args:
        rules: The pairs.
        fees: The rates of every customer in every pair; None for those of its level.
        quirks: How the table of the levels is read.
    """

    def __init__(
        self, rules: Iterable[PairRules], *, fees: FeeSchedule | None, quirks: Quirks
    ) -> None:
        self._fees = fees
        self._quirks = quirks
        self._rules = {one.symbol: one for one in rules}
        assets = [asset for one in self._rules.values() for asset in (one.quote, one.base)]
        self._holdings: dict[str, Holding] = {}
        self._house = dict.fromkeys(assets, ZERO)
        self._deposited = dict(self._house)
        self._charged = dict(self._house)

    # ---- customers

    def open_account(self, name: str, opening: Mapping[Asset, Decimal]) -> None:
        """Add a customer.

        Raises:
            ConfigurationError: The name is taken, or an asset is of no pair, or an amount has
                more digits than an order can have.
        """
        if is_reserved(name):
            raise ConfigurationError(f"no account can be named {name!r}: the history uses that")
        if name in self._holdings:
            raise ConfigurationError(f"there is already an account {name!r}")
        for asset, amount in opening.items():
            self._check_asset(asset)
            _check_amount(amount)
        self._holdings[name] = Holding(name, dict.fromkeys(self._deposited, ZERO))
        for asset, amount in opening.items():
            self.deposit(name, asset, amount)

    def deposit(self, name: str, asset: Asset, amount: Decimal) -> None:
        """Add money to an account from outside; it may be zero, not negative."""
        self._check_asset(asset)
        _check_amount(amount)
        self._holdings[name].account.deposit(asset, amount)
        self._deposited[asset] = add(self._deposited[asset], amount)

    def withdraw(self, name: str, asset: Asset, amount: Decimal) -> bool:
        """Take free money out of an account; False, and nothing done, if there is not so much."""
        self._check_asset(asset)
        account = self._holdings[name].account
        # All of it can go, though buys at the market leave more decimals than an order can have.
        if decimal_of(amount) != account.free(asset):
            _check_amount(amount)
        if amount > account.free(asset):
            return False
        if not amount:
            return True
        account.lock(_WITHDRAWAL, asset, amount)
        account.spend(_WITHDRAWAL, amount, lock_left=ZERO)
        self._deposited[asset] = sub(self._deposited[asset], amount)
        return True

    def has_account(self, name: str) -> bool:
        """Whether there is such a customer."""
        return name in self._holdings

    def holding(self, name: str) -> Holding:
        """Return what a customer has."""
        return self._holdings[name]

    def owners(self) -> tuple[str, ...]:
        """Return the names of all customers, in order of their coming."""
        return tuple(self._holdings)

    def fees_of(self, holding: Holding, symbol: Symbol) -> FeeSchedule:
        """Return the rates that a customer's next order in a pair trades at."""
        if self._fees is not None:
            return self._fees
        return fees_of_level(holding.fee_level, self._rules[symbol].quote, self._quirks)

    # ---- orders

    def can_reserve(self, holding: Holding, request: OrderRequest) -> bool:
        """Whether the customer has what the order would lock."""
        asset, amount = self._reservation(request, self.fees_of(holding, request.symbol))
        return amount <= holding.account.free(asset)

    def add_order(self, holding: Holding, order: PlacedOrder) -> None:
        """Keep a new order and lock what it needs."""
        holding.add(order)
        holding.account.lock(order.order_id, *self._reservation(order.request, order.fees))

    def replace_stop(self, holding: Holding, stop: PlacedOrder, order: PlacedOrder) -> None:
        """End a stop order that was set off; what it locked is locked by the order behind it."""
        self.close_canceled(holding, stop, now_ms=order.created_ms)
        self.add_order(holding, order)

    def close_market(self, holding: Holding, order: PlacedOrder, result: MarketResult) -> None:
        """End a market order: free what it did not use."""
        left = holding.account.release(order.order_id)
        require(left == result.left, f"order {order.order_id} has {left} left, not {result.left}")
        order.unspent = left if isinstance(order.request, MarketBuy) else ZERO
        order.status = OrderStatus.FILLED if result.is_exhausted else OrderStatus.CANCELED
        holding.end(order)

    def close_canceled(self, holding: Holding, order: PlacedOrder, *, now_ms: int) -> None:
        """End an order that rests or waits: free what is left of its lock."""
        holding.account.release(order.order_id)
        order.status = OrderStatus.CANCELED
        order.updated_ms = now_ms
        holding.end(order)

    # ---- trades

    def settle(
        self, symbol: Symbol, trade: Trade, *, trade_id: int, now_ms: int
    ) -> list[tuple[str, Fill]]:
        """Book both sides of a trade; return the customers among them and what they are told.

        The taker's number is the one after the maker's.
        """
        maker, taker, taker_side = trade.maker_owner, trade.taker_owner, trade.taker_side
        maker_side = Side.SELL if taker_side is Side.BUY else Side.BUY
        fills: list[tuple[str, Fill]] = []
        if is_house(maker) and is_house(taker):
            return fills
        for owner, order_id, side in (
            (maker, trade.maker_order_id, maker_side),
            (taker, trade.taker_order_id, taker_side),
        ):
            is_maker = side is maker_side
            if is_house(owner):
                self._settle_house(symbol, side, trade)
                continue
            order = self._holdings[owner].orders[order_id]
            charge = self._book(owner, order, trade, now_ms=now_ms, is_maker=is_maker)
            number = trade_id if is_maker else trade_id + 1
            fills.append((owner, self._write_fill(owner, order, trade, charge, trade_id=number)))
        return fills

    def _settle_house(self, symbol: Symbol, side: Side, trade: Trade) -> None:
        """The house pays no commission."""
        rules = self._rules[symbol]
        notional = mul(trade.price, trade.quantity)
        step = add if side is Side.BUY else sub
        back = sub if side is Side.BUY else add
        self._house[rules.base] = step(self._house[rules.base], trade.quantity)
        self._house[rules.quote] = back(self._house[rules.quote], notional)

    def _book(
        self, owner: str, order: PlacedOrder, trade: Trade, *, now_ms: int, is_maker: bool
    ) -> Charge:
        """Move one side's money and the state of its order; return what it was charged."""
        holding = self._holdings[owner]
        order.updated_ms = now_ms
        if order.first_price is None:
            order.first_price = trade.price
        if isinstance(order.request, MarketBuy):
            order.quantity = add(order.quantity, trade.quantity)
        else:
            order.remaining = sub(order.remaining, trade.quantity)
        if order.order_type is OrderType.LIMIT:
            if order.remaining:
                order.status = OrderStatus.PARTIALLY_FILLED
            else:
                order.status = OrderStatus.FILLED
                holding.end(order)
        if order.side is Side.BUY:
            charge = self._pay_buy(holding, order, trade, is_maker=is_maker)
        else:
            charge = self._pay_sell(holding, order, trade, is_maker=is_maker)
        quote = self._rules[order.request.symbol].quote
        self._charged[quote] = add(self._charged[quote], charge.total)
        return charge

    def _pay_buy(
        self, holding: Holding, order: PlacedOrder, trade: Trade, *, is_maker: bool
    ) -> Charge:
        """Take notional, fee and tax from the lock; the rest of this trade's lock becomes free.

        A market buy never spends more than its amount. A limit buy may need 0.00000001 more than
        its lock by rounding and takes it from the free money, if there is any.
        """
        account, rules = holding.account, self._rules[order.request.symbol]
        notional = mul(trade.price, trade.quantity)
        held = account.lock_of(order.order_id)
        if isinstance(order.request, MarketBuy):
            at_most = sub(held, notional)
            charge = order.fees.charge(notional, is_maker=is_maker, at_most=at_most)
            lock_left = sub(at_most, charge.total)
        else:
            lock_left = self._lock_needed(order)
            at_hand = add(account.free(rules.quote), sub(held, lock_left))
            at_most = sub(at_hand, notional)
            charge = order.fees.charge(notional, is_maker=is_maker, at_most=at_most)
        account.spend(order.order_id, add(notional, charge.total), lock_left=lock_left)
        account.receive(rules.base, trade.quantity)
        return charge

    def _pay_sell(
        self, holding: Holding, order: PlacedOrder, trade: Trade, *, is_maker: bool
    ) -> Charge:
        """Deliver the coins out of the lock; bring the notional less fee and tax."""
        account = holding.account
        notional = mul(trade.price, trade.quantity)
        charge = order.fees.charge(notional, is_maker=is_maker)
        account.spend(order.order_id, trade.quantity, lock_left=order.remaining)
        account.receive(self._rules[order.request.symbol].quote, sub(notional, charge.total))
        return charge

    def _write_fill(
        self, owner: str, order: PlacedOrder, trade: Trade, charge: Charge, *, trade_id: int
    ) -> Fill:
        rules = self._rules[order.request.symbol]
        fill = Fill(
            trade_id=TradeId(trade_id),
            order_id=OrderId(order.order_id),
            client_order_id=order.client_order_id,
            symbol=rules.symbol,
            base=rules.base,
            quote=rules.quote,
            side=order.side,
            quantity=trade.quantity,
            price=trade.price,
            fee=charge.fee,
            tax=charge.tax,
            event_time_ms=order.updated_ms,
        )
        self._holdings[owner].fills.append(fill)
        return fill

    # ---- what orders lock

    def _reservation(self, request: OrderRequest, fees: FeeSchedule) -> tuple[Asset, Decimal]:
        rules = self._rules[request.symbol]
        asset = rules.quote if side_of(request) is Side.BUY else rules.base
        return asset, reservation_of(request, taker_rate=fees.taker_rate)

    def _lock_needed(self, order: PlacedOrder) -> Decimal:
        """Return what an order that rests or waits locks for what is left of it."""
        request = order.request
        if isinstance(request, LimitOrder):
            request = request._replace(quantity=order.remaining)
        return self._reservation(request, order.fees)[1]

    # ---- proof

    def audit(self, *, resting_quantity: Callable[[Symbol, int], Decimal]) -> None:
        """Prove that nothing was created or lost and that locks are what open orders reserve.

        Args:
            resting_quantity: What rests of an order in the book of its pair.

        Raises:
            InvariantViolation: It was, or they are not.
        """
        for asset, deposited in self._deposited.items():
            held = [self._house[asset], self._charged[asset]]
            for holding in self._holdings.values():
                balance = holding.account.balance(asset)
                held += [balance.free, balance.locked]
            require(total(held) == deposited, f"{total(held)} {asset} of {deposited}")
        for holding in self._holdings.values():
            locked = dict.fromkeys(self._deposited, ZERO)
            for order in holding.open_orders.values():
                needed, number = self._lock_needed(order), order.order_id
                require(holding.account.lock_of(number) == needed, f"{number} locks another amount")
                resting = ZERO if order.stop_price is not None else order.remaining
                rests = resting_quantity(order.request.symbol, number)
                require(rests == resting, f"{number} rests otherwise")
                asset = self._reservation(order.request, order.fees)[0]
                locked[asset] = add(locked[asset], needed)
            for asset, amount in locked.items():
                require(holding.account.locked(asset) == amount, f"{holding.name} locks {asset}")

    def _check_asset(self, asset: Asset) -> None:
        if asset not in self._deposited:
            known = ", ".join(self._deposited)
            raise ConfigurationError(f"{asset!r} is not traded here", hint=f"there are {known}")


def _check_amount(amount: Decimal) -> None:
    """Refuse what no order could trade; in sums of such amounts no digit is ever lost."""
    is_in_bounds = ZERO <= decimal_of(amount) < _AMOUNT_BEHIND
    if not is_in_bounds or floor_places(amount, _AMOUNT_PLACES) != amount:
        raise ConfigurationError(
            f"{str(amount)[:_SHOWN_MAX]} is no amount of at most 12 digits and 16 decimals",
            hint="give a smaller or a rounder one, not below zero",
        )
