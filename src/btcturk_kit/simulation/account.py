"""One owner's balances at an exchange: free and locked per asset, and what each order locks.

Every step is exact and is checked before it is made: nothing becomes negative, nothing is created.
Never add: prices, fee rates, order rules. The caller says what a trade cost. The checks here format
their text only when they fail: this is the hot path of every simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, add, decimal_of, sub
from btcturk_kit.errors import InvariantViolation

__all__ = ["Account"]


class Account:
    """Balances of one owner.

    Args:
        opening: First free amount of each asset.

    Example:
        >>> account = Account({Asset("TRY"): Decimal(1000)})
        >>> account.lock(1, Asset("TRY"), Decimal(300))
        >>> balance = account.balance(Asset("TRY"))
        >>> balance.free, balance.locked
        (Decimal('700'), Decimal('300'))
    """

    __slots__ = ("_free", "_locked", "_locks")

    def __init__(self, opening: Mapping[Asset, Decimal] | None = None) -> None:
        self._free: dict[Asset, Decimal] = {}
        self._locked: dict[Asset, Decimal] = {}
        self._locks: dict[int, tuple[Asset, Decimal]] = {}
        for asset, amount in (opening or {}).items():
            self.deposit(asset, amount)

    def deposit(self, asset: Asset, amount: Decimal) -> None:
        """Add a free amount from outside; it may be zero, never negative."""
        if decimal_of(amount) < ZERO:
            raise InvariantViolation(f"deposit of {amount} {asset}")
        self._free[asset] = add(self.free(asset), amount)

    def free(self, asset: Asset) -> Decimal:
        """Return what can be spent."""
        return self._free.get(asset, ZERO)

    def locked(self, asset: Asset) -> Decimal:
        """Return what open orders hold."""
        return self._locked.get(asset, ZERO)

    def balance(self, asset: Asset) -> Balance:
        """Return both parts of one asset."""
        return Balance(asset, self.free(asset), self.locked(asset))

    def balances(self) -> tuple[Balance, ...]:
        """Return every asset ever held, in the order of first appearance."""
        return tuple(self.balance(asset) for asset in self._free)

    def lock_of(self, order_id: int) -> Decimal:
        """Return what one order holds, zero if none."""
        held = self._locks.get(order_id)
        return ZERO if held is None else held[1]

    def lock(self, order_id: int, asset: Asset, amount: Decimal) -> None:
        """Move a free amount into the lock of a new order.

        Raises:
            InvariantViolation: Less is free, or the order already has a lock. Callers compare with
                `free` first: too little money is a refusal, not an error.
        """
        frees, locked, locks = self._free, self._locked, self._locks
        free = frees.get(asset, ZERO)
        if order_id in locks:
            raise InvariantViolation(f"order {order_id} is already locked")
        if not ZERO < amount <= free:
            raise InvariantViolation(f"cannot lock {amount} {asset}")
        frees[asset] = sub(free, amount)
        locked[asset] = add(locked.get(asset, ZERO), amount)
        locks[order_id] = (asset, amount)

    def release(self, order_id: int) -> Decimal:
        """Free what is left of an order's lock and return that amount; zero if it has none."""
        held = self._locks.pop(order_id, None)
        if held is None:
            return ZERO
        asset, amount = held
        frees, locked = self._free, self._locked
        locked[asset] = sub(locked[asset], amount)
        frees[asset] = add(frees[asset], amount)
        return amount

    def spend(self, order_id: int, amount: Decimal, *, lock_left: Decimal) -> None:
        """Take `amount` out of the account for a trade of this order.

        The lock shrinks to `lock_left`; what it no longer needs and the trade did not cost returns
        to free. When rounded fees cost more than the lock gave, the difference comes out of free.

        Args:
            order_id: The order that traded; it holds a lock.
            amount: What the trade took, in the asset of the lock.
            lock_left: What the rest of the order still needs; zero removes the lock.

        Raises:
            InvariantViolation: The account cannot pay, or the lock would grow.
        """
        if order_id not in self._locks:
            raise InvariantViolation(f"order {order_id} has no lock")
        asset, held = self._locks[order_id]
        if not ZERO <= lock_left <= held:
            raise InvariantViolation(f"lock of {order_id}: {held} to {lock_left}")
        free = sub(add(self.free(asset), sub(held, lock_left)), amount)
        if free < ZERO:
            raise InvariantViolation(f"order {order_id} would overdraw {asset} by {-free}")
        self._free[asset] = free
        self._locked[asset] = sub(self.locked(asset), sub(held, lock_left))
        if lock_left:
            self._locks[order_id] = (asset, lock_left)
        else:
            del self._locks[order_id]

    def receive(self, asset: Asset, amount: Decimal) -> None:
        """Add what a trade brought."""
        if amount < ZERO:
            raise InvariantViolation(f"received {amount} {asset}")
        self._free[asset] = add(self.free(asset), amount)

    def trade(
        self, order_id: int, paid: Decimal, *, lock_left: Decimal, asset: Asset, got: Decimal
    ) -> None:
        """Do what `spend` and then `receive` do, in one step.

        Args:
            order_id: The order that traded; it holds a lock.
            paid: What the trade took, in the asset of the lock.
            lock_left: What the rest of the order still needs; zero removes the lock.
            asset: What the trade brought.
            got: How much of it.

        Raises:
            InvariantViolation: The account cannot pay, or the lock would grow.
        """
        lock = self._locks.get(order_id)
        if lock is None or not ZERO <= lock_left <= lock[1] or got < ZERO:
            raise InvariantViolation(f"order {order_id} cannot pay {paid} out of {lock}")
        frees, given = self._free, lock[0]
        freed = sub(lock[1], lock_left)
        free = sub(add(frees[given], freed), paid)
        if free < ZERO:
            raise InvariantViolation(f"order {order_id} would overdraw {given} by {-free}")
        frees[given] = free
        self._locked[given] = sub(self._locked[given], freed)
        if lock_left:
            self._locks[order_id] = (given, lock_left)
        else:
            del self._locks[order_id]
        frees[asset] = add(frees.get(asset, ZERO), got)
