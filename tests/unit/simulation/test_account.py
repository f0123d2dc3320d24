"""Balances: free, locked, and what orders hold."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.market import Balance
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.simulation.account import Account

TRY, BTC = Asset("TRY"), Asset("BTC")


@pytest.fixture
def account() -> Account:
    """Return an account with 1000 TRY, 300 of them locked by order 1."""
    account = Account({TRY: Decimal(1000)})
    account.lock(1, TRY, Decimal(300))
    return account


def test_a_lock_moves_money_and_makes_none(account: Account) -> None:
    """What is locked is no longer free; both together stay the same."""
    assert account.balances() == (Balance(TRY, Decimal(700), Decimal(300)),)
    assert account.lock_of(1) == Decimal(300)


def test_a_cancel_frees_the_lock(account: Account) -> None:
    """Releasing returns the whole rest; a second time there is nothing."""
    assert account.release(1) == Decimal(300)
    assert account.release(1) == Decimal(0)
    assert account.balance(TRY) == Balance(TRY, Decimal(1000), Decimal(0))


def test_a_fill_returns_what_it_did_not_cost(account: Account) -> None:
    """The lock shrinks to what the rest needs; what this fill did not cost becomes free."""
    account.spend(1, Decimal(95), lock_left=Decimal(200))
    assert account.balance(TRY) == Balance(TRY, Decimal(705), Decimal(200))
    account.spend(1, Decimal(200), lock_left=Decimal(0))
    assert account.balance(TRY) == Balance(TRY, Decimal(705), Decimal(0))
    assert account.lock_of(1) == Decimal(0)


def test_a_fill_may_cost_a_little_more_than_its_lock(account: Account) -> None:
    """Rounded fees can exceed the lock by the last digit; free money pays it."""
    account.spend(1, Decimal("300.00000001"), lock_left=Decimal(0))
    assert account.balance(TRY) == Balance(TRY, Decimal("699.99999999"), Decimal(0))


def test_nothing_becomes_negative(account: Account) -> None:
    """What the account cannot pay is refused, and nothing has moved."""
    with pytest.raises(InvariantViolation, match="overdraw"):
        account.spend(1, Decimal("1000.01"), lock_left=Decimal(0))
    with pytest.raises(InvariantViolation, match="cannot lock"):
        account.lock(2, TRY, Decimal("700.01"))
    with pytest.raises(InvariantViolation, match="deposit"):
        account.deposit(BTC, Decimal(-1))
    with pytest.raises(InvariantViolation, match="received"):
        account.receive(BTC, Decimal(-1))
    assert account.balance(TRY) == Balance(TRY, Decimal(700), Decimal(300))


def test_a_lock_belongs_to_one_order(account: Account) -> None:
    """An order locks once, spends only what it locked, and its lock never grows."""
    with pytest.raises(InvariantViolation, match="already locked"):
        account.lock(1, TRY, Decimal(1))
    with pytest.raises(InvariantViolation, match="no lock"):
        account.spend(9, Decimal(1), lock_left=Decimal(0))
    with pytest.raises(InvariantViolation, match="lock of 1"):
        account.spend(1, Decimal(1), lock_left=Decimal(301))


def test_what_a_trade_brings_is_free(account: Account) -> None:
    """A new asset appears with what was received."""
    account.receive(BTC, Decimal("0.5"))
    assert account.balance(BTC) == Balance(BTC, Decimal("0.5"), Decimal(0))
